"""Toy events look like Z->ee, and hold the truth that they claim."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from scalesmear.events import Events
from scalesmear.kinematics import pair_mass
from scalesmear.toys import DRIFT, generate, make_truth, region, true_scale

N = 200_000


@pytest.fixture(scope="module")
def data() -> Events:
    return generate(make_truth(11), "data", N)


@pytest.fixture(scope="module")
def simulation() -> Events:
    return generate(make_truth(11), "sim", N)


def median_near_the_peak(mass: np.ndarray, weight: np.ndarray | None = None) -> float:
    near = (mass > 85) & (mass < 97)
    chosen = mass[near]
    order = np.argsort(chosen)
    total = np.cumsum((np.ones(len(mass)) if weight is None else weight)[near][order])
    return float(chosen[order][np.searchsorted(total, total[-1] / 2)])


def test_parameters_are_in_the_range_of_real_ones() -> None:
    for seed in range(20):
        truth = make_truth(seed)
        assert np.all((truth.scales >= 1.0) & (truth.scales <= 1.014))
        assert np.all((truth.smearings >= 0.0059) & (truth.smearings <= 0.0221))
        mean = truth.run_share @ truth.drift
        rms = np.sqrt(truth.run_share @ (truth.drift - mean) ** 2)
        np.testing.assert_allclose(mean, 1.0, rtol=1e-12)
        np.testing.assert_allclose(rms, DRIFT, rtol=1e-9)


def test_most_pairs_lie_on_the_peak(simulation: Events) -> None:
    on_peak = np.mean((simulation.mass > 80) & (simulation.mass < 100))
    assert 0.85 < on_peak < 0.95


def test_events_reach_beyond_the_edges_of_an_analysis(data: Events) -> None:
    assert data.mass.min() < 58
    assert data.mass.max() > 122
    assert data.et[:, 0].min() < 30
    assert data.et[:, 1].min() < 18.5
    assert data.abs_eta.max() > 2.5
    assert np.any((data.abs_eta > 1.4442) & (data.abs_eta < 1.566))


@pytest.mark.parametrize("which", ["data", "simulation"])
def test_r9_depends_on_eta_as_conversions_do(which: str, request: pytest.FixtureRequest) -> None:
    events: Events = request.getfixturevalue(which)
    share = [np.mean(events.r9[region(events.abs_eta) == i] >= 0.96) for i in range(5)]
    assert 0.6 < share[0] < 0.78
    assert share[0] > share[1] > share[2] > 0.4
    assert 0.001 < np.mean(events.r9 < 0.4) < 0.01


def test_the_gain_is_low_at_high_et_only(data: Events) -> None:
    assert 0.001 < np.mean(data.gain == 6) < 0.004
    assert data.et[data.gain == 6].min() > 80
    assert set(np.unique(data.gain)) <= {1, 6, 12}


def test_weights_of_simulation_are_signed_and_those_of_data_are_one() -> None:
    truth = make_truth(4, negative_fraction=0.15, weight_spread=0.3)
    weight = generate(truth, "sim", N).weight
    # binomial: standard error sqrt(0.15 * 0.85 / N) = 0.0008
    assert np.mean(weight < 0) == pytest.approx(0.15, abs=5 * 0.0008)
    assert np.std(np.log(np.abs(weight))) == pytest.approx(0.3, rel=0.01)
    assert np.all(generate(truth, "data", 100).weight == 1)


def test_runs_have_their_share(data: Events) -> None:
    truth = make_truth(11)
    counts = np.array([np.sum(data.run == run) for run in truth.runs])
    expected = N * truth.run_share
    # the acceptance depends a little on the drift, hence not a chi-square of exactly 1
    assert np.sum((counts - expected) ** 2 / expected) / len(counts) < 2
    assert counts.max() > 5 * np.median(counts)


def test_the_true_scale_puts_the_peak_of_data_where_that_of_simulation_is(
    data: Events, simulation: Events
) -> None:
    truth = make_truth(11)
    corrected = data.mass * np.sqrt(true_scale(truth, data).prod(axis=1))
    target = median_near_the_peak(simulation.mass, simulation.weight)
    # 3.4 GeV wide at half maximum, 1.6e5 events: the error of the medians is about 0.012 GeV
    assert median_near_the_peak(corrected) == pytest.approx(target, abs=0.05)
    assert median_near_the_peak(data.mass) < target - 0.3


def test_without_corrections_data_are_simulation() -> None:
    truth = make_truth(2)
    plain = dataclasses.replace(
        truth,
        scales=np.ones((5, 2)),
        smearings=np.zeros((5, 2)),
        drift=np.ones_like(truth.drift),
        gain_scales={},
    )
    data, simulation = (generate(plain, kind, N).mass for kind in ("data", "sim"))
    edges = np.linspace(55, 125, 71)
    a, b = (np.histogram(mass, edges)[0] for mass in (data, simulation))
    chi2 = np.sum((a - b) ** 2 / np.maximum(a + b, 1))
    # chi-square of 70 bins: 70 +- 12
    assert chi2 < 70 + 5 * 12


def test_smearing_widens_data_by_what_the_truth_says() -> None:
    truth = make_truth(2)
    plain = dataclasses.replace(
        truth,
        scales=np.ones((5, 2)),
        smearings=np.full((5, 2), 0.03),
        drift=np.ones_like(truth.drift),
        gain_scales={},
    )
    data, simulation = (generate(plain, kind, N) for kind in ("data", "sim"))
    g = np.random.default_rng(1).standard_normal((N, 2))
    smeared = pair_mass(simulation.et * (1 + 0.03 * g), simulation.eta, simulation.phi)
    spread = [
        np.std(mass[(mass > 75) & (mass < 105)]) for mass in (data.mass, smeared, simulation.mass)
    ]
    assert spread[0] == pytest.approx(spread[1], rel=0.01)
    assert spread[0] > 1.05 * spread[2]


def test_background_fills_the_sides_of_the_peak() -> None:
    none, some = (
        generate(make_truth(1, background_fraction=f), "data", N).mass for f in (0.0, 0.1)
    )
    below = [np.mean((mass > 60) & (mass < 75)) for mass in (none, some)]
    assert below[1] > below[0] + 0.01
