"""What inputs.yml asks of all fits, and what that means for one of them.

Categories are named by windows, which mean something in any fit, or by number in a named fit. What
a fit needs are numbers of its own categories and pairs, and where it begins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.cells import Window
from scalesmear.errors import InputError
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import pair_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from scalesmear.categories import CategorySet

    Floats = NDArray[np.float64]

Edges = tuple[float | None, float | None]


@dataclass(frozen=True, kw_only=True)
class Selector:
    """Some categories: all those inside a window, or one by its number.

    Attributes
    ----------
    fit : str or None
        Name of the fit; None for all.
    number : int or None
        Place in the category file, from 0.
    abs_eta, r9, et : (low, high) or None
        Edges of the window, None for no limit; Et in GeV. A variable that is None is not looked at.
    gain : int or None
    value : float or None
        What a scale or smearing is fixed to.
    """

    fit: str | None = None
    number: int | None = None
    abs_eta: Edges | None = None
    r9: Edges | None = None
    et: Edges | None = None
    gain: int | None = None
    value: float | None = None

    def select(self, windows: Sequence[Window]) -> list[int]:
        """Return the numbers of the categories; empty if there is none.

        Raises
        ------
        ValueError
            If the edges of a variable do not rise.
        """
        if self.number is not None:
            return [self.number] if self.number < len(windows) else []
        mine = self.window
        return [
            n
            for n, window in enumerate(windows)
            if mine.encloses(window) and mine.gain in (None, window.gain)
        ]

    @property
    def window(self) -> Window:
        """The window."""
        abs_eta, r9, et = (edges and _limits(edges) for edges in (self.abs_eta, self.r9, self.et))
        return Window(abs_eta, r9, et, self.gain)

    def __str__(self) -> str:
        what = f"number {self.number}" if self.number is not None else str(self.window)
        return what if self.fit is None else f"{what} in {self.fit}"


def _limits(edges: Edges) -> tuple[float, float]:
    """Return edges as numbers; no variable is negative."""
    low, high = edges
    return (low or 0.0, math.inf if high is None else high)


@dataclass(frozen=True, kw_only=True)
class PairSelector:
    """All pairs of an electron in some categories with one in others."""

    electrons: tuple[Selector, ...]  # two
    fit: str | None = None

    def select(self, windows: Sequence[Window]) -> list[int]:
        """Return the pair numbers, see `scalesmear.histogram.pair_number`."""
        first, second = (leg.select(windows) for leg in self.electrons)
        pairs = np.array([(i, j) for i in first for j in second], np.int64).reshape(-1, 2)
        return sorted(set(pair_number(pairs).tolist()))

    def __str__(self) -> str:
        return " with ".join(map(str, self.electrons))


class FitTask(NamedTuple):
    """What one fit is to do."""

    settings: FitSettings
    scale: Floats  # where it begins
    smearing: Floats


@dataclass(frozen=True, kw_only=True)
class FitPlan:
    """What inputs.yml asks of all fits.

    Attributes
    ----------
    settings : FitSettings
        Without numbers of categories and pairs.
    fixed_scales, fixed_smearings : tuple of Selector
    ignored_pairs : tuple of PairSelector
    start_file : str or None
        A fit.json to start from, for ``settings.start == "file"``.
    bootstrap : int
        Number of bootstrap replicas; 0 for none.
    """

    settings: FitSettings = field(default_factory=FitSettings)
    fixed_scales: tuple[Selector, ...] = ()
    fixed_smearings: tuple[Selector, ...] = ()
    ignored_pairs: tuple[PairSelector, ...] = ()
    start_file: str | None = None
    bootstrap: int = 0

    def task(
        self,
        name: str,
        categories: CategorySet,
        earlier: tuple[CategorySet, Floats, Floats] | None = None,
    ) -> FitTask:
        """Return what the fit of some categories is to do.

        Parameters
        ----------
        name : str
            Of the fit.
        categories : CategorySet
        earlier : (CategorySet, scales, smearings), optional
            The fit to start from. Categories that it has not start as usual.
        """
        scale = np.ones(len(categories.scales))
        smearing = np.full(len(categories.smearings), self.settings.start_smearing)
        if earlier is not None:
            _copy(earlier[1], earlier[0].scales, scale, categories.scales)
            _copy(earlier[2], earlier[0].smearings, smearing, categories.smearings)
        fixed_scales = _values(self.fixed_scales, name, categories.scales, 1.0)
        fixed_smearings = _values(self.fixed_smearings, name, categories.smearings, 0.0)
        scale[list(fixed_scales)] = list(fixed_scales.values())
        smearing[list(fixed_smearings)] = list(fixed_smearings.values())
        ignored = {
            pair
            for selector in self.ignored_pairs
            if selector.fit in (None, name)
            for pair in selector.select(categories.scales)
        }
        settings = replace(
            self.settings,
            fixed_scales=tuple(sorted(fixed_scales)),
            fixed_smearings=tuple(sorted(fixed_smearings)),
            ignored_pairs=tuple(sorted(ignored)),
        )
        return FitTask(settings, scale, smearing)

    def check(self, fits: Mapping[str, CategorySet], where: str = "inputs.yml") -> None:
        """Refuse a selector that means nothing in the fits.

        Raises
        ------
        InputError
            If a fit is not made, a number is given for no fit, or no category is meant.
        """
        for key in ("fixed_scales", "fixed_smearings", "ignored_pairs"):
            kind = "smearings" if key == "fixed_smearings" else "scales"
            for place, selector in enumerate(getattr(self, key)):
                _check_selector(selector, kind, fits, f"{where}: {key}[{place}]")


def _values(
    selectors: Sequence[Selector], name: str, windows: Sequence[Window], usual: float
) -> dict[int, float]:
    """Return what the categories of a fit are fixed to, by number; later selectors win."""
    return {
        number: usual if selector.value is None else selector.value
        for selector in selectors
        if selector.fit in (None, name)
        for number in selector.select(windows)
    }


def _copy(
    values: Floats, windows: Sequence[Window], out: Floats, new_windows: Sequence[Window]
) -> None:
    """Copy the values of equal windows."""
    known = dict(zip(windows, values, strict=True))
    for place, window in enumerate(new_windows):
        out[place] = known.get(window, out[place])


def _check_selector(
    selector: Selector | PairSelector, kind: str, fits: Mapping[str, CategorySet], where: str
) -> None:
    if selector.fit not in (None, *fits):
        raise InputError(where, f"there is no fit {selector.fit!r}", f"fits are {', '.join(fits)}")
    parts = selector.electrons if isinstance(selector, PairSelector) else (selector,)
    if selector.fit is None and any(part.number is not None for part in parts):
        raise InputError(where, "a number means a category of one fit", "write fit: NAME, too")
    try:
        meant = [
            selector.select(getattr(fits[name], kind))
            for name in fits
            if selector.fit in (None, name)
        ]
    except ValueError as error:
        raise InputError(where, str(error), "write [low, high]") from error
    if not any(meant):
        raise InputError(where, f"no category lies inside {selector}", "compare its edges with it")
