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


def print_stages(small: int, large: int) -> None:
    """Print what each stage takes, and what it would for a Run."""
    found = []
    for n_data in (small, large):
        with tempfile.TemporaryDirectory() as folder:
            found.append(by_stage(run(Path(folder), n_data, 2 * n_data)))
    few, many = found
    total = sum(step.processor for steps in many.values() for step in steps)
    rows, sums = [], [0.0, 0.0, 0.0]
    for stage, steps in many.items():
        taken, before = (sum(s.processor for s in part) for part in (steps, few.get(stage, ())))
        per_event = max(0.0, taken - before) / (3 * (large - small))
        of_run = taken + per_event * (RUN - 3 * large)
        clock = max(s.end for s in steps) - min(s.start for s in steps)
        memory = max(s.memory for s in steps) / 1024
        rows.append((stage, len(steps), f"{clock:.1f}", f"{taken:.1f}", f"{taken / total:.0%}",
                     f"{memory:.0f}", f"{1e9 * per_event:.0f}", f"{of_run:.0f}"))  # fmt: skip
        sums = [a + b for a, b in zip(sums, (taken, per_event, of_run), strict=True)]
    rows.sort(key=lambda row: -float(row[3]))
    clock = _clock(step for steps in many.values() for step in steps)
    jobs = sum(map(len, many.values()))
    rows.append(("all", jobs, f"{clock:.1f}", f"{sums[0]:.1f}", "", "",
                 f"{1e9 * sums[1]:.0f}", f"{sums[2]:.0f}"))  # fmt: skip
    head = ("", "jobs", "clock/s", "processor/s", "share", "MiB", "ns/event", "50 M + 100 M/s")
    title = f"a run of {large / 1e6:g} M events of data and {2 * large / 1e6:g} M of simulation"
    print_table(f"{title}, {N_FILES} + {N_FILES} files", head, rows)


def _clock(steps: Iterable[Step]) -> float:
    all_steps = list(steps)
    return max(s.end for s in all_steps) - min(s.start for s in all_steps)


def place_of(stack: str) -> str | None:
    """Return what a stack of py-spy is doing: importing, compiling, or a function of ours.

    It ends with the library that works for that function, if there is one. A thread that waits for
    another does nothing: None.
    """
    frames = stack.split(";")
    if re.search(r"\((threading|concurrent/futures/\w+|queue)\.py", frames[-1]):
        return None
    if any("numba/core" in frame for frame in frames):
        return "compiling or loading kernels (numba)"
    if any("importlib" in frame for frame in frames):
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
    parser.add_argument("--small", type=int, default=200_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    args = parser.parse_args()
    if args.what == "stages":
        print_stages(args.small, args.large)
    else:
        print_functions(args.large)


if __name__ == "__main__":
    main()
