"""The tools of RECAST and REANA, each in its own environment, take the workflow as docs/services.md says."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.workflow.helpers import REPOSITORY, Outcome

from scalesmear.config import resolve

if TYPE_CHECKING:
    from tests.workflow.helpers import Shell

PAGE = (REPOSITORY / "docs/services.md").read_text(encoding="utf-8")
SPECS = (
    "workflow.yml",
    "fit.yml",
    "no_fit.yml",
    "other_simulation.yml",
    "no_other_simulation.yml",
    "steps.yml",
    "inputs.yml",
    "recast.yml",
    "reana.yaml",
)
RECAST: dict[str, Any] = yaml.safe_load((REPOSITORY / "recast.yml").read_text())
REANA_FILES = sorted(
    path.relative_to(REPOSITORY)
    for folder in (REPOSITORY, *REPOSITORY.glob("examples/*"))
    for path in folder.glob("reana.yaml")
)


def block_with(words: str) -> str:
    """Return the only bash block of the page that holds some words."""
    (block,) = [b for b in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) if words in b]
    return str(block)


def environment(name: str) -> Path:
    """Return the environment of a service's tools, or skip the test."""
    found = REPOSITORY / ".venvs" / name
    if not (found / ".installed").exists():
        if os.environ.get("SCALESMEAR_REQUIRE_DOCKER"):
            pytest.fail(f"{found} is not there: make services")
        pytest.skip(f"{found} is not there: make services")
    return found


