"""Rate of reading, selecting and writing events, beside a bare read of the same branches.

python benchmarks/bench_select.py [number of events]

``select`` is compared with uproot's own loop over the branches that it uses, which neither selects
nor writes nor computes the checksum. Two threads share the work of ``select``, so times are those
of the clock on the wall. MB/s are those of the ROOT file.
"""

from __future__ import annotations

import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import uproot
from _common import beside, make_toys, print_table, quietly

from scalesmear.io import ntuples
from scalesmear.io.files import write_settings
from scalesmear.io.samples import Job, JobFile, write_job
from scalesmear.selection import SelectSettings

COMPRESSIONS = ("zlib", "zstd", "lz4")
OUTPUTS = {"output": "events.arrow", "summary": "summary.json"}


def read_bare(path: Path) -> None:
    """Loop over the branches that the selection reads, with uproot alone."""
    branches = [*ntuples.EVENT_BRANCHES.values(), *ntuples.ELECTRON_BRANCHES.values()]
    with uproot.open(path) as file:
        names = [*branches, ntuples.CHARGE, ntuples.EVENT]
        for _ in file["selected"].iterate(names, step_size=ntuples.CHUNK_SIZE, library="np"):
            pass


def prepare(folder: Path) -> None:
    """Write job and settings."""
    write_job(
        folder / "job.json",
        Job("data", (JobFile("selected", "data", folder / "ntuples/data-1.root"),)),
    )
    write_settings(folder / "settings.json", SelectSettings(id_bit=8))


def select(folder: Path) -> None:
    """Run the verb on the data file."""
    files = {"job": "job.json", "settings": "settings.json"} | OUTPUTS
    quietly(
        "select", *(word for flag, name in files.items() for word in (f"--{flag}", folder / name))
    )


def forget(folder: Path) -> None:
    """Remove what was selected: a job writes new files, and to replace old ones takes time."""
    for name in OUTPUTS.values():
        (folder / name).unlink(missing_ok=True)


def main(n_events: int) -> None:
    """Print the rates."""
    rows = []
    for compression in COMPRESSIONS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make_toys(folder, n_events, 1000, compression)
            prepare(folder)
            path = folder / "ntuples" / "data-1.root"
            size = path.stat().st_size
            again = partial(forget, folder)
            calls = partial(select, folder), partial(read_bare, path)
            ours, bare, ratio = beside(*calls, clock=time.perf_counter, before=again)
        rates = [f"{n_events / t / 1e6:.1f}" for t in (ours, bare)]
        rows.append((compression, *rates, f"{1 / ratio:.2f}", f"{size / ours / 1e6:.0f}"))
    title = f"select: {n_events / 1e6:g} M events of data"
    print_table(title, ("", "Mevents/s", "bare uproot", "ratio", "MB/s"), rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000)
