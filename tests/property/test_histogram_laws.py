"""Laws of the mass histograms."""

import itertools
from functools import reduce
from operator import add

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scalesmear.histogram import MassFiller, MassGrid, MassHistograms, pair_number

GRID = MassGrid()
N_CATEGORIES = 4
seeds = st.integers(0, 2**32 - 1)


def sample(seed: int, n: int = 400) -> tuple[NDArray, NDArray, NDArray]:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 0.15, n)
    category = rng.integers(-1, N_CATEGORIES, (n, 2))
    weight = rng.choice([-1.0, 0.7, 1.3], n) * rng.uniform(0.1, 1, n)
    return x, category, weight.astype(np.float32)


def fill(x: NDArray, category: NDArray, weight: NDArray, kind: str = "sim") -> MassHistograms:  # type: ignore[type-arg]
    filler = MassFiller(kind, GRID, N_CATEGORIES, exponent=1)  # type: ignore[arg-type]
    filler.add(x, pair_number(category), weight)
    return filler.finish()


def same(a: MassHistograms, b: MassHistograms) -> bool:
    return bool(
        np.array_equal(a.pairs, b.pairs)
        and np.array_equal(a.sumw, b.sumw)
        and np.array_equal(a.sumw2, b.sumw2)
        and (a.n_events, a.dropped) == (b.n_events, b.dropped)
    )


@given(
    seeds, st.lists(st.integers(0, 400), max_size=5), st.randoms(), st.sampled_from(["data", "sim"])
)
@settings(deadline=None)
def test_splitting_and_reordering_jobs_changes_no_bit(seed, cuts, random, kind) -> None:  # type: ignore[no-untyped-def]
    x, category, weight = sample(seed)
    edges = [0, *sorted(cuts), len(x)]
    jobs = [fill(x[a:b], category[a:b], weight[a:b], kind) for a, b in itertools.pairwise(edges)]
    random.shuffle(jobs)
    assert same(reduce(add, jobs), fill(x, category, weight, kind))


@given(seeds)
@settings(deadline=None)
def test_swapping_the_legs_changes_nothing(seed: int) -> None:
    x, category, weight = sample(seed)
    assert same(fill(x, category, weight), fill(x, category[:, ::-1], weight))


@given(seeds)
@settings(deadline=None)
def test_no_weight_is_lost(seed: int) -> None:
    x, category, weight = sample(seed)
    inside = (category.min(axis=1) >= 0) & (
        np.abs((x - GRID.start) / GRID.width - GRID.n_fine / 2) <= GRID.n_fine / 2 - 0.5
    )
    histograms = fill(x, category, weight)
    np.testing.assert_allclose(
        histograms.contents.sum(), weight[inside].sum(dtype=float), atol=1e-7
    )
    np.testing.assert_allclose(
        histograms.variances.sum(), (weight[inside].astype(float) ** 2).sum(), atol=1e-7
    )


@given(seeds)
@settings(deadline=None)
def test_data_equal_numpy_histograms(seed: int) -> None:
    x, category, weight = sample(seed)
    histograms = fill(x, category, weight, "data")
    number = pair_number(category)
    for pair, contents in zip(histograms.pairs, histograms.contents, strict=True):
        expected, _ = np.histogram(x[number == pair], bins=GRID.edges)
        np.testing.assert_array_equal(contents, expected)
