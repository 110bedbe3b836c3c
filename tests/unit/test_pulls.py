"""Pulls of toys that are drawn here: numbers by hand, and what is complained about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from scalesmear.categories import CategorySet
from scalesmear.errors import InjectionError
from scalesmear.injection import Injected, ToyFits
from scalesmear.pulls import PullCriteria, Study, complaints, demand

CATEGORIES = CategorySet.from_blocks(
    {"scales": [{"abs_eta": [0, 1.4442, 2.5]}], "smearings": [{"abs_eta": [0, 2.5]}]}
)
INJECTED = Injected(
    CATEGORIES, np.array([1.01, 0.99]), np.array([0.02]), np.full(2, 0.015), np.full(3, 1 / 3)
)
LABELS = ["scale of barrel", "scale of endcap", "smearing of all"]
ERRORS = np.array([1e-3, 2e-3, 1e-5])


def fits_of(pulls: np.ndarray, injected: Injected = INJECTED) -> ToyFits:
    """Return fits with some pulls, shape (t, 3), each parameter by itself."""
    t = len(pulls)
    return ToyFits(
        numbers=np.arange(t),
        parameters=injected.parameters + ERRORS * pulls,
        errors=np.tile(ERRORS, (t, 1)),
        independent=np.tile([2.0, 1.0], (t, 1)),
        p_value=np.linspace(0, 1, t),
        failures={},
    )


def gaussian(n_toys: int, seed: int = 1) -> np.ndarray:
    """Return pulls whose mean is 0 and whose mean square is 1, exactly."""
    pulls = np.random.default_rng(seed).standard_normal((n_toys, 3))
    pulls -= pulls.mean(axis=0)
    return np.asarray(pulls / np.sqrt(np.mean(pulls**2, axis=0)))


def found(pulls: np.ndarray) -> list[str]:
    return complaints(Study(INJECTED, fits_of(pulls)), PullCriteria(), LABELS)


def test_numbers_of_two_toys() -> None:
    statistics = Study(INJECTED, fits_of(np.array([[0.9, 2.5, 0.0], [-0.5, 1.5, 0.9]]))).statistics
    np.testing.assert_allclose(statistics.mean, [0.2, 2.0, 0.45])
    np.testing.assert_allclose(statistics.rms, np.sqrt([0.53, 4.25, 0.405]))
    # d scale = scale d ln(scale), d smearing = d smearing^2 / (2 smearing)
    np.testing.assert_allclose(statistics.bias, [1.01 * 2e-4, 0.99 * 4e-3, 4.5e-6 / 0.04])
    np.testing.assert_allclose(statistics.error, [1.01e-3, 0.99 * 2e-3, 1e-5 / 0.04])
    # the mean of two values d apart has an error of d / 2
    np.testing.assert_allclose(statistics.bias_error, [1.01 * 0.7e-3, 0.99 * 1e-3, 0.45e-5 / 0.04])
    np.testing.assert_allclose(statistics.within_1, [1.0, 0.0, 1.0])
    np.testing.assert_allclose(statistics.within_2, [1.0, 0.5, 1.0])
    np.testing.assert_allclose(statistics.limit_holds, [np.nan, np.nan, 1.0])
    assert statistics.n_toys.tolist() == [2, 2, 2]


def test_right_pulls_pass() -> None:
    assert found(gaussian(100)) == []
    demand(found(gaussian(100)))


def test_a_mean_beyond_four_standard_deviations_is_told_with_its_category() -> None:
    # 4 / sqrt(100) = 0.4
    assert found(gaussian(100) + np.array([0, 0.39, 0])) == []
    (complaint,) = found(gaussian(100) + np.array([0, 0.41, 0]))
    assert complaint == "mean pull of scale of endcap is +0.410 in 100 toys, beyond 0.400"
    with pytest.raises(InjectionError, match="not found: mean pull of scale of endcap is"):
        demand([complaint])


def test_pulls_too_wide_or_too_narrow_are_told() -> None:
    low, high = np.sqrt(stats.chi2.ppf([stats.norm.sf(4), stats.norm.cdf(4)], 100) / 100)
    for width, wrong in ((0.99 * low, True), (1.01 * low, False), (1.01 * high, True)):
        told = [text for text in found(gaussian(100) * [width, 1, 1]) if "barrel" in text]
        assert bool(told) is wrong
    (text,) = [text for text in found(gaussian(100) * [1, 1, 1.01 * high]) if "all is" in text]
    assert text.startswith(f"rms pull of smearing of all is {1.01 * high:.3f} in 100 toys, not ")


def test_all_together_know_more_than_one() -> None:
    # 1000 toys of 2 independent scales: 4 / sqrt(4000) = 0.063; of one, 4 / sqrt(2000) = 0.089
    told = found(gaussian(1000) * [1.075, 1.075, 1])
    assert [text[:23] for text in told] == ["rms pull of all scales "]


def test_a_width_within_five_per_cent_passes_however_many_toys() -> None:
    assert found(gaussian(20_000) * [1.049, 0.951, 1.0]) == []
    assert PullCriteria().rms_range(1e7) == pytest.approx((0.95, 1.05))
    low, high = PullCriteria(rms_tolerance=0).rms_range(1e7)
    assert (low, high) == pytest.approx((1, 1), abs=2e-3)


def test_an_undetermined_parameter_is_not_judged() -> None:
    fits = fits_of(gaussian(50) + np.array([0, 5, 0]))
    fits.errors[:, 1] = np.inf
    fits.errors[0, 1] = ERRORS[1]  # one toy is too few
    study = Study(INJECTED, fits)
    assert complaints(study, PullCriteria(), LABELS) == []
    assert study.statistics.n_toys.tolist() == [50, 1, 50]
    assert study.statistics.judged.tolist() == [True, False, True]
    assert len(study.together["scales"].pulls) == 50
    fits.errors[0, 1] = np.inf
    assert np.isnan(Study(INJECTED, fits).statistics.mean[1])


def test_a_smearing_near_zero_is_judged_by_its_limit() -> None:
    small = replace(INJECTED, smearing=np.array([0.002]))  # 4e-6, 0.4 of its error
    bounded = gaussian(200)
    bounded[:, 2] = np.maximum(bounded[:, 2], -0.4)  # smearing^2 is not negative
    study = Study(small, fits_of(bounded, small))
    assert study.statistics.near_zero.tolist() == [False, False, True]
    assert study.statistics.at_zero[2] == pytest.approx(np.mean(bounded[:, 2] == -0.4))
    assert study.statistics.limit_holds[2] == 1
    assert "smearings" not in study.together
    assert complaints(study, PullCriteria(), LABELS) == []
    too_low = Study(small, fits_of(bounded - [0, 0, 3.0], small))
    (text,) = complaints(too_low, PullCriteria(), LABELS)
    assert text.startswith("the upper limit of smearing of all holds in 0.")
    # 0.95 - 4 sqrt(0.95 0.05 / 200)
    assert text.endswith("of 200 toys, less than 0.888")


def test_failed_fits_are_told() -> None:
    fits = replace(fits_of(gaussian(50)), failures={7: "no pair has enough events"})
    (text,) = complaints(Study(INJECTED, fits), PullCriteria(), LABELS)
    assert text == "1 of 51 fits failed, the first of them in toy 7: no pair has enough events"


def test_nothing_determined_is_told() -> None:
    fits = fits_of(gaussian(3))
    fits.errors[:] = np.inf
    assert complaints(Study(INJECTED, fits), PullCriteria(), LABELS) == [
        "no parameter is determined"
    ]
