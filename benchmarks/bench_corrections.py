"""Time of looking up scales and categories, per electron, beside a plain sum of the same bytes.

python benchmarks/bench_corrections.py [number of events]
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.corrections import ScaleTable, SmearingTable, multiply
from scalesmear.draws import standard_normal
from scalesmear.io.categoryfile import read_categories

if TYPE_CHECKING:
    from collections.abc import Callable

N_RANGES = 350


def seconds(function: Callable[[], object], repeat: int = 3) -> float:
    """Return the shortest processor time that a call takes."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def fine_by_et(rng: np.random.Generator) -> ScaleTable:
    """Return 350 run ranges x 274 windows: fine R9 windows times Et windows."""
    tables = []
    for name in ("fine", "et"):
        windows = read_categories(name).scales
        scale = rng.uniform(0.99, 1.01, len(windows))
        tables.append(ScaleTable.of([(0, 999999)] * len(windows), windows, scale, scale / 1000))
    windows = read_categories("eta").scales
    first = 315257 + 28 * np.arange(N_RANGES)
    runs = [(int(run), int(run) + 27) for run in first for _ in windows]
    scale = rng.uniform(0.99, 1.01, len(runs))
    stability = ScaleTable.of(runs, windows * N_RANGES, scale, scale / 1000)
    return multiply(stability, multiply(*tables))


def electrons(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """Return runs, in order as in data, and electrons."""
    return {
        "run": np.sort(rng.integers(315257, 325057, n)).astype(np.uint32),
        "abs_eta": rng.uniform(0, 2.5, (n, 2)).astype(np.float32),
        "r9": (1 - rng.exponential(0.07, (n, 2))).astype(np.float32),
        "et": (20 + rng.gamma(6, 5, (n, 2))).astype(np.float32),
        "gain": rng.choice(np.array([12, 6, 1], np.uint8), (n, 2), p=[0.99, 0.008, 0.002]),
    }


def main(n: int) -> None:
    """Print a line for each operation."""
    rng = np.random.default_rng(1)
    start = time.perf_counter()
    table = fine_by_et(rng)
    built = time.perf_counter() - start
    events = electrons(rng, n)
    columns = [events[name] for name in ("run", "abs_eta", "r9", "et")]
    shuffled = [rng.permutation(events["run"]), *columns[1:]]
    legs = (events["abs_eta"], events["r9"], events["et"], events["gain"])
    fine, coarse = read_categories("fine"), read_categories("coarse")
    smearings = SmearingTable.of(coarse.smearings, [0.01] * 8, [1e-4] * 8)
    few = [column[:10] for column in columns]
    start = time.perf_counter()
    table.lookup(*few)
    compiled = time.perf_counter() - start
    for warm in (fine.category_of, smearings.sigma):
        warm(*(leg[:10] for leg in legs))
    standard_normal(events["run"][:10], events["run"][:10], 1)

    floor = seconds(lambda: [column.sum() for column in columns])
    print(f"{n} events, {len(table)} rows; made in {built:.2f} s, compiled in {compiled:.2f} s")
    for name, call in {
        "sum of the same bytes": lambda: [column.sum() for column in columns],
        "scale, runs in order": lambda: table.lookup(*columns),
        "scale, runs shuffled": lambda: table.lookup(*shuffled),
        "fine category": lambda: fine.category_of(*legs),
        "smearing": lambda: smearings.sigma(*legs),
        "two normals": lambda: standard_normal(events["run"], events["run"], 1),
    }.items():
        taken = seconds(call)
        print(f"{name:24s}{taken / (2 * n) * 1e9:8.2f} ns/electron{taken / floor:8.1f} x the sum")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000)
