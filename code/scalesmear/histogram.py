r"""Histograms of the logarithm of the pair mass, one for each pair of categories.

The variable is x = ln(m / m_Z): a scale moves it, a smearing widens it, whatever the mass. Bins are
narrow (0.14 % of the mass), half-open, and aligned with the edges of the fit window, so that any
coarser binning of the data is a sum of them.

Contents are integers in units of a power of two. Their sums are exact, so that a result does not
depend on how events are spread over files, batches or threads, not even in its last bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from scalesmear.compiled import compiled, prefetch
from scalesmear.kinematics import Z_MASS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import FloatArray, IntArray
    from scalesmear.flows import Flows

Kind = Literal["data", "sim"]

FINE_PER_BIN = 4
"""Fine bins in the narrowest bin that a fit may use."""

UNIT_BITS = 36
"""Weights are rounded to 2^-36 of the power of two above the largest one; 2^27 such fit a bin."""

FRACTION_BITS = 16
"""An event's share in the two bins nearest to it is rounded to 2^-16 of its weight."""

UNITS, PARTS = float(1 << UNIT_BITS), float(1 << FRACTION_BITS)

ONE, TWO, THREE = np.uint64(1), np.uint64(2), np.uint64(3)
"""Places without a sign are faster, since none can count from the end of an array."""

BLOCK = 1 << 10
"""Events that are prepared before they are added, while they are in the nearest cache."""

AHEAD = 32
"""An event's bins are asked for while so many others are added: memory is slower than adding."""

MOST_COUNTED = (1 << 31) - 1
"""Data events that one job can count in 32 bits, which leave more bins in the cache than 64."""


