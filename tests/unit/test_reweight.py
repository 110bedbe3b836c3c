from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from scalesmear.errors import InputError
from scalesmear.histogram import UNIT_BITS, Kind
from scalesmear.reweight import (
    ALONE,
    NOTHING,
    Reweighting,
    ReweightSettings,
    agreement,
    derive_weights,
    groups_of,
)
from scalesmear.spectra import ZSpectra
from scalesmear.zweights import ZGrid

Floats = NDArray[np.float64]

ON = ReweightSettings(enabled=True, min_events=10)
EXPONENT = 10


def spectra(
    kind: Kind, weight: list[list[float]], x: list[list[float]] | None = None, n_backward: int = 50
) -> ZSpectra:
    """Return spectra with these sums of unit weights, and a mean x and its square by cell."""
    w = np.array(weight, float)
    mean = np.zeros_like(w) if x is None else np.array(x)
    exponent = 0 if kind == "data" else EXPONENT
    size = 2.0**exponent
    sums = np.stack([w / size, np.abs(w) / size**2, w * mean / size, w * (mean**2 + 1e-4) / size])
    grid = ZGrid(tuple(map(float, range(w.shape[0] + 1))), tuple(map(float, range(w.shape[1] + 1))))
    units = np.rint(sums * 2.0**UNIT_BITS).astype(np.int64)
    return ZSpectra(kind, grid, exponent, units, 0, int(np.abs(w).sum()), n_backward, {})


def test_weights_are_the_ratio_of_the_shares() -> None:
    # shares of data 1/4 and 3/4, of simulation 1/2 and 1/2
    found = derive_weights(spectra("data", [[25, 75]]), spectra("sim", [[400, 400]]), ON)
    assert found.weight.tolist() == [[0.5, 1.5]]
    # relative errors add up in squares: 1/25 + 1/400, and 1/75 + 1/400
    expected = [[0.5 * np.sqrt(0.04 + 0.0025), 1.5 * np.sqrt(1 / 75 + 0.0025)]]
    np.testing.assert_allclose(found.error, expected, rtol=1e-9)


def test_the_sum_of_weights_of_simulation_is_kept() -> None:
    rng = np.random.default_rng(1)
    data = spectra("data", rng.integers(0, 300, (4, 12)).tolist())
    sim = spectra("sim", rng.integers(0, 900, (4, 12)).tolist())
    found = derive_weights(data, sim, ON)
    assert (found.weight * sim.weight).sum() == pytest.approx(sim.weight.sum(), rel=1e-12)
    before, after = (agreement(data, s, found.group) for s in (sim, weighted(sim, found.weight)))
    assert before.chi2 > 10 * before.ndf
    assert after.chi2 == pytest.approx(0, abs=1e-6)
    assert after.largest == pytest.approx(0, abs=1e-6)


def weighted(sim: ZSpectra, weight: Floats) -> ZSpectra:
    """Return what simulation is after events were weighted."""
    factors = np.stack([weight, weight**2, weight, weight])
    sums = np.rint(sim.sums * factors).astype(np.int64)
    return ZSpectra("sim", sim.grid, sim.exponent, sums, 0, sim.n_events, sim.n_backward, {})


def test_f13_an_empty_cell_shares_the_weight_of_its_neighbours() -> None:
    # one empty cell of 460 used to make all weights not a number, then 0
    data = spectra("data", [[100, 20, 40, 40]])
    sim = spectra("sim", [[100, 0, 60, 40]])
    found = derive_weights(data, sim, ON)
    assert np.isfinite(found.weight).all()
    # cells 0 and 1 hold 120 events of data and 100 of simulation, of 200 each
    np.testing.assert_allclose(found.weight, np.array([[1.2, 1.2, 40 / 60, 1]]))
    assert found.group.tolist() == [[0, 0, 1, 2]]
    assert found.n_undetermined == 0


def test_f13_a_cell_of_negative_weight_is_no_cell_of_its_own() -> None:
    found = derive_weights(spectra("data", [[50, 30, 50]]), spectra("sim", [[90, -20, 60]]), ON)
    # (50 + 30) / 130 over (90 - 20) / 130, and 50 / 130 over 60 / 130
    np.testing.assert_allclose(found.weight, np.array([[80 / 70, 80 / 70, 50 / 60]]))


