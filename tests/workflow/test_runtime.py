"""Where steps run, what yadage is told for it, and that nothing heavy is needed for any of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.workflow.helpers import REPOSITORY, make_venv

from scalesmear.errors import InputError
from scalesmear.workflow import runtime
from scalesmear.workflow.runner import Run
from scalesmear.workflow.runtime import choose_runtime, environment_variables, images_of
from scalesmear.workflow.venvs import venvs_folder

if TYPE_CHECKING:
    from tests.workflow.helpers import Shell

IMAGE = "tests/tiny:1"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Put a docker command first in PATH that answers and has the image `tests/tiny:1`."""
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(
        '#!/bin/sh\ncase "$*" in\n  version*) echo 99.1;;\n'
        f'  *"{IMAGE}") echo sha256:1;;\n  *) exit 1;;\nesac\n'
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(docker.parent), prepend=os.pathsep)
    return docker


@pytest.fixture
def no_engine(engine: Path) -> None:
    engine.write_text("#!/bin/sh\nexit 1\n")


@pytest.fixture
def venvs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    make_venv(tmp_path / "venvs", "tiny")
    monkeypatch.setenv("SCALESMEAR_VENVS", str(tmp_path / "venvs"))
    return tmp_path / "venvs"


@pytest.mark.usefixtures("engine", "venvs")
def test_docker_is_chosen_if_it_answers_and_has_the_images() -> None:
    choice = choose_runtime("auto", [IMAGE])
    assert choice.runtime == "docker"
    assert choice.why == "engine 99.1 answers and has tests/tiny:1"
    assert choose_runtime("host", [IMAGE]).runtime == "host"


@pytest.mark.usefixtures("no_engine", "venvs")
def test_host_is_chosen_without_an_engine() -> None:
    choice = choose_runtime("auto", [IMAGE])
    assert choice.runtime == "host"
    assert choice.why.endswith("because no Docker engine answers")


@pytest.mark.usefixtures("engine")
def test_host_is_chosen_without_the_images(venvs: Path) -> None:
    make_venv(venvs, "other")
    choice = choose_runtime("auto", [IMAGE, "tests/other:1"])
    assert choice.runtime == "host"
    assert choice.why.endswith("because the Docker engine lacks tests/other:1 (`make images`)")


@pytest.mark.usefixtures("no_engine")
def test_impossible_runtime_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SCALESMEAR_VENVS", str(tmp_path))
    with pytest.raises(InputError, match="--runtime docker: no Docker engine answers"):
        choose_runtime("docker", [IMAGE])
    with pytest.raises(InputError, match="tiny: there is no virtual environment for the image"):
        choose_runtime("host", [IMAGE])
    with pytest.raises(InputError, match=r"no Docker engine answers; .*tiny: there is no virtual"):
        choose_runtime("auto", [IMAGE])


def test_images_are_those_of_the_specs(tmp_path: Path) -> None:
    assert images_of(REPOSITORY / "steps.yml") == ["scalesmear/scalesmear:0.1.0"]
    with pytest.raises(InputError, match="no step specs"):
        images_of(tmp_path / "none.yml")
    (tmp_path / "list.yml").write_text("[1]")
    with pytest.raises(InputError, match="holds no steps"):
        images_of(tmp_path / "list.yml")


def test_containers_run_as_the_user_and_without_network() -> None:
    options = environment_variables("docker")["PACKTIVITY_DOCKER_CMD_MOD"]
    assert f"-u {os.getuid()}:{os.getgid()}" in options
    assert "--network none" in options
    assert "-e HOME=/tmp" in options


@pytest.mark.parametrize("kind", ["docker", "host"])
def test_exports_are_what_a_shell_reads(shell: Shell, kind: runtime.Runtime) -> None:
    printed = shell.run("scalesmear", "environment", "--runtime", kind).out
    names = list(environment_variables(kind))
    show = "; ".join(f'echo "${name}"' for name in names)
    seen = subprocess.run(
        ["bash", "-c", f"{printed}\n{show}"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | shell.variables,
    )
    expected = environment_variables(kind)
    if kind == "host":
        expected["SCALESMEAR_VENVS"] = shell.variables["SCALESMEAR_VENVS"]
    assert seen.stdout.splitlines() == list(expected.values())


def test_venvs_are_looked_for_here_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SCALESMEAR_VENVS", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".venvs").mkdir()
    assert venvs_folder() == tmp_path / ".venvs"


def a_run(folder: Path, **changes: object) -> Run:
    for name in ("workflow.yml", "inputs.yml"):
        (folder / name).touch()
    (folder / "inputdata").mkdir(exist_ok=True)
    paths = {name: folder / name for name in ("workdir", "inputdata")}
    specs = {name: folder / f"{name}.yml" for name in ("workflow", "inputs")}
    return Run(**(paths | specs | {"runtime": "host", "jobs": 1} | changes))  # type: ignore[arg-type]


def test_missing_file_or_special_path_is_refused(tmp_path: Path) -> None:
    a_run(tmp_path).check()
    for key in ("workflow", "inputs", "inputdata"):
        with pytest.raises(InputError, match=r"does not exist|is no folder"):
            a_run(tmp_path, **{key: tmp_path / "none"}).check()
    for name in ("my work", "a$(b)", "it's", "a;b"):
        with pytest.raises(InputError, match="has a blank or a special character"):
            a_run(tmp_path, workdir=tmp_path / name).check()


HEAVY = (
    "numpy",
    "numba",
    "scipy",
    "pyarrow",
    "uproot",
    "awkward",
    "matplotlib",
    "mplhep",
    "jinja2",
)
NEEDED = "scalesmear.cli.run, scalesmear.cli.verify, scalesmear.cli.environment"


def test_runner_needs_nothing_heavy() -> None:
    modules = [
        f"scalesmear.workflow.{path.stem}"
        for path in (REPOSITORY / "code/scalesmear/workflow").glob("*.py")
        if path.stem != "__init__"
    ]
    program = f"""
import sys
for name in {HEAVY}:
    sys.modules[name] = None  # importing it raises ImportError
import {NEEDED}, {", ".join(modules)}
from scalesmear.cli import main
sys.exit(main(["environment", "--runtime", "docker"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("export ")


def test_heavy_modules_are_really_blocked() -> None:
    program = 'import sys; sys.modules["numpy"] = None; import scalesmear.histogram'
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode != 0
