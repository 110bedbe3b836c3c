"""Pictures of a set of categories: which part of the plane each one holds, and who is in the pairs."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LogNorm
from matplotlib.patches import Rectangle

from scalesmear.cells import Window
from scalesmear.report.category_axes import axis_and_panels, inside, text_colour
from scalesmear.report.quantity import mathematical
from scalesmear.report.style import INK, margins, new_figure, sign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scalesmear.categories import CategorySet
    from scalesmear.events import IntArray
    from scalesmear.report.category_axes import Cut, SlotAxis

ETA_MAX = 2.5
PANEL_WIDTH, PANEL_HEIGHT = 3.6, 4.4  # [inch]
MAX_COLUMNS = 2
MAX_LABELS = 60
"""With more categories than this the matrix of pairs has no labels."""

ETA_NAME = r"|$\eta$|"
COLOURS = colormaps["YlGnBu"]
PLAIN = ("#dfe9fb", "#f3e6d3")
"""Of two neighbouring smearing categories, where no population is known."""


def plane_figure(
    categories: CategorySet, electrons: IntArray | None = None, *, label: str = "", era: str = ""
) -> Figure:
    """Draw the scale categories in |eta| and the variable with the most bins.

    There is a panel for each bin of the other variables. Colours show the electrons in each
    category if they are given, else smearing categories in turn; thick lines surround these.
    """
    axis, panels = axis_and_panels((*categories.scales, *categories.smearings))
    columns = min(MAX_COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = new_figure(PANEL_WIDTH * columns + 1.6, PANEL_HEIGHT * rows + 1.1)
    margins(figure, top=0.65, left=0.85, right=0.95 if electrons is not None else 0.3)
    sign(figure, label, era)
    norm = None if electrons is None else _log_norm(electrons)
    grid = figure.subplots(
        rows, columns, sharex=True, sharey=True, squeeze=False,
        gridspec_kw={"wspace": 0.08, "hspace": 0.14},
    )  # fmt: skip
    for axes in grid.ravel()[len(panels) :]:
        axes.set_axis_off()
    for axes, cuts in zip(grid.ravel(), panels, strict=False):
        _draw_panel(axes, categories, axis, cuts, electrons, norm)
    for axes in grid[:, 0]:
        axes.set_ylabel(axis.name)
    for axes in grid[-1]:
        axes.set_xlabel(ETA_NAME)
    if norm is not None:
        _bar(figure, grid.ravel()[-1], norm, "electrons")
    return figure


def _log_norm(counts: IntArray) -> LogNorm:
    """Return logarithmic colours from the power of ten below the least count that is not 0."""
    least = int(counts[counts > 0].min(initial=int(counts.max()) or 1))
    low = 10.0 ** math.floor(math.log10(least))
    return LogNorm(low, max(10 * low, float(counts.max())))


def _draw_panel(
    axes: Axes,
    categories: CategorySet,
    axis: SlotAxis,
    cuts: Sequence[Cut],
    electrons: IntArray | None,
    norm: LogNorm | None,
) -> None:
    """Draw the categories that hold electrons inside the cuts."""
    for number, window in enumerate(categories.scales):
        if not inside(window, cuts):
            continue
        if electrons is None or norm is None:
            colour: Any = PLAIN[int(categories.smearing_of[number]) % 2]
        else:
            colour = COLOURS(norm(electrons[number])) if electrons[number] else "white"
        x, y, width, height = _rectangle(window, axis)
        axes.add_patch(
            Rectangle((x, y), width, height, facecolor=colour, edgecolor=INK, linewidth=0.5)
        )
        axes.text(
            x + width / 2, y + height / 2, str(number + 1),
            ha="center", va="center", fontsize=7.5, color=text_colour(colour),
        )  # fmt: skip
    for window in categories.smearings:
        if inside(window, cuts):
            x, y, width, height = _rectangle(window, axis)
            axes.add_patch(Rectangle((x, y), width, height, fill=False, linewidth=1.8))
    axes.set_xlim(0, max(ETA_MAX, *(w.abs_eta[1] for w in categories.scales if w.abs_eta)))
    axes.set_ylim(0, len(axis.slots))
    axes.set_yticks(*axis.ticks(), fontsize=8)
    axes.tick_params(axis="both", length=2, top=False, right=False)
    if cuts:
        title = Window(**dict(cuts))  # type: ignore[arg-type]
        axes.set_title(mathematical(title), fontsize=9.5, pad=4)


def _rectangle(window: Window, axis: SlotAxis) -> tuple[float, float, float, float]:
    low, high = window.abs_eta or (0.0, ETA_MAX)
    bottom, top = axis.span(window)
    return low, bottom, min(high, 10.0) - low, top - bottom


def _bar(figure: Figure, beside: Axes, norm: LogNorm, name: str) -> None:
    """Explain the colours at the right of a panel."""
    box = beside.get_position()
    width = figure.get_size_inches()[0]
    axes = figure.add_axes((box.x1 + 0.12 / width, box.y0, 0.16 / width, box.height))
    values = np.geomspace(norm.vmin or 1, norm.vmax or 10, 128)
    axes.pcolormesh([0, 1], values, values[:-1, None], cmap=COLOURS, norm=norm)
    axes.set_yscale("log")
    axes.tick_params(left=False, labelleft=False, right=True, labelright=True, labelsize=8)
    axes.tick_params(which="minor", left=False, right=False)
    axes.set_xticks([])
    axes.set_title(name, fontsize=9, pad=4)


def pairs_figure(
    categories: CategorySet, matrix: IntArray, *, label: str = "", era: str = ""
) -> Figure:
    """Draw the events of each pair of scale categories; white where there is none."""
    size = len(categories.scales)
    side = min(6.8, max(3.2, 0.3 * size))
    figure = new_figure(side + 2.0, side + 1.4)
    margins(figure, top=0.75, left=0.75, right=1.1, bottom=0.65)
    sign(figure, label, era)
    axes = figure.subplots()
    norm = _log_norm(matrix)
    edges = np.arange(size + 1) + 0.5
    axes.pcolormesh(edges, edges, np.ma.masked_equal(matrix, 0), cmap=COLOURS, norm=norm)
    for number, (one, other) in enumerate(itertools.pairwise(categories.scales), start=1):
        if one.abs_eta != other.abs_eta:
            axes.axhline(number + 0.5, color=INK, linewidth=0.7)
            axes.axvline(number + 0.5, color=INK, linewidth=0.7)
    if size <= MAX_LABELS:
        step = 1 if size <= 20 else 5
        ticks = [n for n in range(1, size + 1) if n == 1 or n % step == 0]
        axes.set_xticks(ticks)
        axes.set_yticks(ticks)
    axes.tick_params(length=2, top=False, right=False, labelsize=8)
    axes.set_xlabel("scale category")
    axes.set_ylabel("scale category")
    _bar(figure, axes, norm, "events")
    return figure
