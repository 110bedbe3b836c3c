"""Electrons and pairs in categories, counted."""

from __future__ import annotations

import numpy as np
import pytest

from scalesmear.categories import CategorySet
from scalesmear.events import Events
from scalesmear.histogram import pair_number
from scalesmear.io.categoryfile import read_categories
from scalesmear.population import columns_of, count
from scalesmear.toys import generate, make_truth

THREE = CategorySet.from_blocks(
    {
        "scales": [{"abs_eta": [0, 1, 1.4442]}, {"abs_eta": [1.566, 2.5]}],
        "smearings": [{"abs_eta": [0, 2.5]}],
    }
)


def test_events_by_hand() -> None:
    # (barrel, barrel), (outer barrel, barrel), (barrel, outer barrel), (gap, endcap)
    eta_sc = np.array([[0.1, -0.2], [1.1, 0.3], [-0.5, -1.4], [1.5, 2.0]], np.float32)
    population = count([Events(eta_sc=eta_sc[:1]), Events(eta_sc=eta_sc[1:])], THREE)
    assert population.electrons.tolist() == [4, 2, 1]
    # pairs (0,0), (1,0), (1,1), (2,0), (2,1), (2,2)
    assert population.pairs.tolist() == [1, 2, 0, 0, 0, 0]
    assert population.diagonal.tolist() == [1, 0, 0]
    assert population.matrix().tolist() == [[1, 2, 0], [2, 0, 0], [0, 0, 0]]
    assert (population.n_events, population.n_outside) == (4, 1)


@pytest.mark.parametrize("name", ["fine", "et", "gain", "stochastic"])
def test_counts_add_up_for_sets_of_any_variables(name: str) -> None:
    categories = read_categories(name)
    events = generate(make_truth(1), "data", 2000)
    chosen = Events(**{n: getattr(events, n) for n in columns_of(categories)})
    population = count([chosen], categories)
    assert population.pairs.sum() + population.n_outside == population.n_events == 2000
    # each event of a pair has two electrons, events outside have at most one in a category
    both = 2 * population.pairs.sum()
    assert both <= population.electrons.sum() <= both + population.n_outside
    matrix = population.matrix()
    assert np.array_equal(matrix, matrix.T)
    number = pair_number(np.array([[3, 3]]))[0] if len(matrix) > 3 else 0
    assert matrix[3 % len(matrix), 3 % len(matrix)] == population.pairs[number]


def test_no_events_make_zeros() -> None:
    population = count([], THREE)
    assert population.n_events == population.electrons.sum() == population.pairs.sum() == 0
