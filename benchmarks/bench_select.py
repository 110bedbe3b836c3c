"""Rate of reading, selecting and writing events, beside a bare read of the same branches.

    python benchmarks/bench_select.py [number of events]

``select`` is compared with uproot's own loop over the branches that it uses, reading events with
what pyarrow needs for the bytes. The rate in MB/s is that of the ROOT file.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import uproot

from scalesmear.cli import main as scalesmear
from scalesmear.io import ntuples
from scalesmear.io.eventfile import open_events
from scalesmear.io.files import write_settings
from scalesmear.io.samples import Job, write_job
from scalesmear.selection import SelectSettings

if TYPE_CHECKING:
    from collections.abc import Callable

COMPRESSIONS = ("lz4", "zstd", "zlib")
COLUMNS = ["run", "event", "mass", "et", "eta_sc", "r9", "gain"]


def seconds(function: Callable[..., object], *args: object) -> float:
    """Return the shortest time that a call takes, its output put aside."""
    times = []
    for _ in range(4):
        start = time.perf_counter()
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            function(*args)
        times.append(time.perf_counter() - start)
    return min(times)


def make_toys(folder: Path, n_events: int, compression: str) -> Path:
    """Generate one data file and return its path."""
    numbers = ["--data-events", str(n_events), "--data-files", "1"]
    numbers += ["--sim-events", "100", "--sim-files", "1"]
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        scalesmear(["toys", "--output", str(folder), "--compression", compression, *numbers])
    return folder / "ntuples" / "data-1.root"


def read_bare(path: Path, handler: object = None) -> None:
    """Loop over the branches that the selection reads, with uproot alone."""
    branches = [*ntuples.EVENT_BRANCHES.values(), *ntuples.ELECTRON_BRANCHES.values()]
    with uproot.open(path, **({"handler": handler} if handler else {})) as file:
        names = [*branches, ntuples.CHARGE, ntuples.EVENT]
        for _ in file["selected"].iterate(names, step_size=ntuples.CHUNK_SIZE, library="np"):
            pass


def select(folder: Path) -> None:
    """Run the verb on the data file."""
    write_job(folder / "job.json", Job("data", (("selected", "ntuples/data-1.root"),)))
    write_settings(folder / "settings.json", SelectSettings(id_bit=8))
    files = {"samples": "samples.tsv", "job": "job.json", "settings": "settings.json"}
    files |= {"output": "events.arrow", "summary": "summary.json"}
    words = [word for flag, name in files.items() for word in (f"--{flag}", str(folder / name))]
    if scalesmear(["select", *words]) != 0:
        raise SystemExit(1)


def read_arrow(path: Path) -> None:
    """Read columns with pyarrow alone."""
    with pa.memory_map(str(path)) as source:
        names = pa.ipc.open_file(source).schema.names
        options = pa.ipc.IpcReadOptions(included_fields=[names.index(name) for name in COLUMNS])
        reader = pa.ipc.open_file(source, options=options)
        for number in range(reader.num_record_batches):
            reader.get_batch(number)


def read_events(path: Path) -> None:
    """Read the same columns as events."""
    for _ in open_events(path).batches(COLUMNS):
        pass


def compare(title: str, n_events: int, ours: float, bare: float, n_bytes: int) -> None:
    """Print one line of the table."""
    print(
        f"{title:28} {n_events / ours / 1e6:9.1f} {n_events / bare / 1e6:8.1f} "
        f"{bare / ours:6.2f} {n_bytes / ours / 1e6:8.0f}"
    )


def main(n_events: int) -> None:
    """Print the rates."""
    print(f"{'':28} {'Mevents/s':>9} {'bare':>8} {'ratio':>6} {'MB/s':>8}")
    with tempfile.TemporaryDirectory() as name:
        for compression in COMPRESSIONS:
            folder = Path(name) / compression
            path = make_toys(folder, n_events, compression)
            size = path.stat().st_size
            ours = seconds(select, folder)
            compare(f"select, {compression}", n_events, ours, seconds(read_bare, path), size)
            mapped = seconds(read_bare, path, uproot.MemmapSource)
            compare("  uproot with a memory map", n_events, ours, mapped, size)
        events = folder / "events.arrow"
        n_selected, size = open_events(events).n_events, events.stat().st_size
        ours, bare = seconds(read_events, events), seconds(read_arrow, events)
        compare(f"{len(COLUMNS)} columns of events", n_selected, ours, bare, size)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("events", nargs="?", type=int, default=4_000_000)
    main(parser.parse_args().events)
