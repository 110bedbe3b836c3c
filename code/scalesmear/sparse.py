"""Categories with few events: which they are, and how they join a neighbour."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.histogram import pair_categories, pair_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scalesmear.events import IntArray
    from scalesmear.histogram import PairHistograms

    Floats = NDArray[np.float64]


class CategoryEvents(NamedTuple):
    """Events in the window with at least one electron in each of n categories, shape (n,)."""

    data: Floats
    sum_w: Floats  # of the simulation
    sum_w2: Floats

    @classmethod
    def of(cls, histograms: PairHistograms) -> CategoryEvents:
        """Count the events of some histograms."""
        legs, window = pair_categories(histograms.pairs), histograms.grid.window_slice
        weight = np.where(legs[:, 0] == legs[:, 1], 0.5, 1.0)  # both electrons, one event

        def of_categories(values: NDArray[np.float64]) -> Floats:
            events = np.repeat(weight * values[:, window].sum(axis=1), 2)
            return np.asarray(
                np.bincount(legs.ravel(), events, minlength=histograms.n_categories), np.float64
            )

        parts = (histograms.data, histograms.sim, histograms.sim_variance)
        return cls(*map(of_categories, parts))

    @property
    def effective(self) -> Floats:
        """Effective number of simulated events, 0 where sum w is not positive."""
        known = (self.sum_w > 0) & (self.sum_w2 > 0)
        return np.divide(self.sum_w**2, self.sum_w2, out=np.zeros(len(known)), where=known)

    @property
    def fewest(self) -> Floats:
        """The smaller number of data and effective simulated events."""
        return np.minimum(self.data, self.effective)

    def reason(self, category: int, least: float) -> str:
        """Say how many events a category has where `least` are wanted."""
        return (
            f"{self.data[category]:.0f} data and {self.effective[category]:.0f} effective simulated "
            f"events, fewer than {least:g}"
        )


def because_of(category: int, few: str) -> str:
    """Return why a pair is not used that has a category with few events."""
    return f"category {category} has {few}"


def plan_merging(
    events: CategoryEvents,
    smearing_of: IntArray,
    neighbours: Sequence[Sequence[int]],
    least: float,
) -> dict[int, int]:
    """Return which category each sparse one joins, as long as it has a neighbour to join.

    The sparsest category joins its most populated neighbour in the same smearing category, again
    and again, until none is left with fewer than `least` events. One that has already been joined
    by others takes them along.

    Parameters
    ----------
    events : CategoryEvents
    smearing_of : int array, shape (n,)
    neighbours : n sequences of int
        Categories that share an edge with each.
    least : float
        Events of data, and effective simulated events, that a category should have.
    """
    target = np.arange(len(smearing_of))
    data, sum_w, sum_w2 = (np.array(part) for part in events)
    alone: set[int] = set()
    while True:
        fewest = CategoryEvents(data, sum_w, sum_w2).fewest
        sparse = [
            i for i in np.flatnonzero(fewest < least) if target[i] == i and int(i) not in alone
        ]
        if not sparse:
            return {int(i): int(t) for i, t in enumerate(target) if t != i}
        group = int(min(sparse, key=lambda i: fewest[i]))
        near = {
            int(target[j]) for i in np.flatnonzero(target == group).tolist() for j in neighbours[i]
        }
        same = [j for j in near - {group} if smearing_of[j] == smearing_of[group]]
        if not same:
            alone.add(group)
            continue
        chosen = max(same, key=lambda j: fewest[j])
        for part in (data, sum_w, sum_w2):
            part[chosen] += part[group]
        target[target == group] = chosen


def merge_categories(histograms: PairHistograms, plan: dict[int, int]) -> PairHistograms:
    """Return histograms in which categories have joined others; they keep their numbers."""
    if not plan:
        return histograms
    target = np.arange(histograms.n_categories)
    target[list(plan)] = list(plan.values())
    number = pair_number(target[pair_categories(histograms.pairs)])
    pairs, place = np.unique(number, return_inverse=True)

    def add_up(values: Floats) -> Floats:
        out = np.zeros((len(pairs), values.shape[1]))
        np.add.at(out, place, values)
        return out

    return dataclasses.replace(
        histograms,
        pairs=pairs.astype(np.int32),
        data=add_up(histograms.data),
        sim=add_up(histograms.sim),
        sim_variance=add_up(histograms.sim_variance),
        flows=histograms.flows and histograms.flows.merged(target),
    )
