"""How many electrons and pairs of electrons each category has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.histogram import n_pairs, pair_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from scalesmear.categories import CategorySet
    from scalesmear.events import Events

COLUMN_OF = {"abs_eta": "eta_sc", "r9": "r9", "et": "et", "gain": "gain"}
"""The column of an events file that a variable of categories is made from."""


@dataclass(frozen=True, eq=False)
class Population:
    """Numbers of events, not of weights; energies are those of the file.

    Attributes
    ----------
    electrons : int64 array, shape (number of scales,)
        Electrons in each scale category, of all events.
    pairs : int64 array, shape (number of pairs,)
        Events of each pair of scale categories, in the order of `histogram.pair_number`.
    n_events : int
    n_outside : int
        Events with an electron in no category.
    """

    electrons: NDArray[np.int64]
    pairs: NDArray[np.int64]
    n_events: int
    n_outside: int

    @property
    def diagonal(self) -> NDArray[np.int64]:
        """Events with both electrons in one category, shape (number of scales,)."""
        number = np.arange(len(self.electrons))
        both: NDArray[np.int64] = self.pairs[number * (number + 3) // 2]
        return both

    def matrix(self) -> NDArray[np.int64]:
        """Return the pairs as a symmetric matrix, shape (number of scales, number of scales)."""
        size = len(self.electrons)
        matrix = np.zeros((size, size), np.int64)
        low = np.tril_indices(size)
        matrix[low] = self.pairs
        matrix.T[low] = self.pairs
        return matrix


def columns_of(categories: CategorySet) -> list[str]:
    """Return the columns of events that `count` needs."""
    return [COLUMN_OF[variable] for variable in dict.fromkeys(("abs_eta", *categories.variables))]


def count(batches: Iterable[Events], categories: CategorySet) -> Population:
    """Return the population of some events."""
    size = len(categories.scales)
    electrons, pairs = np.zeros(size + 1, np.int64), np.zeros(n_pairs(size) + 1, np.int64)
    n_events = 0
    for events in batches:
        category = categories.category_of(**_variables(events, categories))
        electrons += np.bincount(category.ravel() + 1, minlength=size + 1)
        pairs += np.bincount(pair_number(category) + 1, minlength=len(pairs))
        n_events += len(events)
    return Population(electrons[1:], pairs[1:], n_events, int(pairs[0]))


def _variables(events: Events, categories: CategorySet) -> dict[str, Any]:
    return {name: getattr(events, name) for name in ("abs_eta", *categories.variables)}
