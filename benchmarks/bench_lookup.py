"""Looking up scales, categories, smearings and random numbers, per electron.

python benchmarks/bench_lookup.py [number of electrons]

The table has 350 run ranges x 274 windows. Beside it stands the time in which memory gives the same
bytes.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import numpy as np
from _common import beside, print_table, sum_bytes

from scalesmear.corrections import ScaleTable, SmearingTable, multiply
from scalesmear.draws import standard_normal
from scalesmear.fill import correct
from scalesmear.io.categoryfile import read_categories

N_RANGES = 350
RUNS_PER_RANGE = 28
FIRST_RUN = 315257


def fine_by_et(rng: np.random.Generator) -> ScaleTable:
    """Return 350 run ranges x 274 windows: fine R9 windows times Et windows."""
    tables = []
    for name in ("fine", "et"):
        windows = read_categories(name).scales
        scale = rng.uniform(0.99, 1.01, len(windows))
        tables.append(ScaleTable.of([(0, 999999)] * len(windows), windows, scale, scale / 1000))
    windows = read_categories("eta").scales
    first = FIRST_RUN + RUNS_PER_RANGE * np.arange(N_RANGES)
    runs = [(int(run), int(run) + RUNS_PER_RANGE - 1) for run in first for _ in windows]
    scale = rng.uniform(0.99, 1.01, len(runs))
    stability = ScaleTable.of(runs, windows * N_RANGES, scale, scale / 1000)
    return multiply(stability, multiply(*tables))


def electrons(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """Return runs, in order as in data, and two electrons for each of `n` events."""
    last = FIRST_RUN + RUNS_PER_RANGE * N_RANGES
    return {
        "run": np.sort(rng.integers(FIRST_RUN, last, n)).astype(np.uint32),
        "abs_eta": rng.uniform(0, 2.5, (n, 2)).astype(np.float32),
        "r9": (1 - rng.exponential(0.07, (n, 2))).astype(np.float32),
        "et": (20 + rng.gamma(6, 5, (n, 2))).astype(np.float32),
        "gain": rng.choice(np.array([12, 6, 1], np.uint8), (n, 2), p=[0.99, 0.008, 0.002]),
    }


def main(n_electrons: int) -> None:
    """Print a line for each operation."""
    rng = np.random.default_rng(1)
    table, n = fine_by_et(rng), n_electrons // 2
    events = electrons(rng, n)
    run, *legs, gain = events.values()
    shuffled = rng.permutation(run)
    fine, coarse = read_categories("fine"), read_categories("coarse")
    smearings = SmearingTable.of(coarse.smearings, [0.01] * 8, [1e-4] * 8)
    mass = events["et"].sum(axis=1)

    def apply(run: Any) -> None:
        correct(mass, events["et"], table.lookup(run, *legs).scale)

    operations = {
        "apply: scale, mass, Et": (lambda: apply(run), [run, mass, *legs]),
        "scale, runs in order": (lambda: table.lookup(run, *legs), [run, *legs]),
        "scale, runs at random": (lambda: table.lookup(shuffled, *legs), [shuffled, *legs]),
        "fine category": (lambda: fine.category_of(*legs, gain), legs[:2]),
        "smearing": (lambda: smearings.sigma(*legs, gain), legs[:2]),
        "normal number": (lambda: standard_normal(run, run, 1), [run]),
    }
    rows = []
    for name, (call, columns) in operations.items():
        taken = beside(call, partial(sum_bytes, columns))
        per_electron = [f"{time / n_electrons * 1e9:.2f}" for time in (taken.ours, taken.bare)]
        rows.append((name, *per_electron, f"{taken.ratio:.1f}"))
    title = f"lookup: {n_electrons / 1e6:g} M electrons, {len(table)} rows of scales"
    print_table(title, ("", "ns/electron", "sum of bytes", "ratio"), rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
