"""Where fits begin does not decide where they end."""

from functools import cache

import numpy as np
import pytest
from tests.mass_toys import MassToy, random_toy

from scalesmear.fit import fit_pairs
from scalesmear.fitresult import FitResult
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import PairHistograms
from scalesmear.solver import Box
from scalesmear.starts import GRID, random_starts


@cache
def toy() -> MassToy:
    return random_toy(6, 5, 3, largest_shift=0.025)


@cache
def histograms() -> PairHistograms:
    return toy().draw(np.random.default_rng(7), 100_000, 100_000)


@cache
def usual() -> FitResult:
    return fit_pairs(histograms(), toy().smearing_of)


def assert_same(r: FitResult) -> None:
    assert np.abs((r.scale - usual().scale) / usual().scale_error).max() < 0.02
    assert np.abs((r.smearing - usual().smearing) / usual().smearing_error).max() < 0.02


def test_a_scan_begins_nearer() -> None:
    r = fit_pairs(histograms(), toy().smearing_of, FitSettings(start="scan"))
    assert_same(r)
    assert r.n_evaluations <= usual().n_evaluations
    assert np.diff(GRID) == pytest.approx(np.full(12, 0.005))


def test_a_scan_leaves_fixed_scales_where_they_are() -> None:
    settings = FitSettings(start="scan", fixed_scales=(1,))
    start = (np.array([1.0, 1.02, 1.0, 1.0, 1.0]), np.full(3, 0.01))
    r = fit_pairs(histograms(), toy().smearing_of, settings, start)
    assert r.scale[1] == pytest.approx(1.02)


def test_random_starts_agree_and_are_repeatable() -> None:
    settings = FitSettings(start="random", n_starts=4, seed=3)
    r = fit_pairs(histograms(), toy().smearing_of, settings)
    assert_same(r)
    assert r.warnings == ()
    assert r.n_evaluations > 2 * usual().n_evaluations
    again = fit_pairs(histograms(), toy().smearing_of, settings)
    assert np.array_equal(r.scale, again.scale)


def test_random_starts_are_in_their_range_and_seeded() -> None:
    box = Box(np.full(4, -0.1), np.full(4, 0.1), np.array([True, True, False, True]), np.ones(4))
    begin = np.array([0.0, 0.0, 0.5, 1e-4])
    one, *others = random_starts(begin, 3, 50, 1, box)
    assert one is begin
    drawn = np.array(others)
    assert len(drawn) == 49
    assert np.abs(drawn[:, :2]).max() <= 0.03 < 2 * np.abs(drawn[:, :2]).max()
    assert np.all(drawn[:, 2] == 0.5)
    assert drawn[:, 3].min() >= 0
    assert np.array_equal(drawn, random_starts(begin, 3, 50, 1, box)[1:])
    assert not np.array_equal(drawn, random_starts(begin, 3, 50, 2, box)[1:])


def test_starts_that_disagree_are_reported() -> None:
    # two peaks: the data of a pair fit the simulation at either of two scales
    h = histograms()
    sim, variance = (
        np.roll(p, 45, axis=1) + np.roll(p, -45, axis=1) for p in (h.sim[:1], h.sim_variance[:1])
    )
    only = PairHistograms(h.grid, 1, h.pairs[:1], h.data[:1], sim, variance)
    settings = FitSettings(start="random", n_starts=8, fixed_smearings=(0,))
    r = fit_pairs(only, np.array([0]), settings)
    assert any("starts" in w for w in r.warnings)


def test_a_start_from_a_file_needs_it() -> None:
    settings = FitSettings(start="file")
    with pytest.raises(ValueError, match="start as an argument"):
        fit_pairs(histograms(), toy().smearing_of, settings)
    r = fit_pairs(histograms(), toy().smearing_of, settings, (usual().scale, usual().smearing))
    assert_same(r)
    assert r.n_evaluations < usual().n_evaluations
