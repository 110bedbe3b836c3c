"""What systematic errors cost beside the run that they belong to.

python benchmarks/bench_systematics.py [--events N]

Runs the workflow with `inputs.yml` as it is on N events of data and N of simulation (1 M), and adds up
the processor time of its steps: those of the stages systematics_fill and systematics, and all others,
which do not know of them.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from _common import print_table
from profile_run import by_stage, run

from scalesmear.io.variationsfile import read_variations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from profile_run import Step

STAGES = ("systematics_fill", "systematics")


def processor_time(steps: Iterable[Step]) -> float:
    """Return the processor time of some steps [s]."""
    return sum(step.processor for step in steps)


def main() -> None:
    """Run, add up, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory() as folder:
        stages = by_stage(run(Path(folder), events, events))
    others = {stage: steps for stage, steps in stages.items() if stage.split()[0] not in STAGES}
    ours = [(stage, steps) for stage, steps in stages.items() if stage not in others]
    nominal = processor_time(step for steps in others.values() for step in steps)
    both = processor_time(step for _, steps in ours for step in steps)
    rows = [
        (name, str(jobs), f"{time:.1f}", f"{time / nominal:.2f}")
        for name, jobs, time in (
            *((stage, len(steps), processor_time(steps)) for stage, steps in ours),
            ("both", sum(len(steps) for _, steps in ours), both),
            ("all other stages", sum(map(len, others.values())), nominal),
        )
    ]
    n = len(read_variations("standard"))
    title = f"{n} variations, {events / 1e6:g} M events of data and as many simulated ones"
    print_table(title, ("", "jobs", "processor/s", "ratio"), rows)


if __name__ == "__main__":
    main()
