"""Figures of a fit's quality: p-values of its pairs, and correlations of its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scalesmear.report.quantity import mathematical
from scalesmear.report.style import BLUE, GREY, INK, PALE_BLUE, margins, new_figure, sign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from scalesmear.cells import Window
    from scalesmear.events import FloatArray

MAX_NAMES = 24
"""With more parameters than this a correlation matrix has no room for names."""


def p_value_figure(p_values: Sequence[tuple[str, FloatArray]], *, label: str, era: str) -> Figure:
    """Draw the p-values of the pairs of each fit in a panel; flat is expected."""
    figure = new_figure(11.0, 3.2)
    margins(figure, top=0.62)
    sign(figure, label, era)
    panels = figure.subplots(1, max(2, len(p_values)), squeeze=False)[0]
    for axes in panels[len(p_values) :]:
        axes.set_axis_off()
    for axes, (name, values) in zip(panels, p_values, strict=False):
        edges = np.linspace(0, 1, 11 if len(values) < 200 else 21)
        expected = len(values) / (len(edges) - 1)
        error = np.sqrt(expected * (1 - 1 / (len(edges) - 1)))
        axes.axhspan(expected - error, expected + error, color=PALE_BLUE, linewidth=0)
        axes.axhline(expected, color=BLUE, linewidth=0.9, label="expected")
        axes.stairs(np.histogram(values, edges)[0], edges, color=INK, linewidth=1.2)
        axes.set_xlim(0, 1)
        axes.set_ylim(bottom=0, top=max(1.0, 1.25 * axes.get_ylim()[1]))
        axes.set_title(f"{name}: {len(values)} pairs", fontsize=9.5, pad=4)
        axes.set_xlabel(r"$p$-value of the pair")
    panels[0].set_ylabel("pairs")
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
    """Draw correlations of ln(scale), then of squared smearings, in the order of categories."""
    named = len(covariance) <= MAX_NAMES
    figure = new_figure(11.0, 8.6)
    margins(figure, top=0.5, left=2.75 if named else 0.9, right=1.2, bottom=2.3 if named else 0.7)
    sign(figure, label, era)
    axes = figure.subplots()
    image = axes.imshow(correlations(covariance), cmap="RdBu_r", vmin=-1, vmax=1)
    axes.set_facecolor("#dddddd")
    axes.axhline(len(scales) - 0.5, color=INK, linewidth=0.8)
    axes.axvline(len(scales) - 0.5, color=INK, linewidth=0.8)
    axes.tick_params(which="both", length=0)
    if named:
        _name_parameters(axes, scales, smearings)
    else:
        _name_blocks(axes, len(scales), len(smearings))
    bar = figure.colorbar(image, ax=axes, fraction=0.045, pad=0.02, label="correlation")
    bar.outline.set_linewidth(0.6)
    return figure


def _name_parameters(axes: Axes, scales: Sequence[Window], smearings: Sequence[Window]) -> None:
    names = [f"scale {mathematical(w)}" for w in scales]
    names += [f"smearing {mathematical(w)}" for w in smearings]
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)


def _name_blocks(axes: Axes, n_scales: int, n_smearings: int) -> None:
    """Name the two blocks, and number parameters in tens."""
    ticks = [*range(0, n_scales, 10), *range(n_scales, n_scales + n_smearings, 10)]
    names = [str(t if t < n_scales else t - n_scales) for t in ticks]
    axes.set_xticks(ticks, names, fontsize=8)
    axes.set_yticks(ticks, names, fontsize=8)
    axes.set_xlabel("number of the scale category, then of the smearing category")
    axes.set_ylabel("scales, then smearings")
    axes.axhline(n_scales - 0.5, color=GREY, linewidth=0.5)
