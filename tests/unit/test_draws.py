"""Normal numbers that belong to an event."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from scalesmear.draws import GAUSSIAN, Mixture, standard_normal
from scalesmear.effective import Tails

N = 200_000
EVENT = np.arange(N, dtype=np.uint64)
RUN = np.ones(N, np.uint32)


@pytest.fixture(scope="module")
def normals() -> np.ndarray:
    return standard_normal(RUN, EVENT, 7)


def test_both_numbers_are_normal(normals: np.ndarray) -> None:
    for leg in normals.T:
        assert stats.kstest(leg, "norm").pvalue > 1e-3
        # variance of x^4 - 3 for a normal x is 96
        assert abs(np.mean(leg**4) - 3) < 4 * np.sqrt(96 / N)


def test_the_phase_of_the_pair_is_uniform(normals: np.ndarray) -> None:
    phase = np.arctan2(normals[:, 1], normals[:, 0]) / (2 * np.pi) % 1
    assert stats.kstest(phase, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("shift", [1, 2, 64, 1000])
def test_neighbouring_events_are_independent(normals: np.ndarray, shift: int) -> None:
    ahead, behind = normals[shift:], normals[:-shift]
    for product in (ahead * behind, ahead * behind[:, ::-1]):
        # the mean of products of independent normals has variance 1 / n
        assert np.all(np.abs(product.mean(axis=0)) < 4 / np.sqrt(len(product)))


def test_the_two_electrons_are_independent(normals: np.ndarray) -> None:
    assert abs(np.mean(normals[:, 0] * normals[:, 1])) < 4 / np.sqrt(N)
    # also in size: the squares have variance 2
    squares = normals**2 - 1
    assert abs(np.mean(squares[:, 0] * squares[:, 1])) < 4 * 2 / np.sqrt(N)


@pytest.mark.parametrize(("run_step", "seed_step"), [(1, 0), (0, 1), (256, 0)])
def test_neighbouring_runs_and_seeds_are_independent(
    normals: np.ndarray, run_step: int, seed_step: int
) -> None:
    other = standard_normal(RUN + np.uint32(run_step), EVENT, 7 + seed_step)
    assert np.all(np.abs(np.mean(normals * other, axis=0)) < 4 / np.sqrt(N))


def test_run_and_event_are_not_interchangeable() -> None:
    a = standard_normal(np.array([3]), np.array([5]), 1)
    b = standard_normal(np.array([5]), np.array([3]), 1)
    assert not np.any(a == b)


def test_no_two_events_share_a_number(normals: np.ndarray) -> None:
    assert len(np.unique(normals)) == normals.size


def test_the_numbers_are_fixed_for_ever() -> None:
    # a change here changes every smeared event: it needs a line in the change log.
    # The arithmetic in Python integers, which know no overflow, stands in for the kernel.
    def mix(word: int) -> int:
        word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        word = (word ^ word >> 27) * 0x94D049BB133111EB % 2**64
        return word ^ word >> 31

    def uniform(word: int) -> float:
        return ((word >> 11) + 0.5) / 2**53

    stride = 0x9E3779B97F4A7C15
    start = mix((42 + stride) % 2**64)
    key = mix((mix(start ^ 316000) + stride) % 2**64 ^ 1234567890123)
    radius = np.sqrt(-2 * np.log(uniform(mix((key + stride) % 2**64))))
    angle = 2 * np.pi * uniform(mix((key + 2 * stride) % 2**64))
    expected = [[radius * np.cos(angle), radius * np.sin(angle)]]
    found = standard_normal(np.array([316000]), np.array([1234567890123]), 42)
    assert found == pytest.approx(np.array(expected), rel=1e-12)


def test_mixing_matches_the_published_generator() -> None:
    # first output of SplitMix64 started at 0: the finaliser applied to the stride
    from scalesmear.draws import STRIDE, _mix

    assert int(_mix(STRIDE)) == 0xE220A8397B1DCDAF


@pytest.mark.parametrize("seed", [-1, 1 << 64])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match="seed"):
        standard_normal(RUN, EVENT, seed)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="shape"):
        standard_normal(RUN[:3], EVENT, 1)


def test_a_mixture_widens_some_of_the_same_numbers() -> None:
    run, event = np.full(200_000, 315000), np.arange(200_000)
    plain = standard_normal(run, event, 7)
    mixed = standard_normal(run, event, 7, Mixture(0.2, 0.5, 3.0))
    factor = mixed / plain
    wide = factor > 1
    assert factor[wide] == pytest.approx(3.0)
    assert factor[~wide] == pytest.approx(0.5)
    # 0.2 within 4 sqrt(0.2 0.8 / 400,000); the choice knows neither the number nor the other electron
    assert wide.mean() == pytest.approx(0.2, abs=4 * 0.4 / np.sqrt(wide.size))
    assert (wide[:, 0] & wide[:, 1]).mean() == pytest.approx(0.04, abs=4 * 0.2 / np.sqrt(len(wide)))
    assert np.corrcoef(wide.ravel(), np.abs(plain).ravel())[0, 1] == pytest.approx(0, abs=0.007)
    assert np.array_equal(
        standard_normal(run[7:9], event[7:9], 7, Mixture(0.2, 0.5, 3.0)), mixed[7:9]
    )


def test_tails_keep_the_variance() -> None:
    mixture = Tails(0.1, 3.0).mixture
    variance = (1 - mixture.share) * mixture.width**2 + mixture.share * mixture.other_width**2
    assert variance == pytest.approx(1)
    assert mixture.other_width == pytest.approx(3 * mixture.width)
    assert Tails(0.0, 3.0).mixture == GAUSSIAN
