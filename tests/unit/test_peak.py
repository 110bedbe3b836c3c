import math

import numpy as np
import pytest
from numpy.typing import NDArray

from scalesmear.errors import FitError
from scalesmear.peak import (
    Peak,
    density,
    half_width,
    inside_window,
    median,
    scale_error,
    solve_scale,
    weighted_median,
    weighted_median_error,
)

WINDOW = (80.0, 100.0)


def masses(*values: float) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def normal(n: int, mean: float = 91.0, sigma: float = 2.5, seed: int = 1) -> NDArray[np.float32]:
    return np.sort(np.random.default_rng(seed).normal(mean, sigma, n).astype(np.float32))


def test_median_of_odd_and_even_numbers() -> None:
    assert median(masses(80, 90, 95)) == 90.0
    assert median(masses(80, 90, 92, 95)) == 91.0


def test_peak_describes_scaled_masses() -> None:
    # of 88, 90, 92: median and mean 90, sample standard deviation sqrt((4 + 0 + 4) / 2) = 2
    assert Peak.of(masses(88, 90, 92), 2.0) == Peak(180.0, 180.0, 4.0, 3)


def test_peak_of_one_mass_has_no_width() -> None:
    assert Peak.of(masses(90)) == Peak(90.0, 90.0, 0.0, 1)


def test_window_is_half_open_on_the_scaled_mass() -> None:
    sample = masses(40, 45, 50, 55)
    assert sample[inside_window(sample, WINDOW, 2.0)].tolist() == [40.0, 45.0]


@pytest.mark.parametrize("n", [1, 2, 7, 10])
def test_weighted_median_of_equal_weights_is_the_median(n: int) -> None:
    sample = normal(n)
    assert weighted_median(sample, np.full(n, 0.5, np.float32)) == median(sample)


def test_weighted_median_counts_a_weight_of_two_twice() -> None:
    doubled = weighted_median(masses(85, 90, 95), masses(1, 1, 2))
    assert doubled == median(masses(85, 90, 95, 95))


def test_a_negative_weight_takes_away_its_share() -> None:
    # +1 and -1 at 94 cancel, so the median of what remains is 90
    sample, weights = masses(88, 90, 92, 94, 94), masses(1, 1, 1, 1, -1)
    assert weighted_median(sample, weights) == 90.0


def test_scaled_median_in_the_scaled_window_is_the_target() -> None:
    sample = normal(5001, mean=90.2)
    scale = solve_scale(sample, WINDOW, 91.188)
    after = Peak.of(sample[inside_window(sample, WINDOW, scale)], scale)
    assert after.median == pytest.approx(91.188, abs=1e-12)


def test_cutting_before_scaling_would_miss_the_target() -> None:
    # the earlier framework divided the target by the median in the unscaled window
    sample = normal(200_000, mean=89.0, sigma=4.0)
    naive = 91.188 / median(sample[inside_window(sample, WINDOW)])
    missed = median(sample[inside_window(sample, WINDOW, naive)]) * naive - 91.188
    assert abs(missed) > 0.02
    scale = solve_scale(sample, WINDOW, 91.188)
    left = median(sample[inside_window(sample, WINDOW, scale)]) * scale - 91.188
    assert abs(left) < 1e-3


def test_few_masses_are_solved_exactly() -> None:
    # All four: median 90, s = 91.188 / 90 = 1.0132, which puts 98.8 above 100 and out.
    # The other three: median 89, s = 1.0246, 98.8 stays out and 85 in.
    assert solve_scale(masses(85, 89, 91, 98.8), WINDOW, 91.188) == pytest.approx(91.188 / 89)


def test_masses_without_a_peak_have_no_scale() -> None:
    rising = np.sqrt(np.linspace(60**2, 120**2, 50_000)).astype(np.float32)
    with pytest.raises(FitError, match="no scale within 10% of 1 brings the median between 80"):
        solve_scale(rising, WINDOW, 98.0)


def test_an_empty_window_is_an_error() -> None:
    with pytest.raises(FitError, match="no mass lies between 80 and 100 GeV"):
        solve_scale(masses(61, 62, 63), WINDOW, 91.188)


def test_density_counts_in_a_box() -> None:
    sample = masses(89.5, 90, 90.4, 95)
    # three in 89-91 and one in 94-96, 2 GeV wide
    assert density(sample, np.array([90.0, 95.0]), 1.0).tolist() == [1.5, 0.5]


def test_box_of_a_normal_distribution_follows_silverman() -> None:
    # sqrt(3) * 0.79 * 2.5 GeV * n^-0.2 = 0.342 GeV for n = 1e5
    assert half_width(normal(100_000)) == pytest.approx(0.342, rel=0.02)


def test_box_of_equal_masses_is_not_empty() -> None:
    assert half_width(masses(90, 90, 90)) == 0.25


def test_error_of_a_median_far_from_the_edges_is_the_known_one() -> None:
    # Without edges the error of a median is sqrt(pi/2) sigma / sqrt(n), and s = t/median
    n, sigma = 100_000, 1.0
    sample = normal(n, sigma=sigma)
    scale = solve_scale(sample, WINDOW, 91.0)
    expected = math.sqrt(math.pi / 2) * sigma / math.sqrt(n) / 91.0
    assert scale_error(sample, WINDOW, 91.0, scale) == pytest.approx(expected, rel=0.03)


def test_error_wants_a_peak_at_the_target() -> None:
    valley = np.sort(np.concatenate([normal(500, 81, 0.5), normal(500, 99, 0.5), masses(91.188)]))
    with pytest.raises(FitError, match=r"do not peak at 91\.19"):
        scale_error(valley, WINDOW, 91.188, 1.0)


def test_error_of_a_weighted_median_grows_with_the_spread_of_the_weights() -> None:
    sample = normal(100_000, sigma=1.0)
    weights = np.where(np.arange(len(sample)) % 10 == 0, -1, 1).astype(np.float32)
    # sqrt(sum w^2)/sum w = sqrt(n)/(0.8 n): like a sample of 0.64 n events
    expected = math.sqrt(math.pi / 2 / 64_000)
    assert weighted_median_error(sample, weights, 91.0) == pytest.approx(expected, rel=0.05)


def test_weights_that_cancel_at_the_median_are_an_error() -> None:
    sample = masses(90, 91, 92)
    with pytest.raises(FitError, match="add up to nothing positive"):
        weighted_median_error(sample, masses(1, -1, 0), 91.0)
