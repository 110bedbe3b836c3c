"""One run of the workflow: yadage-run as a user would type it, in the environment that it wants."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scalesmear.errors import InputError, WorkflowError
from scalesmear.io.files import plain_path
from scalesmear.workflow.docker import remove_containers
from scalesmear.workflow.runtime import RESUMING_BACKEND, environment_variables
from scalesmear.workflow.signals import exit_when_told

if TYPE_CHECKING:
    from scalesmear.workflow.runtime import Runtime

PATIENCE = 30.0
"""Seconds that yadage-run may take to stop its steps when it is interrupted."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What to run and how.

    Attributes
    ----------
    workdir : Path
        Folder of all results; yadage makes it.
    workflow, inputs : Path
        The specs and the values that they start from.
    inputdata : Path
        Folder of the input files.
    runtime : {"docker", "host"}
    jobs : int
        How many steps run at a time.
    existing : {"refuse", "overwrite", "continue"}
        What to do with a work directory of an earlier run.
    """

    workdir: Path
    workflow: Path
    inputs: Path
    inputdata: Path
    runtime: Runtime
    jobs: int
    existing: str = "refuse"

    def command(self) -> list[str]:
        """Return the yadage-run command, as one types it."""
        words = ["yadage-run", str(self.workdir), self.workflow.name, str(self.inputs)]
        words += ["-t", str(self.workflow.absolute().parent)]
        words += ["-d", f"initdir={self.inputdata.absolute()}", "-v", "WARNING"]
        words += ["-o", "disable_prepub=true", "-u", "0.05"]
        if self.existing == "overwrite":
            words += ["-d", "overwrite=true"]
        words += [
            "-b",
            RESUMING_BACKEND,
            "-k",
            f"runtime={self.runtime}",
            "-k",
            f"jobs={self.jobs}",
        ]
        return words + (["--accept-metadir"] if self.existing == "continue" else [])

    def check(self) -> None:
        """See that all is there and that nothing of value is overwritten.

        Raises
        ------
        InputError
            If not.
        """
        for what, path in (("workflow", self.workflow), ("inputs", self.inputs)):
            if not path.is_file():
                raise InputError(path, f"the {what} file does not exist", "check the path")
        if not self.inputdata.is_dir():
            raise InputError(self.inputdata, "is no folder", "name the folder of the input files")
        for path in (self.workdir, self.inputdata):
            plain_path(path.absolute())
        self._check_workdir()

    def _check_workdir(self) -> None:
        if not self.workdir.exists() or not any(self.workdir.iterdir()):
            return
        if not (self.workdir / "_yadage").is_dir():
            cure = "name a new folder"
            raise InputError(self.workdir, "is no work directory of an earlier run", cure)
        if self.existing == "refuse":
            raise InputError(
                self.workdir,
                "holds an earlier run",
                "--continue it, --overwrite it, or name a new folder",
            )


def execute(run: Run) -> None:
    """Run the workflow and return when it ended well.

    Raises
    ------
    WorkflowError
        If it ended badly; why is on the terminal by then.
    KeyboardInterrupt
        If it was interrupted; nothing of it is left running.
    """
    exit_when_told()
    command = run.command()
    program = str(Path(sys.executable).with_name(command[0]))
    variables = os.environ | environment_variables(run.runtime)
    process = subprocess.Popen([program, *command[1:]], env=variables, start_new_session=True)
    try:
        code = process.wait()
    except BaseException:
        _interrupt(process)
        if run.runtime == "docker":
            remove_containers(run.workdir)
        raise
    if code:
        raise WorkflowError(f"the workflow failed, see above and {run.workdir}/_yadage/yadage.log")


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """Interrupt yadage-run, which stops its steps, and end it if it takes too long."""
    process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def typed(run: Run) -> str:
    """Return the yadage-run command as text for a shell."""
    return shlex.join(run.command())
