"""The virtual environments that stand in for images when steps run on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from scalesmear.errors import InputError

VENVS_VARIABLE = "SCALESMEAR_VENVS"
"""Environment variable with the folder that holds a virtual environment per image."""

ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
"""Steps run side by side, so each keeps to one thread; sums then have one order, too."""


def venvs_folder() -> Path:
    """Return the folder with the virtual environments.

    It is the one that ``SCALESMEAR_VENVS`` names, or else ``.venvs`` here or in the repository of
    this package.
    """
    named = os.environ.get(VENVS_VARIABLE)
    if named:
        return Path(named).absolute()
    here, repository = (
        folder / ".venvs" for folder in (Path.cwd(), Path(__file__).resolve().parents[3])
    )
    return repository if repository.is_dir() and not here.is_dir() else here


def venv_of(image: str, venvs: Path) -> Path:
    """Return the virtual environment of an image, named like its last component.

    Raises
    ------
    InputError
        If it is not there.
    """
    venv = venvs / image.rsplit("/", 1)[-1]
    if not (venv / "bin").is_dir():
        raise InputError(
            venv,
            f"there is no virtual environment for the image {image}",
            f"make it with `make venvs`, or name the folder of all of them in {VENVS_VARIABLE}",
        )
    return venv


def step_environment(venv: Path) -> dict[str, str]:
    """Return the variables of a step: those of this process, with the venv first in PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    path = f"{venv / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return kept | ONE_THREAD | {"PATH": path, "VIRTUAL_ENV": str(venv), "PYTHONNOUSERSITE": "1"}
