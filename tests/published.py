"""Tables with the structure of published ones: the same axes and sizes, values that are generated."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np

from scalesmear.cells import Window
from scalesmear.combining import with_simulation_rows
from scalesmear.corrections import ScaleTable

GAINS = (12, 6, 1)
PERCENT = {12: 0.05, 6: 0.5, 1: 1.0}


def run_ranges(n: int, n_gaps: int, first: int) -> list[tuple[int, int]]:
    """Return run ranges, `n_gaps` of them with a gap behind."""
    rng = np.random.default_rng(n)
    gap_behind = np.zeros(n, np.int64)
    gap_behind[rng.choice(n - 1, n_gaps, replace=False)] = rng.integers(1, 30, n_gaps)
    length = rng.integers(1, 40, n)
    starts = first + np.concatenate([[0], np.cumsum(length + gap_behind)[:-1]])
    return [(int(a), int(a + b - 1)) for a, b in zip(starts, length, strict=True)]


def by_gain(n_ranges: int, n_gaps: int, first: int, cells: list[Window]) -> ScaleTable:
    windows = [Window(c.abs_eta, c.r9, None, gain) for c in cells for gain in GAINS]
    rows = list(itertools.product(run_ranges(n_ranges, n_gaps, first), windows))
    scale = np.random.default_rng(7).uniform(0.971, 1.055, len(rows)).round(6)
    percent = np.array([PERCENT[window.gain or 12] for _, window in rows])
    runs = [runs for runs, _ in rows]
    data = ScaleTable.of(runs, [w for _, w in rows], scale, percent / 100 * scale, "published")
    one = np.ones(len(windows))
    errors = np.array([PERCENT[window.gain or 12] for window in windows]) / 100
    return with_simulation_rows(data, ScaleTable.of([(0, 9)] * len(windows), windows, one, errors))


@cache
def like_ul2017() -> ScaleTable:
    """Return 353 run ranges, 5 bins of abs(eta) to 5, 2 of R9, 3 gains: 10,590 rows."""
    eta = [(0, 1), (1, 1.4442), (1.566, 2), (2, 2.5), (2.5, 5)]
    return by_gain(350, 130, 297050, [Window(e, r) for e in eta for r in ((0, 0.96), (0.96, 10))])


@cache
def like_ul2016() -> ScaleTable:
    """Return 174 run ranges of the UL2016 fine set without R9 0.5-0.6 in the endcap: 21,402 rows."""
    barrel = itertools.pairwise([0, 0.675, 0.775, 0.85, 0.9, 0.94, 0.96, 0.9725, 0.9825, 10])
    endcap = itertools.pairwise([0, 0.5, 0.6, 0.8, 0.9, 0.94, 0.96, 0.98, 10])
    cells = [
        *itertools.product([(0, 1), (1, 1.2), (1.2, 1.4442)], list(barrel)),
        *itertools.product([(1.566, 2), (2, 2.5)], [r9 for r9 in endcap if r9 != (0.5, 0.6)]),
    ]
    return by_gain(171, 90, 273158, [Window(e, r) for e, r in cells])


def as_old_dialect(table: ScaleTable) -> str:
    """Return a table as rows of 9 columns, the error split 3 : 4 into two parts."""
    return (
        "".join(
            f"{table.boxes.window(row).label}\trunNumber\t{table.run_min[row]}\t{table.run_max[row]}\t"
            f"{table.scale[row]!r}\t9\t{0.6 * table.err[row]!r}\t{0.8 * table.err[row]!r}\t0\n"
            for row in range(len(table))
        )
        .replace("np.float64(", "")
        .replace(")", "")
    )
