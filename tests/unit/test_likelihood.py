"""Expected shapes and the likelihood against slow, independent ways to compute them.

The reference of a pair is its own simulation here, unless said otherwise.
"""

import dataclasses
import math
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr
from tests.mass_toys import log_smear, random_toy, true_log_mass

from scalesmear.effective import ScaleSmearingMap, Tails, narrowest
from scalesmear.histogram import FINE_PER_BIN, MassGrid, PairHistograms
from scalesmear.likelihood import Likelihood, pair_terms
from scalesmear.shape_kernels import deposit_variance
from scalesmear.template import MAX_LEVEL, Templates, arrange, coarsest_level
from scalesmear.uncertainty import shape_noise

Floats = NDArray[np.float64]

GRID = MassGrid()
SMEARING_OF = np.array([0, 1])


@cache
def histograms() -> PairHistograms:
    toy = random_toy(1, 2, 2, negative=0.1, spread=0.3)
    return toy.draw(np.random.default_rng(2), 30_000, 60_000)


def templates(merge: int, level: int) -> Templates:
    return arrange(histograms(), np.arange(3), np.full(3, merge), np.full(3, level))


def parameters(u: tuple[float, float], sigma: tuple[float, float]) -> Floats:
    return np.array([*u, sigma[0] ** 2, sigma[1] ** 2])


def edges(merge: int) -> Floats:
    inside = np.arange(0, GRID.n_bins + 1, merge) * FINE_PER_BIN
    return np.asarray(GRID.edges[GRID.window_slice.start + inside], np.float64)


def slow_shape(sim: Floats, tau: float, v: float, k: float, merge: int) -> Floats:
    """Sum sim x share of the fine bin in each bin, formula by formula, shape (bins,)."""
    s = math.sqrt(v - GRID.width**2 / 6)
    centres = (GRID.edges[:-1] + GRID.edges[1:]) / 2
    z = (edges(merge)[:, None] - centres + tau) / s
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    below = ndtr(z) - k / 6 * (z**2 - 1) * density / s**3  # P - k/6 P'''
    return np.asarray(np.diff(below, axis=0) @ sim, np.float64)


def slow_nll(parameters: Floats, merge: int) -> float:
    """Return the likelihood in plain numpy, written down a second time."""
    h, total = histograms(), 0.0
    for row, (i, j) in enumerate([(0, 0), (0, 1), (1, 1)]):
        u, q = parameters[:2], parameters[2:]
        mean = sum(-q[c] / 4 - 3 / 8 * q[c] ** 2 for c in (i, j))
        v = sum(q[c] / 4 + 5 / 8 * q[c] ** 2 for c in (i, j))
        k = sum(-3 / 8 * q[c] ** 2 for c in (i, j))
        tau = (u[i] + u[j]) / 2 - mean
        shape = slow_shape(h.sim[row], tau, v, k, merge)
        data = h.data[row, GRID.window_slice].reshape(len(shape), -1).sum(axis=1)
        total -= float(data @ np.log(shape / shape.sum()))
    return total


def likelihood(merge: int, level: int, tails: Tails | None = None) -> Likelihood:
    t = templates(merge, level)
    return Likelihood(t, ScaleSmearingMap.of_pairs(t.pairs, SMEARING_OF, tails))


@pytest.mark.parametrize("merge", [1, 2, 4])
def test_value_is_that_of_plain_numpy(merge: int) -> None:
    at = parameters((0.004, -0.01), (0.012, 0.03))
    expected = slow_nll(at, merge)
    assert likelihood(merge, 0)(at).value == pytest.approx(expected, abs=1e-4)


def test_shape_is_that_of_events_smeared_many_times() -> None:
    # sqrt((1 + s1 g1) (1 + s2 g2)) exactly, drawn 200 times for each of 20 000 events
    rng = np.random.default_rng(3)
    x, sigma, t = true_log_mass(rng, 20_000), np.array([0.02, 0.035]), 0.006
    counts = np.zeros(GRID.n_bins)
    for _ in range(200):
        moved = x + log_smear(rng, np.tile(sigma, (len(x), 1))) - t
        counts += np.histogram(moved, edges(1))[0]
    shape = shape_of(deposit(x), 2 * t, sigma)
    pull = (counts / counts.sum() - shape) / np.sqrt(shape / counts.sum())
    # bins of the smeared copies are correlated through x, so that their scatter is below Poisson
    assert np.abs(pull).max() < 3.5
    assert np.mean(pull**2) < 1.3


def deposit(x: Floats) -> Floats:
    """Share events linearly between the two nearest centres of fine bins."""
    position = (x - GRID.start) / GRID.width - 0.5
    inside = (position >= 0) & (position < GRID.n_fine - 1)
    low = position[inside].astype(int)
    part = position[inside] - low
    out = np.bincount(low, 1 - part, GRID.n_fine) + np.bincount(low + 1, part, GRID.n_fine)
    return np.asarray(out, np.float64)


