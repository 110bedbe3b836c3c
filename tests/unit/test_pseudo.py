"""Expected contents of pseudo-experiments move and widen as the truth says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.histogram import MassGrid, n_pairs
from scalesmear.pseudo import SUB_BINS, Expectation, Truth

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID = MassGrid(mass_range=(40.0, 165.0))  # nothing is beyond it
SAME = Truth(
    scale=np.ones(2),
    smearing=np.zeros(2),
    smearing_of=np.arange(2),
    resolution=np.array([0.01, 0.015]),
    share=np.array([0.5, 0.3, 0.2]),
)


def moments(contents: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and variance of ln(m / m_Z) of each pair."""
    x = (GRID.edges[:-1] + GRID.edges[1:]) / 2
    total = contents.sum(axis=1)
    mean = contents @ x / total
    return mean, contents @ x**2 / total - mean**2


def data_of(truth: Truth) -> NDArray[np.float64]:
    return Expectation(truth=truth, grid=GRID).shapes[0]


def test_each_pair_has_its_share_and_data_without_scales_are_simulation() -> None:
    data, sim = Expectation(truth=SAME, grid=GRID).shapes
    assert data.sum(axis=1) == pytest.approx(SAME.share, rel=1e-6)
    assert sim.sum(axis=1) == pytest.approx(SAME.share, rel=1e-6)
    (mean, variance), (sim_mean, sim_variance) = moments(data), moments(sim)
    assert mean == pytest.approx(sim_mean, abs=1e-8)
    # a point at f of a bin adds f (1 - f) if shared, (f - 1/2)^2 if counted: 1/6 and 1/12 in the limit
    f = (np.arange(SUB_BINS) + 0.5) / SUB_BINS
    expected = np.mean(f * (1 - f)) - np.mean((f - 0.5) ** 2)
    assert sim_variance - variance == pytest.approx(np.full(3, GRID.width**2 * expected), rel=1e-3)


def test_a_scale_moves_the_mass_of_data_down() -> None:
    scale = np.array([1.01, 0.995])
    shift = moments(data_of(replace(SAME, scale=scale)))[0] - moments(data_of(SAME))[0]
    # m' = m / sqrt(s1 s2), for pairs (0,0), (1,0), (1,1)
    products = scale[[0, 1, 1]] * scale[[0, 0, 1]]
    assert shift == pytest.approx(-np.log(products) / 2, abs=3e-7)


def test_a_smearing_adds_the_cumulants_of_its_gaussian() -> None:
    smearing = np.array([0.02, 0.01])
    (mean, variance), before = (
        moments(data_of(replace(SAME, smearing=smearing))),
        moments(data_of(SAME)),
    )
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    half_logs = np.log(1 + smearing[:, None] * nodes) / 2
    weights = weights / weights.sum()
    means = half_logs @ weights
    variances = half_logs**2 @ weights - means**2
    for row, (i, j) in enumerate([(0, 0), (0, 1), (1, 1)]):
        assert mean[row] - before[0][row] == pytest.approx(means[i] + means[j], abs=1e-7)
        added = variances[i] + variances[j]
        assert variance[row] - before[1][row] == pytest.approx(added, rel=1e-3)


def test_numbers_of_events_are_those_asked_for_and_differ_between_toys() -> None:
    expectation = Expectation(truth=SAME, grid=MassGrid())
    first, second = (
        expectation.draw(np.random.default_rng(seed), 200_000, 100_000, 0.2) for seed in (1, 2)
    )
    assert not np.array_equal(first.data, second.data)
    expected = [200_000 * part.sum() for part in expectation.shapes[:1]]
    assert first.data.sum() == pytest.approx(expected[0], abs=5 * np.sqrt(expected[0]))
    effective = first.sim.sum() ** 2 / first.sim_variance.sum()
    assert effective == pytest.approx(100_000 * expectation.shapes[1].sum(), rel=0.02)
    assert first.negative == 0.2


def test_a_tail_lowers_the_mass_by_its_mean() -> None:
    shift = moments(data_of(replace(SAME, skew=0.1)))[0] - moments(data_of(SAME))[0]
    # each electron loses ln(E) exponential with a mean of 4 %, half of it in ln(m)
    assert shift == pytest.approx(np.full(3, -2 * 0.1 * 0.02), rel=5e-3)


def test_a_share_is_wanted_for_each_pair() -> None:
    with pytest.raises(ValueError, match=r"shares have shape \(2,\), not \(3,\)"):
        Expectation(truth=replace(SAME, share=np.ones(2)), grid=GRID)
    assert n_pairs(2) == 3
