"""chi2 of pairs against dense matrices in numpy."""

import dataclasses
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr
from tests.mass_toys import random_toy

from scalesmear.effective import ScaleSmearingMap
from scalesmear.flows import NO_SOURCE, Flows
from scalesmear.goodness import pair_chi2
from scalesmear.histogram import FINE_PER_BIN, PairHistograms
from scalesmear.shape_kernels import Response
from scalesmear.template import arrange, rebin

Floats = NDArray[np.float64]

ROWS = np.arange(3)


def histograms() -> PairHistograms:
    toy = random_toy(1, 2, 2, negative=0.1, spread=0.3)
    return toy.draw(np.random.default_rng(2), 30_000, 60_000)


def response(h: PairHistograms) -> Response:
    mapping = ScaleSmearingMap.of_pairs(h.pairs, np.array([0, 1]))
    return mapping.response(np.array([0.004, -0.01, 0.012**2, 0.03**2]))


def shares(h: PairHistograms, row: int, merge: int) -> Floats:
    """Return the share of each fine bin in each bin of a pair, shape (bins, n_fine)."""
    tau, v, k = response(h).moments[row, 0]
    grid, s = h.grid, math.sqrt(v - h.grid.width**2 / 6)
    edges = grid.edges[grid.n_below + FINE_PER_BIN * np.arange(0, grid.n_bins + 1, merge)]
    z = (edges[:, None] - (grid.edges[:-1] + grid.edges[1:]) / 2 + tau) / s
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return np.asarray(np.diff(ndtr(z) - k / 6 * (z**2 - 1) * density / s**3, axis=0), np.float64)


def slow_chi2(h: PairHistograms, row: int, merge: int) -> float:
    """Return r' C^-1 r with the matrices written down, variances pooled as C says."""
    share = shares(h, row, merge)
    t, noise = share @ h.sim[row], share * h.sim_variance[row] @ share.T
    data = h.data[row, h.grid.window_slice].reshape(len(t), -1).sum(axis=1)
    n, total = data.sum(), t.sum()
    p = t / total
    projection = np.eye(len(t)) - np.outer(p, np.ones(len(t)))
    of_sim = (n / total) ** 2 * projection @ noise @ projection.T
    expected, sim_variance = n * p, np.diag(of_sim)
    pooled = (data * sim_variance + expected**2) / (expected + sim_variance)
    change = np.sqrt(pooled / expected)
    c = of_sim * np.outer(change, change) + np.diag(pooled) - np.outer(pooled, pooled) / n
    rest = data - expected
    return float(rest @ np.linalg.solve(c + n, rest))  # a constant is not felt by r


@pytest.mark.parametrize("merge", [1, 2, 4])
def test_chi2_is_that_of_dense_matrices(merge: int) -> None:
    h = histograms()
    t = arrange(h, ROWS, np.full(3, merge), np.zeros(3, np.int64))
    expected = [slow_chi2(h, row, merge) for row in range(3)]
    assert pair_chi2(t, response(h), ROWS) == pytest.approx(expected, rel=1e-5)


def test_only_pairs_that_are_asked_for_are_judged() -> None:
    h = histograms()
    t = arrange(h, ROWS, np.full(3, 2), np.full(3, 1))
    everything = pair_chi2(t, response(h), ROWS)
    assert pair_chi2(t, response(h), np.array([1])).tolist() == [0.0, everything[1], 0.0]


def test_pairs_without_data_or_simulation_have_no_chi2() -> None:
    h = histograms()
    t = arrange(h, ROWS, np.full(3, 2), np.full(3, 1))
    for name in ("counts", "sim"):
        empty = dataclasses.replace(t, **{name: 0 * getattr(t, name)})
        assert not pair_chi2(empty, response(h), ROWS).any()


def test_other_bins_are_those_of_an_arrangement_from_scratch() -> None:
    h = histograms()
    contents = np.random.default_rng(3).normal(size=(3, h.grid.n_bins))
    h = dataclasses.replace(h, flows=Flows(h.pairs, np.full(3, NO_SOURCE, np.int32), contents))
    level, merge = np.array([0, 1, 2]), np.array([4, 1, 2])
    found = rebin(arrange(h, ROWS, np.full(3, 1), level), h, ROWS, merge)
    expected = arrange(h, ROWS, merge, level)
    assert found.counts.tolist() == expected.counts.tolist()
    assert found.flows.contents.tolist() == expected.flows.contents.tolist()
    assert found.n_bins.tolist() == expected.n_bins.tolist()
    result = pair_chi2(found, response(h), ROWS)
    assert result == pytest.approx(pair_chi2(expected, response(h), ROWS), rel=1e-12)
