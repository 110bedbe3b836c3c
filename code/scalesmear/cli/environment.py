"""Print the exports that plain yadage-run and packtivity-run want.

Use it as  eval "$(scalesmear environment --runtime docker)"  in the shell where you type them.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from scalesmear.workflow.runtime import environment_variables

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--runtime",
        choices=("docker", "host"),
        required=True,
        help="steps run in containers, or in virtual environments of this machine",
    )


def run(args: argparse.Namespace) -> None:
    """Print one export per variable, quoted for a shell."""
    for name, value in environment_variables(args.runtime).items():
        print(f"export {name}={shlex.quote(value)}")
