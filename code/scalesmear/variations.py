"""Variations of a fit: what can be changed, and the histograms that need to be filled for it.

Histograms are filled in groups of events, so that the statistical error of a difference of two fits
can be had from fits that leave out a group each: both fits leave out the same events.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from scalesmear.categories import CategorySet
from scalesmear.draws import group_of
from scalesmear.errors import InputError
from scalesmear.fill import BELOW_ET, NO_ROW, WITHOUT_ROW, correct, in_blocks, pair_or_reason
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import (
    FINE_PER_BIN,
    Kind,
    MassFiller,
    MassGrid,
    MassHistograms,
    PairHistograms,
    n_pairs,
)
from scalesmear.jsonable import tupled
from scalesmear.kinematics import Z_MASS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from scalesmear.cells import Window
    from scalesmear.events import BoolArray, Events
    from scalesmear.fill import Corrections, FillSettings

    Pair = tuple[float, float]

N_GROUPS = 10
"""Groups of events, one of which is left out at a time."""

FIT_KEYS = ("binning", "n_bins", "min_sim_events", "min_data_events", "tail_fraction", "tail_width")
"""Settings of a fit that a variation may change."""

OWN_KEYS = ("mass_window", "background", "simulation")
"""What else of a variation leaves the filling as it is."""

NO_BITS = np.int32(NO_ROW - 1)
"""Number in place of that of a pair for events without the identification bits."""

WITHOUT_BITS = "without the identification bits of a variation"

BACKGROUND_SLOPE = 30.0
"""Mass in which the background of a variation falls by e [GeV]."""

MAX_SHIFT = 2
"""Bins by which an edge of a varied mass window may move to where the histograms have one."""


class Filling(NamedTuple):
    """What of a variation changes the histograms; None for what stays.

    Attributes
    ----------
    r9_edge : (float, float) or None
        An edge of the categories in R9, and where it is put.
    et_min : (float, float) or None
        Thresholds [GeV].
    id_bit : int
        Bits of the identification that both electrons must have beside those of the selection.
    reweight : bool
        Whether simulation carries its weights by pT and rapidity of the Z.
    """

    r9_edge: Pair | None = None
    et_min: Pair | None = None
    id_bit: int = 0
    reweight: bool = True


AS_NOMINAL = Filling()
"""The filling of the nominal fit, and of variations of the fit alone."""


@dataclass(frozen=True, kw_only=True)
class Variation:
    """A fit that is made differently.

    Attributes
    ----------
    name : str
    source : str
        Of variations with one source, such as both directions of a shift, the largest counts.
    filling : Filling
    mass_window : (float, float) or None
        Window of the fit [GeV]; its edges are taken to the nearest bin of the histograms.
    background : float
        Simulation gets a background that falls by e in `BACKGROUND_SLOPE`, with this share of the
        simulation of a pair in the window.
    simulation : {"nominal", "other"}
        Which simulation the fit compares the data with.
    fit : tuple of (str, value)
        Settings of the fit that differ.
    """

    name: str
    source: str
    filling: Filling = AS_NOMINAL
    mass_window: Pair | None = None
    background: float = 0.0
    simulation: Literal["nominal", "other"] = "nominal"
    fit: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def from_json(cls, content: Mapping[str, Any], where: str) -> Variation:
        """Read one entry of a file of variations.

        Raises
        ------
        InputError
            If it has no name, changes nothing, or a key or value makes no sense.
        """
        known = {"name", "source", *Filling._fields, *OWN_KEYS, *FIT_KEYS}
        for key in content:
            if key not in known:
                cure = f"known keys are {', '.join(sorted(known))}"
                raise InputError(where, f"unknown key {key!r}", cure)
        changes = {key: value for key, value in content.items() if key not in ("name", "source")}
        if "name" not in content or not changes:
            raise InputError(where, "needs a name and what it changes", "mend the entry")
        for key, value in changes.items():
            _check_change(key, value, where)
        parts = {key: tupled(value) for key, value in changes.items()}
        return cls(
            name=str(content["name"]),
            source=str(content.get("source", content["name"])),
            filling=Filling(**{k: parts[k] for k in Filling._fields if k in parts}),
            **{key: parts[key] for key in OWN_KEYS if key in parts},
            fit=tuple((key, parts[key]) for key in FIT_KEYS if key in parts),
        )

    def check(self, categories: CategorySet, filling: FillSettings) -> None:
        """Refuse what cannot be made from the selected events.

        Raises
        ------
        InputError
            If an edge in R9 does not exist or crosses another, thresholds are below the nominal
            ones, or the mass window is not inside the range.
        """
        where = f"variation {self.name!r}"
        moved(categories, self.filling.r9_edge, where)
        et_min, window = self.filling.et_min, self.mass_window
        if et_min and any(new < old for new, old in zip(et_min, filling.et_min, strict=True)):
            cure = "events below the nominal thresholds are not there: raise them"
            raise InputError(where, f"et_min is {list(et_min)}", cure)
        first, last = filling.mass_range
        if window and not first <= window[0] < window[1] <= last:
            cure = f"keep it inside mass_range {list(filling.mass_range)}"
            raise InputError(where, f"mass_window is {list(window)}", cure)

    def settings(self, nominal: FitSettings) -> FitSettings:
        """Return the settings of its fit."""
        return replace(nominal, **dict(self.fit))

    def apply(self, pairs: PairHistograms) -> PairHistograms:
        """Return the histograms that its fit sees, from those that were filled for it."""
        found = pairs if self.mass_window is None else with_window(pairs, self.mass_window)
        return with_background(found, self.background) if self.background else found


NOMINAL = Variation(name="nominal", source="nominal")


def distinct_fillings(variations: Iterable[Variation]) -> tuple[Filling, ...]:
    """Return what is to be filled for some variations, the nominal filling first."""
    return tuple(dict.fromkeys((NOMINAL.filling, *(v.filling for v in variations))))


TWO_NUMBERS = ("r9_edge", "et_min", "mass_window")
DEFAULTS = {field.name: field.default for field in fields(FitSettings)}


def _check_change(key: str, value: Any, where: str) -> None:
    """Refuse a value that the key cannot have."""
    if key in TWO_NUMBERS:
        good = isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))
        wanted = "two numbers"
    elif key == "reweight":
        good, wanted = value is False, "false"
    elif key == "simulation":
        good, wanted = value == "other", "other"
    elif key == "binning":
        good = value in ("fixed", "freedman-diaconis", "equal-content")
        wanted = "fixed, freedman-diaconis or equal-content"
    elif key in ("id_bit", "n_bins"):
        good, wanted = isinstance(value, int) and value > 0, "a whole number above 0"
    else:
        good, wanted = _is_number(value) and value >= 0, "a number, 0 or above"
    if not good:
        raise InputError(where, f"{key} is {value!r}", f"it must be {wanted}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def moved(categories: CategorySet, r9_edge: Pair | None, where: str = "r9_edge") -> CategorySet:
    """Return categories with one edge in R9 put elsewhere.

    Raises
    ------
    InputError
        If no category has the edge, or edges then no longer rise.
    """
    if r9_edge is None:
        return categories
    old, new = (float(np.float32(edge)) for edge in r9_edge)
    edges = {np.float32(edge) for window in categories.scales for edge in window.r9 or ()}
    if np.float32(old) not in edges:
        raise InputError(where, f"no category has an edge at R9 {r9_edge[0]:g}", "mend it")

    def move(window: Window) -> Window:
        if window.r9 is None:
            return window
        low, high = (new if np.float32(edge) == np.float32(old) else edge for edge in window.r9)
        return replace(window, r9=(low, high))

    try:
        scales, smearings = (
            tuple(map(move, windows)) for windows in (categories.scales, categories.smearings)
        )
    except ValueError as error:
        raise InputError(where, str(error), "put the edge between its neighbours") from error
    return CategorySet(scales, smearings, where)


def variation_columns(
    corrections: Corrections, kind: Kind, fillings: Iterable[Filling]
) -> tuple[str, ...]:
    """Return the columns of events that are needed to fill for these variations."""
    bits = ("identification",) if any(filling.id_bit for filling in fillings) else ()
    return tuple(dict.fromkeys(("run", "event", *corrections.columns(kind), *bits)))


def fill_variations(
    batches: Iterable[Events],
    kind: Kind,
    categories: CategorySet,
    settings: FillSettings,
    corrections: Corrections,
    exponent: int,
    fillings: Sequence[Filling],
) -> list[MassHistograms]:
    """Return the histograms of each filling, in one pass over the events.

    Row g n + p of the histograms holds pair p of group g, n being the number of pairs.

    Parameters
    ----------
    batches : iterable of Events
        With the columns `variation_columns`.
    kind, categories, settings, corrections, exponent
        As for `scalesmear.fill.fill_masses`.
    fillings : sequence of Filling
    """
    sets = [moved(categories, filling.r9_edge) for filling in fillings]
    reasons = (BELOW_ET, WITHOUT_ROW, WITHOUT_BITS)
    rows = n_pairs(len(categories.scales))
    fillers = [
        MassFiller(kind, settings.grid, len(categories.scales), exponent, reasons, N_GROUPS)
        for _ in fillings
    ]
    for events in in_blocks(batches):
        factor, found = corrections.factors(events, kind)
        x, et = correct(events.mass, events.et, factor)
        group = group_of(events.run, events.event, N_GROUPS)
        weight = None if kind == "data" else corrections.weights_of(events)
        category_of = {
            edge: chosen.category_of(events.abs_eta, events.r9, et, events.gain)
            for edge, chosen in {f.r9_edge: s for f, s in zip(fillings, sets, strict=True)}.items()
        }
        for filling, filler in zip(fillings, fillers, strict=True):
            et_min = filling.et_min or settings.et_min
            pair = _pairs(category_of[filling.r9_edge], et, found, et_min)
            pair = np.where(pair >= 0, pair + rows * group, pair)
            if filling.id_bit:
                pair[~_has_bits(events, filling.id_bit) & (pair >= 0)] = NO_BITS
            own = weight if filling.reweight or kind == "data" else events.weight
            filler.add(x, pair, own)
    return [filler.finish() for filler in fillers]


def _pairs(
    category: NDArray[np.int16], et: NDArray[np.float32], found: BoolArray, et_min: Pair
) -> NDArray[np.int32]:
    """Return the pair of each event, or why it has none, see `fill.pair_or_reason`."""
    pair = np.empty(len(et), np.int32)
    thresholds = np.float32(et_min[0]), np.float32(et_min[1])
    pair_or_reason(category.reshape(-1), et.reshape(-1), found.reshape(-1), thresholds, pair)
    return pair


def _has_bits(events: Events, bits: int) -> BoolArray:
    has = (events.identification & np.uint32(bits)) == np.uint32(bits)
    both: BoolArray = has[:, 0] & has[:, 1]
    return both


@dataclass(frozen=True, eq=False)
class GroupedPairs:
    """Data and simulation of every pair in each group of events.

    Attributes
    ----------
    grid : MassGrid
    n_categories : int
    data, sim, sim_variance : float arrays, shape (groups, pairs, n_fine)
    negative : float
        Share of simulated events with negative weight.
    """

    grid: MassGrid
    n_categories: int
    data: NDArray[np.float64]
    sim: NDArray[np.float64]
    sim_variance: NDArray[np.float64]
    negative: float

    @classmethod
    def of(cls, data: MassHistograms, sim: MassHistograms) -> GroupedPairs:
        """Sort the rows of histograms of all jobs by group and pair.

        Raises
        ------
        ValueError
            If data and simulation differ in binning.
        """
        if (data.grid, data.n_categories) != (sim.grid, sim.n_categories):
            raise ValueError("data and simulation differ in binning or number of categories")
        rows = n_pairs(data.n_categories)

        def dense(part: MassHistograms, values: NDArray[np.float64]) -> NDArray[np.float64]:
            out = np.zeros((N_GROUPS * rows, part.grid.n_fine))
            out[part.pairs] = values
            return out.reshape(N_GROUPS, rows, part.grid.n_fine)

        return cls(
            data.grid,
            data.n_categories,
            dense(data, data.contents),
            dense(sim, sim.contents),
            dense(sim, sim.variances),
            sim.n_negative / max(sim.n_events, 1),
        )

    def without(self, group: int | None) -> PairHistograms:
        """Return all events, or all but those of a group, for a fit."""
        keep = np.arange(len(self.data)) != (-1 if group is None else group)
        data, sim, variance = (
            values[keep].sum(axis=0) for values in (self.data, self.sim, self.sim_variance)
        )
        pairs = np.flatnonzero(data.any(axis=1) | variance.any(axis=1))
        return PairHistograms(
            self.grid,
            self.n_categories,
            pairs.astype(np.int32),
            data[pairs],
            sim[pairs],
            variance[pairs],
            self.negative,
        )


def with_window(pairs: PairHistograms, window: Pair) -> PairHistograms:
    """Return the histograms for a fit in another window, its edges at the nearest bins.

    The number of bins stays a multiple of four, so that pairs with few events can merge them.

    Raises
    ------
    InputError
        If the histograms do not reach as far.
    """
    grid = pairs.grid
    bin_width = grid.width * FINE_PER_BIN
    low = round(math.log(window[0] / grid.window[0]) / bin_width)
    high = round(math.log(window[1] / grid.window[0]) / bin_width)
    high -= (high - low + MAX_SHIFT) % 4 - MAX_SHIFT
    edges = tuple(grid.window[0] * math.exp(k * bin_width) for k in (low, high))
    try:
        chosen = MassGrid((edges[0], edges[1]), high - low, grid.mass_range)
    except ValueError as error:
        raise InputError("mass_window", str(error), "keep it inside mass_range") from error
    shift = grid.n_below + FINE_PER_BIN * low - chosen.n_below

    def cut(values: NDArray[np.float64]) -> NDArray[np.float64]:
        out = np.zeros((len(values), chosen.n_fine))
        first, last = max(shift, 0), min(shift + chosen.n_fine, values.shape[1])
        out[:, first - shift : last - shift] = values[:, first:last]
        return out

    return replace(
        pairs,
        grid=chosen,
        data=cut(pairs.data),
        sim=cut(pairs.sim),
        sim_variance=cut(pairs.sim_variance),
    )


def with_background(pairs: PairHistograms, share: float) -> PairHistograms:
    """Return the histograms with a falling background added to the simulation of each pair."""
    edges = Z_MASS * np.exp(pairs.grid.edges)
    shape = -np.diff(np.exp(-edges / BACKGROUND_SLOPE))
    inside = pairs.grid.window_slice
    shape /= shape[inside].sum()
    signal = pairs.sim[:, inside].sum(axis=1, keepdims=True)
    return replace(pairs, sim=pairs.sim + share * np.maximum(signal, 0) * shape)
