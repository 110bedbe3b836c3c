"""Where steps run: in containers or on this machine; and what yadage must be told for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import yaml

from scalesmear.errors import InputError
from scalesmear.workflow.docker import engine_version, missing_images
from scalesmear.workflow.venvs import ONE_THREAD, VENVS_VARIABLE, venv_of, venvs_folder

if TYPE_CHECKING:
    from pathlib import Path

Runtime = Literal["docker", "host"]

HOST_BACKEND = "py:scalesmear.workflow.host:HostBackend"
"""What ``yadage-run -b`` and ``packtivity-run -b`` are given to run steps on this machine."""

RESUMING_BACKEND = "py:scalesmear.workflow.resume:ResumingBackend"
"""The same for steps of either runtime that need not run again: ``-k runtime=docker|host``."""

WATCHED = {
    "PACKTIVITY_DATAMODEL_IMPL": "purejson",
    "PACKTIVITY_LOGGING_HANDLER": "scalesmear.workflow.logs:packtivity_handlers",
    "YADAGE_CUSTOM_TRACKER": "scalesmear.workflow.tracker:Tracker",
}
"""Fast parameters, logs as plain text, and a line per stage on the terminal."""


@dataclass(frozen=True)
class Choice:
    """A runtime and why it was chosen."""

    runtime: Runtime
    why: str


def environment_variables(runtime: Runtime) -> dict[str, str]:
    """Return the variables that yadage-run, packtivity-run and recast want for a runtime.

    Containers run as the calling user, without network, from images that are here already.
    """
    if runtime == "host":
        return WATCHED | {
            VENVS_VARIABLE: str(venvs_folder()),
            "RECAST_LOCAL_BACKENDSTRING": HOST_BACKEND,
        }
    inside = {"HOME": "/tmp"} | ONE_THREAD
    words = [f"-u {os.getuid()}:{os.getgid()}", "--network none"]
    words += [f"-e {name}={value}" for name, value in inside.items()]
    return WATCHED | {
        "PACKTIVITY_DOCKER_NOPULL": "1",
        "PACKTIVITY_DOCKER_CMD_MOD": " ".join(words),
    }


def images_of(specs: Path) -> list[str]:
    """Return the images, with tags, that a file of step specs names.

    Raises
    ------
    InputError
        If the file is missing or is not a mapping of steps.
    """
    try:
        steps = yaml.safe_load(specs.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        problem = str(error).replace("\n", " ")
        raise InputError(specs, f"no step specs ({problem})", "name the workflow's own") from error
    if not isinstance(steps, dict):
        raise InputError(specs, "holds no steps", "it must map the name of a step to its spec")
    environments = [_environment(step) for step in steps.values()]
    found = {f"{e['image']}:{e.get('imagetag', 'latest')}" for e in environments if "image" in e}
    return sorted(found)


def _environment(step: Any) -> dict[str, Any]:
    return (step.get("environment") or {}) if isinstance(step, dict) else {}


def choose_runtime(wanted: str, images: list[str]) -> Choice:
    """Choose Docker if its engine answers and has the images, else this machine.

    Parameters
    ----------
    wanted : {"auto", "docker", "host"}
        What the user asked for.
    images : list of str
        Images of the steps, with tags.

    Raises
    ------
    InputError
        If what was asked for is not possible; for ``auto``, if neither is.
    """
    lacking = "" if wanted == "host" else _why_not_docker(images)
    if wanted == "docker" and lacking:
        raise InputError("--runtime docker", lacking, "see docs/running.md, or use --runtime host")
    if wanted in {"auto", "docker"} and not lacking:
        return Choice("docker", f"engine {engine_version()} answers and has {', '.join(images)}")
    for image in images:
        _check_venv(image.rpartition(":")[0], lacking)
    asked = "as --runtime says" if wanted == "host" else f"because {lacking}"
    return Choice("host", f"in {venvs_folder()}, {asked}")


def _check_venv(image: str, lacking: str) -> None:
    try:
        venv_of(image, venvs_folder())
    except InputError as error:
        if not lacking:
            raise
        raise InputError("--runtime auto", lacking, str(error)) from error


def _why_not_docker(images: list[str]) -> str:
    """Return why Docker can't run the steps, nothing if it can."""
    if engine_version() is None:
        return "no Docker engine answers"
    missing = missing_images(images)
    return f"the Docker engine lacks {', '.join(missing)} (`make images`)" if missing else ""