def shape_of(fine: Floats, log_scale: float, sigma: Floats, tails: Tails | None = None) -> Floats:
    """Return the expected shape of a pair of categories with different smearings."""
    pair = np.array([1], np.int32)  # categories 0 and 1
    one = PairHistograms(GRID, 2, pair, fine[None], fine[None], fine[None])
    mapping = ScaleSmearingMap.of_pairs(pair, SMEARING_OF, tails)
    response = mapping.response(np.array([log_scale / 2, log_scale / 2, *sigma**2]))
    level = coarsest_level(narrowest(response), GRID.width)
    arranged = arrange(one, np.array([0]), np.array([1]), level)
    return np.asarray(shape_noise(arranged, response).probability[0], np.float64)


def bin_integrals(x: Floats, log_scale: float, sigma: Floats) -> Floats:
    """Add up the Gaussian integral of each event below the edges of the bins."""
    q = sigma**2
    mean = (-q / 4 - 3 / 8 * q**2).sum()
    v, k = (q / 4 + 5 / 8 * q**2).sum(), (-3 / 8 * q**2).sum()
    z = (edges(1)[:, None] - x + (log_scale / 2 - mean)) / math.sqrt(v)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return np.asarray((ndtr(z) - k / 6 * (z**2 - 1) * density / v**1.5).sum(axis=1), np.float64)


def test_shape_is_that_of_events_smeared_one_by_one() -> None:
    rng = np.random.default_rng(4)
    x, sigma = true_log_mass(rng, 5_000), np.array([0.01, 0.02])
    below = bin_integrals(x, 0.006, sigma)
    exact = np.diff(below) / (below[-1] - below[0])
    # 5000 events are a rough density, which a coarse histogram would distort
    assert shape_of(deposit(x), 0.006, sigma) == pytest.approx(exact, rel=2e-4)


def test_shape_with_tails_is_that_of_events_with_one_of_two_smearings() -> None:
    # an electron of smearing 1 has sigma a, or r a with probability f; (1 - f) a^2 + f r^2 a^2 = 1
    rng = np.random.default_rng(4)
    x, sigma = true_log_mass(rng, 5_000), np.array([0.015, 0.02])
    f, r = 0.2, 3.0
    a = 1 / math.sqrt(1 - f + f * r**2)
    options = ((1 - f, a), (f, r * a))
    parts = [
        p1 * p2 * bin_integrals(x, 0.006, sigma * np.array([a1, a2]))
        for p1, a1 in options
        for p2, a2 in options
    ]
    below = np.sum(parts, axis=0)
    exact = np.diff(below) / (below[-1] - below[0])
    found = shape_of(deposit(x), 0.006, sigma, Tails(f, r))
    assert found == pytest.approx(exact, rel=3e-4)
    assert np.abs(shape_of(deposit(x), 0.006, sigma) / exact - 1).max() > 0.03


def test_fine_bins_bias_no_parameter() -> None:
    rng = np.random.default_rng(4)
    x, width = true_log_mass(rng, 100_000) + rng.normal(0, 0.005, 100_000), 0.0075

    def exact(log_scale: float = 0.0, stretch: float = 1.0) -> Floats:
        below = bin_integrals(x, log_scale, np.full(2, width * stretch))
        return np.asarray(np.diff(below) / (below[-1] - below[0]), np.float64)

    # what a fit would make of the difference, by the slopes in ln scale and ln smearing
    p, h = exact(), 1e-4
    slopes = np.array([exact(h) - exact(-h), exact(0.0, 1 + h) - exact(0.0, 1 - h)]) / (2 * h)
    excess = shape_of(deposit(x), 0.0, np.full(2, width)) - p
    bias = np.linalg.solve(slopes / p @ slopes.T, slopes / p @ excess)
    assert abs(bias[0]) < 1e-7
    assert abs(bias[1]) < 1e-4


@pytest.mark.parametrize("level", range(1, MAX_LEVEL + 1))
def test_coarser_cells_have_the_same_mean_and_the_stated_variance(level: int) -> None:
    fine = np.zeros((1, GRID.n_fine))
    fine[0, 248:256] = [1, 3, 2, 0, 5, 1, 1, 2]
    one = PairHistograms(GRID, 1, np.array([0], np.int32), fine, fine, fine)
    t = arrange(one, np.array([0]), np.array([1]), np.array([level]))
    cells = t.sim[0]
    width = GRID.width * 2**level
    centres = width * (np.arange(len(cells)) + 0.5)
    shift = (t.layout.below - GRID.n_below) * GRID.width
    fine_centres = shift + GRID.width * (np.arange(GRID.n_fine) + 0.5)
    assert cells.sum() == pytest.approx(fine.sum(), rel=1e-14)
    mean = cells @ centres / cells.sum()
    assert mean == pytest.approx(fine[0] @ fine_centres / fine.sum(), rel=1e-12)
    variance = cells @ (centres - mean) ** 2 / cells.sum()
    before = fine[0] @ (fine_centres - mean) ** 2 / fine.sum()
    # exact whatever the contents, because 3/4 and 1/4 add the same variance to each cell
    added = deposit_variance(GRID.width, level) - deposit_variance(GRID.width, 0)
    assert variance - before == pytest.approx(added, rel=1e-9)


