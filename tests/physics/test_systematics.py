"""Errors of the differences of fits that share events, on generated events."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest

from scalesmear.fill import Corrections, FillSettings
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import weight_exponent
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.variationsfile import read_variations
from scalesmear.systematics import SystematicErrors, derive_systematics
from scalesmear.toys import generate, make_truth
from scalesmear.variations import GroupedPairs, distinct_fillings, fill_variations

pytestmark = pytest.mark.slow

ETA = read_categories("coarse")
# what changes nothing but the events and bins that a fit takes: statistics alone
HARMLESS = ("Et from 35 and 25 GeV", "bins of equal content")
SEEDS = range(4)


@cache
def derived(seed: int) -> SystematicErrors:
    # one scale for all electrons, so that no variation averages over different scales
    truth = make_truth(seed, n_runs=1)
    flat = dataclasses.replace(
        truth,
        scales=np.ones((5, 2)),
        smearings=np.full((5, 2), 0.01),
        gain_scales={12: 1.0, 6: 1.0, 1: 1.0},
    )
    data, sim = generate(flat, "data", 80_000), generate(flat, "sim", 160_000)
    variations = [v for v in read_variations("standard") if v.name in HARMLESS]
    fillings = distinct_fillings(variations)
    exponent = weight_exponent(float(abs(sim.weight).max()))
    settings = FillSettings()
    filled = (
        fill_variations([data], "data", ETA, settings, Corrections(), 0, fillings),
        fill_variations([sim], "sim", ETA, settings, Corrections(), exponent, fillings),
    )
    groups = {f: GroupedPairs.of(d, s) for f, d, s in zip(fillings, *filled, strict=True)}
    return derive_systematics(groups, ETA, FitSettings(), variations)


@pytest.mark.parametrize("place", range(len(HARMLESS)))
def test_changes_without_a_cause_are_as_large_as_their_errors(place: int) -> None:
    pulls = np.array(
        [d.shifts[place].scale / d.shifts[place].scale_error for d in map(derived, SEEDS)]
    )
    # 32 correlated pulls, each error known to 24 %
    assert 0.6 < np.sqrt(np.mean(pulls**2)) < 1.5


def test_a_change_is_less_uncertain_than_the_fits() -> None:
    for found in map(derived, SEEDS):
        for shift in found.shifts:
            assert np.median(shift.scale_error / found.scale_error) < 0.8


def test_the_jackknife_gives_the_errors_of_the_fit() -> None:
    # those of the fit come from its equations, whose numbers are tested elsewhere
    found = [derived(seed).scale_error for seed in SEEDS]
    spread = np.array([derived(seed).scale - 1 for seed in SEEDS])
    assert 0.6 < np.sqrt(np.mean(spread**2) / np.mean(np.square(found))) < 1.5
