"""Run bins: contiguous ranges of runs that hold enough events each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from scalesmear.events import IntArray

RunRange = tuple[int, int]
"""First and last run of a bin, both inside it."""


@dataclass(frozen=True, kw_only=True)
class RunBinSettings:
    """How runs are put together.

    Attributes
    ----------
    min_events : int
        Least number of data events in a run bin.
    """

    min_events: int


def group_neighbours(counts: Sequence[int], min_events: int) -> list[range]:
    """Put neighbours together until every group holds at least `min_events`.

    One that has `min_events` by itself starts a group. Others are added up until they reach it;
    when they do not, before such a large one or at the end, they join the group before them (or
    the first group, where there is none before). So no group holds two large ones, and only a
    group that is alone can hold less than `min_events`.

    Parameters
    ----------
    counts : sequence of int
        Number of events of each.
    min_events : int

    Returns
    -------
    list of range
        Positions in `counts`; together they cover it in order.
    """
    groups: list[range] = []
    start = total = 0
    for position, count in enumerate(counts):
        if count >= min_events and groups:
            groups[-1] = range(groups[-1].start, position)
            start, total = position, 0
        total += count
        if total >= min_events:
            groups.append(range(start, position + 1))
            start, total = position + 1, 0
    first = groups.pop().start if groups else 0
    return [*groups, range(first, len(counts))] if counts else []


def run_bins(events_per_run: Mapping[int, int], min_events: int) -> list[RunRange]:
    """Return run bins with at least `min_events` events each, see `group_neighbours`.

    A bin ends just before the next one begins, so that a run without a selected event still lies
    in a bin if it is between the first and the last one that has some.

    Parameters
    ----------
    events_per_run : mapping of int to int
        Number of selected data events of each run, in any order.
    min_events : int
    """
    runs = sorted(events_per_run)
    groups = group_neighbours([events_per_run[run] for run in runs], min_events)
    firsts = [runs[group.start] for group in groups]
    lasts = [first - 1 for first in firsts[1:]] + runs[-1:]
    return list(zip(firsts, lasts, strict=True))


def run_bin_number(run: IntArray, bins: Sequence[RunRange]) -> NDArray[np.int32]:
    """Return the position in `bins` of each run, shape (n,); -1 for a run in no bin.

    `bins` are sorted and do not overlap.
    """
    first, last = np.array(bins, dtype=np.int64).reshape(-1, 2).T
    number = np.searchsorted(first, run, side="right").astype(np.int32) - 1
    inside = (number >= 0) & (run <= np.append(last, -1)[number])
    return np.where(inside, number, np.int32(-1))


def events_per_bin(events_per_run: Mapping[int, int], bins: Sequence[RunRange]) -> list[int]:
    """Return the number of events in each run bin."""
    return [
        sum(count for run, count in events_per_run.items() if first <= run <= last)
        for first, last in bins
    ]
