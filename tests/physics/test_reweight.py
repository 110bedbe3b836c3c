"""Weights by pT and rapidity of the Z, on generated events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.fill import Corrections, FillSettings, fill_masses
from scalesmear.fit import fit_pairs
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import PairHistograms, weight_exponent
from scalesmear.io.categoryfile import read_categories
from scalesmear.reweight import Reweighting, ReweightSettings, derive_weights
from scalesmear.spectra import fill_spectra
from scalesmear.toys import generate, make_truth

if TYPE_CHECKING:
    from scalesmear.events import BoolArray, Events, FloatArray

pytestmark = pytest.mark.slow

SETTINGS = FillSettings()


def derived(data: Events, sim: Events) -> Reweighting:
    exponent = weight_exponent(float(abs(sim.weight).max()))
    return derive_weights(
        fill_spectra([data], "data", SETTINGS, Corrections()),
        fill_spectra([sim], "sim", SETTINGS, Corrections(), exponent),
        ReweightSettings(enabled=True),
    )


def is_filled(events: Events) -> BoolArray:
    """Tell which events a fit would use."""
    (low, high), (leading, subleading) = SETTINGS.mass_window, SETTINGS.et_min
    hard: BoolArray = (events.et[:, 0] >= leading) & (events.et[:, 1] >= subleading)
    return hard & (events.mass >= low) & (events.mass < high)


def chi2_per_bin(data: FloatArray, sim: FloatArray, weight: FloatArray, edges: FloatArray) -> float:
    """Compare the shapes of two distributions."""
    d = np.histogram(data, edges)[0]
    s, v = (np.histogram(sim, edges, weights=w)[0] for w in (weight, weight**2))
    scale = d.sum() / s.sum()
    return float(np.mean((d - scale * s) ** 2 / (d + scale**2 * v)))


def test_weighted_simulation_has_the_electrons_of_the_data() -> None:
    # both are simulation, with Z of another pT: Et is not what the weights are made of
    data = generate(make_truth(1), "sim", 150_000)
    data.weight[:] = 1
    sim = generate(make_truth(2, sim_z_pt=0.7), "sim", 300_000)
    inside = [part.where(is_filled(part)) for part in (data, sim)]
    weight = inside[1].weight.astype(float)
    weighted = weight * derived(*inside).table.of(inside[1])
    for electron, edges in ((0, np.linspace(40, 70, 31)), (1, np.linspace(20, 50, 31))):
        of_data, of_sim = (part.et[:, electron] for part in inside)
        assert chi2_per_bin(of_data, of_sim, weight, edges) > 10
        assert chi2_per_bin(of_data, of_sim, weighted, edges) < 1.6  # 30 bins: 1 +- 0.26


def test_noise_of_the_weights_is_nothing_beside_the_errors() -> None:
    # data and simulation have the same Z: weights differ from 1 by their noise alone
    truth = make_truth(3, n_runs=1)
    data, sim = generate(truth, "data", 150_000), generate(truth, "sim", 300_000)
    categories, found = read_categories("coarse"), derived(data, sim)
    assert found.weight.std() > 0.01
    exponent = found.table.exponent(float(abs(sim.weight).max()))
    counts = fill_masses([data], "data", categories, SETTINGS, Corrections())
    fits = []
    for weights in (None, found.table):
        chosen = Corrections(weights=weights)
        masses = fill_masses([sim], "sim", categories, SETTINGS, chosen, exponent)
        pairs = PairHistograms.of(counts, masses)
        fits.append(fit_pairs(pairs, categories.smearing_of, FitSettings()))
    off, on = fits
    scales = (on.scale - off.scale) / off.scale_error
    smearings = (on.smearing - off.smearing) / off.smearing_error
    # a tenth of an error, added in squares, is half a per cent of it
    assert np.sqrt(np.mean(np.square([*scales, *smearings]))) < 0.1
    np.testing.assert_allclose(on.scale_error, off.scale_error, rtol=0.02)
