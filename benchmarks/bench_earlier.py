"""Our fit beside the objective of the earlier framework, on the same events.

python benchmarks/bench_earlier.py

Where it takes minutes it is run to the end; for the fine set the time of a call is measured, and
multiplied with the number of calls that its scan prescribes and its minimiser was seen to make.
Times are those of the processor, in one thread.
"""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING

from _common import print_table, seconds
from _earlier import SCALES, SMEARINGS, Objective, Workload, fit
from _samples import Sample, errors, fit_sample, make_sample
from bench_fill import repeated

from scalesmear.io.categoryfile import read_categories

if TYPE_CHECKING:
    from _earlier import Found

    Row = tuple[str, ...]

N_FULL = 100_000
NUMBERS = (100_000, 300_000, 1_000_000)
N_LARGE = 10_000_000


def to_the_end(name: str, sample: Sample, *, copies: bool) -> tuple[Found, list[Row]]:
    """Return what the earlier objective finds, and a line for it and for ours."""
    objective = Objective.of(sample, copies=copies)
    start = time.process_time()
    found = fit(objective)
    taken = time.process_time() - start
    n = objective.n_scales
    mine = fit_sample(sample)
    ours, calls = (
        mine.fill + mine.fit,
        f"{found.scan_calls} + {objective.n_calls - found.scan_calls}",
    )
    result = mine.result
    theirs = (name, f"{len(sample.sim)}", f"{objective.n_smeared / objective.n_calls:.2g}", calls,
              f"{taken:.1f}", *errors(sample, found.values[:n], found.values[n:]),
              f"{taken / ours:.0f}")  # fmt: skip
    line = ("ours", f"{len(sample.sim)}", "", f"{result.n_evaluations}", f"{ours:.4f}",
            *errors(sample, result.scale, result.smearing), "1")  # fmt: skip
    return found, [theirs, line]


def time_of_call(sample: Sample) -> float:
    """Return the time of a call that changes all parameters [s]."""
    objective = Objective.of(sample, copies=True)
    moves = count(1)
    return seconds(lambda: objective(objective.start + 1e-4 * next(moves)), 1)


def line(sample: Sample, work: Workload, call: float, n_gradients: int, measured: str) -> Row:
    """Return a line about the fine set; `call` is the time of a call [s]."""
    n_call = int(work.per_call.sum())
    total = call / n_call * work.of_fit(n_gradients)
    mine = fit_sample(sample)
    ours = mine.fill + mine.fit
    numbers = f"{len(sample.data)}", f"{n_call / 1e6:.0f}", f"{call:.2f}", measured
    return (*numbers, f"{total:.0f}", f"{ours:.3f}", f"{total / ours:.0f}")


def cost(sample: Sample, n_gradients: int) -> list[Row]:
    """Return lines about the fine set; the last one's call is extrapolated."""
    lines = []
    for n in NUMBERS:
        few = sample.first(n, n)
        work, call = Workload.of(few), time_of_call(few)
        lines.append(line(few, work, call, n_gradients, "measured"))
    per_event = call / work.per_call.sum()
    data, sim = (repeated(events, N_LARGE) for events in (sample.data, sample.sim))
    many = Sample(sample.categories, data, sim, sample.scale, sample.smearing)
    work = Workload.of(sample, N_LARGE / len(sample.sim))
    call = float(per_event * work.per_call.sum())
    return [*lines, line(many, work, call, n_gradients, "extrapolated")]


def main() -> None:
    """Print both tables."""
    coarse = make_sample(read_categories("coarse"), N_FULL, N_FULL)
    fine = make_sample(read_categories("fine"), NUMBERS[-1], NUMBERS[-1])
    _, once = to_the_end("8 categories", coarse, copies=False)
    _, copied = to_the_end("8 categories, copies", coarse, copies=True)
    found, largest = to_the_end("fine set", fine, copies=False)
    head = (
        "",
        "events",
        "smeared/call",
        "calls",
        "s",
        "scale mean",
        "rms",
        "smearing rms",
        "ratio",
    )
    print_table("to the end: results - truth, times 10000", head, [*once, *copied[:1], *largest])
    head = ("events", "M smeared/call", "s/call", "", "s in all", "ours/s", "ratio")
    calls = f"{len(SCALES)} calls for each scale, {len(SMEARINGS)} for each smearing"
    print_table(
        f"fine set, with copies: {calls}, {found.n_gradients} gradients",
        head,
        cost(fine, found.n_gradients),
    )


if __name__ == "__main__":
    main()
