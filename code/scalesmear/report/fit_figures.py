"""Figures of a fit's quality: p-values of its pairs, and correlations of its parameters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from scalesmear.report.quantity import letters, mathematical
from scalesmear.report.style import BLUE, INK, PAGE, PALE_BLUE, margins, new_figure, sign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from scalesmear.cells import Window
    from scalesmear.events import FloatArray

P_VALUES_PER_ROW = 3

MAX_NAMES = 24
"""With more parameters than this a correlation matrix has no room for names."""


def p_value_figure(p_values: Sequence[tuple[str, FloatArray]], *, label: str, era: str) -> Figure:
    """Draw the p-values of the pairs of each fit in a panel; flat is expected."""
    rows = -(-len(p_values) // P_VALUES_PER_ROW)
    figure = new_figure(PAGE, 0.3 + 2.6 * rows)
    margins(figure, top=0.62)
    sign(figure, label, era)
    panels = figure.subplots(
        rows, P_VALUES_PER_ROW, squeeze=False, gridspec_kw={"hspace": 0.5, "wspace": 0.2}
    )
    for axes in panels.ravel()[len(p_values) :]:
        axes.set_axis_off()
    for axes, (name, values) in zip(panels.ravel(), p_values, strict=False):
        edges = np.linspace(0, 1, 11 if len(values) < 200 else 21)
        expected = len(values) / (len(edges) - 1)
        error = np.sqrt(expected * (1 - 1 / (len(edges) - 1)))
        axes.axhspan(expected - error, expected + error, color=PALE_BLUE, linewidth=0)
        axes.axhline(expected, color=BLUE, linewidth=0.9, label="expected")
        axes.stairs(np.histogram(values, edges)[0], edges, color=INK, linewidth=1.2)
        axes.set_xlim(0, 1)
        axes.set_ylim(bottom=0, top=max(1.0, 1.25 * axes.get_ylim()[1]))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_title(f"{name}: {len(values)} pair{'s' * (len(values) != 1)}", fontsize=9.5, pad=4)
        axes.set_xlabel(r"$p$-value of the pair")
    for axes in panels[:, 0]:
        axes.set_ylabel("pairs")
    return figure


def correlations(covariance: FloatArray) -> NDArray[np.float64]:
    """Return the correlation matrix; not a number where a parameter has no variance."""
    sigma = np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(sigma > 0, covariance / sigma / sigma[:, None], np.nan))


def correlation_figure(
    covariance: FloatArray,
    scales: Sequence[Window],
    smearings: Sequence[Window],
    *,
    label: str,
    era: str,
) -> Figure:
    """Draw correlations of ln(scale), then of squared smearings, in the order of categories.

    Colours reach to the largest correlation of two parameters; the diagonal, which is 1, is grey.
    """
    named = len(covariance) <= MAX_NAMES
    figure = new_figure(PAGE, 7.6)
    names = _names(scales, smearings)
    room = 0.2 + 0.062 * max(map(letters, names)) if named else 0.7
    margins(figure, top=0.5, left=room, right=1.0, bottom=room)
    sign(figure, label, era)
    axes = figure.subplots()
    matrix = correlations(covariance)
    np.fill_diagonal(matrix, np.nan)
    reach = colour_reach(matrix)
    image = axes.imshow(matrix, cmap="RdBu_r", vmin=-reach, vmax=reach, aspect="auto")
    axes.set_facecolor("#c8c8cc")
    axes.axhline(len(scales) - 0.5, color=INK, linewidth=0.8)
    axes.axvline(len(scales) - 0.5, color=INK, linewidth=0.8)
    axes.tick_params(which="both", length=0)
    if named:
        _name_parameters(axes, names)
    else:
        _number_parameters(axes, len(scales), len(smearings))
    bar = figure.colorbar(image, ax=axes, fraction=0.045, pad=0.02, label="correlation")
    bar.outline.set_linewidth(0.6)
    return figure


def colour_reach(matrix: FloatArray) -> float:
    """Return the largest finite entry of a matrix by size, rounded up to a tenth."""
    largest = float(np.max(np.abs(matrix), where=np.isfinite(matrix), initial=0.0))
    return max(1, math.ceil(10 * largest - 1e-9)) / 10


def _names(scales: Sequence[Window], smearings: Sequence[Window]) -> list[str]:
    names = [f"scale {mathematical(w)}" for w in scales]
    return names + [f"smearing {mathematical(w)}" for w in smearings]


def _name_parameters(axes: Axes, names: Sequence[str]) -> None:
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)


def _number_parameters(axes: Axes, n_scales: int, n_smearings: int) -> None:
    """Write the number of every tenth parameter of both blocks, from 1."""
    ticks = [block + i for block, n in ((0, n_scales), (n_scales, n_smearings)) for i in _tenths(n)]
    names = [str(t + 1 if t < n_scales else t - n_scales + 1) for t in ticks]
    axes.set_xticks(ticks, names, fontsize=8)
    axes.set_yticks(ticks, names, fontsize=8)
    axes.set_xlabel("scale categories, then smearing categories")
    axes.set_ylabel("scale categories, then smearing categories")


def _tenths(n: int) -> list[int]:
    """Return the places of the first and of every tenth of n."""
    return [0, *range(9, n, 10)]
