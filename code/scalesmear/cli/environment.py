"""Print the exports that plain yadage-run and packtivity-run want.

Use it as  eval "$(scalesmear environment --runtime docker)"  in the shell where you type them. With
--runtime host it also makes the two commands, typed in that shell, run steps on this machine.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from scalesmear.workflow.runtime import HOST_BACKEND, environment_variables

if TYPE_CHECKING:
    import argparse


COMMANDS = ("yadage-run", "packtivity-run")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--runtime",
        choices=("docker", "host"),
        required=True,
        help="steps run in containers, or in virtual environments of this machine",
    )


def run(args: argparse.Namespace) -> None:
    """Print one export per variable, quoted for a shell; for the host also two aliases."""
    for name, value in environment_variables(args.runtime).items():
        print(f"export {name}={shlex.quote(value)}")
    if args.runtime == "host":
        for command in COMMANDS:
            print(f"alias {command}='{command} -b {HOST_BACKEND}'")
