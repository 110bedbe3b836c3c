"""Means of needed and exported scales, and what a report makes of them."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scalesmear.cells import Window
from scalesmear.corrections import ScaleTable
from scalesmear.fill import FillSettings
from scalesmear.io.categoryfile import read_categories
from scalesmear.recovery import Recovered, Recovery, recover
from scalesmear.report.truth import SLOPE, compare
from scalesmear.toys import ToyTruth, generate, make_truth, true_scale
from scalesmear.truth import EtLine, Truth

FITS = {name: read_categories(name) for name in ("stochastic", "gain")}


@pytest.fixture(scope="module")
def toys() -> ToyTruth:
    return make_truth(seed=3, n_runs=7, et_slope=0.004)


def table_of(scale: float) -> ScaleTable:
    """Return a table with one scale for everything."""
    return ScaleTable.of([(1, 999999)], [Window((0, 2.5))], [scale], [0.001])


def test_means_are_those_of_the_electrons_that_a_fit_sees(toys: ToyTruth) -> None:
    events = generate(toys, "data", 20_000)
    events = events.where(np.asarray((events.abs_eta < 1.4).all(axis=1)))
    truth = Truth.from_json(toys.as_json())
    batches = [events.where(slice(0, 3000)), events.where(slice(3000, None))]
    found = recover(batches, truth, table_of(1.01), FITS, FillSettings())
    needed = true_scale(toys, events)
    et, mass = events.et * needed, events.mass * np.sqrt(needed.prod(axis=1))
    seen = (mass >= 80) & (mass < 100) & (et.max(axis=1) >= 32) & (et.min(axis=1) >= 20)
    # category 0 of the set: |eta| < 1, R9 < 0.96, Et below 39 GeV
    inside = (events.abs_eta < 1) & (events.r9 < np.float32(0.96)) & (et.astype("f4") < 39)
    inside &= seen[:, None]
    means = found["stochastic"]
    assert means.electrons[0] == inside.sum() > 100
    assert means.needed[0] == pytest.approx(needed[inside].mean())
    assert means.got[0] == pytest.approx(1.01)
    at_pivot = events.et * true_scale(replace(toys, et_slope=0.0), events)
    tens = (np.clip(at_pivot[inside], 25, 65) - 45) / 10
    assert means.tens[0] == pytest.approx(tens.mean(), abs=1e-6)
    assert found["gain"].electrons.sum() == 2 * seen.sum()
    # nobody is in the endcaps
    assert np.isnan(means.needed[16:]).all()
    assert means.electrons[16:].sum() == 0


def test_the_true_table_has_all_that_is_needed_for_et_and_gain() -> None:
    """One scale for all but a slope: what remains for Et is the factor by Et itself."""
    toys = make_truth(seed=3, n_runs=1, et_slope=0.004)
    toys.scales[:], toys.drift[:] = 1.01, 1.0
    events = generate(toys, "data", 20_000)
    events = events.where(np.asarray((events.abs_eta < 1.4).all(axis=1)))
    truth = Truth.from_json(toys.as_json())
    means = recover([events], truth, table_of(1.01), FITS, FillSettings())["gain"]
    # a table without slope and gains lacks them: 1 for Et, 1 / 1.004^tens for gain 6 at the end
    assert means.by_et[0] == pytest.approx(1, abs=1e-6)
    assert means.by_et[1] == pytest.approx(1 / 1.007, abs=1e-6)
    assert means.by_gain[1] == pytest.approx(1 / (1 + 0.004 * 2), abs=1e-6)


def test_json_keeps_means_and_their_absence() -> None:
    means = Recovered(*(np.array([1.5, np.nan]) for _ in range(6)))
    content = {"truth": make_truth(seed=1).as_json(), "fits": {"fine": means.to_json()}}
    read = Recovery.from_json(content).fits["fine"]
    assert content["fits"]["fine"]["needed"] == [1.5, None]
    assert np.array_equal(read.needed, means.needed, equal_nan=True)
    with pytest.raises(KeyError):
        Recovery.from_json({"fits": {}})


def named(name: str, error: float) -> Any:
    categories = read_categories({"et": "stochastic"}.get(name, name))
    n, m = len(categories.scales), len(categories.smearings)
    result = SimpleNamespace(
        scale=np.full(n, 1.01),
        scale_error=np.full(n, 1.01 * error),
        smearing=np.full(m, 0.01),
        smearing_error=np.full(m, 0.001),
        smearing_at_bound=np.zeros(m, bool),
        covariance=np.diag([(1.01 * error) ** 2] * n + [1e-10] * m),
    )
    return SimpleNamespace(name=name, categories=categories, result=result)


def compared(fits: list[Any], shown: int, **changes: Any) -> Any:
    """Compare fits of which every category has 100 electrons, with a slope and gains put in."""
    truth = Truth((), (), (), {}, gain={6: 1.007, 1: 1.02}, et=EtLine(0.003))
    recovered = {}
    for fit in fits:
        n = len(fit.categories.scales)
        tens = np.resize([-1.0, 0.0, 1.0, 2.0], n)
        means = {
            "electrons": np.full(n, 100.0),
            "needed": np.full(n, 1.01),
            "got": np.full(n, 1.012),
            "tens": tens,
            "by_et": 1 + 0.0025 * tens,
            "by_gain": np.resize([1.001, 1.009, 1.019], n),
        }
        recovered[fit.name] = Recovered(**(means | changes))
    stability: Any = SimpleNamespace(targets=())
    return compare(Recovery(truth, recovered), stability, fits, fits[shown], {1: 10})


def test_totals_et_and_gains_are_compared_with_errors_of_their_fits() -> None:
    injection = compared([named("et", 0.001), named("gain", 0.002)], 0)
    assert len(injection.scales) == 32
    total = injection.scales[0]
    assert (total.injected, total.derived) == (1.01, 1.012)
    assert total.error == pytest.approx(0.001 * 1.012)
    low, _, _, high, slope = injection.et
    # 8 categories in a window of Et, with equal shares
    assert (low.injected, low.derived) == pytest.approx((0.997, 0.9975))
    assert low.error == pytest.approx(0.9975 * 0.001 / math.sqrt(8))
    assert (high.name, high.injected) == ("Et >= 65 GeV", pytest.approx(1.006))
    # variance of a slope of least squares: error^2 / sum of (x - mean)^2 = 8 x 5
    assert (slope.name, slope.injected) == (SLOPE, 0.003)
    assert slope.derived == pytest.approx(0.0025)
    assert slope.error == pytest.approx(0.001 / math.sqrt(40))
    six, one = injection.gains
    assert (six.injected, one.injected) == (1.007, 1.02)
    assert six.derived == pytest.approx(1.009 / 1.001)
    assert six.error == pytest.approx(six.derived * 0.002 * math.sqrt(2))
    assert injection.to_json()["Et"]["pulls"]["n"] == 5


def test_scales_that_are_not_determined_are_not_compared() -> None:
    gain = named("gain", 0.002)
    gain.result.scale_error[2] = math.inf
    injection = compared([gain], 0)
    assert [c.injected for c in injection.gains] == [1.007]
    assert len(injection.scales) == 2
    assert injection.et == ()
    assert injection.skipped[0] == "scale of |eta| < 2.5, gain 1: not determined"
    assert injection.skipped[-1] == "|eta| < 2.5, gain 1: not determined"


def test_et_is_compared_without_categories_that_are_not_determined() -> None:
    et = named("et", 0.001)
    et.result.scale_error[3] = math.inf  # |eta| < 1, R9 < 0.96, Et from 65 GeV on
    by_et = 1 + 0.003 * np.resize([-1.0, 0.0, 1.0, 2.0], 32)
    by_et[3] = 7.0
    injection = compared([et], 0, by_et=by_et)
    assert [c.derived for c in injection.et] == pytest.approx([c.injected for c in injection.et])
