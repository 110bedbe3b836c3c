"""Where the time of a run goes: by stage, and by function.

python benchmarks/profile_run.py stages|functions [--small N] [--large N]

The whole workflow runs on this machine on toys, with `inputs.yml` as it is, from environments that
`make venvs` made; a command in front of each step notes its time. Stages are measured with two
numbers of events, N of data and 2 N simulated ones; the difference says what an event costs, and so what
a Run does. Functions are those of this package that py-spy finds innermost, 50 times a second.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from _common import make_toys, print_table

if TYPE_CHECKING:
    from collections.abc import Iterable

REPOSITORY = Path(__file__).resolve().parents[1]
VENVS = REPOSITORY / ".venvs"
WRAPPER = Path(__file__).with_name("timed_step.py")

N_FILES = 4
RUN = 150_000_000
"""Events of data and simulation of a large Run, 50 M and 100 M."""

OUTPUT_FLAGS = ("--output", "--output-file", "--summary")
FITS = ("coarse", "fine", "et", "gain", "stochastic")
OF_EVENTS = (
    "select", "z_spectra", "stability", "before", "after", "z_after", "validation_fill",
    "systematics_fill", "systematics_fill variations", "fits fill", "fits first_migration",
    "fits second_migration", "fits closure_fill",
)  # fmt: skip
"""Stages that read events, whose time grows with their number."""

KERNELS = r"numba/core/(dispatcher|caching|compiler)"
MOST = 12
"""Functions that are shown."""


@dataclass(frozen=True)
class Step:
    """What one step took.

    `place` is where its output went in the work directory; times in s, memory in KiB.
    """

    place: str
    start: float
    end: float
    processor: float
    memory: int
    stacks: str | None

    @property
    def stage(self) -> str:
        """The stage, without the number of the job; the stages of fits together."""
        parts = [re.sub(r"_\d+$", "", part) for part in Path(self.place).parts]
        kept = [part for part in parts if "." not in part]
        if kept and kept[0] in FITS:
            kept[0] = "fits"
        return " ".join(kept[:2])


def read_steps(notes: Path, workdir: Path) -> list[Step]:
    """Return what the wrapper noted."""
    out = []
    for line in notes.read_text().splitlines():
        note = json.loads(line)
        words = [word.strip("'\"") for word in note.pop("words")]
        places = [b for a, b in pairwise(words) if a in OUTPUT_FLAGS]
        out.append(Step(os.path.relpath(places[0], workdir), **note))
    return out


def wrap_environments(folder: Path, notes: Path, spy: str) -> Path:
    """Make environments that are the real ones, but that their command notes what it takes."""
    for image in (path for path in VENVS.iterdir() if (path / "bin/scalesmear").exists()):
        bin_folder = folder / image.name / "bin"
        bin_folder.mkdir(parents=True)
        for place in (*image.iterdir(), *(image / "bin").iterdir()):
            if place.name not in ("bin", "scalesmear"):
                (folder / place.relative_to(VENVS)).symlink_to(place)
        words = (sys.executable, WRAPPER, notes, spy or "''", image / "bin/scalesmear")
        command = bin_folder / "scalesmear"
        command.write_text(f'#!/bin/sh\nexec {" ".join(map(str, words))} "$@"\n')
        command.chmod(0o755)
    return folder


def run(folder: Path, n_data: int, n_sim: int, spy: str = "") -> list[Step]:
    """Run the workflow on toys and return its steps."""
    make_toys(folder / "inputdata", n_data, n_sim, n_files=N_FILES)
    notes, workdir = folder / "notes", folder / "workdir"
    venvs = wrap_environments(folder / "venvs", notes, spy)
    inputs = ["--inputdata", folder / "inputdata", "--runtime", "host"]
    command = [
        VENVS / "runner/bin/scalesmear",
        "run",
        workdir,
        "workflow.yml",
        "inputs.yml",
        *inputs,
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=kept | {"SCALESMEAR_VENVS": str(venvs)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"the run failed:\n{done.stdout[-3000:]}")
    return read_steps(notes, workdir)


def by_stage(steps: Iterable[Step]) -> dict[str, list[Step]]:
    """Return the steps of each stage, in the order in which they began."""
    out: dict[str, list[Step]] = defaultdict(list)
    for step in sorted(steps, key=lambda step: step.start):
        out[step.stage].append(step)
    return out


def processor(steps: Iterable[Step]) -> float:
    """Return the processor time of some steps [s]."""
    return sum(step.processor for step in steps)


def print_stages(small: int, large: int) -> None:
    """Print what each stage takes, and, from a smaller run, what it would for a Run."""
    found = []
    for n_data in (small, large) if small else (large,):
        with tempfile.TemporaryDirectory() as folder:
            found.append(by_stage(run(Path(folder), n_data, 2 * n_data)))
    many, few = found[-1], found[0]
    all_steps = [step for steps in many.values() for step in steps]
    total, of_run = processor(all_steps), 0.0
    rows: list[tuple[str, ...]] = []
    for stage, steps in sorted(many.items(), key=lambda item: -processor(item[1])):
        taken, memory = processor(steps), max(step.memory for step in steps) / 1024
        row = (stage, f"{len(steps)}", f"{taken:.1f}", f"{taken / total:.0%}", f"{memory:.0f}")
        per_event = 0.0
        if small and stage in OF_EVENTS:
            per_event = (taken - processor(few.get(stage, ()))) / (3 * (large - small))
        of_stage = taken + per_event * (RUN - 3 * large)
        of_run += of_stage
        more = (f"{1e9 * per_event:.0f}" if per_event else "", f"{of_stage:.0f}") if small else ()
        rows.append((*row, *more))
    last = ("", f"{of_run:.0f}") if small else ()
    rows.append(("all", f"{len(all_steps)}", f"{total:.1f}", "", "", *last))
    head = ("", "jobs", "processor/s", "share", "MiB", "ns/event", "50 M + 100 M/s")
    title = (
        f"{large / 1e6:g} M events of data and {2 * large / 1e6:g} M of simulation in {N_FILES} + "
        f"{N_FILES} files: {_clock(all_steps):.0f} s on the clock"
    )
    print_table(title, head if small else head[:5], rows)


def _clock(steps: Iterable[Step]) -> float:
    first, last = zip(*((step.start, step.end) for step in steps), strict=True)
    return max(last) - min(first)


def place_of(stack: str) -> str | None:
    """Return what a stack of py-spy is doing: importing, compiling, or a function of ours.

    It ends with the library that works for that function, if there is one. A thread that waits for
    another does nothing: None.
    """
    frames = stack.split(";")
    if re.search(r"\((threading|concurrent/futures/\w+|queue)\.py", frames[-1]):
        return None
    last = max(k for k, frame in enumerate(frames) if k == 0 or "importlib" in frame)
    if any(re.search(KERNELS, frame) for frame in frames[last:]):
        return "compiling or loading kernels (numba)"
    if "importlib" in frames[last]:
        return "importing"
    ours = [k for k, frame in enumerate(frames) if "scalesmear/" in frame and "bin/" not in frame]
    if not ours:
        return "Python itself"
    name, path = re.match(r"(\S+) \((.*?)(?::\d+)?\)", frames[ours[-1]]).groups()
    module = path.split("scalesmear/", 1)[1].removesuffix(".py").replace("/", ".")
    helper = (
        re.search(r"\(([\w.-]+)/", frames[ours[-1] + 1]) if ours[-1] + 1 < len(frames) else None
    )
    where = f"{module}.{name.split('.<locals>')[0]}"
    return where + (f" > {helper[1]}" if helper else "")


def print_functions(large: int) -> None:
    """Print the functions in which most time is spent."""
    spy = shutil.which("py-spy") or str(Path(sys.executable).with_name("py-spy"))
    places: Counter[str] = Counter()
    stages: dict[str, Counter[str]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory() as folder:
        for step in run(Path(folder), large, 2 * large, spy):
            for line in Path(str(step.stacks)).read_text().splitlines():
                stack, number = line.rsplit(" ", 1)
                if (place := place_of(stack)) is not None:
                    places[place] += int(number)
                    stages[place][step.stage] += int(number)
    total = places.total()
    rows = [
        (
            place,
            f"{number / total:.1%}",
            ", ".join(stage for stage, _ in stages[place].most_common(2)),
        )
        for place, number in places.most_common(MOST)
    ]
    print_table(f"where samples of py-spy fall: {total} in all", ("", "share", "mostly in"), rows)


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("stages", "functions"))
    parser.add_argument("--small", type=int, default=100_000, help="0: no second run")
    parser.add_argument("--large", type=int, default=2_000_000)
    args = parser.parse_args()
    if args.what == "stages":
        print_stages(args.small, args.large)
    else:
        print_functions(args.large)


if __name__ == "__main__":
    main()
