"""Say whether a finished run is whole.

yadage reports success even if stages never ran or files that they publish were not written. This
reads the record of a run in its work directory and names everything that is missing.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scalesmear.errors import WorkflowError
from scalesmear.workflow.verify import verify

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("workdir", type=Path, help="work directory of yadage-run")


def run(args: argparse.Namespace) -> None:
    """Judge the run, and list what is missing.

    Raises
    ------
    WorkflowError
        If something is.
    """
    say_verdict(args.workdir)


def say_verdict(workdir: Path) -> None:
    """Print the verdict on a run, what is missing on standard error.

    Raises
    ------
    WorkflowError
        If something is missing.
    """
    verdict = verify(workdir)
    for sentence in verdict.missing:
        print(f"missing: {sentence}", file=sys.stderr)
    if not verdict.whole:
        raise WorkflowError(f"{workdir}: the run is not whole, {len(verdict.missing)} missing")
    print(
        f"{workdir}: whole, {verdict.stages} stages, {verdict.steps} steps, "
        f"{verdict.files} published files"
    )
