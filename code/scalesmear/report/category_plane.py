"""Pictures of a set of categories: which part of the plane each one holds, and who is in the pairs."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LogNorm
from matplotlib.patches import Rectangle

from scalesmear.cells import GAINS, VARIABLES, Range, Window
from scalesmear.report.quantity import MATH, NO_LIMIT, mathematical
from scalesmear.report.style import INK, margins, new_figure, sign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scalesmear.categories import CategorySet
    from scalesmear.events import IntArray

Cut = tuple[str, Range | int]
"""A variable, and a range of it or a gain."""

ETA_MAX = 2.5
PANEL_WIDTH, PANEL_HEIGHT = 5.2, 5.0  # [inch]
MAX_COLUMNS = 2
MAX_LABELS = 60
"""With more categories than this the matrix of pairs has no labels."""

ETA_NAME = r"|$\eta$|"
COLOURS = colormaps["YlGnBu"]
PLAIN = ("#dfe9fb", "#f3e6d3")
"""Of two neighbouring smearing categories, where no population is known."""


@dataclass(frozen=True)
class _Axis:
    """The vertical axis: a variable, whose edges are put at 0, 1, 2 ... to be told apart."""

    variable: str
    slots: tuple[Range | int, ...]

    def span(self, window: Window) -> tuple[float, float]:
        """Return where a window begins and ends on this axis."""
        value = getattr(window, self.variable)
        if value is None:
            return 0.0, float(len(self.slots))
        inside = [i for i, slot in enumerate(self.slots) if _holds(value, slot)]
        return float(inside[0]), float(inside[-1] + 1)

    def ticks(self) -> tuple[list[float], list[str]]:
        """Return places and texts: at the edges, or in the middle of gains."""
        if self.variable == "gain":
            return [i + 0.5 for i in range(len(self.slots))], [f"{gain}" for gain in self.slots]
        edges = [slot[0] for slot in self.slots if isinstance(slot, tuple)]
        last = self.slots[-1]
        top = last[1] if isinstance(last, tuple) else math.inf
        name = [f"{edge:g}" for edge in edges]
        open_end = top >= NO_LIMIT.get(self.variable, math.inf)
        return [float(i) for i in range(len(name) + 1)], [*name, "" if open_end else f"{top:g}"]


def _holds(value: Range | int, slot: Range | int) -> bool:
    if isinstance(value, tuple) and isinstance(slot, tuple):
        return value[0] <= slot[0] and slot[1] <= value[1]
    return value == slot


def _slots(windows: Sequence[Window], variable: str) -> tuple[Range | int, ...]:
    """Return the pieces that the edges of some windows cut a variable into; none if not used."""
    values = [v for w in windows if (v := getattr(w, variable)) is not None]
    if variable == "gain":
        return tuple(gain for gain in GAINS if gain in values)
    edges = sorted({edge for value in values for edge in value})
    return tuple(itertools.pairwise(edges))


def plane_figure(
    categories: CategorySet, electrons: IntArray | None = None, *, label: str = "", era: str = ""
) -> Figure:
    """Draw the scale categories in |eta| and the variable with the most bins.

    There is a panel for each bin of the other variables. Colours show the electrons in each
    category if they are given, else smearing categories in turn; thick lines surround these.
    """
    windows = (*categories.scales, *categories.smearings)
    slots = {v: _slots(windows, v) for v in (*VARIABLES[1:], "gain")}
    vertical = max(slots, key=lambda v: len(slots[v]))
    axis = _Axis(vertical, slots[vertical] or ((0.0, math.inf),))
    others = [[(v, slot) for slot in slots[v]] for v in slots if v != vertical and slots[v]]
    panels: list[tuple[Cut, ...]] = list(itertools.product(*others))
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
        axes.set_ylabel(_axis_name(axis.variable))
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


def _axis_name(variable: str) -> str:
    if variable == "gain":
        return "gain"
    return MATH[variable] + (" [GeV]" if variable == "et" else "") + ", not to scale"


def _draw_panel(
    axes: Axes,
    categories: CategorySet,
    axis: _Axis,
    cuts: Sequence[Cut],
    electrons: IntArray | None,
    norm: LogNorm | None,
) -> None:
    """Draw the categories that hold electrons inside the cuts."""
    for number, window in enumerate(categories.scales):
        if not _inside(window, cuts):
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
            ha="center", va="center", fontsize=7.5, color=_text_colour(colour),
        )  # fmt: skip
    for window in categories.smearings:
        if _inside(window, cuts):
            x, y, width, height = _rectangle(window, axis)
            axes.add_patch(Rectangle((x, y), width, height, fill=False, linewidth=1.8))
    axes.set_xlim(0, max(ETA_MAX, *(w.abs_eta[1] for w in categories.scales if w.abs_eta)))
    axes.set_ylim(0, len(axis.slots))
    axes.set_yticks(*axis.ticks(), fontsize=8)
    axes.tick_params(axis="both", length=2, top=False, right=False)
    if cuts:
        title = Window(**dict(cuts))  # type: ignore[arg-type]
        axes.set_title(mathematical(title), fontsize=9.5, pad=4)


def _inside(window: Window, cuts: Sequence[Cut]) -> bool:
    """Tell whether a window holds electrons inside all cuts, which are pieces of its own edges."""
    values = [(getattr(window, name), slot) for name, slot in cuts]
    return all(value is None or _holds(value, slot) for value, slot in values)


def _rectangle(window: Window, axis: _Axis) -> tuple[float, float, float, float]:
    low, high = window.abs_eta or (0.0, ETA_MAX)
    bottom, top = axis.span(window)
    return low, bottom, min(high, 10.0) - low, top - bottom


def _text_colour(colour: Any) -> str:
    """Return white on dark colours."""
    if isinstance(colour, str):
        return INK
    red, green, blue = colour[:3]
    return INK if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"


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
    side = min(8.5, max(3.5, 0.3 * size))
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
