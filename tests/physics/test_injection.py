"""From events to scales and smearings: what was injected is found, within the errors that are quoted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.categories import CategorySet
from scalesmear.fill import Corrections, FillSettings, fill_masses
from scalesmear.fit import fit_pairs
from scalesmear.histogram import MassHistograms, PairHistograms, weight_exponent
from scalesmear.toys import ABS_ETA, R9_EDGE, generate, make_truth

if TYPE_CHECKING:
    from scalesmear.fitresult import FitResult
    from scalesmear.histogram import Kind
    from scalesmear.toys import ToyTruth

pytestmark = pytest.mark.slow

BLOCKS = [{"abs_eta": list(window), "r9": [0, float(R9_EDGE), np.inf]} for window in ABS_ETA]
CATEGORIES = CategorySet.from_blocks({"scales": BLOCKS, "smearings": BLOCKS})
N_DATA, N_SIM = 250_000, 500_000


def without_drift(seed: int) -> ToyTruth:
    truth = make_truth(seed)
    return replace(truth, drift=np.ones_like(truth.drift))


def filled(truth: ToyTruth, kind: Kind, n_events: int) -> MassHistograms:
    events = generate(truth, kind, n_events)
    exponent = weight_exponent(float(np.abs(events.weight).max())) if kind == "sim" else 0
    return fill_masses([events], kind, CATEGORIES, FillSettings(), Corrections(), exponent)


def fitted(truth: ToyTruth) -> FitResult:
    histograms = PairHistograms.of(filled(truth, "data", N_DATA), filled(truth, "sim", N_SIM))
    return fit_pairs(histograms, CATEGORIES.smearing_of)


def test_injected_scales_and_smearings_are_found() -> None:
    pulls = []
    for seed in range(11, 15):
        truth = without_drift(seed)
        result = fitted(truth)
        n = len(result.scale)
        variance_error = np.sqrt(np.diag(result.covariance)[n:])
        pulls.append((result.scale - truth.scales.ravel()) / result.scale_error)
        free = ~result.smearing_at_bound
        q_pull = (result.smearing**2 - truth.smearings.ravel() ** 2) / variance_error
        pulls.append(q_pull[free])
    every = np.concatenate(pulls)
    # 80 pulls or a few less: rms 1 +- 1 / sqrt(160) = 0.08, mean 0 +- 0.11
    assert len(every) >= 76
    assert np.abs(every).max() < 4
    assert 0.76 < np.sqrt(np.mean(every**2)) < 1.24
    assert abs(every.mean()) < 0.33
