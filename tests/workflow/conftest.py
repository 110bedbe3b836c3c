"""A shell in a folder of its own, with what stands in for the environments of the images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.workflow.helpers import REPOSITORY, Shell, make_venv

from scalesmear.workflow.runtime import environment_variables

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell in a new folder with inputdata/ and virtual environments for two images."""
    (tmp_path / "inputdata").mkdir()
    make_venv(tmp_path / "venvs", "scalesmear", REPOSITORY / "tests/workflow/stand_in.py")
    make_venv(tmp_path / "venvs", "tiny")
    variables = environment_variables("host") | {"SCALESMEAR_VENVS": str(tmp_path / "venvs")}
    return Shell(tmp_path, variables)


@pytest.fixture
def derivation(shell: Shell) -> Shell:
    """The shell with the specs of the derivation and inputs that the stand-in understands."""
    for name in ("workflow.yml", "fit.yml", "steps.yml"):
        (shell.folder / name).symlink_to(REPOSITORY / name)
    (shell.folder / "inputdata/samples.tsv").write_text("data\tselected\tdata.root\n")
    (shell.folder / "inputs.yml").write_text("samples: samples.tsv\nn_jobs: 2\n")
    return shell
