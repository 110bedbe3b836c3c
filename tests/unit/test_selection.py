"""Cuts on candidates, and the account of what they leave."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scalesmear.events import Events
from scalesmear.selection import Candidates, SelectSettings, Tally, select

GOOD: dict[str, Any] = {
    "run": 7, "event": 1, "weight": 1.0, "mass": 91.0, "et": (45.0, 40.0), "eta": (0.1, -2.0),
    "phi": (0.0, 3.0), "eta_sc": (0.1, -2.0), "r9": (0.97, 0.9), "gain": (12, 12),
    "identification": (28, 28), "charge": (1, -1),
}  # fmt: skip


def candidates(*changes: dict[str, Any], with_charge: bool = True) -> Candidates:
    """Return good events, changed one by one."""
    rows = [GOOD | change for change in changes]
    columns = {name: np.array([row[name] for row in rows]) for name in GOOD}
    charge = columns.pop("charge").astype(np.int16)
    return Candidates(Events(**columns), charge if with_charge else None)


def lost_to(change: dict[str, Any], settings: SelectSettings) -> str | None:
    """Return the cut that removes a good event after a change, None if it is kept."""
    events, tally = select(candidates(change), settings)
    lost = [name for name, (left, _) in tally.cuts.items() if left == 0]
    assert (len(events) == 0) == bool(lost)
    return lost[0] if lost else None


@pytest.mark.parametrize(
    ("change", "cut"),
    [
        ({}, None),
        ({"mass": np.nan}, "finite values"),
        ({"et": (np.inf, 40)}, "finite values"),
        ({"eta": (0.1, np.nan)}, "finite values"),
        ({"phi": (-np.inf, np.inf)}, "finite values"),
        ({"r9": (np.nan, 0.9)}, "finite values"),
        ({"mass": 60.0}, None),
        ({"mass": 59.999}, "mass"),
        ({"mass": 120.0}, "mass"),
        ({"eta_sc": (1.4441, 2.4999)}, None),
        ({"eta_sc": (1.4442, 0.1)}, "abs(eta_SC)"),
        ({"eta_sc": (0.1, -1.5)}, "abs(eta_SC)"),
        ({"eta_sc": (0.1, -1.566)}, None),
        ({"eta_sc": (0.1, -2.5)}, "abs(eta_SC)"),
        ({"eta": (1.5, 2.6)}, None),
        # 32 (1 - 0.05) = 30.4, 20 (1 - 0.05) = 19
        ({"et": (30.41, 19.01)}, None),
        ({"et": (30.39, 30.0)}, "Et"),
        ({"et": (45.0, 18.99)}, "Et"),
        ({"identification": (8, 24)}, None),
        ({"identification": (28, 20)}, "identification"),
        ({"charge": (1, 1)}, "opposite charge"),
        ({"charge": (-1, -100)}, "opposite charge"),
        ({"eta_sc": (0.1, -999), "et": (45, 0), "charge": (1, -100)}, "abs(eta_SC)"),
    ],
)
def test_each_cut_removes_what_it_should(change: dict[str, Any], cut: str | None) -> None:
    found = lost_to(change, SelectSettings(id_bit=8))
    assert found is None if cut is None else (found is not None and found.startswith(cut))


def test_several_identification_bits_are_all_required() -> None:
    assert lost_to({"identification": (12, 12)}, SelectSettings(id_bit=12)) is None
    assert lost_to({"identification": (8, 12)}, SelectSettings(id_bit=12)) is not None


def test_cuts_can_be_left_out() -> None:
    settings = SelectSettings(id_bit=0, charge="any")
    assert lost_to({"identification": (0, 0), "charge": (1, 1)}, settings) is None
    _, tally = select(candidates({}), settings)
    assert next(iter(tally.cuts)) == "all"
    assert len(tally.cuts) == 5


def test_without_charges_none_is_required_but_the_cut_flow_has_the_same_rows() -> None:
    settings = SelectSettings()
    unknown = select(candidates({"charge": (1, 1)}, with_charge=False), settings)[1]
    known = select(candidates({"charge": (1, 1)}), settings)[1]
    assert list(unknown.cuts) == list(known.cuts)
    assert unknown.cuts["opposite charge"] == (1, 1.0)
    assert known.cuts["opposite charge"] == (0, 0.0)


def test_the_cut_flow_adds_up_events_and_weights() -> None:
    batch = candidates(
        {"weight": 2.0}, {"weight": -1.0}, {"weight": 4.0, "mass": 50.0}, {"weight": 8.0, "r9": (np.nan, 1)}
    )  # fmt: skip
    events, tally = select(batch, SelectSettings(mass_range=(60, 120)))
    # 2 - 1 + 4 + 8 = 13; without r9: 5; without the mass: 1
    assert list(tally.cuts.values())[:3] == [(4, 13.0), (3, 5.0), (2, 1.0)]
    assert tally.cuts["opposite charge"] == (2, 1.0)
    assert events.weight.tolist() == [2.0, -1.0]
    # 2^2 + 1^2 = 5
    assert (tally.sum_of_weights, tally.sum_of_squared_weights) == (1.0, 5.0)
    assert tally.largest_weight == 2.0


def test_runs_are_counted_after_the_selection() -> None:
    runs: list[dict[str, Any]] = [
        {"run": 300},
        {"run": 5},
        {"run": 300},
        {"run": 6, "mass": 1.0},
        {"run": 4_000_000_000},
    ]
    _, tally = select(candidates(*runs), SelectSettings())
    assert tally.runs == {5: 1, 300: 2, 4_000_000_000: 1}


def test_a_batch_that_loses_all_events_is_counted() -> None:
    events, tally = select(candidates({"mass": 1.0}), SelectSettings())
    assert len(events) == 0
    assert (tally.runs, tally.largest_weight) == ({}, 0.0)


def test_tallies_add_up() -> None:
    first = select(candidates({"run": 1}, {"run": 2, "weight": -3.0}), SelectSettings())[1]
    second = select(candidates({"run": 2, "weight": 2.0}, {"mass": 0.0}), SelectSettings())[1]
    total = Tally() + first + second
    assert total.cuts["all"] == (4, 1.0)
    assert total.cuts["opposite charge"] == (3, 0.0)
    assert total.runs == {1: 1, 2: 2}
    assert (total.largest_weight, total.sum_of_squared_weights) == (3.0, 14.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"abs_eta_max": 0.0},
        {"gap": (1.6, 1.5)},
        {"et_min": (20.0, 32.0)},
        {"et_margin": 1.0},
        {"mass_range": (120.0, 60.0)},
        {"id_bit": -1},
        {"charge": "same"},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} is "):
        SelectSettings(**wrong)
