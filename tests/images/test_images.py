"""The images as packtivity runs them: an ordinary user, no network, a script on standard input."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from scalesmear.cli import verbs

pytestmark = pytest.mark.docker

REPOSITORY = Path(__file__).parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
STEPS = f"scalesmear/scalesmear:{PROJECT['version']}"
RUNNER = f"scalesmear/runner:{PROJECT['version']}"
VHBB = f"scalesmear/vhbb:{PROJECT['version']}"


def run(image: str, script: str, *options: str) -> str:
    """Return what a script prints in a container that packtivity would start."""
    command = ["docker", "run", "--rm", "-i", "-u", "12345:12345", "-e", "HOME=/tmp"]
    command += ["--network", "none", *options, image, "sh", "-c", "bash"]
    done = subprocess.run(
        command,
        input=f"set -euo pipefail\n{script}",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def settings(image: str) -> dict[str, Any]:
    command = ["docker", "image", "inspect", "--format", "{{json .Config}}", image]
    return dict(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))


@pytest.mark.parametrize("image", [STEPS, RUNNER, VHBB])
def test_image_has_no_entry_point_and_no_root(image: str) -> None:
    assert not settings(image).get("Entrypoint")
    assert settings(image)["User"] == "nobody"


@pytest.mark.parametrize("image", [STEPS, RUNNER, VHBB])
def test_image_is_labelled_with_the_version(image: str) -> None:
    labels = settings(image)["Labels"]
    assert labels["org.opencontainers.image.version"] == PROJECT["version"]


def test_image_tells_its_name_to_the_provenance() -> None:
    script = "python -c 'from scalesmear.provenance import provenance as p; print(p()[\"image\"])'"
    assert run(STEPS, script).strip() == STEPS


@pytest.mark.parametrize("image", [STEPS, RUNNER, VHBB])
def test_image_ships_the_code_of_this_repository(image: str) -> None:
    # built before the last change of the code? `make images` builds it anew
    assert_shipped(image, REPOSITORY / "code" / "scalesmear")


def test_image_of_the_example_ships_its_analysis() -> None:
    assert_shipped(VHBB, REPOSITORY / "examples/vhbb/vhbb")


def assert_shipped(image: str, package: Path) -> None:
    """Compare the files of a package in an image with those of a folder here."""
    script = f"""cd "$(python -c 'import {package.name} as package; print(*package.__path__)')"
    find . -type f -not -path '*/__pycache__/*' -exec sha256sum {{}} +"""
    shipped = {name: digest for digest, name in map(str.split, run(image, script).splitlines())}
    here = {
        f"./{path.relative_to(package)}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped == here


def test_every_verb_of_the_steps_answers() -> None:
    of_the_runner = {"run", "verify", "environment"}
    script = "\n".join(
        f"scalesmear {verb} --help >/dev/null && echo {verb}"
        for verb in sorted(verbs().keys() - of_the_runner)
    )
    assert set(run(STEPS, script).split()) == verbs().keys() - of_the_runner


def test_small_derivation_finds_all_kernels_compiled() -> None:
    # numba says what it loads and what it has to compile and save; whoever runs it, nothing is compiled
    printed = run(STEPS, "cd /tmp && small-derivation", "-e", "NUMBA_DEBUG_CACHE=1")
    assert "data loaded from" in printed
    assert "data saved to" not in printed


def test_compiled_kernels_suit_any_processor() -> None:
    # numba keeps kernels by the processor's name; an image moves between machines
    script = "python -c 'import numba.core.registry as r; print(r.cpu_target.target_context.codegen().magic_tuple()[1])'"
    assert run(STEPS, script).strip() == "generic"


def test_figures_are_drawn_without_building_a_font_list() -> None:
    script = """python -c 'import matplotlib.font_manager' 2>&1
    find "$MPLCONFIGDIR" -name 'fontlist*.json'"""
    (line,) = run(STEPS, script).splitlines()
    assert line.endswith(".json")


def test_runner_holds_the_workflow_and_its_verbs() -> None:
    script = """yadage-run --help >/dev/null
    for verb in run verify environment; do scalesmear $verb --help >/dev/null; done
    ls /opt/workflow"""
    derivation = {"workflow.yml", "fit.yml", "no_fit.yml", "steps.yml", "inputs.yml"}
    derivation |= {"other_simulation.yml", "no_other_simulation.yml"}
    specs = derivation | {"injection.yml", "injection_inputs.yml"}
    assert specs <= set(run(RUNNER, script).split())


def test_runner_starts_the_container_of_a_step_beside_itself(tmp_path: Path) -> None:
    # through the engine's socket, the folder under the same path inside and outside
    tmp_path.chmod(0o777)
    script = f"""cd {tmp_path}
    eval "$(scalesmear environment --runtime docker)"
    packtivity-run -w toys /opt/workflow/steps.yml#/toys -p output="'{{workdir}}'" -p seed=1 \\
        -p data_events=10 -p sim_events=10 -p data_files=1 -p sim_files=1 -p et_slope=0"""
    socket = "/var/run/docker.sock"
    options = ["-v", f"{socket}:{socket}", "--group-add", str(Path(socket).stat().st_gid)]
    run(RUNNER, script, *options, "-v", f"{tmp_path}:{tmp_path}")
    samples = tmp_path / "toys" / "samples.tsv"
    assert len(samples.read_text(encoding="utf-8").splitlines()) == 2
    assert samples.stat().st_uid == 12345
