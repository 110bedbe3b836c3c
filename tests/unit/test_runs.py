import json
from pathlib import Path

import numpy as np
import pytest

from scalesmear.cli import main
from scalesmear.cutflow import Cut, CutFlow, SampleCutFlow
from scalesmear.runs import events_per_bin, group_neighbours, run_bin_number, run_bins


def test_a_large_run_is_a_bin_of_its_own() -> None:
    counts = {10: 60, 11: 60, 12: 150, 13: 100}
    assert run_bins(counts, 100) == [(10, 11), (12, 12), (13, 13)]


def test_small_runs_are_added_up_until_they_reach_the_minimum() -> None:
    # 30 + 30 + 40 = 100 is enough, and so is 99 + 1
    counts = {1: 30, 2: 30, 3: 40, 4: 99, 5: 1}
    assert run_bins(counts, 100) == [(1, 3), (4, 5)]


def test_the_short_last_bin_joins_the_one_before() -> None:
    # the earlier framework left runs 12-13 as a bin of 8 events
    assert run_bins({10: 100, 11: 100, 12: 4, 13: 4}, 100) == [(10, 10), (11, 13)]


def test_small_runs_before_a_large_one_join_the_bin_before() -> None:
    assert run_bins({10: 100, 11: 7, 12: 500, 13: 100}, 100) == [(10, 11), (12, 12), (13, 13)]


def test_small_runs_at_the_very_start_join_the_first_bin() -> None:
    assert run_bins({10: 3, 11: 4, 12: 500, 13: 100}, 100) == [(10, 12), (13, 13)]


def test_a_bin_ends_just_before_the_next_begins() -> None:
    # runs 11-19 have no selected event here, but may have some under another selection
    assert run_bins({10: 100, 20: 100, 40: 100}, 100) == [(10, 19), (20, 39), (40, 40)]


def test_the_order_in_which_runs_are_listed_does_not_matter() -> None:
    assert run_bins({3: 1, 1: 1, 2: 1}, 1) == [(1, 1), (2, 2), (3, 3)]


def test_too_few_events_altogether_make_one_bin() -> None:
    assert run_bins({160431: 4, 167913: 5}, 100) == [(160431, 167913)]


def test_no_runs_make_no_bins() -> None:
    assert run_bins({}, 100) == []
    assert group_neighbours([], 100) == []


def test_empty_neighbours_are_covered_too() -> None:
    assert group_neighbours([0, 0, 100, 0, 100, 0], 100) == [range(4), range(4, 6)]


def test_run_bin_number_takes_both_ends_of_a_range() -> None:
    bins = [(10, 19), (30, 39)]
    runs = np.array([9, 10, 19, 20, 29, 30, 39, 40], dtype=np.uint32)
    assert run_bin_number(runs, bins).tolist() == [-1, 0, 0, -1, -1, 1, 1, -1]


@pytest.mark.parametrize("run", [1, 2, 3, 999999])
def test_no_run_number_has_a_meaning_of_its_own(run: int) -> None:
    # the earlier framework dropped rows whose limits were 1, 2, 3 or 999999
    assert run_bin_number(np.array([run], dtype=np.uint32), [(0, 999999)]).tolist() == [0]
    assert run_bins({run: 5}, 1) == [(run, run)]


def test_without_bins_no_run_is_in_one() -> None:
    assert run_bin_number(np.array([5], dtype=np.uint32), []).tolist() == [-1]


def test_events_per_bin_counts_the_runs_inside() -> None:
    assert events_per_bin({1: 10, 2: 20, 7: 5}, [(1, 2), (3, 7)]) == [30, 5]


@pytest.fixture
def cut_flow(tmp_path: Path) -> Path:
    """Write a cut flow with 100 events in each of runs 10, 20 and 30."""
    sample = SampleCutFlow(
        files=(),
        cuts=(Cut("all", 300, 300.0),),
        runs={10: 100, 20: 100, 30: 100},
        sum_of_weights=300.0,
        sum_of_squared_weights=300.0,
        largest_weight=1.0,
        notes=(),
    )
    path = tmp_path / "cut_flow.json"
    path.write_text(json.dumps(CutFlow(sample, sample).to_json()))
    return path


@pytest.mark.parametrize(
    ("min_events", "expected", "said"),
    [
        (100, "10\t19\n20\t29\n30\t30\n", "3 runs in 3 run bins, the smallest with 100 events"),
        (150, "10\t30\n", "3 runs in 1 run bins, the smallest with 300 events"),
        (500, "10\t30\n", "have fewer than min_events_per_run_bin = 500"),
    ],
)
def test_the_verb_divides_the_runs_of_a_cut_flow(
    cut_flow: Path,
    tmp_path: Path,
    min_events: int,
    expected: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # the number of events was a parameter without effect in the earlier framework
    settings, output = tmp_path / "run_bins.json", tmp_path / "run_bins.dat"
    settings.write_text(json.dumps({"min_events": min_events}))
    flags = ["--cut-flow", str(cut_flow), "--settings", str(settings), "--output", str(output)]
    assert main(["run-bins", *flags]) == 0
    assert output.read_text() == expected
    assert said in capsys.readouterr().out
