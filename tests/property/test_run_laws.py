from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scalesmear.runs import events_per_bin, group_neighbours, run_bin_number, run_bins

counts_lists = st.lists(st.integers(0, 300), min_size=1, max_size=60)
run_counts = st.dictionaries(st.integers(1, 999_999), st.integers(1, 300), min_size=1, max_size=60)
minima = st.integers(1, 200)


@given(counts_lists, minima)
def test_groups_cover_everything_once_and_in_order(counts: list[int], minimum: int) -> None:
    groups = group_neighbours(counts, minimum)
    assert [position for group in groups for position in group] == list(range(len(counts)))


@given(counts_lists, minima)
def test_every_group_has_enough_unless_it_is_alone(counts: list[int], minimum: int) -> None:
    groups = group_neighbours(counts, minimum)
    sums = [sum(counts[i] for i in group) for group in groups]
    assert len(groups) == 1 or min(sums) >= minimum


@given(counts_lists, minima)
def test_no_group_holds_two_that_are_large_by_themselves(counts: list[int], minimum: int) -> None:
    for group in group_neighbours(counts, minimum):
        assert sum(counts[i] >= minimum for i in group) <= 1


@given(run_counts, minima)
def test_ranges_touch_and_reach_from_the_first_to_the_last_run(
    counts: dict[int, int], minimum: int
) -> None:
    bins = run_bins(counts, minimum)
    assert bins[0][0] == min(counts)
    assert bins[-1][1] == max(counts)
    assert all(first <= last for first, last in bins)
    assert all(following[0] == last + 1 for (_, last), following in pairwise(bins))


@given(run_counts, minima)
def test_every_event_is_in_one_bin(counts: dict[int, int], minimum: int) -> None:
    bins = run_bins(counts, minimum)
    assert sum(events_per_bin(counts, bins)) == sum(counts.values())
    assert len(bins) == 1 or min(events_per_bin(counts, bins)) >= minimum


@given(run_counts, minima)
def test_bins_depend_on_the_counts_only(counts: dict[int, int], minimum: int) -> None:
    shuffled = dict(reversed(list(counts.items())))
    assert run_bins(shuffled, minimum) == run_bins(counts, minimum)


@given(run_counts, minima, st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_numbers_agree_with_a_loop_over_the_bins(
    counts: dict[int, int], minimum: int, others: list[int]
) -> None:
    bins = run_bins(counts, minimum)[::2]  # with gaps
    runs = [*counts, *others]
    expected = [
        next((i for i, (first, last) in enumerate(bins) if first <= run <= last), -1)
        for run in runs
    ]
    assert run_bin_number(np.array(runs, dtype=np.uint32), bins).tolist() == expected
