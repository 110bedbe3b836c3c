"""Axes on which categories are cells: the pieces that their edges cut a variable into."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scalesmear.cells import GAINS, VARIABLES, Range, Window
from scalesmear.report.quantity import MATH, NO_LIMIT
from scalesmear.report.style import INK

if TYPE_CHECKING:
    from collections.abc import Sequence

Cut = tuple[str, Range | int]
"""A variable, and a range of it or a gain."""

CUT_BY = (*VARIABLES[1:], "gain")
"""The variables other than |eta|."""


@dataclass(frozen=True)
class SlotAxis:
    """A variable, whose edges are put at 0, 1, 2 ... to be told apart."""

    variable: str
    slots: tuple[Range | int, ...]

    def span(self, window: Window) -> tuple[float, float]:
        """Return where a window begins and ends on this axis."""
        value = getattr(window, self.variable)
        if value is None:
            return 0.0, float(len(self.slots))
        inside = [i for i, slot in enumerate(self.slots) if holds(value, slot)]
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

    @property
    def name(self) -> str:
        """What stands beside the axis."""
        if self.variable == "gain":
            return "gain"
        unit = " [GeV]" if self.variable == "et" else ""
        return MATH[self.variable] + unit + ", not to scale"


def axis_and_panels(windows: Sequence[Window]) -> tuple[SlotAxis, list[tuple[Cut, ...]]]:
    """Return the axis of the variable with the most slots, and a panel for each slot of the others."""
    found = {v: slots(windows, v) for v in CUT_BY}
    chosen = max(found, key=lambda v: len(found[v]))
    axis = SlotAxis(chosen, found[chosen] or ((0.0, math.inf),))
    others = [[(v, slot) for slot in found[v]] for v in found if v != chosen and found[v]]
    return axis, list(itertools.product(*others))


def slots(windows: Sequence[Window], variable: str) -> tuple[Range | int, ...]:
    """Return the pieces that the edges of some windows cut a variable into; none if not used."""
    values = [v for w in windows if (v := getattr(w, variable)) is not None]
    if variable == "gain":
        return tuple(gain for gain in GAINS if gain in values)
    edges = sorted({edge for value in values for edge in value})
    return tuple(itertools.pairwise(edges))


def holds(value: Range | int, slot: Range | int) -> bool:
    """Tell whether a range, or gain, holds a slot."""
    if isinstance(value, tuple) and isinstance(slot, tuple):
        return value[0] <= slot[0] and slot[1] <= value[1]
    return value == slot


def inside(window: Window, cuts: Sequence[Cut]) -> bool:
    """Tell whether a window holds electrons inside all cuts, which are pieces of its own edges."""
    values = [(getattr(window, name), slot) for name, slot in cuts]
    return all(value is None or holds(value, slot) for value, slot in values)


def text_colour(colour: Any) -> str:
    """Return white on dark colours."""
    if isinstance(colour, str):
        return INK
    red, green, blue = colour[:3]
    return INK if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"
