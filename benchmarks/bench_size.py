"""Filling the histograms of a Run: 20 M events of data and 40 M simulated ones, or more.

python benchmarks/bench_size.py [millions of events of data]

They are the same million again and again, from an events file or from memory. One thread is compared
with two, in turn: by the clock on the wall, and by processor time, which says what two free cores
would give where other programs use them. The first line is a loop of vector instructions that
needs no memory: what two threads are worth on this machine. The histograms are the same, which is
checked. Memory is the most that this process ever held.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from _common import print_table
from bench_fill import Case, cases, repeated, selected, write

from scalesmear.compiled import compiled
from scalesmear.fill import FillSettings, fill_masses
from scalesmear.histogram import weight_exponent
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.eventfile import open_events
from scalesmear.sharing import in_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from scalesmear.categories import CategorySet
    from scalesmear.events import Events

N_FILE = 1_000_000
N_TURNS = 5


class Timed(NamedTuple):
    """Seconds on the clock and of the processors that some work takes, and what it makes."""

    clock: float
    processor: float
    made: tuple[NDArray[Any], ...]


@compiled
def _multiply(values: NDArray[np.float64]) -> None:
    for _ in range(10_000):
        for i in range(len(values)):
            values[i] = values[i] * 0.999 + 0.001


def _multiply_each(parts: Iterable[int]) -> None:
    values = np.ones(1024)
    for _ in parts:
        _multiply(values)


def timed_in_cache(threads: int) -> Timed:
    """Multiply and add in arrays of 8 kB."""
    clock, processor = time.perf_counter(), time.process_time()
    in_threads(_multiply_each, range(200), threads)
    return Timed(time.perf_counter() - clock, time.process_time() - processor, ())


def again(source: Callable[[], Iterable[Events]], times: int) -> Iterator[Events]:
    """Yield the batches of a source several times."""
    for _ in range(times):
        yield from source()


def timed(
    case: Case,
    source: Callable[[], Iterable[Events]],
    categories: CategorySet,
    exponent: int,
    times: int,
    threads: int,
) -> Timed:
    """Fill the batches of a source several times."""
    settings, batches = FillSettings(), again(source, times)
    clock, processor = time.perf_counter(), time.process_time()
    histograms = fill_masses(
        batches, case.kind, categories, settings, case.corrections, exponent, threads
    )
    made = histograms.sumw, histograms.sumw2
    return Timed(time.perf_counter() - clock, time.process_time() - processor, made)


def compare(work: Callable[[int], Timed]) -> tuple[str, ...]:
    """Return what one thread and two take, and how many times faster two are; all medians."""
    turns = [(work(1), work(2)) for _ in range(N_TURNS)]
    one, two = zip(*turns, strict=True)
    made = [[array for t in side for array in t.made] for side in (one, two)]
    if not all(map(np.array_equal, *made)):
        raise SystemExit("two threads fill other histograms than one")
    columns = [[t.clock for t in one], [t.clock for t in two]]
    columns += [[t.processor for t in one], [t.processor for t in two]]
    columns.append([a.clock / b.clock for a, b in turns])
    columns.append([2 * a.processor / b.processor for a, b in turns])
    return tuple(f"{statistics.median(column):.2f}" for column in columns)


def main(millions: int) -> None:
    """Print times and memory."""
    timed_in_cache(1)  # compiles
    categories = read_categories("fine")
    rows = [("multiply and add", "cache", "", *compare(timed_in_cache))]
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "many.arrow"
        toys = selected(Path(name))
        for case in cases(categories):
            few = toys[case.kind]
            exponent = weight_exponent(float(np.abs(few.weight).max()))
            write(path, case.kind, [repeated(few, N_FILE)])
            columns = case.corrections.columns(case.kind)
            times = millions * (1 if case.kind == "data" else 2)
            from_file = partial(open_events(path).batches, columns)
            in_memory = list(from_file())
            for where, source in (("memory", lambda kept=in_memory: kept), ("file", from_file)):
                fill = partial(timed, case, source, categories, exponent)
                fill(1, 1)  # compiles
                rows.append((case.name, where, str(times), *compare(partial(fill, times))))
    head = ("", "from", "Mevents", "clock 1/s", "clock 2/s", "cpu 1/s", "cpu 2/s", "ratio",
            "free cores")  # fmt: skip
    print_table("fill with 1 and 2 threads", head, rows)
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"most memory: {largest / 1024**2:.2f} GiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
