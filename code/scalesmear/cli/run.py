"""Run a whole workflow and verify it.

Steps run in containers if a Docker engine answers and has the images, else on this machine in the
virtual environments of the images. The command that is run is printed: it is plain yadage-run.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scalesmear.cli.verify import say_verdict
from scalesmear.workflow.runner import Run, execute, typed
from scalesmear.workflow.runtime import choose_runtime, images_of

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("workdir", type=Path, help="folder of all results, made by the run")
    parser.add_argument(
        "workflow", type=Path, help="workflow.yml or another; steps.yml is beside it"
    )
    parser.add_argument("inputs", type=Path, help="inputs.yml or another, the values to start from")
    parser.add_argument(
        "--inputdata",
        type=Path,
        metavar="DIR",
        help="folder of the input files (default: that of the inputs)",
    )
    parser.add_argument(
        "--runtime", choices=("auto", "docker", "host"), default="auto", help="where steps run"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), metavar="N", help="steps at a time"
    )
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument(
        "--overwrite",
        dest="existing",
        action="store_const",
        const="overwrite",
        help="delete an earlier run in the same folder",
    )
    existing.add_argument(
        "--continue",
        dest="existing",
        action="store_const",
        const="continue",
        help="keep from an earlier run what has not changed since",
    )


def run(args: argparse.Namespace) -> int | None:
    """Run, verify, and say where the results are."""
    choice = choose_runtime(args.runtime, images_of(args.workflow.with_name("steps.yml")))
    job = Run(
        workdir=args.workdir,
        workflow=args.workflow,
        inputs=args.inputs,
        inputdata=args.inputdata or args.inputs.absolute().parent,
        runtime=choice.runtime,
        jobs=args.jobs,
        existing=args.existing or "refuse",
    )
    job.check()
    where = "in containers" if choice.runtime == "docker" else "on this machine"
    print(f"steps run {where}: {choice.why}\n{typed(job)}", file=sys.stderr)
    try:
        execute(job)
    except KeyboardInterrupt:
        print("interrupted; the steps were stopped", file=sys.stderr)
        return 130
    say_verdict(args.workdir)
    _say_results(args.workdir)
    return None


def _say_results(workdir: Path) -> None:
    for what in ("report/summary.txt", "injection_summary/summary.txt"):
        if (workdir / what).is_file():
            print((workdir / what).read_text(encoding="utf-8").rstrip())
    for what in ("report/report.html", "export", "injection_summary/injection.html"):
        if (workdir / what).exists():
            print(workdir / what)
