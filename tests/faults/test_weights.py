"""Faults of earlier frameworks that concern weights by pT and rapidity, and what happens instead."""

from __future__ import annotations

import numpy as np
import pytest

from scalesmear.errors import InputError
from scalesmear.events import Events
from scalesmear.fill import Corrections, FillSettings
from scalesmear.kinematics import z_momentum
from scalesmear.reweight import ReweightSettings, derive_weights
from scalesmear.spectra import OUTSIDE_TABLE, fill_spectra
from scalesmear.toys import generate, make_truth
from scalesmear.zweights import WeightTable, ZGrid

TRUTH = make_truth(1)
GRID = ZGrid((0.0, 1.0, 2.0), (0.0, 10.0, 20.0, 50.0))
SETTINGS = ReweightSettings(enabled=True, min_events=20)


def momentum(events: Events) -> tuple[np.ndarray, np.ndarray]:
    """Return pT and abs(rapidity) of the Z, from both electrons of each event."""
    p_t, y = z_momentum(*(np.asarray(v, float) for v in (events.et, events.eta, events.phi)))
    return p_t, np.abs(y)


def test_f13_an_empty_cell_of_simulation_spoils_no_weight() -> None:
    # it used to make every weight not a number, and the fit to report success
    data, sim = (generate(TRUTH, kind, 20_000) for kind in ("data", "sim"))
    p_t, abs_y = momentum(sim)
    inside = (abs_y < 1) & (p_t >= 10) & (p_t < 20)
    assert inside.sum() > 100
    holed = sim.where(~inside)
    exponent = int(np.ceil(np.log2(np.abs(sim.weight).max())))
    settings, none = FillSettings(), Corrections()
    found_data = fill_spectra([data], "data", settings, none, 0, GRID)
    found_sim = fill_spectra([holed], "sim", settings, none, exponent, GRID)
    assert found_sim.weight[0, 1] == 0
    weights = derive_weights(found_data, found_sim, SETTINGS)
    assert np.isfinite(weights.weight).all()
    assert (weights.weight > 0).all()
    # the sum of weights of the simulation is kept
    total = (weights.weight * found_sim.weight).sum()
    assert total == pytest.approx(found_sim.weight.sum(), rel=1e-9)


def test_f13_a_weight_belongs_to_its_event_and_both_its_electrons() -> None:
    # the energy of one leg used to be that of the other, and weights to move to other events
    sim = generate(TRUTH, "sim", 3000)
    weight = 1 + np.arange(GRID.size, dtype=float).reshape(GRID.shape)
    table = WeightTable(GRID, weight)
    p_t, abs_y = momentum(sim)
    row, column = (np.digitize(v, e) - 1 for v, e in ((abs_y, GRID.abs_y), (p_t, GRID.p_t)))
    known = (row < GRID.shape[0]) & (column < GRID.shape[1])
    expected = np.ones(len(sim))
    expected[known] = weight[row[known], column[known]]
    assert np.array_equal(table.of(sim), expected)
    turned = np.random.default_rng(1).permutation(len(sim))
    shuffled = Events(**{name: getattr(sim, name)[turned] for name in sim.columns})
    assert np.array_equal(table.of(shuffled), expected[turned])


def test_f13_weights_that_are_all_zero_are_refused() -> None:
    with pytest.raises(InputError, match="all weights are 0"):
        WeightTable(GRID, np.zeros(GRID.shape))


def test_f14_events_outside_the_table_keep_their_weight_and_are_counted() -> None:
    # they used to get weight 0
    sim = generate(TRUTH, "sim", 5000)
    p_t, abs_y = momentum(sim)
    outside = (abs_y >= 2) | (p_t >= 50)
    assert outside.sum() > 50
    table = WeightTable(GRID, np.full(GRID.shape, 0.5))
    assert np.array_equal(table.of(sim) == 1, outside)
    exponent = int(np.ceil(np.log2(np.abs(sim.weight).max())))
    settings = FillSettings(et_min=(0.0, 0.0), mass_window=(62.0, 116.0))
    spectra = fill_spectra([sim], "sim", settings, Corrections(), exponent, GRID)
    mass = (sim.mass >= 62) & (sim.mass < 116)
    assert spectra.dropped[OUTSIDE_TABLE] == np.count_nonzero(outside & mass)
