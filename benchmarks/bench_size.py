"""Filling the histograms of a Run: 20 M events of data and 40 M simulated ones, or more.

python benchmarks/bench_size.py [millions of events of data]

They are those of one events file, read again and again. One thread is compared with two by the
clock on the wall, and by processor time, which says what two free cores would give where other
programs use them; the histograms are the same, which is checked. Memory is the most that this
process ever held.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from _common import print_table
from bench_fill import Case, cases, repeated, selected, write

from scalesmear.fill import FillSettings, fill_masses
from scalesmear.histogram import MassHistograms, weight_exponent
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.eventfile import EventFile, open_events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scalesmear.categories import CategorySet
    from scalesmear.events import Events

N_FILE = 1_000_000


def again(file: EventFile, columns: tuple[str, ...], times: int) -> Iterator[Events]:
    """Yield the batches of a file several times."""
    for _ in range(times):
        yield from file.batches(columns)


def timed(
    case: Case, path: Path, times: int, categories: CategorySet, exponent: int, threads: int
) -> tuple[float, float, MassHistograms]:
    """Return the time on the clock, that of the processors, and the histograms of a fill."""
    batches = again(open_events(path), case.corrections.columns(case.kind), times)
    settings = FillSettings()
    args = batches, case.kind, categories, settings, case.corrections, exponent, threads
    clock, processor = time.perf_counter(), time.process_time()
    histograms = fill_masses(*args)
    return time.perf_counter() - clock, time.process_time() - processor, histograms


def same(a: MassHistograms, b: MassHistograms) -> bool:
    """Tell whether two histograms have the same bits."""
    return np.array_equal(a.sumw, b.sumw) and np.array_equal(a.sumw2, b.sumw2)


def main(millions: int) -> None:
    """Print times and memory."""
    categories, rows = read_categories("fine"), []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "many.arrow"
        toys = selected(Path(name))
        for case in cases(categories):
            few = toys[case.kind]
            exponent = weight_exponent(float(np.abs(few.weight).max()))
            write(path, case.kind, [repeated(few, N_FILE)])
            times = millions * (1 if case.kind == "data" else 2)
            fill = partial(timed, case, path, times, categories, exponent)
            timed(case, path, 1, categories, exponent, 1)  # compiles
            *one, expected = fill(1)
            *two, found = fill(2)
            if not same(expected, found):
                raise SystemExit("two threads fill other histograms than one")
            seconds = [f"{pair[k]:.2f}" for k in (0, 1) for pair in (one, two)]
            ratios = f"{one[0] / two[0]:.2f}", f"{2 * one[1] / two[1]:.2f}"
            rows.append((case.name, times, *seconds, *ratios))
    head = ("", "Mevents", "clock 1/s", "clock 2/s", "cpu 1/s", "cpu 2/s", "ratio", "free cores")
    print_table("fill from a file with 1 and 2 threads", head, rows)
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"most memory: {largest / 1024**2:.2f} GiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
