"""The commands of the README of examples/vhbb, as they stand there, on the host and in containers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import uproot
import yaml
from PIL import Image
from tests.workflow.helpers import REPOSITORY

EXAMPLE = REPOSITORY / "examples/vhbb"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
SET_UP, *COMMANDS = BLOCKS
LESSON = (
    "packtivity-run steps.yml#/scaling -p input_file=\"'{workdir}/selected.root'\"",
    "-p cross_section=44.837 -p sum_of_weights=6813.0258 -p k_factor=1 -p filter_eff=1",
    "-p luminosity=140.1 -p hist='h_mjj'",
    "yadage-run workdir workflow.yml inputs.yml -d initdir=$PWD/inputdata\n",
)
EXACT = 44.837 * 140.1 / 6813.0258


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the example, and environments for its images."""
    copy = Path(
        shutil.copytree(EXAMPLE, tmp_path / "vhbb", ignore=shutil.ignore_patterns("workdir*"))
    )
    for path in (copy / "inputdata").glob("*.root"):
        path.unlink()
    scalesmear = tmp_path / "venvs/scalesmear/bin"
    scalesmear.mkdir(parents=True)
    for name in ("python", "scalesmear"):
        (scalesmear / name).symlink_to(Path(sys.executable).with_name(name))
    (tmp_path / "venvs/vhbb").symlink_to(REPOSITORY / ".venvs/vhbb")
    return copy


def run(folder: Path, runtime: str) -> None:
    """Run all blocks of commands in one shell, with the environment that the page asks for."""
    assert "--runtime docker" in SET_UP
    prompt = "set -euo pipefail; shopt -s expand_aliases  # as at a prompt\n"
    prompt += f'eval "$(scalesmear environment --runtime {runtime})"\n'
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash"],
        input=prompt + "\n".join(COMMANDS),
        cwd=folder,
        env=os.environ | {"PATH": path, "SCALESMEAR_VENVS": str(folder.parent / "venvs")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def check(folder: Path) -> None:
    """Check what the single steps and the workflow left."""
    whole = folder / "workdir"
    fitted = read(whole / "fitting_step/limit.json")
    one, other = (found["signal_strength"] for found in (fitted, read(folder / "limit.json")))
    assert one["observed"] == pytest.approx(other["observed"])
    assert one["expected"] == pytest.approx(other["expected"])
    for factor in (folder / "factor.json", whole / "scaling_step/factor.json"):
        assert read(factor)["factor"] == pytest.approx(0.92200791, abs=5e-9)
        assert read(factor)["factor"] == pytest.approx(EXACT, rel=1e-14)
    with (
        uproot.open(whole / "skimming_step/selected.root") as before,
        uproot.open(whole / "scaling_step/output_scaled.root") as after,
    ):
        sums = [file["h_mjj"].values(flow=True).sum() for file in (before, after)]
    assert sums[1] / sums[0] == pytest.approx(EXACT, rel=1e-12)
    assert fitted["events"]["signal"] == pytest.approx(sums[1])
    assert fitted["cross_section"]["at_strength_1"] == 44.837
    # no signal in the data: expected and observed limits are alike
    expected = fitted["signal_strength"]["expected"]
    assert expected["-2"] < fitted["signal_strength"]["observed"] < expected["+2"]
    assert list(expected.values()) == sorted(expected.values())
    for name in ("hist.png", "limit.png", "spectrum.png"):
        with Image.open(folder / name) as picture:
            assert min(picture.size) > 500
    assert (whole / "scaling_step/output_scaled.pdf").read_bytes().startswith(b"%PDF")
    said = (whole / "fitting_step/_packtivity/fitting_step.run.log").read_text()
    assert said in README


@pytest.mark.slow
def test_commands_on_the_host(folder: Path) -> None:
    if not (REPOSITORY / ".venvs/vhbb/bin/vhbb").exists():
        pytest.skip("`make venvs` makes .venvs/vhbb")
    run(folder, "host")
    check(folder)


@pytest.mark.slow
@pytest.mark.docker
def test_commands_in_containers(folder: Path) -> None:
    run(folder, "docker")
    check(folder)
    assert (folder / "workdir/fitting_step/limit.json").stat().st_uid == os.getuid()
    image = read(folder / "workdir/fitting_step/limit.json")["provenance"]["image"]
    assert image.startswith("scalesmear/vhbb:")


def test_commands_are_those_of_the_lesson() -> None:
    for words in LESSON:
        assert words in "\n".join(COMMANDS)


def test_scaling_is_the_step_of_the_derivation() -> None:
    ours, theirs = (
        yaml.safe_load((folder / "steps.yml").read_text())["scaling"]
        for folder in (EXAMPLE, REPOSITORY)
    )
    assert ours == theirs


def test_page_names_every_published_file() -> None:
    stages = yaml.safe_load((EXAMPLE / "workflow.yml").read_text())["stages"]
    for stage in stages:
        folder = f"workdir/{stage['name']}"
        for value in stage["scheduler"]["parameters"].values():
            if isinstance(value, str):
                assert f"`{value.format(workdir=folder)}`" in README
