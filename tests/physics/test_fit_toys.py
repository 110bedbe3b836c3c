"""Toys with independent data and simulation: bias, errors, convergence of the fit.

Pulls are (found - true) / error of ln(scale) and smearing^2. For N independent pulls the mean has
the error 1 / sqrt(N) and the width 1 / sqrt(2 N). Parameters of one toy are correlated by a few per
cent, which the limits of four of these errors leave room for.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.mass_toys import MassToy, log_smear, random_toy, true_log_mass

from scalesmear.fit import fit_pairs
from scalesmear.fitresult import FitResult
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import MassFiller, PairHistograms, pair_number

Floats = NDArray[np.float64]
Response = Callable[[np.random.Generator, Floats], Floats]


class Pulls(NamedTuple):
    scale: Floats
    smearing: Floats  # of its square
    p_value: Floats  # of the whole fits


def pull(toy: MassToy, r: FitResult) -> tuple[Floats, Floats]:
    sigma = np.sqrt(np.diag(r.covariance))
    n = len(toy.scale)
    u = np.log(r.scale / toy.scale) / sigma[:n]
    return u, (r.smearing**2 - toy.smearing**2) / sigma[n:]


def pulls(
    n_toys: int,
    size: tuple[int, int],
    n_data: int,
    n_sim: int,
    settings: FitSettings | None = None,
    *,
    smearings: tuple[float, float] = (0.008, 0.025),
    negative: float = 0.0,
    spread: float = 0.0,
) -> Pulls:
    found = []
    p_values = []
    for seed in range(n_toys):
        toy = random_toy(seed, *size, smearings=smearings, negative=negative, spread=spread)
        h = toy.draw(np.random.default_rng([seed, 1]), n_data, n_sim)
        r = fit_pairs(h, toy.smearing_of, settings)
        found.append(pull(toy, r))
        p_values.append(r.goodness.total_p_value)
    scale, smearing = (np.concatenate(part) for part in zip(*found, strict=True))
    return Pulls(scale, smearing, np.array(p_values))


def assert_unbiased_with_right_errors(values: Floats, *, slack: float = 0.0) -> None:
    n = len(values)
    assert abs(values.mean()) < 4 / np.sqrt(n) + slack
    assert abs(values.std() - 1) < 4 / np.sqrt(2 * n) + slack


def test_pulls_with_as_much_simulation_as_data() -> None:
    found = pulls(60, (6, 6), 50_000, 50_000)
    assert_unbiased_with_right_errors(found.scale)
    assert_unbiased_with_right_errors(found.smearing)


def test_pulls_with_negative_weights() -> None:
    found = pulls(40, (6, 3), 50_000, 100_000, negative=0.15, spread=0.3)
    assert_unbiased_with_right_errors(found.scale)
    assert_unbiased_with_right_errors(found.smearing, slack=0.05)


@pytest.mark.slow
def test_pulls_with_many_categories() -> None:
    found = pulls(40, (24, 24), 300_000, 300_000)
    assert_unbiased_with_right_errors(found.scale, slack=0.02)
    assert_unbiased_with_right_errors(found.smearing, slack=0.03)


@pytest.mark.slow
def test_pulls_of_many_toys() -> None:
    found = pulls(250, (10, 10), 100_000, 100_000)
    assert_unbiased_with_right_errors(found.scale)
    assert_unbiased_with_right_errors(found.smearing)
    assert np.mean(found.p_value < 0.01) < 0.05


def test_pulls_with_hundreds_of_sparse_pairs() -> None:
    # 20 to 300 effective events in most pairs, 16 % negative weights: noise of the simulation must
    # not pass for smearing, and is as large as the noise of data
    found = pulls(25, (30, 6), 100_000, 100_000, negative=0.16)
    assert_unbiased_with_right_errors(found.scale, slack=0.02)
    assert_unbiased_with_right_errors(found.smearing, slack=0.1)


def test_sparse_pairs_make_errors_smaller() -> None:
    toy = random_toy(2, 30, 6, negative=0.16)
    h = toy.draw(np.random.default_rng(3), 100_000, 100_000)
    errors = [
        np.diag(fit_pairs(h, toy.smearing_of, FitSettings(min_sim_events=least)).covariance)
        for least in (100, 50, 20)
    ]
    for more, fewer in zip(errors[1:], errors, strict=False):
        known = fewer > 0
        assert np.median(more[known] / fewer[known]) < 1
        assert np.mean(more[known] < 1.1 * fewer[known]) > 0.9


def test_far_starts_converge() -> None:
    most = 0  # evaluations, those of the search included
    for seed in range(30):
        toy = random_toy(seed, 8, 4, largest_shift=0.03, smearings=(0.0, 0.05))
        h = toy.draw(np.random.default_rng([seed, 2]), 100_000, 100_000)
        r = fit_pairs(h, toy.smearing_of)  # raises unless it converges
        most = max(most, r.n_evaluations)
        u, q = pull(toy, r)
        assert np.abs(u).max() < 5
        assert np.abs(q).max() < 5
    assert most <= 15


def test_tiny_smearings_leave_scales_unbiased_and_limits_that_cover() -> None:
    covered, scale_pulls = [], []
    for seed in range(40):
        toy = random_toy(seed, 6, 6, smearings=(0.0, 0.004))
        h = toy.draw(np.random.default_rng([seed, 3]), 50_000, 100_000)
        r = fit_pairs(h, toy.smearing_of)
        scale_pulls.append(pull(toy, r)[0])
        covered.append(r.smearing_upper > toy.smearing)
    assert_unbiased_with_right_errors(np.concatenate(scale_pulls), slack=0.03)
    assert np.mean(covered) > 0.95 - 4 * np.sqrt(0.05 * 0.95 / 240)


def test_errors_know_the_effective_number_of_weighted_events() -> None:
    # <w^2> / <w>^2 = 2 halves the effective number of twice as many simulated events
    plain = random_toy(1, 4, 2)
    r = fit_pairs(plain.draw(np.random.default_rng(1), 50_000, 50_000), plain.smearing_of)
    spread = random_toy(1, 4, 2, spread=float(np.sqrt(np.log(2))))
    s = fit_pairs(spread.draw(np.random.default_rng(2), 50_000, 100_000), spread.smearing_of)
    assert s.scale_error == pytest.approx(r.scale_error, rel=0.1)
    assert s.smearing_error == pytest.approx(r.smearing_error, rel=0.2)


def with_response(toy: MassToy, seed: int, n: int, response: Response) -> PairHistograms:
    """Return data whose electrons have a response of their own, and twice as much simulation."""
    rng = np.random.default_rng([seed, 9])
    category = rng.choice(len(toy.scale), size=(n, 2), p=toy.population)
    x = true_log_mass(rng, n) + log_smear(rng, toy.resolution[category])
    x += np.log(response(rng, toy.smearing[toy.smearing_of[category]])).sum(axis=1) / 2
    filler = MassFiller("data", toy.grid, len(toy.scale))
    filler.add(x, pair_number(category))
    return PairHistograms.of(filler.finish(), toy.sim(rng, 2 * n))


def skewed(rng: np.random.Generator, sigma: Floats) -> Floats:
    """Lose 4 % of the energy, exponentially distributed, in every tenth electron."""
    lost = rng.exponential(0.04, sigma.shape) * (rng.random(sigma.shape) < 0.1)
    return np.asarray((1 + sigma * rng.standard_normal(sigma.shape)) * np.exp(-lost))


def with_tails(rng: np.random.Generator, sigma: Floats) -> Floats:
    """Smear 30 % of the electrons three times as much as the others; the variance is sigma^2."""
    core = 1 / np.sqrt(0.7 + 0.3 * 3**2)
    width = np.where(rng.random(sigma.shape) < 0.3, 3 * core, core)
    return np.asarray(1 + sigma * width * rng.standard_normal(sigma.shape))


def test_a_skewed_resolution_is_caught_by_the_goodness_of_fit() -> None:
    toy = random_toy(1, 4, 4)
    bad = fit_pairs(with_response(toy, 1, 300_000, skewed), toy.smearing_of)
    assert bad.goodness.total_p_value < 1e-6
    right = fit_pairs(toy.draw(np.random.default_rng(1), 300_000, 600_000), toy.smearing_of)
    assert right.goodness.total_p_value > 1e-3


def test_tails_in_data_are_described_by_a_second_gaussian() -> None:
    toy = random_toy(2, 4, 4, smearings=(0.025, 0.035), largest_shift=0.0)
    h = with_response(toy, 2, 300_000, with_tails)
    plain = fit_pairs(h, toy.smearing_of)
    tails = fit_pairs(h, toy.smearing_of, FitSettings(tail_fraction=0.3, tail_width=3.0))
    u, q = pull(toy, tails)
    assert np.abs(u).max() < 4
    assert np.abs(q).max() < 4
    assert tails.goodness.total_p_value > 1e-3
    # one Gaussian sees the core: the smearing is too small by many errors, and it shows
    assert np.median(pull(toy, plain)[1]) < -5
    assert plain.goodness.total_chi2 > tails.goodness.total_chi2 + 25


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_p_values_of_pairs_are_even_also_for_a_small_simulation(ratio: float) -> None:
    toy, found = random_toy(5, 3, 3), []
    for seed in range(40):
        h = toy.draw(np.random.default_rng([seed, 4]), 10_000, int(10_000 * ratio))
        g = fit_pairs(h, toy.smearing_of).goodness
        found.append(g.total_p_value)
    p = np.array(found)
    assert abs(p.mean() - 0.5) < 4 / np.sqrt(12 * len(p))
    assert np.mean(p < 0.05) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / len(p))


def test_simulation_outside_the_validated_region_is_reported() -> None:
    toy = random_toy(1, 3, 3, negative=0.25)
    h = toy.draw(np.random.default_rng(1), 50_000, 40_000)  # 40000 (1 - 2 x 0.25)^2 effective
    warnings = fit_pairs(h, toy.smearing_of).warnings
    assert any("only 0.20 effective events" in w for w in warnings)
    assert any("25% of the simulated events have negative weights" in w for w in warnings)
