"""A quantity with one value per category, and words for categories."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scalesmear.cells import Range, Window
    from scalesmear.events import BoolArray, FloatArray

SYMBOLS = {"abs_eta": "|eta|", "r9": "R9", "et": "Et"}
MATH = {"abs_eta": r"|$\eta$|", "r9": r"$R_9$", "et": r"$E_T$"}

BARREL_END = 1.479
"""|eta| at which barrel and endcap meet."""

TRANSITION_START = 1.4442
"""|eta| at which the barrel proper ends; a category that starts here or above is an endcap one."""

NO_LIMIT = {"r9": 10.0, "et": 14000.0}
"""Upper edges that stand for no upper limit in files of corrections."""


EN_DASH, AT_LEAST = "\N{EN DASH}", "\N{GREATER-THAN OR EQUAL TO}"


def region(window: Window) -> str:
    """Return EB or EE; empty where the window has electrons of both."""
    low, high = window.abs_eta or (0.0, math.inf)
    if high <= BARREL_END:
        return "EB"
    return "EE" if low >= TRANSITION_START else ""


def without_eta(window: Window) -> Window:
    """Return the window without its |eta|."""
    return replace(window, abs_eta=None)


def plain(window: Window) -> str:
    """Return the window in ASCII, such as ``|eta| 1-1.4442, R9 >= 0.96``."""
    return ascii_range(", ".join(_pieces(window, SYMBOLS)) or "all")


def ascii_range(text: str) -> str:
    """Return what `range_text` returns in ASCII."""
    return text.replace(EN_DASH, "-").replace(AT_LEAST, ">=")


def typeset(text: str) -> str:
    """Return what `plain` returns for the text of a figure."""
    for name, symbol in SYMBOLS.items():
        text = text.replace(f"{symbol} ", f"{MATH[name]} ")
    return text.replace(">=", AT_LEAST)


def mathematical(window: Window) -> str:
    """Return the window for the text of a figure."""
    return ", ".join(_pieces(window, MATH)) or "all"


def letters(text: str) -> int:
    """Return the number of letters that a text of a figure shows, without signs of mathematics."""
    return len(text.replace(r"\eta", "n")) - sum(map(text.count, "$_"))


def _pieces(window: Window, symbols: Mapping[str, str]) -> Iterable[str]:
    for name, symbol in symbols.items():
        edges = getattr(window, name)
        if edges is not None:
            yield f"{symbol} {range_text(edges, name)}{' GeV' if name == 'et' else ''}"
    if window.gain is not None:
        yield f"gain {window.gain}"


def range_text(edges: Range, variable: str = "abs_eta") -> str:
    """Return a half-open range in words, as 1 to 1.4442, below 0.96 or from 0.96 on."""
    low, high = edges
    if high >= NO_LIMIT.get(variable, math.inf):
        return f"{AT_LEAST} {low:g}"
    return f"< {high:g}" if low <= 0 else f"{low:g}{EN_DASH}{high:g}"


@dataclass(frozen=True)
class Quantity:
    """One value per category.

    Attributes
    ----------
    windows : tuple of Window
    value, error : float arrays, shape (n,)
        Not a number where it is not determined.
    upper : float array, shape (n,)
        Upper limit where the value is at its bound, else not a number.
    bars : float array, shape (2, n), or None
        Distances of the ends of the error bars below and above the value; None: the error is both.
    hollow : bool array, shape (n,), or None
        Values that were not fitted for themselves: fixed, or taken from a neighbour.
    tolerance : float array, shape (n,), or None
        Half width of the band around `expected` in which a value passes.
    expected : float or None
        The value that is expected everywhere.
    """

    windows: tuple[Window, ...]
    value: FloatArray
    error: FloatArray
    upper: FloatArray
    bars: FloatArray | None = None
    hollow: BoolArray | None = None
    tolerance: FloatArray | None = None
    expected: float | None = None

    @property
    def error_bars(self) -> FloatArray:
        """Lengths of the error bars below and above, shape (2, n)."""
        return np.stack([self.error, self.error]) if self.bars is None else self.bars

    @property
    def open_points(self) -> BoolArray:
        """Where points are drawn open."""
        return np.zeros(len(self.value), bool) if self.hollow is None else self.hollow

    @property
    def limited(self) -> BoolArray:
        """Where only an upper limit is known."""
        return np.isfinite(self.upper)

    @property
    def measured(self) -> BoolArray:
        """Where there is a value with an error."""
        return np.isfinite(self.value) & np.isfinite(self.error) & ~self.limited
