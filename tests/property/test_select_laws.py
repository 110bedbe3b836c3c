"""Laws of the selection, whatever the events."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scalesmear.events import COLUMNS, Events
from scalesmear.selection import Candidates, SelectSettings, Tally, select

ANY = st.floats(width=32)
RANGES = {
    "run": st.integers(0, 2**32 - 1),
    "event": st.integers(0, 2**64 - 1),
    "weight": st.integers(-1000, 1000).map(float),
    "mass": st.one_of(st.floats(50, 130, width=32), ANY),
    "et": st.one_of(st.floats(10, 60, width=32), ANY),
    "eta": st.one_of(st.floats(-3, 3, width=32), ANY),
    "phi": st.one_of(st.floats(-3, 3, width=32), ANY),
    "eta_sc": st.one_of(st.floats(-3, 3, width=32), ANY),
    "r9": st.one_of(st.floats(0, 1, width=32), ANY),
    "identification": st.integers(0, 31),
    "gain": st.sampled_from([12, 6, 1]),
}
SETTINGS = st.builds(
    SelectSettings,
    abs_eta_max=st.floats(0.5, 3),
    et_min=st.sampled_from([(0.0, 0.0), (25.0, 15.0), (32.0, 20.0)]),
    et_margin=st.floats(0, 0.2),
    id_bit=st.sampled_from([0, 4, 8, 12]),
    charge=st.sampled_from(["opposite", "any"]),
)


@st.composite
def candidates(draw: st.DrawFn) -> Candidates:
    n = draw(st.integers(0, 12))
    columns: dict[str, Any] = {
        name: draw(
            hnp.arrays(column.dtype, (n, 2) if column.per_electron else (n,), elements=RANGES[name])
        )
        for name, column in COLUMNS.items()
    }
    charge = draw(hnp.arrays(np.int16, (n, 2), elements=st.sampled_from([-100, -1, 1])))
    return Candidates(Events(**columns), charge)


def part_of(batch: Candidates, where: slice) -> Candidates:
    assert batch.charge is not None
    return Candidates(batch.events.where(where), batch.charge[where])


def same(a: Events, b: Events) -> bool:
    return all(np.array_equal(getattr(a, n), getattr(b, n), equal_nan=True) for n in COLUMNS)


@settings(deadline=None, max_examples=50)
@given(candidates(), SETTINGS)
def test_every_event_is_kept_or_counted(batch: Candidates, cuts: SelectSettings) -> None:
    events, tally = select(batch, cuts)
    left = [count for count, _ in tally.cuts.values()]
    assert left[0] == len(batch.events)
    assert left == sorted(left, reverse=True)
    assert left[-1] == len(events) == sum(tally.runs.values())
    assert list(tally.cuts.values())[-1][1] == tally.sum_of_weights


@settings(deadline=None, max_examples=50)
@given(candidates(), SETTINGS)
def test_selecting_twice_changes_nothing(batch: Candidates, cuts: SelectSettings) -> None:
    once, _ = select(batch, cuts)
    opposite = np.tile(np.array([1, -1], np.int16), (len(once), 1))
    twice, _ = select(Candidates(once, opposite), cuts)
    assert same(once, twice)


@settings(deadline=None, max_examples=50)
@given(candidates(), SETTINGS, st.integers(0, 12))
def test_splitting_a_batch_changes_nothing(
    batch: Candidates, cuts: SelectSettings, where: int
) -> None:
    whole, tally = select(batch, cuts)
    first, second = (select(part_of(batch, s), cuts) for s in (slice(0, where), slice(where, None)))
    assert same(Events.concatenate([first[0], second[0]]), whole)
    total = Tally() + first[1] + second[1]
    assert (total.cuts, total.runs) == (tally.cuts, tally.runs)
    assert total.sum_of_weights == tally.sum_of_weights


@settings(deadline=None, max_examples=50)
@given(candidates(), SETTINGS)
def test_what_is_kept_is_finite(batch: Candidates, cuts: SelectSettings) -> None:
    events, _ = select(batch, cuts)
    for name in COLUMNS:
        assert np.all(np.isfinite(getattr(events, name)))


@settings(deadline=None, max_examples=50)
@given(candidates(), SETTINGS, st.floats(0, 5))
def test_a_tighter_cut_keeps_a_part(batch: Candidates, cuts: SelectSettings, more: float) -> None:
    loose, _ = select(batch, cuts)
    lead, sub = cuts.et_min
    tighter = SelectSettings(
        abs_eta_max=cuts.abs_eta_max,
        et_min=(lead + more, sub + more),
        et_margin=cuts.et_margin,
        id_bit=cuts.id_bit,
        charge=cuts.charge,
    )
    tight, _ = select(batch, tighter)
    assert len(tight) <= len(loose)
    assert np.all(np.isin(tight.mass, loose.mass))
