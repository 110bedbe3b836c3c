"""Small workflows, stand-in environments, and running yadage in them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scalesmear.workflow.runtime import HOST_BACKEND

REPOSITORY = Path(__file__).parents[2]

PATIENCE = 900.0
"""Seconds after which a command hangs, even on a busy machine."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it said."""

    code: int
    said: str
    out: str


@dataclass(frozen=True)
class Shell:
    """Runs commands of this environment in a folder, with the variables that users export."""

    folder: Path
    variables: dict[str, str]

    def start(self, *words: object, **variables: str) -> subprocess.Popen[str]:
        program = str(Path(sys.executable).with_name(str(words[0])))
        return subprocess.Popen(
            [program, *map(str, words[1:])],
            cwd=self.folder,
            env=os.environ | self.variables | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: object, **variables: str) -> Outcome:
        process = self.start(*words, **variables)
        try:
            out, said = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.terminate()
            raise
        return Outcome(process.returncode, said, out)

    def workflow(self, workdir: str = "workdir", *words: object, **variables: str) -> Outcome:
        """Run workflow.yml with inputs.yml as the README says."""
        data = f"initdir={self.folder}/inputdata"
        command = ("yadage-run", workdir, "workflow.yml", "inputs.yml", "-d", data)
        return self.run(*command, "-b", HOST_BACKEND, *words, **variables)


def interrupt(process: subprocess.Popen[str], sign: Path, number: int = signal.SIGINT) -> Outcome:
    """Send a signal when a file appears that tells that a step is at work."""
    deadline = time.monotonic() + 60
    while not sign.exists():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(number)
    out, said = process.communicate(timeout=60)
    return Outcome(process.returncode, said, out)


def make_venv(venvs: Path, image: str, command: Path | None = None) -> None:
    """Make what looks like the virtual environment of an image, perhaps with a stand-in command."""
    folder = venvs / image / "bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(sys.executable)
    if command is not None:
        (folder / "scalesmear").write_text(f'#!/bin/sh\nexec {sys.executable} {command} "$@"\n')
        (folder / "scalesmear").chmod(0o755)


def stage(
    name: str, step: str, parameters: dict[str, Any], after: str = "init", scatter: str = ""
) -> dict[str, Any]:
    """Return a stage that runs a step of steps.yml."""
    scheduler: dict[str, Any] = {
        "scheduler_type": "multistep-stage" if scatter else "singlestep-stage",
        "parameters": parameters,
        "step": {"$ref": f"steps.yml#/{step}"},
    }
    if scatter:
        scheduler["scatter"] = {"method": "zip", "parameters": [scatter]}
    return {"name": name, "dependencies": [after], "scheduler": scheduler}


def step(script: str, publish: dict[str, str], image: str = "tests/tiny") -> dict[str, Any]:
    """Return a step that runs a bash script."""
    return {
        "process": {
            "process_type": "interpolated-script-cmd",
            "interpreter": "bash",
            "script": f"set -euo pipefail\n{script}\n",
        },
        "environment": {
            "environment_type": "docker-encapsulated",
            "image": image,
            "imagetag": "1",
        },
        "publisher": {"publisher_type": "interpolated-pub", "publish": publish},
    }


def write_specs(
    folder: Path, stages: list[dict[str, Any]], steps: dict[str, Any], inputs: dict[str, Any]
) -> None:
    """Write a small workflow."""
    contents = {"workflow.yml": {"stages": stages}, "steps.yml": steps, "inputs.yml": inputs}
    for name, content in contents.items():
        (folder / name).write_text(yaml.safe_dump(content))
