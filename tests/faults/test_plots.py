"""Faults of earlier frameworks that concern plots, and what happens here instead."""

from __future__ import annotations

import numpy as np
import pytest

from scalesmear.cells import Window
from scalesmear.corrections import SmearingTable
from scalesmear.events import Events
from scalesmear.fill import Corrections
from scalesmear.io.plotfile import read_plots
from scalesmear.toys import generate, make_truth
from scalesmear.validation import AFTER, Leg, Plot, PlotResult, PlotSettings, fill_plots, results
from scalesmear.validation_fits import fit_plots

SETTINGS = PlotSettings(n_bins=20, line_shapes=False)
EXPONENT = 20
TRUTH = make_truth(1)


def toys(seed: int, n: int, *, weight: float = 1.0) -> Events:
    """Return simulated events with that factor on their weights."""
    events = generate(make_truth(seed), "sim", n)
    columns = {name: getattr(events, name) for name in events.columns}
    return Events(**columns | {"weight": events.weight * np.float32(weight)})


def shown(data: Events, sim: Events, plot: Plot) -> PlotResult:
    smearings = SmearingTable.of([Window((0, 2.5))], [0.02], [0.01])
    filled = fill_plots([data], "data", [plot], SETTINGS, Corrections())
    corrections = Corrections(smearings=smearings)
    expected = fill_plots([sim], "sim", [plot], SETTINGS, corrections, EXPONENT)
    (result,) = results(filled, expected, [plot], SETTINGS)
    return result


ALL = Plot("all", "mass", (Leg(), Leg()))


def test_f36_barrel_with_endcap_means_either_electron_in_the_barrel() -> None:
    # pairs whose harder electron is in the endcap used to be missing
    (plot,) = [p for p in read_plots("standard") if p.name == "EB-EE"]
    events = generate(TRUTH, "data", 5000)
    barrel, endcap = events.abs_eta < 1.4442, (events.abs_eta >= 1.566) & (events.abs_eta < 2.5)
    either = (barrel[:, 0] & endcap[:, 1]) | (barrel[:, 1] & endcap[:, 0])
    hard = (events.et[:, 0] >= 32) & (events.et[:, 1] >= 20)
    window = (events.mass >= 80) & (events.mass < 100)
    assert (endcap[:, 0] & barrel[:, 1] & hard & window).sum() > 100
    cells = fill_plots([events], "data", [plot], SETTINGS, Corrections())
    assert cells.contents(AFTER).sum() == (either & hard & window).sum()


def test_f36_chi2_is_divided_by_what_is_expected() -> None:
    # its arguments used to be swapped: expected in place of observed
    result = shown(generate(TRUTH, "data", 4000), toys(2, 20_000), ALL)
    (plot,) = fit_plots([result], SETTINGS).plots
    data, sim = np.array(result.data[AFTER]), np.array(result.sim[AFTER])
    variance = np.array(result.sim_variance[AFTER])
    use = sim >= 5
    right = ((data - sim)[use] ** 2 / (sim + variance)[use]).sum()
    assert plot.agreement().chi2 == pytest.approx(right)
    swapped = ((data - sim)[use] ** 2 / np.maximum(data + variance, 1)[use]).sum()
    assert swapped != pytest.approx(right, rel=0.01)


def test_f36_the_band_is_normalised_with_the_simulation() -> None:
    # it used to keep the size of the simulation before normalisation
    data = generate(TRUTH, "data", 4000)
    one, many = (shown(data, toys(2, 10_000, weight=w), ALL) for w in (1.0, 7.0))
    assert many.sim[AFTER] == pytest.approx(one.sim[AFTER], rel=1e-5)
    assert many.sim_variance[AFTER] == pytest.approx(one.sim_variance[AFTER], rel=1e-5)
    assert many.systematic == pytest.approx(one.systematic, rel=1e-3, abs=1e-6)
    assert sum(one.systematic) > 0
