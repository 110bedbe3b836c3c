"""Toy events: what is drawn from which stream, and what the truth says."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear import toys
from scalesmear.events import Events
from scalesmear.kinematics import pair_mass
from scalesmear.toys import (
    chunk_sizes,
    generate,
    generate_chunk,
    make_truth,
    region,
    true_scale,
    true_smearing,
)

if TYPE_CHECKING:
    from scalesmear.histogram import Kind


def same(a: Events, b: Events) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in a.columns)


@pytest.mark.parametrize("kind", ["data", "sim"])
def test_equal_seeds_give_equal_events(kind: Kind) -> None:
    first, second = (generate(make_truth(5), kind, 500) for _ in range(2))
    assert len(first) == 500
    assert same(first, second)


def test_seeds_streams_and_kinds_give_other_events() -> None:
    truth = make_truth(5)
    samples = [
        generate(truth, "data", 200),
        generate(truth, "data", 200, stream=1),
        generate(truth, "sim", 200),
        generate(make_truth(6), "data", 200),
    ]
    masses = np.concatenate([sample.mass for sample in samples])
    assert len(np.unique(masses)) == len(masses)


def test_a_chunk_does_not_depend_on_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toys, "CHUNK_SIZE", 300)
    truth = make_truth(1)
    assert list(chunk_sizes(700)) == [300, 300, 100]
    events = generate(truth, "data", 700, stream=3)
    assert same(generate_chunk(truth, "data", 300, 3, 1), events.where(slice(300, 600)))
    assert len(np.unique(events.event)) == 700


def test_no_event_number_occurs_in_two_streams() -> None:
    truth = make_truth(1)
    first, second = (generate(truth, "sim", 50, stream=stream) for stream in (0, 1))
    assert not set(first.event) & set(second.event)


def test_no_events_can_be_asked_for() -> None:
    assert len(generate(make_truth(1), "sim", 0)) == 0


def test_leading_comes_first_and_the_mass_is_that_of_the_electrons() -> None:
    events = generate(make_truth(1), "data", 2000)
    assert np.all(events.et[:, 0] >= events.et[:, 1])
    expected = pair_mass(
        events.et.astype(float), events.eta.astype(float), events.phi.astype(float)
    )
    np.testing.assert_allclose(events.mass, expected, rtol=1e-5)


def test_the_truth_is_looked_up_in_half_open_windows() -> None:
    abs_eta = np.array([0, 0.999, 1.0, 1.2, 1.4442, 1.566, 2.0, 2.49], np.float32)
    assert region(abs_eta).tolist() == [
        0, 0, 1, 2, 2, 3, 4, 4,
    ]  # fmt: skip


def test_true_scale_is_the_product_of_scale_drift_and_gain() -> None:
    truth = make_truth(1, gain_scales={12: 1.0, 6: 1.5, 1: 2.0})
    pair = Events(
        run=truth.runs[[7]],
        eta_sc=np.array([[0.3, -2.1]]),
        r9=np.array([[0.95, 0.96]]),
        gain=np.array([[6, 12]]),
    )
    expected = [
        truth.scales[0, 0] * truth.drift[7, 0] * 1.5,
        truth.scales[4, 1] * truth.drift[7, 4] * 1.0,
    ]
    assert true_scale(truth, pair)[0].tolist() == pytest.approx(expected)
    assert true_smearing(truth, pair)[0].tolist() == [truth.smearings[0, 0], truth.smearings[4, 1]]


def test_the_scale_divides_the_energy_and_nothing_else() -> None:
    truth = make_truth(3)
    ones = dataclasses.replace(
        truth, scales=np.ones((5, 2)), drift=np.ones_like(truth.drift), gain_scales={}
    )
    # many of the same pairs pass when all energies are 25 % larger
    larger = dataclasses.replace(ones, scales=np.full((5, 2), 0.8))
    nominal, scaled = (generate(t, "data", 300) for t in (ones, larger))
    common = np.isin(nominal.phi[:, 0], scaled.phi[:, 0])
    chosen = np.isin(scaled.phi[:, 0], nominal.phi[common, 0])
    assert common.sum() > 100
    expected = nominal.where(common)
    found = scaled.where(chosen)
    np.testing.assert_allclose(found.et, expected.et / 0.8, rtol=1e-5)
    np.testing.assert_array_equal(found.eta_sc, expected.eta_sc)


def test_the_truth_as_json_has_each_window_once() -> None:
    truth = make_truth(1, n_runs=4, background_fraction=0.01)
    content = json.loads(json.dumps(truth.as_json()))
    assert content["seed"] == 1
    assert content["background_fraction"] == 0.01
    assert content["gain"] == {"6": 1.004, "1": 1.01}
    assert len(content["scales"]) == len(content["smearings"]) == 10
    assert content["scales"][3] == {
        "abs_eta": [1.0, 1.2],
        "r9": [0.96, None],
        "scale": truth.scales[1, 1],
    }
    assert content["smearings"][0]["smearing"] == truth.smearings[0, 0]
    assert content["drift"]["runs"] == truth.runs.tolist()
    assert np.shape(content["drift"]["factor"]) == (4, 5)


def test_a_single_run_does_not_drift() -> None:
    assert make_truth(1, n_runs=1).drift.tolist() == [[1.0] * 5]