@dataclass(frozen=True)
class MassGrid:
    """Fine bins of x = ln(m / m_Z), aligned with the edges of the fit window.

    Parameters
    ----------
    window : (float, float)
        Edges of the fit window [GeV].
    n_bins : int
        Number of bins of equal width in x in the window, each of ``FINE_PER_BIN`` fine bins.
    mass_range : (float, float)
        The fine bins inside this range are kept [GeV]; it contains the window.

    Raises
    ------
    ValueError
        If window and range are not ordered and nested, or there is no bin.
    """

    window: tuple[float, float] = (80.0, 100.0)
    n_bins: int = 40
    mass_range: tuple[float, float] = (60.0, 120.0)

    def __post_init__(self) -> None:
        low, high = self.window
        first, last = self.mass_range
        if not (0 < first <= low < high <= last) or self.n_bins < 1:
            raise ValueError(
                f"window {self.window} must be ordered and inside the mass range "
                f"{self.mass_range}, with at least one bin, not {self.n_bins}"
            )

    @classmethod
    def of_width(
        cls,
        window: tuple[float, float],
        bin_width: float = 0.5,
        mass_range: tuple[float, float] = (60.0, 120.0),
    ) -> MassGrid:
        """Return the grid whose bins in the window are about `bin_width` [GeV] wide.

        The number of bins is a multiple of 4, so that sparse pairs can merge two or four.
        """
        quads = max(1, round((window[1] - window[0]) / bin_width / 4))
        return cls(window, 4 * quads, mass_range)

    @cached_property
    def width(self) -> float:
        """Width of a fine bin in x."""
        return math.log(self.window[1] / self.window[0]) / (self.n_bins * FINE_PER_BIN)

    @cached_property
    def n_below(self) -> int:
        """Number of fine bins below the window."""
        return math.floor(math.log(self.window[0] / self.mass_range[0]) / self.width)

    @cached_property
    def n_above(self) -> int:
        """Number of fine bins above the window."""
        return math.floor(math.log(self.mass_range[1] / self.window[1]) / self.width)

    @cached_property
    def n_fine(self) -> int:
        """Number of all fine bins."""
        return self.n_below + self.n_bins * FINE_PER_BIN + self.n_above

    @cached_property
    def start(self) -> float:
        """Lower edge of the first fine bin in x."""
        return math.log(self.window[0] / Z_MASS) - self.n_below * self.width

    @property
    def edges(self) -> NDArray[np.float64]:
        """Edges of the fine bins in x, shape (n_fine + 1,)."""
        return self.start + self.width * np.arange(self.n_fine + 1, dtype=np.float64)

    def bins(self, fine_per_bin: int = FINE_PER_BIN) -> MassBins:
        """Return bins of so many fine ones each, of which edges of the window are edges too."""
        skip = self.n_below % fine_per_bin
        return MassBins(self, fine_per_bin, skip, (self.n_fine - skip) // fine_per_bin)

    @property
    def window_slice(self) -> slice:
        """The fine bins inside the window."""
        return slice(self.n_below, self.n_below + self.n_bins * FINE_PER_BIN)


@dataclass(frozen=True)
class MassBins:
    """Bins of several fine bins each; fine bins that fill none at either end are left over.

    Attributes
    ----------
    grid : MassGrid
    fine_per_bin : int
    skip : int
        Number of fine bins below the first bin.
    n : int
        Number of bins.
    """

    grid: MassGrid
    fine_per_bin: int
    skip: int
    n: int

    @property
    def edges(self) -> NDArray[np.float64]:
        """Edges of the bins [GeV], shape (n + 1,)."""
        stop = self.skip + self.n * self.fine_per_bin
        edges = self.grid.edges[self.skip : stop + 1 : self.fine_per_bin]
        return np.asarray(Z_MASS * np.exp(edges))

    @property
    def in_window(self) -> NDArray[np.bool_]:
        """Which bins lie in the fit window, shape (n,)."""
        first = (self.grid.n_below - self.skip) // self.fine_per_bin
        inside = np.zeros(self.n, np.bool_)
        inside[first : first + self.grid.n_bins * FINE_PER_BIN // self.fine_per_bin] = True
        return inside

    def add_up(self, fine: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the contents of underflow, bins and overflow, shape (n + 2,), from fine bins."""
        stop = self.skip + self.n * self.fine_per_bin
        inside = fine[self.skip : stop].reshape(self.n, self.fine_per_bin).sum(axis=1)
        return np.concatenate([[fine[: self.skip].sum()], inside, [fine[stop:].sum()]])


def pair_number(category: IntArray) -> NDArray[np.int32]:
    """Return the number of the unordered pair of categories; -1 where a leg has none.

    `category` has shape (n, 2). Pairs (0,0), (1,0), (1,1), (2,0) ... are 0, 1, 2, 3 ...
    """
    low = category.min(axis=1).astype(np.int32)
    high = category.max(axis=1).astype(np.int32)
    return np.where(low < 0, np.int32(-1), high * (high + 1) // 2 + low)


def pair_categories(pair: IntArray) -> NDArray[np.int32]:
    """Return the two categories (low, high) of each pair number, shape (n, 2)."""
    pair = np.asarray(pair, dtype=np.int64)
    high = ((np.sqrt(8.0 * pair + 1) - 1) / 2).astype(np.int64)
    return np.stack([pair - high * (high + 1) // 2, high], axis=1).astype(np.int32)


def n_pairs(n_categories: int) -> int:
    """Return how many unordered pairs `n_categories` categories make."""
    return n_categories * (n_categories + 1) // 2


def weight_exponent(largest: float) -> int:
    """Return the smallest integer e with 2^e >= `largest`, the largest absolute weight.

    Raises
    ------
    ValueError
        If `largest` is not a positive finite number.
    """
    if not (0 < largest < math.inf):
        raise ValueError(f"the largest absolute weight is {largest}, it must be positive")
    mantissa, exponent = math.frexp(largest)
    return exponent - 1 if mantissa == 0.5 else exponent


@dataclass(frozen=True)
class MassHistograms:
    """What one job, or all jobs of a kind, filled: exact sums per pair and fine bin.

    Data are counted in the bin of their mass. Simulation is shared linearly by the two bins whose
    centres are nearest, which keeps its mean exactly and adds a known variance.

    Attributes
    ----------
    kind : {"data", "sim"}
    grid : MassGrid
    n_categories : int
    exponent : int
        Weights are in units of 2^(exponent - UNIT_BITS), squares of 2^(2 exponent - UNIT_BITS).
    pairs : int32 array, shape (p,)
        Numbers of the populated pairs, rising.
    sumw, sumw2 : int64 arrays, shape (p, n_fine)
        Sums of weights and of their squares. For data `sumw` counts events, `sumw2` is empty.
    dropped : dict
        Number of events not filled, by reason.
    n_negative : int
        Number of events with negative weight, filled or not.
    """

    kind: Kind
    grid: MassGrid
    n_categories: int
    exponent: int
    pairs: NDArray[np.int32]
    sumw: NDArray[np.int64]
    sumw2: NDArray[np.int64]
    n_events: int
    dropped: dict[str, int]
    n_negative: int = 0

    @property
    def contents(self) -> NDArray[np.float64]:
        """Sums of weights in their own unit, shape (p, n_fine); counts for data."""
        if self.kind == "data":
            return self.sumw.astype(np.float64)
        return np.ldexp(self.sumw.astype(np.float64), self.exponent - UNIT_BITS)

    @property
    def variances(self) -> NDArray[np.float64]:
        """Sums of squared weights in their own unit, shape (p, n_fine); counts for data."""
        if self.kind == "data":
            return self.contents
        return np.ldexp(self.sumw2.astype(np.float64), 2 * self.exponent - UNIT_BITS)

    def __add__(self, other: MassHistograms) -> MassHistograms:
        """Add the histograms of two jobs of the same kind and binning."""
        mine = (self.kind, self.grid, self.n_categories, self.exponent)
        theirs = (other.kind, other.grid, other.n_categories, other.exponent)
        if mine != theirs:
            raise ValueError(f"histograms of {mine} and {theirs} do not add up")
        pairs = np.union1d(self.pairs, other.pairs)
        sums = []
        for a, b in ((self.sumw, other.sumw), (self.sumw2, other.sumw2)):
            total = np.zeros((len(pairs) if a.size or b.size else 0, self.grid.n_fine), np.int64)
            if len(total):
                total[np.searchsorted(pairs, self.pairs)] += a
                total[np.searchsorted(pairs, other.pairs)] += b
            sums.append(total)
        reasons = dict.fromkeys([*self.dropped, *other.dropped])
        return MassHistograms(
            kind=self.kind,
            grid=self.grid,
            n_categories=self.n_categories,
            exponent=self.exponent,
            pairs=pairs,
            sumw=sums[0],
            sumw2=sums[1],
            n_events=self.n_events + other.n_events,
            dropped={r: self.dropped.get(r, 0) + other.dropped.get(r, 0) for r in reasons},
            n_negative=self.n_negative + other.n_negative,
        )


class MassSums(NamedTuple):
    """What kernels add to: the sums of all pairs and bins, and of the events that are dropped.

    Kernels take the arrays out before their loops: to take them out inside costs more than all else.
    """

    start: float  # x of the first edge
    per_width: float  # bins in a unit of x
    n_fine: int
    weight_unit: float  # weights times this are at most 1
    sums: NDArray[np.signedinteger]  # shape (pairs x n_fine,), int32 for data; int64 for sim,
    # sums of w and of w^2 in turn
    dropped: NDArray[np.int64]  # events outside the mass range, without category, by reason


class MassFiller:
    """Fills the histograms of one job, batch by batch.

    Parameters
    ----------
    kind : {"data", "sim"}
    grid : MassGrid
    n_categories : int
    exponent : int
        See `weight_exponent`: of the largest absolute weight of the whole sample, 0 for data.
    reasons : tuple of str
        Reasons not to fill an event, besides that it has no pair or lies outside the mass range.
    n_groups : int
        How many times there are histograms of all pairs; pair p of group g has number g n + p.
    """

    def __init__(
        self,
        kind: Kind,
        grid: MassGrid,
        n_categories: int,
        exponent: int = 0,
        reasons: tuple[str, ...] = (),
        n_groups: int = 1,
    ) -> None:
        self.kind = kind
        self.grid = grid
        self.n_categories = n_categories
        self.exponent = exponent
        self._n_events = 0
        self._n_negative = 0
        self._reasons = ("outside the mass range", "no category", *reasons)
        self._n_sums = 1 if kind == "data" else 2
        n_sums = n_groups * n_pairs(n_categories) * grid.n_fine * self._n_sums
        self.sums = MassSums(
            grid.start,
            1 / grid.width,
            grid.n_fine,
            math.ldexp(1.0, -exponent),
            np.zeros(n_sums, np.int32 if kind == "data" else np.int64),
            np.zeros(len(self._reasons), np.int64),
        )

    def add(self, log_mass: FloatArray, pair: IntArray, weight: FloatArray | None = None) -> None:
        """Fill a batch.

        Parameters
        ----------
        log_mass : float array, shape (n,)
            x = ln(m / m_Z) of each event, corrected.
        pair : int array, shape (n,)
            See `pair_number`; -1 where an event has none, -2 - k where reason k drops it.
        weight : float array, shape (n,), for simulation

        Raises
        ------
        ValueError
            If a weight is larger than the exponent allows, or not a number.
        """
        x = np.ascontiguousarray(log_mass, np.float64)
        number = np.ascontiguousarray(pair, np.int32)
        if self.kind == "data":
            count_nearest(x, number, self.sums)
            self.account(len(x))
            return
        if weight is None:
            raise ValueError("simulation needs a weight for each event")
        n_wrong = share_linearly(x, number, np.ascontiguousarray(weight), self.sums)
        self.account(len(x), weight, n_wrong)

    def account(self, n_events: int, weight: FloatArray | None = None, n_wrong: int = 0) -> None:
        """Count events that were added to `sums`; `n_wrong` of their weights do not fit the unit.

        Raises
        ------
        ValueError
            If there are such weights, or more data than can be counted.
        """
        self._n_events += n_events
        if self.kind == "data" and self._n_events > MOST_COUNTED:
            raise ValueError(f"{self._n_events} events in one job, at most {MOST_COUNTED} can be")
        if weight is not None:
            self._n_negative += int(np.count_nonzero(weight < 0))
        if n_wrong:
            raise ValueError(f"a weight is not a number, or larger than 2^{self.exponent}")

    def absorb(self, other: MassFiller) -> None:
        """Add what another filler of the same histograms was given."""
        self.sums.sums[:] += other.sums.sums
        self.sums.dropped[:] += other.sums.dropped
        self._n_negative += other._n_negative
        self.account(other._n_events)

    def finish(self) -> MassHistograms:
        """Return what was filled, only the populated pairs."""
        sums = self.sums.sums.reshape(-1, self.grid.n_fine, self._n_sums)
        pairs = np.flatnonzero(sums[..., -1].any(axis=1)).astype(np.int32)
        of_weight, of_square = (sums[pairs, :, k].astype(np.int64) for k in (0, -1))
        nothing = np.zeros((0, self.grid.n_fine), np.int64)
        dropped = self.sums.dropped.tolist()
        outside, no_category, *others = zip(self._reasons, dropped, strict=True)
        return MassHistograms(
            kind=self.kind,
            grid=self.grid,
            n_categories=self.n_categories,
            exponent=self.exponent,
            pairs=pairs,
            sumw=of_weight,
            sumw2=of_square if self.kind == "sim" else nothing,
            n_events=self._n_events,
            dropped=dict([no_category, outside, *others]),
            n_negative=self._n_negative,
        )


@compiled
def count_nearest(x: NDArray[np.float64], pair: NDArray[np.int32], into: MassSums) -> None:
    """Count events in the bin of their x, and those that have no pair or lie outside all bins."""
    start, per_width, n_fine, _, sums, dropped = into
    place = np.empty(BLOCK, np.int64)
    for first in range(0, len(x), BLOCK):
        part, numbers = x[first : first + BLOCK], pair[first : first + BLOCK]
        for i in range(len(part)):
            position = (part[i] - start) * per_width
            inside = 0 <= position < n_fine
            first_bin = numbers[i] * n_fine if numbers[i] >= 0 else 0
            place[i] = first_bin + np.int64(position) if inside else -1
        for i in range(len(part)):
            if numbers[i] < 0:
                dropped[-numbers[i]] += 1
            elif place[i] < 0:
                dropped[0] += 1
            else:
                sums[np.uint64(place[i])] += 1


@compiled
def share_linearly(
    x: NDArray[np.float64], pair: NDArray[np.int32], weight: FloatArray, into: MassSums
) -> int:
    """Share each weight between the two nearest bin centres, in integer units; count the others.

    What does not depend on the events before is done first, block by block, in vector
    instructions. Return how many weights are not numbers in [-1, 1] times the largest one.
    """
    start, per_width, n_fine, weight_unit, sums, dropped = into
    place = np.empty(BLOCK, np.int64)
    below, below2, above, above2 = np.empty((4, BLOCK), np.int64)
    n_wrong = 0
    for first in range(0, len(x), BLOCK):
        part, numbers = x[first : first + BLOCK], pair[first : first + BLOCK]
        weights = weight[first : first + BLOCK]
        for i in range(len(part)):
            position = (part[i] - start) * per_width - 0.5
            inside = 0 <= position < n_fine - 1
            bin_below = np.int64(position) if inside else 0
            fraction = np.int64((position - bin_below) * PARTS)
            size = weights[i] * weight_unit
            w = np.int64(np.rint(size * UNITS))
            w2 = np.int64(np.rint(size * size * UNITS))
            above[i], above2[i] = (w * fraction) >> FRACTION_BITS, (w2 * fraction) >> FRACTION_BITS
            below[i], below2[i] = w - above[i], w2 - above2[i]
            first_bin = numbers[i] * n_fine if numbers[i] >= 0 else 0
            place[i] = 2 * (first_bin + bin_below) if inside else -1
            n_wrong += not abs(size) <= 1
        for i in range(len(part)):
            if i + AHEAD < len(part):
                soon = max(place[i + AHEAD], 0)
                prefetch(sums, soon)
                prefetch(sums, soon + 3)
            if numbers[i] < 0:
                dropped[-numbers[i]] += 1
            elif place[i] < 0:
                dropped[0] += 1
            else:
                k = np.uint64(place[i])
                sums[k] += below[i]
                sums[k + ONE] += below2[i]
                sums[k + TWO] += above[i]
                sums[k + THREE] += above2[i]
    return n_wrong


@dataclass(frozen=True)
class PairHistograms:
    """Data and simulation of every pair that either populates: what a fit works on.

    Attributes
    ----------
    grid : MassGrid
    n_categories : int
    pairs : int32 array, shape (p,)
        Pair numbers, rising; see `pair_number`.
    data : float array, shape (p, n_fine)
        Number of data events.
    sim, sim_variance : float arrays, shape (p, n_fine)
        Sum of weights of the simulation, and of their squares.
    negative : float
        Share of simulated events with negative weight.
    flows : Flows, optional
        What migrates between pairs when electrons are scaled and smeared.
    """

    grid: MassGrid
    n_categories: int
    pairs: NDArray[np.int32]
    data: NDArray[np.float64]
    sim: NDArray[np.float64]
    sim_variance: NDArray[np.float64]
    negative: float = 0.0
    flows: Flows | None = None

    @classmethod
    def of(
        cls, data: MassHistograms, sim: MassHistograms, *, flows: Flows | None = None
    ) -> PairHistograms:
        """Bring data and simulation on the same list of pairs."""
        if (data.grid, data.n_categories) != (sim.grid, sim.n_categories):
            raise ValueError("data and simulation differ in binning or number of categories")
        pairs = np.union1d(data.pairs, sim.pairs)

        def on_all_pairs(part: MassHistograms, values: NDArray[np.float64]) -> NDArray[np.float64]:
            out = np.zeros((len(pairs), part.grid.n_fine))
            out[np.searchsorted(pairs, part.pairs)] = values
            return out

        return cls(
            grid=data.grid,
            n_categories=data.n_categories,
            pairs=pairs,
            data=on_all_pairs(data, data.contents),
            sim=on_all_pairs(sim, sim.contents),
            sim_variance=on_all_pairs(sim, sim.variances),
            negative=sim.n_negative / max(sim.n_events, 1),
            flows=flows,
        )
