"""What flows between pairs of categories when electrons cross an edge of Et; see `migration`.

A flow is what a pair of categories gains, less what it loses, in the bins of the fit. It is a linear
function of scales and smearings near those that it was computed for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.histogram import UNIT_BITS, MassGrid, pair_categories, pair_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from scalesmear.events import IntArray

NO_SOURCE = -1
"""In place of a parameter, for what depends on none."""


@dataclass(frozen=True)
class Flows:
    """What e flows add to the simulation of pairs.

    Attributes
    ----------
    pairs : int32 array, shape (e,)
        Pair numbers, rising; see `histogram.pair_number`.
    sources : int32 array, shape (e,)
        The parameter that multiplies the contents, by its place in the vector of all ln(scale) and
        smearing^2, or `NO_SOURCE`.
    contents : float array, shape (e, n_bins)
        Sum of weights in the narrow bins of the window, per unit of the parameter.
    """

    pairs: NDArray[np.int32]
    sources: NDArray[np.int32]
    contents: NDArray[np.float64]

    @classmethod
    def none(cls, n_bins: int) -> Flows:
        """Return no flows at all."""
        nothing = np.zeros(0, np.int32)
        return cls(nothing, nothing, np.zeros((0, n_bins)))

    def merged(self, target: IntArray) -> Flows:
        """Return the flows after category i has become category `target[i]`."""
        pairs = pair_number(np.asarray(target)[pair_categories(self.pairs)])
        return Flows(pairs, self.sources, self.contents).sorted()

    def sorted(self) -> Flows:
        """Return the flows ordered by pair."""
        order = np.argsort(self.pairs, kind="stable")
        return Flows(self.pairs[order], self.sources[order], self.contents[order])


@dataclass(frozen=True)
class FlowSums:
    """The flows in the simulation of one job, or of all: exact sums.

    Attributes
    ----------
    grid : MassGrid
    n_categories : int
        Number of scale categories.
    exponent : int
        Contents are in units of 2^(exponent - UNIT_BITS), see `histogram.MassHistograms`.
    parameters : tuple of float
        The scales and smearings that the flows were computed for, as in `Flows`.
    steps : tuple of float
        Of each parameter: the change that slopes belong to.
    pairs, sources : int32 arrays, shape (e,)
        See `Flows`; rising, sources within pairs.
    sums : int64 array, shape (e, n_bins)
        Where the source is `NO_SOURCE` the flow itself, else its slope by a parameter.
    n_events : int
        Events of simulation that were looked at.
    """

    grid: MassGrid
    n_categories: int
    exponent: int
    parameters: tuple[float, ...]
    steps: tuple[float, ...]
    pairs: NDArray[np.int32]
    sources: NDArray[np.int32]
    sums: NDArray[np.int64]
    n_events: int

    def __add__(self, other: FlowSums) -> FlowSums:
        """Add the flows of two jobs that were computed for the same smearings."""
        if self._what != other._what:
            raise ValueError(f"flows of {self._what} and {other._what} do not add up")
        both = (
            np.concatenate([getattr(s, n) for s in (self, other)])
            for n in ("pairs", "sources", "sums")
        )
        return FlowSums(*self._what, *collect(*both), self.n_events + other.n_events)

    @property
    def _what(self) -> tuple[MassGrid, int, int, tuple[float, ...], tuple[float, ...]]:
        return self.grid, self.n_categories, self.exponent, self.parameters, self.steps

    @property
    def flows(self) -> Flows:
        """The flows as a linear function of the parameters."""
        contents = np.ldexp(self.sums.astype(np.float64), self.exponent - UNIT_BITS)
        driven = self.sources != NO_SOURCE
        slopes = contents[driven] / np.array(self.steps)[self.sources[driven], None]
        change = slopes * np.array(self.parameters)[self.sources[driven], None]
        pairs, place = np.unique(self.pairs, return_inverse=True)
        constant = np.zeros((len(pairs), self.grid.n_bins))
        np.add.at(constant, place[~driven], contents[~driven])
        np.add.at(constant, place[driven], -change)
        everything = Flows(
            np.concatenate([pairs, self.pairs[driven]]),
            np.concatenate([np.full_like(pairs, NO_SOURCE), self.sources[driven]]),
            np.concatenate([constant, slopes]),
        )
        return everything.sorted()


def collect(
    pairs: IntArray, sources: IntArray, sums: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """Add up contributions to the same flow; return `FlowSums.pairs`, `sources` and `sums`."""
    places, index = np.unique(np.stack([pairs, sources], axis=1), axis=0, return_inverse=True)
    total = np.zeros((len(places), sums.shape[1]), np.int64)
    np.add.at(total, index.ravel(), sums)
    return places[:, 0].astype(np.int32), places[:, 1].astype(np.int32), total


def add_up(jobs: Iterable[FlowSums]) -> FlowSums:
    """Return the sum of at least one job's flows."""
    return reduce(FlowSums.__add__, jobs)
