"""Rules for the bins of pairs, and what they mean for a fit."""

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.mass_toys import random_toy

from scalesmear.binning import Rule, equal_content, freedman_diaconis
from scalesmear.effective import ScaleSmearingMap
from scalesmear.equations import bin_weights
from scalesmear.fit import fit_pairs
from scalesmear.fitsettings import FitSettings
from scalesmear.references import reference_shapes
from scalesmear.template import arrange
from scalesmear.uncertainty import shape_noise

Floats = NDArray[np.float64]


@pytest.mark.parametrize(("n", "size"), [(40, 10), (40_000, 1), (1000, 4)])
def test_width_of_freedman_and_diaconis(n: int, size: int) -> None:
    # even data in 40 bins have an IQR of 20 bins: 2 x 20 / n^(1/3) = 11.7, 1.2, 4.0; at most 10
    group = freedman_diaconis(np.full((1, 40), n / 40))
    assert np.array_equal(group[0], np.arange(40) // size)


def test_groups_of_equal_content() -> None:
    contents = np.array([[1.0, 1, 1, 1, 4, 4, 8, 4, 4, 1, 1, 2]])  # 32 in all, 8 in a quarter
    group = equal_content(contents, 4)[0]
    # a bin goes where its middle lies: 0.5 1.5 2.5 3.5 6 | 10 | 16 22 | 26 28.5 29.5 31
    assert group.tolist() == [0, 0, 0, 0, 0, 1, 2, 2, 3, 3, 3, 3]


def test_negative_weights_and_empty_pairs_have_groups() -> None:
    assert equal_content(np.array([[0.0, 0, 0], [-1.0, 2, -1]]), 2).min() == 0
    assert freedman_diaconis(np.zeros((1, 8))).tolist() == [list(range(8))]


def test_weights_of_a_group_are_those_of_its_sum() -> None:
    toy = random_toy(1, 2, 2)
    h = toy.draw(np.random.default_rng(2), 30_000, 60_000)
    rows = np.arange(len(h.pairs))
    one, group = np.ones_like(rows), np.tile(np.arange(40) // 4, (len(rows), 1))
    reference = reference_shapes(h, rows)
    response = ScaleSmearingMap.of_pairs(h.pairs, toy.smearing_of).response(
        np.array([0.003, -0.002, 1e-4, 2e-4])
    )
    joined = bin_weights(arrange(h, rows, one, one, reference, group), response)
    # bins four times as wide
    wide = bin_weights(arrange(h, rows, 4 * one, one, reference), response)
    assert joined[:, :, ::4] == pytest.approx(wide[:, :, :10], rel=1e-6, abs=1e-9)
    assert joined[:, :, 3::4] == pytest.approx(joined[:, :, ::4], rel=1e-9)
    p = shape_noise(arrange(h, rows, one, one), response).probability
    assert p.reshape(3, 10, 4).sum(axis=2) == pytest.approx(
        shape_noise(arrange(h, rows, 4 * one, one), response).probability[:, :10], rel=1e-6
    )


@pytest.mark.parametrize("rule", ["freedman-diaconis", "equal-content"])
def test_any_bins_find_the_truth_with_nearly_the_same_errors(rule: Rule) -> None:
    toy = random_toy(3, 4, 2)
    h = toy.draw(np.random.default_rng(4), 8_000, 100_000)
    usual = fit_pairs(h, toy.smearing_of)
    other = fit_pairs(h, toy.smearing_of, FitSettings(binning=rule))
    assert np.abs((other.scale - toy.scale) / other.scale_error).max() < 3.5
    assert np.abs((other.smearing - toy.smearing) / other.smearing_error).max() < 3.5
    assert other.scale_error == pytest.approx(usual.scale_error, rel=0.05)
    assert other.smearing_error == pytest.approx(usual.smearing_error, rel=0.1)
    assert not np.array_equal(other.scale, usual.scale)
