"""What moved between two derivations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from scalesmear.cells import Window
from scalesmear.comparison import (
    Change,
    Measured,
    Relation,
    Yardstick,
    changes,
    compare_files,
    compare_quantity,
    compare_scales,
    compare_smearings,
)
from scalesmear.corrections import ScaleTable, SmearingTable
from scalesmear.cutflow import Cut, InputFile, SampleCutFlow

BARREL, ENDCAP = Window((0, 1.4442)), Window((1.566, 2.5))
LOW, HIGH = (Window((0, 1.4442), r9) for r9 in ((0, 0.96), (0.96, 10)))


def test_changes_are_named_with_all_keys_above_them() -> None:
    old = {"a": 1, "b": {"c": [1, 2], "d": 3}, "gone": 0}
    new = {"a": 1, "b": {"c": [1, 3], "d": 3}, "come": None, "here": 2}
    assert list(changes(old, new)) == [
        Change("b.c", [1, 2], [1, 3]),
        Change("gone", 0, None),
        Change("here", None, 2),
    ]


def sample(*files: tuple[str, str]) -> SampleCutFlow:
    listed = tuple(InputFile(path, "t", 10, adler32, 5) for path, adler32 in files)
    cuts = (Cut("all", 10 * len(files), 10.0),)
    return SampleCutFlow(listed, cuts, {}, 1.0, 1.0, 1.0, ())


@pytest.mark.parametrize(
    ("new", "relation", "removed", "added"),
    [
        ([("x", "1"), ("b", "2")], Relation.SAME, (), ()),  # another name
        ([("a", "1"), ("b", "2"), ("c", "3")], Relation.MORE, (), ("c",)),
        ([("a", "1")], Relation.LESS, ("b",), ()),
        ([("a", "9"), ("b", "2")], Relation.PARTLY, ("a",), ("a",)),  # other content
        ([("c", "3")], Relation.OTHER, ("a", "b"), ("c",)),
    ],
)
def test_files_are_known_by_their_content(
    new: list[tuple[str, str]], relation: Relation, removed: Any, added: Any
) -> None:
    found = compare_files(sample(("a", "1"), ("b", "2")), sample(*new))
    assert (found.relation, found.removed, found.added) == (relation, removed, added)
    assert (found.old_events, found.new_events) == (20, 10 * len(new))


@pytest.mark.parametrize(
    ("data", "sim", "error"),
    [
        (Relation.OTHER, Relation.OTHER, 5.0),  # 3 and 4 in quadrature
        (Relation.SAME, Relation.OTHER, 5.0),
        (Relation.UNKNOWN, Relation.UNKNOWN, 5.0),
        (Relation.LESS, Relation.SAME, math.sqrt(7)),  # 16 - 9
        (Relation.MORE, Relation.SAME, math.sqrt(7)),
        (Relation.SAME, Relation.SAME, 4.0),  # no error at all: the new one as a measure
    ],
)
def test_error_of_a_difference_knows_what_events_are_common(
    data: Relation, sim: Relation, error: float
) -> None:
    assert Yardstick(data, sim).error(3.0, 4.0) == pytest.approx(error)


def test_part_of_the_events_of_an_average_spreads_as_the_yardstick_says() -> None:
    # means of 400 numbers and of the first 100 of them: each has the error 1/sqrt(n)
    numbers = np.random.default_rng(3).normal(size=(4000, 400))
    differences = numbers[:, :100].mean(axis=1) - numbers.mean(axis=1)
    error = Yardstick(Relation.LESS, Relation.SAME).error(1 / 20, 1 / 10)
    # the standard deviation of 4000 numbers is known to 1/sqrt(8000)
    assert differences.std() == pytest.approx(error, rel=4 / math.sqrt(8000))


def test_scales_are_compared_window_by_window() -> None:
    old = {BARREL: Measured(1.0, 0.003), ENDCAP: Measured(1.0, math.inf), LOW: Measured(1, 1)}
    new = {BARREL: Measured(1.01, 0.004), ENDCAP: Measured(1.1, 0.1), HIGH: Measured(1, 1)}
    yardstick = Yardstick(Relation.OTHER, Relation.OTHER)
    found = compare_quantity("coarse", "scales", old, new, yardstick)
    assert (found.only_old, found.only_new, found.not_determined) == (1, 1, 1)
    (difference,) = found.differences
    assert difference.pull == pytest.approx(0.01 / 0.005)
    assert found.largest == difference
    assert found.rms == pytest.approx(0.01)


def test_a_value_that_did_not_move_has_no_pull_even_without_an_error() -> None:
    values = {BARREL: Measured(1.0, 0.0), ENDCAP: Measured(1.0, 0.0)}
    moved = values | {ENDCAP: Measured(1.1, 0.0)}
    yardstick = Yardstick(Relation.SAME, Relation.SAME)
    pulls = [d.pull for d in compare_quantity("x", "scales", values, moved, yardstick).differences]
    assert pulls == [0.0, math.inf]


def scales(runs: list[tuple[int, int]], windows: list[Window], values: list[float]) -> ScaleTable:
    return ScaleTable.of(runs, windows, values, [0.001] * len(values))


def test_tables_of_different_windows_meet_in_common_cells() -> None:
    old = scales([(1, 9)] * 2, [BARREL, ENDCAP], [1.01, 1.02])
    new = scales([(1, 9)] * 3, [LOW, HIGH, ENDCAP], [1.01, 1.04, 1.02])
    found = compare_scales(old, new)
    # barrel below and above R9 0.96, endcap below and above: only one of the four moved
    assert (found.cells, found.only_old, found.only_new) == (4, 0, 0)
    assert found.largest == pytest.approx(0.03)
    assert found.rms == pytest.approx(0.03 / 2)
    assert found.where == "run 1, |eta| from 0, R9 from 0.96, Et from 0 GeV, gain 12"


def test_tables_of_different_runs_meet_in_common_ranges() -> None:
    old = scales([(1, 9)], [BARREL], [1.0])
    new = scales([(1, 4), (5, 20)], [BARREL, BARREL], [1.0, 0.99])
    found = compare_scales(old, new)
    # runs 1-4, 5-9 are in both, 10-20 only in the new one
    assert (found.cells, found.only_old, found.only_new) == (2, 0, 1)
    assert found.largest == pytest.approx(-0.01)
    assert found.where.startswith("run 5,")


def test_gains_are_cells_of_their_own() -> None:
    gains = [Window((0, 2.5), gain=gain) for gain in (12, 6, 1)]
    old = scales([(1, 9)], [Window((0, 2.5))], [1.0])
    new = scales([(1, 9)] * 3, gains, [1.0, 1.005, 1.0])
    found = compare_scales(old, new)
    assert found.cells == 3
    assert found.where.endswith("gain 6")


def test_smearings_are_compared_in_common_cells() -> None:
    old = SmearingTable.of([BARREL], [0.01], [0.0])
    new = SmearingTable.of([LOW, ENDCAP], [0.013, 0.02], [0.0, 0.0])
    found = compare_smearings(old, new)
    # barrel above R9 0.96 is only in the old one; endcap in two cells of R9 only in the new one
    assert (found.cells, found.only_old, found.only_new) == (1, 1, 2)
    assert found.largest == pytest.approx(0.003)


def test_equal_tables_did_not_move() -> None:
    table = scales([(1, 9)], [BARREL], [1.01])
    found = compare_scales(table, table)
    assert (found.largest, found.rms, found.where) == (0.0, 0.0, "")
