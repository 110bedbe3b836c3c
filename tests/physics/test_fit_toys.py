"""Toys with independent data and simulation: bias, errors, convergence of the fit.

Pulls are (found - true) / error of ln(scale) and smearing^2. For N independent pulls the mean has
the error 1 / sqrt(N) and the width 1 / sqrt(2 N). Parameters of one toy are correlated by a few per
cent, which the limits of four of these errors leave room for.
"""

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.mass_toys import MassToy, random_toy

from scalesmear.fit import FitResult, FitSettings, fit_pairs

Floats = NDArray[np.float64]


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
    most = 0
    for seed in range(30):
        toy = random_toy(seed, 8, 4, largest_shift=0.03, smearings=(0.0, 0.05))
        h = toy.draw(np.random.default_rng([seed, 2]), 100_000, 100_000)
        r = fit_pairs(h, toy.smearing_of)  # raises unless it converges
        most = max(most, r.n_iterations)
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
