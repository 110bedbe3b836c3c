"""Fits in bins of Et: electrons that cross an edge bias them, unless what migrates is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from scalesmear.categories import CategorySet
from scalesmear.fill import Corrections, FillSettings, fill_masses
from scalesmear.fit import fit_pairs
from scalesmear.histogram import PairHistograms, weight_exponent
from scalesmear.injection import calm_world
from scalesmear.migration import Expected, migrate
from scalesmear.toys import generate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import Events
    from scalesmear.fitresult import FitResult

    Floats = NDArray[np.float64]

pytestmark = pytest.mark.slow

REGIONS = ((0, 1), (1, 1.4442), (1.566, 2.5))
BINS = [{"abs_eta": list(eta), "et": [0, 32, 37, 41, 45, 50, 60, np.inf]} for eta in REGIONS]
CATEGORIES = CategorySet.from_blocks({"scales": BINS, "smearings": BINS})
SMEARINGS = (0.008, 0.012, 0.012, 0.018, 0.018)  # by window of the toys, whatever R9
N_EVENTS = 1_000_000
SETTINGS = FillSettings()


class Toy(NamedTuple):
    """Events, what the data need, and the histograms of both."""

    sim: Events
    scale: Floats
    smearing: Floats
    exponent: int
    histograms: PairHistograms

    def fit(self, before: FitResult | None = None) -> FitResult:
        """Fit, with what migrates after the fit before."""
        histograms = self.histograms
        if before is not None:
            at = Expected(before.scale, before.smearing)
            flows = migrate([self.sim], CATEGORIES, SETTINGS, Corrections(), at, self.exponent)
            histograms = replace(histograms, flows=flows.flows)
        return fit_pairs(histograms, CATEGORIES.smearing_of)

    def rms(self, fit: FitResult) -> tuple[float, float]:
        """Return the rms of the pulls of scales and of smearings^2."""
        n = len(self.scale)
        q_error = np.sqrt(np.diag(fit.covariance)[n:])
        pulls = (fit.scale - self.scale) / fit.scale_error
        q_pulls = (fit.smearing**2 - self.smearing**2) / q_error
        return float(np.sqrt(np.mean(pulls**2))), float(np.sqrt(np.mean(q_pulls**2)))


def make_toy(seed: int, largest: float) -> Toy:
    """Generate events; data need scales by bin of Et that differ from 1 by up to `largest`."""
    smearings = np.repeat(SMEARINGS, 2).reshape(5, 2)
    world = replace(calm_world(seed, negative_fraction=0.12), smearings=smearings)
    data, sim = (generate(world, kind, N_EVENTS) for kind in ("data", "sim"))
    scale = 1 + largest * np.random.default_rng(seed).uniform(-1, 1, len(CATEGORIES.scales))
    category = CATEGORIES.category_of(data.abs_eta, data.r9, data.et, data.gain)
    factor = np.where(category < 0, 1, scale[category])
    data.et[:] = data.et / factor
    data.mass[:] = data.mass / np.sqrt(factor.prod(axis=1))
    exponent = weight_exponent(float(np.abs(sim.weight).max()))
    around = CATEGORIES, SETTINGS, Corrections()
    filled = (fill_masses([data], "data", *around), fill_masses([sim], "sim", *around, exponent))
    smearing = np.repeat([SMEARINGS[0], SMEARINGS[1], SMEARINGS[3]], 7)
    return Toy(sim, scale, smearing, exponent, PairHistograms.of(*filled))


def test_scales_by_et_are_found_within_their_errors() -> None:
    toy = make_toy(11, largest=0.005)
    first = toy.fit()
    second = toy.fit(first)
    third = toy.fit(second)
    naive, result = toy.rms(first), toy.rms(third)
    # 21 pulls of rms 1 scatter by 1 / sqrt(42) = 0.15
    assert result[0] < 1.3
    assert result[1] < 1.4
    assert naive[0] > 2.5
    assert third.goodness.total_chi2 < first.goodness.total_chi2
    # a fourth fit would change less than the third, which is near the second
    assert np.sqrt(np.mean(((third.scale - second.scale) / third.scale_error) ** 2)) < 0.5