def test_f13_what_has_no_events_at_all_keeps_weight_one() -> None:
    data, sim = spectra("data", [[60, 40], [0, 3]]), spectra("sim", [[40, 60], [50, 50]])
    found = derive_weights(data, sim, ON)
    np.testing.assert_allclose(found.weight, np.array([[1.5, 40 / 60], [1, 1]]))
    assert found.error[1].tolist() == [0, 0]
    assert found.group[1].tolist() == [ALONE, ALONE]
    assert found.n_undetermined == 2


def test_cells_with_few_events_are_put_together() -> None:
    group = groups_of(spectra("data", [[5, 5, 5, 20]]), spectra("sim", [[50, 50, 50, 50]]), 10)
    # the third one finds no partner before a cell that has enough by itself
    assert group.tolist() == [[0, 0, 0, 1]]


def test_no_events_at_all_is_an_error() -> None:
    with pytest.raises(InputError, match="no range of rapidity has 10 events"):
        derive_weights(spectra("data", [[3, 4]]), spectra("sim", [[30, 40]]), ON)


def test_f6_lost_signs_of_eta_are_refused() -> None:
    data, sim = spectra("data", [[60, 40]], n_backward=0), spectra("sim", [[40, 60]])
    with pytest.raises(InputError, match="sign was lost"):
        derive_weights(data, sim, ON)
    with pytest.raises(InputError, match="sign was lost"):
        derive_weights(sim, data, ON)
    off = derive_weights(data, sim, ReweightSettings(enabled=False, min_events=10))
    assert not off.has_signs


def test_weights_that_are_not_asked_for_are_one() -> None:
    settings = ReweightSettings(enabled=False, min_events=10)
    found = derive_weights(spectra("data", [[25, 75]]), spectra("sim", [[50, 50]]), settings)
    assert found.table.is_one
    # the spectra are compared all the same: (25 - 50)^2 / (25 + 50) + (75 - 50)^2 / (75 + 50)
    state = agreement(found.data, found.sim, found.group)
    assert state.chi2 == pytest.approx(625 / 75 + 625 / 125)


def test_agreement_says_what_is_left_and_what_it_does_to_the_mass() -> None:
    data = spectra("data", [[300, 100]])
    sim = spectra("sim", [[1000, 1000]], x=[[0.01, -0.01]])
    state = agreement(data, sim, np.array([[0, 1]], np.int32))
    # shares of data 3/4 and 1/4: 1.5 and 0.5 times those of simulation
    assert (state.largest, state.rms) == pytest.approx((0.5, 0.5))
    assert state.largest_error == pytest.approx(1.5 * np.sqrt(1 / 300 + 1 / 1000))
    assert state.ndf == 1
    assert state.p_value < 1e-9
    # the mean of x is 0 now, and 0.75 x 0.01 - 0.25 x 0.01 with the shares of data
    assert state.mass_shift == pytest.approx(0.005, rel=1e-6)
    noise = [1.5 * np.sqrt(1 / 300 + 1e-3), 0.5 * np.sqrt(1 / 100 + 1e-3)]
    assert state.mass_noise == pytest.approx(0.5 * 0.01 * np.hypot(*noise), rel=1e-6)
    # the variance of x is 1e-4 within and 1e-4 between the cells
    assert state.mass_error == pytest.approx(np.sqrt(2e-4 * (1 / 400 + 1 / 2000)), rel=1e-5)


def test_nothing_to_compare_is_no_failure() -> None:
    data, sim = spectra("data", [[1, 0]]), spectra("sim", [[1, 1]])
    assert agreement(data, sim, np.full((1, 2), ALONE)) == NOTHING
    assert NOTHING.p_value == 1


def test_json_holds_all_of_it() -> None:
    found = derive_weights(spectra("data", [[25, 75]]), spectra("sim", [[50, 50]]), ON)
    content = json.loads(json.dumps(found.to_json()))
    again = Reweighting.from_json(content)
    assert again.to_json() == found.to_json()
    with pytest.raises(InputError, match="not a reweighting"):
        Reweighting.from_json({"settings": {}}, "reweight.json")
