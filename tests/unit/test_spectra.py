from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from functools import reduce

import numpy as np
import pytest

from scalesmear.cells import Window
from scalesmear.corrections import ScaleTable
from scalesmear.errors import InputError
from scalesmear.events import Events
from scalesmear.fill import BELOW_ET, BLOCK, WITHOUT_ROW, Corrections, FillSettings
from scalesmear.histogram import Kind, weight_exponent
from scalesmear.kinematics import Z_MASS, pair_mass
from scalesmear.spectra import (
    OUTSIDE_TABLE,
    OUTSIDE_WINDOW,
    ZSpectra,
    fill_spectra,
    spectra_columns,
)
from scalesmear.toys import generate, make_truth
from scalesmear.zweights import WeightTable, ZGrid

SMALL = ZGrid((0.0, 1.0, 2.0), (0.0, 10.0, 50.0, 100.0))
SETTINGS = FillSettings()


def add_spectra(jobs: Iterable[ZSpectra]) -> ZSpectra:
    return reduce(ZSpectra.__add__, jobs)


def pairs(n: int = 1, **changes: float) -> Events:
    """Return events of two electrons of 45 GeV, 170 degrees apart, at one eta."""
    values = {"eta": 0.5, "et": 45.0, "mass": Z_MASS, "weight": 1.0, "angle": 170.0} | changes
    phi = np.full((n, 2), [0.0, np.radians(values["angle"])])
    return Events(
        run=np.ones(n),
        event=np.arange(n),
        weight=np.full(n, values["weight"]),
        mass=np.full(n, values["mass"]),
        et=np.full((n, 2), values["et"]),
        eta=np.full((n, 2), values["eta"]),
        phi=phi,
        eta_sc=np.full((n, 2), values["eta"]),
        r9=np.full((n, 2), 0.95),
        gain=np.full((n, 2), 12),
    )


def filled(
    *batches: Events, kind: Kind = "sim", corrections: Corrections | None = None
) -> ZSpectra:
    exponent = 0 if kind == "data" else weight_exponent(max(abs(b.weight).max() for b in batches))
    chosen = corrections or Corrections()
    return fill_spectra(batches, kind, SETTINGS, chosen, exponent, SMALL)


def test_an_event_counts_in_the_cell_of_its_z() -> None:
    # pT = 2 x 45 cos(85 degrees) = 7.8 GeV, y = 0.5: the first cell
    found = filled(pairs(3), kind="data")
    assert found.weight[0, 0] == 3
    assert found.weight.sum() == 3
    assert (found.n_events, found.n_backward, found.outside_weight) == (3, 0, 0)


def test_signed_weights_their_squares_and_moments_add_up() -> None:
    # x = ln(m / m_Z) = 0.01 for one event of weight 3 and one of weight -1
    mass = Z_MASS * np.exp(0.01)
    found = filled(pairs(weight=3.0, mass=mass), pairs(weight=-1.0, mass=mass))
    assert found.weight[0, 0] == pytest.approx(2, rel=1e-9)
    assert found.variance[0, 0] == pytest.approx(10, rel=1e-9)
    assert found.moment(1)[0, 0] == pytest.approx(2 * 0.01, rel=1e-6)
    assert found.moment(2)[0, 0] == pytest.approx(2 * 1e-4, rel=1e-5)


def test_dropped_events_are_counted_by_the_first_reason() -> None:
    bad = [pairs(2, et=15.0), pairs(3, mass=70.0), pairs(4, mass=70.0, et=15.0)]
    found = filled(*bad, pairs(5, angle=0.0, et=60.0), pairs(6))
    # 2 x 60 GeV in one direction is beyond the last edge of 100 GeV
    assert found.dropped == {BELOW_ET: 6, OUTSIDE_WINDOW: 3, WITHOUT_ROW: 0, OUTSIDE_TABLE: 5}
    assert found.outside_weight == 5
    assert found.weight.sum() == 6


def test_data_are_taken_as_the_scales_make_them() -> None:
    # 9.9 GeV of pT becomes 10.1 GeV, and the mass follows: 89 x 1.02
    angle = 2 * np.degrees(np.arccos(9.9 / 90))
    table = ScaleTable.of([(0, 999999)], [Window()], [1.02], [0.0])
    events = pairs(angle=angle, mass=79.0)
    assert filled(events, kind="data").weight.sum() == 0
    found = filled(events, kind="data", corrections=Corrections(scales=table))
    assert found.weight[0].tolist() == [0, 1, 0]


def test_weights_multiply_those_of_the_generator() -> None:
    weights = WeightTable(SMALL, np.full(SMALL.shape, 0.25))
    found = fill_spectra(
        [pairs(weight=-2.0)], "sim", SETTINGS, Corrections(weights=weights), 1, SMALL
    )
    assert found.weight.sum() == -0.5
    assert found.variance.sum() == 0.25


def test_a_weight_beyond_the_exponent_is_refused() -> None:
    for weight in (3.0, np.nan):
        with pytest.raises(ValueError, match="larger than 2"):
            fill_spectra([pairs(weight=weight)], "sim", SETTINGS, Corrections(), 1)


def test_grouping_of_events_changes_no_bit() -> None:
    truth = dataclasses.replace(make_truth(3), weight_spread=0.5)
    events = generate(truth, "sim", 2 * BLOCK + 100)
    exponent = weight_exponent(float(abs(events.weight).max()))
    whole = fill_spectra([events], "sim", SETTINGS, Corrections(), exponent)
    parts = [events.where(slice(i, None, 3)) for i in range(3)]
    jobs = [fill_spectra([part], "sim", SETTINGS, Corrections(), exponent) for part in parts]
    assert add_spectra(jobs).to_json() == add_spectra(reversed(jobs)).to_json() == whole.to_json()
    assert whole.n_backward > BLOCK


def test_spectra_of_different_units_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        filled(pairs(weight=1.0)) + filled(pairs(weight=3.0))


def test_json_holds_all_of_it() -> None:
    found = filled(pairs(5, weight=-0.3), pairs(2, eta=-1.5, weight=0.7))
    again = ZSpectra.from_json(json.loads(json.dumps(found.to_json())))
    assert again.to_json() == found.to_json()
    assert (again.sums == found.sums).all()
    with pytest.raises(InputError, match="no spectra"):
        ZSpectra.from_json({"kind": "sim"}, "spectra.json")


def test_columns_are_those_that_are_used() -> None:
    truth = make_truth(3)
    events = generate(truth, "data", 100)
    assert np.allclose(pair_mass(events.et, events.eta, events.phi), events.mass, rtol=1e-4)
    kinds: tuple[Kind, Kind] = ("data", "sim")
    for kind in kinds:
        some = {n: getattr(events, n) for n in spectra_columns(Corrections(), kind)}
        assert fill_spectra([Events(**some)], kind, SETTINGS, Corrections(), 0).n_events == 100
