"""A shell in a folder of its own, with what stands in for the environments of the images."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import yaml
from tests.workflow.helpers import REPOSITORY, Shell, make_venv

from scalesmear.cli import main
from scalesmear.workflow.runtime import environment_variables

SPECS = (
    *("workflow.yml", "fit.yml", "no_fit.yml", "other_simulation.yml", "no_other_simulation.yml"),
    "steps.yml",
)


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
    for name in SPECS:
        (shell.folder / name).symlink_to(REPOSITORY / name)
    (shell.folder / "inputdata/samples.tsv").write_text("data\tselected\tdata.root\n")
    values = {
        "samples": "samples.tsv",
        "n_jobs": 2,
        "sample_name": "zee",
        "systematics": "standard",
        "truth": "truth.json",
    }
    (shell.folder / "inputs.yml").write_text(yaml.safe_dump(values))
    return shell


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a little generated data and simulation."""
    folder = tmp_path_factory.mktemp("toys") / "inputdata"
    sizes = {"--data-events": 30000, "--sim-events": 60000, "--data-files": 2, "--sim-files": 2}
    words = [str(word) for pair in sizes.items() for word in pair]
    assert main(["toys", "--output", str(folder), "--seed", "5", *words]) == 0
    return folder


@pytest.fixture
def real_commands(shell: Shell) -> Shell:
    """The shell in which steps call the command of this environment."""
    command = shell.folder / "venvs/scalesmear/bin/scalesmear"
    command.unlink()
    command.symlink_to(Path(sys.executable).with_name("scalesmear"))
    return shell


@pytest.fixture
def real(real_commands: Shell, toys: Path) -> Shell:
    """That shell with the specs of the derivation and some toy data."""
    for name in SPECS:
        (real_commands.folder / name).symlink_to(REPOSITORY / name)
    shutil.copytree(toys, real_commands.folder / "inputdata", dirs_exist_ok=True)
    return real_commands