def run(shell: Shell, script: str, *first: Path, **variables: str) -> Outcome:
    """Run a bash script in a shell's folder, some folders first in PATH and no variable of ours set."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PACKTIVITY", "YADAGE", "RECAST", "SCALESMEAR"))
    }
    path = os.pathsep.join([*map(str, first), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=shell.folder,
        env=clean | {"PATH": path} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(done.returncode, done.stderr, done.stdout)


def link_specs(shell: Shell) -> None:
    for name in SPECS:
        place = shell.folder / name
        place.unlink(missing_ok=True)
        place.symlink_to(REPOSITORY / name)


def stand_in_programs(shell: Shell, *names: str) -> Path:
    """Make programs that do nothing, so that recast can draw without Graphviz and ImageMagick."""
    folder = shell.folder / "bin"
    folder.mkdir()
    for name in names:
        (folder / name).write_text("#!/bin/sh\nexit 0\n")
        (folder / name).chmod(0o755)
    return folder


# --- RECAST ---


def test_recast_runs_the_workflow_as_printed(derivation: Shell) -> None:
    venv = environment("recast")
    link_specs(derivation)
    drawing = stand_in_programs(derivation, "dot", "convert", "make")
    (derivation.folder / ".venvs").symlink_to(derivation.folder / "venvs")
    (derivation.folder / "venvs/recast").symlink_to(venv)
    (derivation.folder / "inputdata/samples.yml").touch()
    (derivation.folder / "inputdata/truth.json").touch()
    script = block_with("recast run").replace("--runtime docker", "--runtime host")
    outcome = run(derivation, script, drawing)
    assert outcome.code == 0, outcome.said
    assert "Nice job! Everything looks good." in outcome.out
    assert "RECAST result scalesmear/derivation recast-t1" in outcome.out
    for result in RECAST["results"]:
        assert f"name: {result['name']}" in outcome.out
    assert (derivation.folder / "recast-t1/report/report.html").exists()


def test_a_broken_workflow_does_not_pass_the_check(derivation: Shell) -> None:
    venv = environment("recast")
    link_specs(derivation)
    (derivation.folder / "workflow.yml").unlink()
    (derivation.folder / "workflow.yml").write_text("stages: [{name: lone}]\n")
    script = 'eval "$(recast catalogue add $PWD)"; recast catalogue check scalesmear/derivation'
    assert "Sadly something is wrong" in run(derivation, script, venv / "bin").out


def test_values_of_the_catalogue_are_those_of_inputs() -> None:
    values = RECAST["example_inputs"]["default"]["initdata"]
    wanted = yaml.safe_load((REPOSITORY / "inputs.yml").read_text())
    assert resolve(values) == resolve(wanted)


def test_results_of_the_catalogue_carry_the_era() -> None:
    era = RECAST["example_inputs"]["default"]["initdata"]["era"]
    assert {result["relpath"] for result in RECAST["results"]} == {
        f"export/{era}_scales.dat",
        f"export/{era}_smearings.dat",
        "report/summary.txt",
    }


def test_all_tests_of_the_catalogue_are_run_in_their_order() -> None:
    (names,) = re.findall(r"for step in (.*); do", block_with("recast tests"))
    assert names.split() == [test["name"] for test in RECAST["tests"]]
    before: set[str] = set()
    for test in RECAST["tests"]:
        assert set(test.get("data", ())) <= {f"recast-test-{name}" for name in before}
        before.add(test["name"])


@pytest.mark.docker
@pytest.mark.slow
def test_recast_tests_run_as_printed(derivation: Shell) -> None:
    venv = environment("recast")
    link_specs(derivation)
    script = """
        eval "$(scalesmear environment --runtime docker)"
        eval "$(recast catalogue add $PWD)"
    """ + block_with("recast tests")
    outcome = run(derivation, script, venv / "bin")
    assert outcome.code == 0, outcome.said
    for test in RECAST["tests"]:
        assert f"test {test['name']} succeeded" in outcome.out
    assert (derivation.folder / "recast-test-cut_flow/cut_flow.json").stat().st_size > 1000


@pytest.mark.docker
@pytest.mark.slow
def test_recast_builds_the_images_as_printed(derivation: Shell) -> None:
    venv = environment("recast")
    (derivation.folder / "images").symlink_to(REPOSITORY / "images")
    outcome = run(derivation, block_with("recast software"), venv / "bin")
    assert outcome.code == 0, outcome.said
    image = "gitlab-registry.cern.ch/recast-atlas/images/scalesmear"
    said = run(derivation, f"docker run --rm --network none {image} scalesmear toys --help")
    assert said.code == 0, said.said
    assert "--data-events" in said.out


def test_context_holds_what_the_dockerfile_copies(derivation: Shell) -> None:
    variables = {"PIP_INDEX_URL": "https://mirror.example/simple", "PIP_TRUSTED_HOST": ""}
    for name in ("scalesmear", "runner"):
        script = f"{REPOSITORY}/images/context {name} made/{name}"
        assert run(derivation, script, **variables).code == 0
        made = derivation.folder / "made" / name
        dockerfile = (made / "Dockerfile").read_text()
        copied = re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.MULTILINE)
        assert copied
        assert all((made / path).exists() for line in copied for path in line.split())
        assert 'ARG PIP_INDEX_URL="https://mirror.example/simple"' in dockerfile
    assert run(derivation, f"{REPOSITORY}/images/context runner made/runner").code == 1


# --- REANA ---


@pytest.mark.parametrize("path", REANA_FILES, ids=str)
def test_reana_client_finds_the_description_valid(derivation: Shell, path: Path) -> None:
    venv = environment("reana")
    script = f"cd {REPOSITORY / path.parent}; reana-client validate --file {path.name}"
    outcome = run(derivation, script, venv / "bin")
    assert outcome.code == 0, outcome.said + outcome.out
    assert "SUCCESS: Valid REANA specification file" in outcome.out
    assert "ERROR" not in outcome.out + outcome.said


def test_reana_client_refuses_a_description_that_is_wrong(derivation: Shell) -> None:
    venv = environment("reana")
    link_specs(derivation)
    (derivation.folder / "reana.yaml").unlink()
    text = (REPOSITORY / "reana.yaml").read_text()
    (derivation.folder / "reana.yaml").write_text(text.replace("initfiles", "initfile"))
    command = block_with("reana-client validate").replace(".venvs/reana/bin/", "")
    assert run(derivation, command, venv / "bin").code == 1


@pytest.mark.parametrize("path", REANA_FILES, ids=str)
def test_reana_uploads_every_spec_and_downloads_what_there_is(path: Path) -> None:
    description = yaml.safe_load((REPOSITORY / path).read_text())
    files = set(description["inputs"]["files"])
    folder = REPOSITORY / path.parent
    assert all((folder / name).is_file() for name in files)
    named = {
        name
        for spec in files
        for name in re.findall(r"\$ref: '?([\w./-]+\.yml)", (folder / spec).read_text())
    }
    assert named <= files
    assert description["workflow"]["file"] in files
    assert set(description["inputs"]["options"]["initfiles"]) <= files


@pytest.mark.parametrize("path", REANA_FILES, ids=str)
def test_every_step_states_its_limits(path: Path) -> None:
    steps = yaml.safe_load((REPOSITORY / path.with_name("steps.yml")).read_text())
    for name, step in steps.items():
        if step["environment"] is None:
            continue
        limits = {
            key: value for one in step["environment"]["resources"] for key, value in one.items()
        }
        assert set(limits) == {"kubernetes_memory_limit", "kubernetes_job_timeout"}, name
        assert re.fullmatch(r"[1-8]Gi", limits["kubernetes_memory_limit"]), name
        assert 600 <= limits["kubernetes_job_timeout"] <= 86400, name


@pytest.mark.slow
def test_workflow_runs_with_the_yadage_of_reana_and_none_of_our_variables(
    derivation: Shell,
) -> None:
    venv = environment("reana")
    (derivation.folder / "inputs.yml").write_text(
        "samples: samples.tsv\nn_jobs: 1\nfits: [coarse]\n"
    )
    command = (
        "yadage-run workdir workflow.yml inputs.yml -d initdir=$PWD/inputdata "
        "-b py:scalesmear.workflow.host:HostBackend -o disable_prepub=true"  # half the time
    )
    variables = {"SCALESMEAR_VENVS": str(derivation.folder / "venvs")}
    outcome = run(derivation, command, venv / "bin", **variables)
    assert outcome.code == 0, outcome.said[-3000:]
    assert (derivation.folder / "workdir/report/report.html").exists()
