"""Rate of filling histograms, beside reading the same columns once.

python benchmarks/bench_fill.py [number of events]

One table is for events in memory, beside a pass that only sums the bytes of the columns that the
fill needs; the other for an events file, beside a bare read of these columns by pyarrow.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from _common import Beside, beside, make_toys, print_table, sum_bytes
from bench_select import prepare, select

from scalesmear.corrections import ALL_RUNS, ScaleTable, SmearingTable
from scalesmear.events import COLUMNS, Events
from scalesmear.fill import Corrections, FillSettings, fill_masses
from scalesmear.histogram import weight_exponent
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.eventfile import BATCH_SIZE, EventFile, EventWriter, open_events
from scalesmear.io.samples import Job, JobFile, write_job

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scalesmear.categories import CategorySet
    from scalesmear.histogram import Kind

Row = tuple[str, ...]

N_TOYS = 300_000


class Case(NamedTuple):
    """One way to fill."""

    name: str
    kind: Kind
    corrections: Corrections

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read; the gain is not looked at by these categories."""
        return tuple(c for c in self.corrections.columns(self.kind) if c != "gain")


def cases(categories: CategorySet) -> list[Case]:
    """Return the ways to fill that a run has most of."""
    rng = np.random.default_rng(1)
    scale = rng.uniform(0.99, 1.01, len(categories.scales))
    sigma = rng.uniform(0.005, 0.015, len(categories.smearings))
    scales = ScaleTable.of([ALL_RUNS] * len(scale), categories.scales, scale, scale / 1000)
    smearings = SmearingTable.of(categories.smearings, sigma, sigma / 100)
    return [
        Case("data, scales", "data", Corrections(scales=scales)),
        Case("simulation", "sim", Corrections()),
        Case("simulation, smeared", "sim", Corrections(smearings=smearings)),
    ]


def selected(folder: Path) -> dict[Kind, Events]:
    """Return selected toys of both kinds."""
    make_toys(folder, N_TOYS, N_TOYS)
    prepare(folder)
    events: dict[Kind, Events] = {}
    for kind in ("data", "sim"):
        write_job(
            folder / "job.json",
            Job(kind, (JobFile("selected", kind, folder / f"ntuples/{kind}-1.root"),)),
        )
        select(folder)
        events[kind] = open_events(folder / "events.arrow").read()
    order = np.argsort(events["data"].run, kind="stable")  # as in data, unlike in toys
    columns = events["data"].columns
    events["data"] = Events(**{name: getattr(events["data"], name)[order] for name in columns})
    return events


def repeated(events: Events, n_events: int) -> Events:
    """Return `n_events` events: the same ones again and again, but for 1 % of their mass."""
    times = -(-n_events // len(events))
    many = Events.concatenate([events] * times).where(slice(n_events))
    many.mass[:] *= np.random.default_rng(2).uniform(0.99, 1.01, n_events).astype(np.float32)
    return many


def fill(case: Case, batches: Iterable[Events], categories: CategorySet, exponent: int) -> None:
    """Fill some events."""
    fill_masses(batches, case.kind, categories, FillSettings(), case.corrections, exponent)


def read_bare(path: Path, columns: Sequence[str]) -> None:
    """Read some columns with pyarrow alone, in one thread."""
    fields = [list(COLUMNS).index(name) for name in columns]
    with pa.memory_map(str(path)) as source:
        options = pa.ipc.IpcReadOptions(included_fields=fields, use_threads=False)
        reader = pa.ipc.open_file(source, options=options)
        for number in range(reader.num_record_batches):
            reader.get_batch(number)


def read(file: EventFile, columns: Sequence[str]) -> None:
    """Read some columns as events."""
    for events in file.batches(columns):
        del events


def row(name: str, n_events: int, n_bytes: int, taken: Beside) -> Row:
    """Return a line of a table; `n_bytes` is the size of the columns."""
    ours, bare, ratio = taken
    rates = f"{n_events / ours / 1e6:.1f}", f"{n_bytes / ours / 1e6:.0f}"
    per_event = f"{ours / n_events * 1e9:.1f}", f"{bare / n_events * 1e9:.1f}"
    return (name, *rates, *per_event, f"{ratio:.1f}")


def fill_memory(case: Case, batches: list[Events], categories: CategorySet, exponent: int) -> Row:
    """Return the line of events in memory."""
    columns = [np.concatenate([getattr(b, c) for b in batches]) for c in case.columns]
    taken = beside(partial(fill, case, batches, categories, exponent), partial(sum_bytes, columns))
    size = sum(column.nbytes for column in columns)
    return row(case.name, sum(map(len, batches)), size, taken)


def fill_file(case: Case, path: Path, categories: CategorySet, exponent: int) -> list[Row]:
    """Return the lines of an events file: reading it, and filling from it."""
    file, columns = open_events(path), case.corrections.columns(case.kind)

    def read_and_fill() -> None:
        fill(case, file.batches(columns), categories, exponent)

    bare = partial(read_bare, path, columns)
    reading, filling = (beside(f, bare) for f in (partial(read, file, columns), read_and_fill))
    widths = [COLUMNS[c].dtype.itemsize * (1 + COLUMNS[c].per_electron) for c in columns]
    size = file.n_events * sum(widths)
    return [
        row(f"read {case.name}", file.n_events, size, reading),
        row(f"fill {case.name}", file.n_events, size, filling),
    ]


def write(path: Path, kind: Kind, batches: Iterable[Events]) -> None:
    """Write an events file."""
    with EventWriter(path, kind) as writer:
        for batch in batches:
            writer.write(batch)


def main(n_events: int) -> None:
    """Print both tables."""
    categories = read_categories("fine")
    memory, files = [], []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "many.arrow"
        toys = selected(Path(name))
        for case in (Case("data", "data", Corrections()), *cases(categories)):
            few = toys[case.kind]
            exponent = weight_exponent(float(np.abs(few.weight).max()))
            events = repeated(few, n_events)
            batches = [
                events.where(slice(first, first + BATCH_SIZE))
                for first in range(0, n_events, BATCH_SIZE)
            ]
            memory.append(fill_memory(case, batches, categories, exponent))
            write(path, case.kind, batches)
            del events, batches
            files += fill_file(case, path, categories, exponent)
    head = ("", "Mevents/s", "MB/s", "ns/event")
    title = f"fill: {n_events / 1e6:g} M events in memory, {len(categories.scales)} categories"
    print_table(title, (*head, "sum of bytes", "ratio"), memory)
    print_table("fill: the same events from a file", (*head, "bare pyarrow", "ratio"), files)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