def test_linear_deposit_adds_a_sixth_of_the_squared_width() -> None:
    x = np.random.default_rng(5).uniform(-0.02, 0.02, 100_000)
    centres = (GRID.edges[:-1] + GRID.edges[1:]) / 2
    fine = deposit(x)
    second = fine @ centres**2 / fine.sum() - np.mean(x**2)
    # f (1 - f) d^2 scatters by d^2 / sqrt(180) per event
    error = GRID.width**2 / math.sqrt(180 * len(x))
    assert abs(second - deposit_variance(GRID.width, 0)) < 4 * error


@pytest.mark.parametrize(
    ("merge", "level", "sigma", "tails"),
    [
        (1, 0, (0.02, 0.01), None),
        (2, 2, (0.02, 0.05), None),
        (4, 1, (0.003, 0.0), None),
        (1, 2, (0.001, 0.004), None),
        (1, 0, (0.02, 0.012), Tails(0.2, 2.5)),
    ],
)
def test_derivatives_are_those_of_differences(
    merge: int, level: int, sigma: tuple[float, float], tails: Tails | None
) -> None:
    function, at = likelihood(merge, level, tails), parameters((0.004, -0.01), sigma)
    here = function(at)
    unit = 1 / np.sqrt(np.diag(here.fisher))
    for i in range(4):
        step = np.zeros(4)
        step[i] = 0.003 * unit[i]
        slope = (function(at + step).value - function(at - step).value) / (2 * step[i])
        assert here.gradient[i] * unit[i] == pytest.approx(slope * unit[i], abs=2e-4)


def test_fisher_matrix_is_the_mean_second_derivative() -> None:
    # with data equal to the expectation, the gradient is 0 and its slope the Fisher matrix
    at = parameters((0.004, -0.01), (0.02, 0.01))
    t = templates(1, 0)
    mapping = ScaleSmearingMap.of_pairs(t.pairs, SMEARING_OF)
    expected = 1000 * shape_noise(t, mapping.response(at)).probability
    asimov = Likelihood(dataclasses.replace(t, counts=expected), mapping)
    here = asimov(at)
    unit = 1 / np.sqrt(np.diag(here.fisher))
    assert here.gradient * unit == pytest.approx(np.zeros(4), abs=1e-8)
    for i in range(4):
        step = np.zeros(4)
        step[i] = 1e-3 * unit[i]
        column = (asimov(at + step).gradient - asimov(at - step).gradient) / (2 * step[i])
        assert column * unit * unit[i] == pytest.approx(here.fisher[i] * unit * unit[i], abs=1e-4)


def test_cells_may_be_half_a_spread_wide() -> None:
    at = parameters((0.004, -0.01), (0.012, 0.02))
    fine, coarse = likelihood(1, 0)(at), likelihood(1, 1)(at)
    unit = 1 / np.sqrt(np.diag(fine.fisher))
    # in standard deviations: the difference is a property of the noise in this simulation
    assert coarse.gradient * unit == pytest.approx(fine.gradient * unit, abs=0.02)
    assert coarse.fisher == pytest.approx(fine.fisher, rel=0.01, abs=1e-3 * fine.fisher.max())


def test_effective_parameters_are_cumulants_of_smeared_energies() -> None:
    rng = np.random.default_rng(6)
    sigma = 0.1  # large, so that the fourth order shows
    eta = log_smear(rng, np.full((4_000_000, 2), sigma))
    mapping = ScaleSmearingMap.of_pairs(np.array([0]), np.array([0]))
    tau, v, k = mapping.response(np.array([0.0, sigma**2])).moments[0, 0]
    error = math.sqrt(v / len(eta))
    # the next order of the mean is 5/2 sigma^6 per electron, halved
    assert -tau == pytest.approx(eta.mean(), abs=4 * error + 2.5 * sigma**6)
    assert v == pytest.approx(eta.var(), rel=4 * math.sqrt(2 / len(eta)) + 0.02)
    assert k == pytest.approx(np.mean((eta - eta.mean()) ** 3), rel=0.15)


def test_empty_reference_is_no_number_but_infinite() -> None:
    t = templates(1, 0)
    empty = dataclasses.replace(t, reference=0 * t.reference)
    response = ScaleSmearingMap.of_pairs(t.pairs, SMEARING_OF).response(np.full(4, 1e-4))
    assert np.all(np.isposinf(pair_terms(empty, response)[:, 0]))
