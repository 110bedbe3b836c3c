"""What toy data need, as read back from their truth.json."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.errors import InputError
from scalesmear.toys import ToyTruth, et_factor, generate, make_truth, true_scale
from scalesmear.truth import EtLine, Truth

if TYPE_CHECKING:
    from scalesmear.events import Events


@pytest.fixture(scope="module")
def toys() -> ToyTruth:
    return make_truth(seed=3, n_runs=7, et_slope=0.004)


@pytest.fixture(scope="module")
def events(toys: ToyTruth) -> Events:
    made = generate(toys, "data", 5000)
    gap = (made.abs_eta >= 1.4442) & (made.abs_eta < 1.566)
    return made.where(np.asarray(~(gap | (made.abs_eta >= 2.5)).any(axis=1)))


def read_back(toys: ToyTruth) -> Truth:
    return Truth.from_json(json.loads(json.dumps(toys.as_json())))


def test_needs_are_those_that_the_toys_were_made_with(toys: ToyTruth, events: Events) -> None:
    needs = read_back(toys).needs(events)
    assert needs.factor == pytest.approx(true_scale(toys, events), rel=1e-12)
    at_pivot = needs.factor / needs.by_et
    assert needs.by_et == pytest.approx(et_factor(toys, events.et * at_pivot), rel=1e-12)
    # gains 6 and 1 begin at 130 GeV: there are some
    assert {1.0, 1.007} <= set(np.unique(needs.by_gain)) <= {1.0, 1.007, 1.02}


def test_line_by_et_ends_where_it_says() -> None:
    line = EtLine(0.01, 45.0, (25.0, 65.0))
    assert line.tens(np.array([5.0, 25.0, 45.0, 60.0, 65.0, 300.0])).tolist() == [
        *(-2.0, -2.0, 0.0, 1.5, 2.0, 2.0)
    ]


def test_truth_of_earlier_toys_has_no_line(toys: ToyTruth) -> None:
    content = {k: v for k, v in toys.as_json().items() if not k.startswith("et_")}
    assert Truth.from_json(content).et == EtLine(0.0, 45.0, (25.0, 65.0))


def test_run_that_the_truth_does_not_know_is_refused(toys: ToyTruth, events: Events) -> None:
    truth = read_back(toys)
    last = max(truth.drift)
    short = replace(truth, drift={run: f for run, f in truth.drift.items() if run != last})
    with pytest.raises(InputError, match=f"truth: run {last} is not in it"):
        short.needs(events)


def test_electrons_in_no_window_have_no_factor(toys: ToyTruth) -> None:
    made = generate(toys, "data", 5000)
    inside = made.abs_eta < 2.5
    gap = (made.abs_eta >= 1.4442) & (made.abs_eta < 1.566)
    known = np.isfinite(read_back(toys).needs(made).factor)
    assert np.array_equal(known, inside & ~gap)
    assert not known.all()


def test_drift_is_averaged_over_the_events_of_the_runs_in_a_range() -> None:
    truth = Truth((), (), ((0.0, 1.0),), {1: (1.0,), 2: (1.1,), 3: (5.0,)})
    assert truth.mean_drift(0, {1: 3, 2: 1, 3: 7}, (1, 2)) == pytest.approx((3 * 1 + 1.1) / 4)
