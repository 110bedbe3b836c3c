"""Faults of earlier frameworks that concern runs and stability, and what happens here instead."""

from __future__ import annotations

import numpy as np
import pytest

from scalesmear.errors import InputError
from scalesmear.events import Events
from scalesmear.kinematics import Z_MASS
from scalesmear.runs import run_bins
from scalesmear.stability import (
    Stability,
    StabilitySettings,
    collect_masses,
    collect_simulation,
    derive_stability,
    simulation_targets,
    z_mass_targets,
)

REGIONS = ((0.0, 1.4442), (1.566, 2.5))
BINS = [(1, 9), (10, 19), (20, 29)]
SETTINGS = StabilitySettings(
    regions=REGIONS, target="z_mass", min_events=200, mass_window=(80.0, 100.0)
)


def peak(n: int, run: int, eta: float, scale: float = 1.0, seed: int = 1) -> Events:
    """Return a peak with the width of the Z in the detector, its energies too low by a scale."""
    mass = np.random.default_rng((seed, run)).normal(Z_MASS, 4.0, n) / scale
    return Events(run=np.full(n, run), weight=np.ones(n), mass=mass, eta_sc=np.full((n, 2), eta))


def derive(*batches: Events) -> Stability:
    masses = collect_masses(batches, REGIONS, BINS)
    return derive_stability(masses, BINS, z_mass_targets(REGIONS), SETTINGS)


EVERYWHERE = [peak(1000, run, eta) for run in (5, 15, 25) for eta in (0.5, 2.0)]


def test_f27_the_median_in_the_window_reaches_its_target() -> None:
    # events used to be cut before scaling, so that corrected medians were 20-60 MeV short
    low = peak(40_000, 5, 0.5, scale=1.015)
    cell = derive(low, *EVERYWHERE[1:]).cells[0]
    mass = low.mass.astype(float)

    def median_after(scale: float) -> float:
        scaled = mass * scale
        return float(np.median(scaled[(scaled >= 80) & (scaled < 100)]))

    assert median_after(cell.scale) == pytest.approx(Z_MASS, abs=1e-3)
    in_window = mass[(mass >= 80) & (mass < 100)]
    assert median_after(Z_MASS / float(np.median(in_window))) < Z_MASS - 0.02
    assert cell.scale == pytest.approx(1.015, abs=4 * cell.error)


def test_f27_the_target_may_be_the_same_median_of_simulation() -> None:
    sim = collect_simulation([peak(5000, 1, 0.5), peak(5000, 1, 2.0, scale=1.01)], REGIONS)
    targets = simulation_targets(sim, SETTINGS)
    masses = collect_masses(EVERYWHERE, REGIONS, BINS)
    for cell in derive_stability(masses, BINS, targets, SETTINGS).cells:
        assert cell.after.median == pytest.approx(targets[REGIONS.index(cell.region)].mass)


def test_f28_a_cell_without_events_joins_its_neighbour_and_is_named() -> None:
    # it used to end the program
    stability = derive(*EVERYWHERE[:-1])
    assert stability.merged_groups == {"runs 10-29, |eta| 1.566-2.5": 2}
    with pytest.raises(InputError, match=r"region \|eta\| 1.566-2.5: 0 data events"):
        derive(*EVERYWHERE[::2])


def test_f28_the_last_run_range_is_not_a_small_rest() -> None:
    events = dict.fromkeys(range(1, 11), 40)
    bins = run_bins(events, 100)
    assert bins == [(1, 3), (4, 6), (7, 10)]
    assert all(sum(events[r] for r in range(a, b + 1)) >= 100 for a, b in bins)
