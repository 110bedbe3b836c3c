"""The same in containers, with the environment that users export for it."""

from __future__ import annotations

import os
import signal
import subprocess
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from tests.workflow.helpers import Shell, interrupt, stage, step, write_specs

from scalesmear.workflow.runtime import environment_variables

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflow.helpers import Outcome

pytestmark = pytest.mark.docker

IMAGE = "scalesmear/scalesmear"


@pytest.fixture
def docker(tmp_path: Path) -> Shell:
    (tmp_path / "inputdata").mkdir()
    return Shell(tmp_path, environment_variables("docker"))


def write_step(shell: Shell, script: str) -> None:
    """Write a workflow of one step that runs in the image of the package."""
    lone = step(script, {"x": "{output}"}, IMAGE)
    lone["environment"]["imagetag"] = version("scalesmear")
    stages = [stage("lone", "lone", {"output": "{workdir}/x"})]
    write_specs(shell.folder, stages, {"lone": lone}, {"a": 1})


def plain_run(shell: Shell) -> Outcome:
    data = f"initdir={shell.folder}/inputdata"
    return shell.run("yadage-run", "workdir", "workflow.yml", "inputs.yml", "-d", data)


def test_files_belong_to_the_user_and_there_is_no_network(docker: Shell) -> None:
    write_step(
        docker, "echo progress: files=1/1 events=10 seconds=0.1; ls /sys/class/net > {output}"
    )
    outcome = plain_run(docker)
    assert outcome.code == 0, outcome.said
    assert "1/1 files  10 events" in outcome.said
    made = docker.folder / "workdir/lone/x"
    assert made.stat().st_uid == os.getuid()
    assert made.read_text().split() == ["lo"]


def test_failing_container_is_told(docker: Shell) -> None:
    write_step(docker, "echo words; echo 'scalesmear lone: no; try again' >&2; false")
    outcome = plain_run(docker)
    assert outcome.code == 1
    assert "step lone failed: scalesmear lone: no; try again\n" in outcome.said
    assert "  | words\n" in outcome.said
    assert "Traceback" not in outcome.said
    assert "Pool" not in outcome.said


def test_lone_step_in_a_container(docker: Shell) -> None:
    write_step(docker, "echo words; touch {output}")
    parameter = "output='{workdir}/x'"
    outcome = docker.run("packtivity-run", "steps.yml#/lone", "-p", parameter, "-w", "out")
    assert outcome.code == 0, outcome.said
    assert "words\n" in outcome.said
    assert (docker.folder / "out/x").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("plain", [True, False])
def test_interrupted_run_leaves_no_container(
    docker: Shell, number: signal.Signals, plain: bool
) -> None:
    write_step(docker, "touch {output}; sleep 300")
    specs = ("workdir", "workflow.yml", "inputs.yml")
    plainly = ("yadage-run", *specs, "-d", f"initdir={docker.folder}/inputdata")
    ours = ("scalesmear", "run", *specs, "--inputdata", "inputdata", "--runtime", "docker")
    sign = docker.folder / "workdir/lone/x"
    assert interrupt(docker.start(*(plainly if plain else ours)), sign, number).code != 0
    container = (docker.folder / "workdir/lone/_packtivity/lone.cid").read_text()
    left = subprocess.run(
        ["docker", "ps", "--all", "--quiet", "--no-trunc"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert container not in left.stdout.split()


def test_run_continues_in_containers(docker: Shell) -> None:
    write_step(docker, "touch {output}")
    specs = ("workdir", "workflow.yml", "inputs.yml")
    command = ("scalesmear", "run", *specs, "--inputdata", "inputdata", "--runtime", "docker")
    assert docker.run(*command).code == 0
    outcome = docker.run(*command, "--continue")
    assert outcome.code == 0, outcome.said
    assert "kept" in outcome.said
