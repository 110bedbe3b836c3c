"""Maps of scales and smearings: |eta| against R9, Et or gain, the value in each cell."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from scalesmear.cells import Window
from scalesmear.report.category_axes import axis_and_panels, inside, text_colour
from scalesmear.report.quantity import mathematical
from scalesmear.report.style import INK, PAGE, margins, new_figure, sign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scalesmear.report.category_axes import Cut, SlotAxis
    from scalesmear.report.quantity import Quantity

GAP_WIDTH = 0.18
"""Width of a range of |eta| without categories, in units of that of the others."""

SLOT_HEIGHT = (0.2, 0.62)
"""Least and largest height of a slot [inch]."""

PANEL_HEIGHT = 3.4
"""Height that a panel would like to have [inch]."""

ROW_GAP, BAR_WIDTH = 0.55, 0.14  # [inch]

TWO_LINES = 0.29
"""Height of a cell from which there is room for the error below the value [inch]."""


@dataclass(frozen=True)
class MapStyle:
    """How a quantity becomes colours and numbers.

    Attributes
    ----------
    name : str
        What stands beside the colours; values are in per cent.
    offset : float
        What is taken off before: 1 for scales.
    diverging : bool
        Whether colours begin at 0 and go both ways.
    """

    name: str
    offset: float
    diverging: bool

    def percent(self, value: Any) -> Any:
        """Return values in per cent, without the offset."""
        return 100 * (value - self.offset)

    def colours(self, quantity: Quantity) -> ScalarMappable:
        """Return colours for all values of a quantity."""
        shown = self.percent(quantity.value[np.isfinite(quantity.value)])
        if self.diverging:
            reach = max(0.01, float(np.max(np.abs(shown), initial=0.0)))
            return ScalarMappable(Normalize(-reach, reach), colormaps["RdBu_r"])
        top = max(0.01, float(np.max(shown, initial=0.0)))
        return ScalarMappable(Normalize(0, top), colormaps["YlGnBu"])


SCALES = MapStyle("(scale \N{MINUS SIGN} 1) [%]", 1.0, diverging=True)
SMEARINGS = MapStyle("smearing [%]", 0.0, diverging=False)


def has_map(windows: Sequence[Window]) -> bool:
    """Tell whether categories have ranges of |eta| and of something else: a map, not a row."""
    axis, _ = axis_and_panels(windows)
    return len({w.abs_eta for w in windows}) > 1 and len(axis.slots) > 1


def map_figure(scales: Quantity, smearings: Quantity, *, label: str, era: str) -> Figure:
    """Draw scales at the left and smearings at the right, a row of panels for what else is cut."""
    axis, panels = axis_and_panels((*scales.windows, *smearings.windows))
    low, high = SLOT_HEIGHT
    slot_height = min(high, max(low, PANEL_HEIGHT / len(axis.slots)))
    panel_height = slot_height * len(axis.slots)
    figure = new_figure(PAGE, 1.15 + len(panels) * (panel_height + ROW_GAP) - ROW_GAP)
    margins(figure, top=0.65, left=0.75, right=0.65, bottom=0.5)
    sign(figure, label, era)
    grid = figure.subplots(
        len(panels), 2, squeeze=False, sharey=True,
        gridspec_kw={"wspace": 0.3, "hspace": ROW_GAP / panel_height},
    )  # fmt: skip
    for column, quantity, style in zip(
        grid.T, (scales, smearings), (SCALES, SMEARINGS), strict=True
    ):
        colours, eta = style.colours(quantity), EtaSlots.of(quantity.windows)
        for axes, cuts in zip(column, panels, strict=True):
            _draw_cells(axes, quantity, style, colours, (eta, axis), cuts, slot_height)
            bar = figure.colorbar(
                colours, ax=axes, fraction=0.05, pad=0.02, aspect=panel_height / BAR_WIDTH
            )
            bar.outline.set_linewidth(0.6)
            bar.ax.tick_params(labelsize=8)
            bar.ax.tick_params(which="minor", right=False)
            axes.set_title(_title(style, cuts), loc="left", fontsize=9.5, pad=4)
        column[-1].set_xlabel(r"|$\eta$|, not to scale")
    for axes in grid[:, 0]:
        axes.set_ylabel(axis.name)
    return figure


def _title(style: MapStyle, cuts: Sequence[Cut]) -> str:
    window = Window(**dict(cuts))  # type: ignore[arg-type]
    return f"{style.name}, {mathematical(window)}" if cuts else style.name


@dataclass(frozen=True)
class EtaSlots:
    """Ranges of |eta| side by side, as wide as one another; narrow where there is no category."""

    edges: tuple[float, ...]
    places: tuple[float, ...]

    @classmethod
    def of(cls, windows: Sequence[Window]) -> EtaSlots:
        """Return the ranges of some categories."""
        ranges = [w.abs_eta for w in windows if w.abs_eta is not None]
        edges = sorted({edge for one in ranges for edge in one})
        filled = [
            any(a <= low and high <= b for a, b in ranges)
            for low, high in itertools.pairwise(edges)
        ]
        widths = [1.0 if full else GAP_WIDTH for full in filled]
        return cls(tuple(edges), tuple(itertools.accumulate(widths, initial=0.0)))

    def span(self, window: Window) -> tuple[float, float]:
        """Return where a window begins and ends."""
        if window.abs_eta is None:
            return self.places[0], self.places[-1]
        low, high = (self.places[self.edges.index(edge)] for edge in window.abs_eta)
        return low, high


def _draw_cells(
    axes: Axes,
    quantity: Quantity,
    style: MapStyle,
    colours: ScalarMappable,
    places: tuple[EtaSlots, SlotAxis],
    cuts: Sequence[Cut],
    slot_height: float,
) -> None:
    """Draw the categories that hold electrons inside the cuts, each with its number."""
    eta, axis = places
    axes.set_facecolor("#e4e4e8")
    for number, window in enumerate(quantity.windows):
        if not inside(window, cuts):
            continue
        (left, right), (bottom, top) = eta.span(window), axis.span(window)
        value = style.percent(quantity.value[number])
        colour = colours.to_rgba(value) if math.isfinite(value) else "white"
        axes.add_patch(
            Rectangle(
                (left, bottom), right - left, top - bottom,
                facecolor=colour, edgecolor=INK, linewidth=0.5,
            )
        )  # fmt: skip
        roomy = (top - bottom) * slot_height >= TWO_LINES
        axes.text(
            (left + right) / 2, (bottom + top) / 2, cell_text(quantity, style, number, roomy=roomy),
            ha="center", va="center", fontsize=7, color=text_colour(colour), linespacing=1.1,
        )  # fmt: skip
    axes.set_xlim(eta.places[0], eta.places[-1])
    axes.set_ylim(0, len(axis.slots))
    axes.set_xticks(eta.places, [f"{edge:g}" for edge in eta.edges], fontsize=8)
    _spread(axes, eta)
    axes.set_yticks(*axis.ticks(), fontsize=8)
    axes.tick_params(axis="both", length=2, top=False, right=False)


def _spread(axes: Axes, eta: EtaSlots) -> None:
    """Move the names of both ends of a narrow range apart."""
    labels = axes.get_xticklabels()
    for i, (low, high) in enumerate(itertools.pairwise(eta.places)):
        if high - low < (1 + GAP_WIDTH) / 2:
            labels[i].set_horizontalalignment("right")
            labels[i + 1].set_horizontalalignment("left")


def cell_text(quantity: Quantity, style: MapStyle, number: int, *, roomy: bool) -> str:
    """Return the number of a cell in per cent, its error in a second line if there is room."""
    value, upper = style.percent(quantity.value[number]), float(quantity.upper[number])
    if math.isfinite(upper):
        return f"< {style.percent(upper):.2f}"
    if not math.isfinite(value):
        return "\N{MULTIPLICATION SIGN}"
    value = round(value, 2) + 0.0  # no -0.00
    text = f"{value:+.2f}" if style.diverging else f"{value:.2f}"
    error = 100 * quantity.error[number]
    known = roomy and math.isfinite(error) and error > 0
    return f"{text}\n\N{PLUS-MINUS SIGN}{error:.2f}" if known else text
