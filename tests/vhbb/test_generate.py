"""Generated events: conserved momenta, the golden sum of weights, one seed one sample."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vhbb.generate import (
    EDGES,
    HIGGS_MASS,
    SUM_OF_WEIGHTS,
    _bosons,
    _decay,
    background,
    data,
    expected_background,
    signal,
)


def masses(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    energy2, momenta2 = vectors[..., 0] ** 2, (vectors[..., 1:] ** 2).sum(axis=-1)
    found: NDArray[np.float64] = np.sqrt(np.maximum(energy2 - momenta2, 0))
    return found


def test_decays_conserve_the_four_momentum_of_bosons() -> None:
    rng = np.random.default_rng(1)
    higgs, boson = _bosons(rng, 1000)
    assert masses(higgs) == pytest.approx(HIGGS_MASS)
    assert higgs[:, 1:3] == pytest.approx(-boson[:, 1:3])  # back to back across the beam
    for parent in (higgs, boson):
        products = _decay(rng, parent)
        assert products.sum(axis=1) == pytest.approx(parent)
        assert masses(products) == pytest.approx(0, abs=1e-3)


def test_decays_are_isotropic_in_the_rest_frame() -> None:
    at_rest = np.tile([HIGGS_MASS, 0.0, 0.0, 0.0], (20_000, 1))
    products = _decay(np.random.default_rng(2), at_rest)
    directions = products[:, 0, 1:] / (HIGGS_MASS / 2)
    # each component is uniform in (-1, 1): mean 0, variance 1/3
    assert directions.mean(axis=0) == pytest.approx(0, abs=4 / np.sqrt(3 * 20_000))
    assert directions.var(axis=0) == pytest.approx(1 / 3, rel=0.03)


def test_weights_of_all_events_add_up_to_the_number_of_the_lesson() -> None:
    events = signal(np.random.default_rng(1), 5000)
    assert events.sum_of_weights == pytest.approx(SUM_OF_WEIGHTS, rel=1e-12)
    assert events.n_generated == 5000
    # what the derivation keeps has fewer events and a smaller sum, and two jets at least
    assert len(events.weight) < 5000
    assert events.weight.sum() < 0.99 * SUM_OF_WEIGHTS
    assert events.jets.seen.sum(axis=1).min() == 2
    assert (events.weight < 0).any()


def test_objects_are_ordered_and_in_reach() -> None:
    events = signal(np.random.default_rng(3), 2000)
    for objects in (events.jets, events.leptons):
        assert (np.diff(objects.pt, axis=1) <= 0).all()
    assert np.abs(events.leptons.eta[events.leptons.seen]).max() < 2.5
    assert events.jets.pt[events.jets.seen].min() > 20
    assert events.jets.tagged is not None
    assert np.abs(events.jets.eta[events.jets.tagged]).max() < 2.5


def test_one_seed_is_one_sample() -> None:
    first, second = (signal(np.random.default_rng(7), 500) for _ in range(2))
    assert np.array_equal(first.jets.pt, second.jets.pt)
    assert np.array_equal(first.weight, second.weight)


def test_background_and_data_fluctuate_about_one_expectation() -> None:
    expected = expected_background()
    assert len(expected) == len(EDGES) - 1
    contents, variances = background(np.random.default_rng(1))
    pull = (contents - expected) / np.sqrt(variances)
    assert np.abs(pull).max() < 4
    assert variances == pytest.approx(contents / 5)  # five simulated events for each expected
    observed = data(np.random.default_rng(2))
    assert np.array_equal(observed, np.rint(observed))
    assert np.abs((observed - expected) / np.sqrt(expected)).max() < 4
