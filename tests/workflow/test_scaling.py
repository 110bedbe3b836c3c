"""The step `scaling` runs by itself as the RECAST lesson prints it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import uproot
from tests.root_histograms import th1, write
from tests.workflow.helpers import REPOSITORY, Shell

from scalesmear.workflow.runtime import HOST_BACKEND

COMMAND = """\
packtivity-run -b {backend} steps.yml#/scaling -p input_file="'{{workdir}}/selected.root'" \
  -p output_file="'{{workdir}}/scaled.root'" -p validation_plot="'{{workdir}}/hist.png'" \
  -p cross_section={cross_section} -p sum_of_weights=6813.0258 -p k_factor=1 -p filter_eff=1 \
  -p luminosity=140.1 -p hist={hist}
"""


@pytest.fixture
def lesson(real_commands: Shell) -> Shell:
    """A shell in a folder with the steps, the package's command and a histogram."""
    (real_commands.folder / "steps.yml").symlink_to(REPOSITORY / "steps.yml")
    one = th1([1, 2, 3, 4, 5])
    write(real_commands.folder / "selected.root", h_mjj=one, other=one)
    return real_commands


def run(shell: Shell, **words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = COMMAND.format(backend=HOST_BACKEND, **words)
    return subprocess.run(
        ["bash", "-c", command],
        cwd=shell.folder,
        env=os.environ | shell.variables | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("cross_section", "hist", "names"),
    [
        ("44.837", "'h_mjj'", ["h_mjj"]),
        ("'0.044837 pb'", "'[other, h_mjj]'", ["other", "h_mjj"]),
    ],
)
def test_step_of_the_lesson(lesson: Shell, cross_section: str, hist: str, names: list[str]) -> None:
    done = run(lesson, cross_section=cross_section, hist=hist)
    assert done.returncode == 0, done.stdout + done.stderr
    published = f"{done.stdout}{done.stderr}"
    outputs = {"output_file": "scaled.root", "output_plot": "hist.png", "factor": "factor.json"}
    for key, name in outputs.items():
        assert f"'{key}': '{lesson.folder / name}'" in published
        assert (lesson.folder / name).stat().st_size > 0
    factor = json.loads((lesson.folder / "factor.json").read_text())["factor"]
    assert factor == pytest.approx(0.92200791, abs=5e-9)
    with uproot.open(lesson.folder / "scaled.root") as file:
        assert file.keys(cycle=False) == names
        assert file["h_mjj"].values(flow=True).sum() == pytest.approx(15 * factor, rel=1e-12)


def test_a_wrong_name_fails_the_step_with_the_names_that_exist(lesson: Shell) -> None:
    done = run(lesson, cross_section="44.837", hist="h_mj")
    assert done.returncode != 0
    assert "there is no histogram 'h_mj'; it has h_mjj, other" in done.stdout + done.stderr
    assert not (lesson.folder / "scaled.root").exists()


@pytest.mark.parametrize(
    ("cross_section", "message"),
    [
        ("'1; touch hacked'", "--cross-section: '1; touch hacked' has the unit ; touch hacked"),
        ("'$(touch hacked)'", "--cross-section: '$(touch hacked)' is not a cross section"),
        ("'\"1\\nFLAGS\\ntouch hacked\"'", "'1 FLAGS touch hacked' has the unit"),
        ("44,837", "--cross-section: '44,837' has the unit ,837; give a number in fb, pb or nb"),
        ("0", "--cross-section: cross section is 0; it must be a finite number above 0"),
        ("null", "--cross-section: 'None' is not a cross section; write a number in fb, pb or nb"),
    ],
)
def test_what_is_no_number_meets_no_shell_and_is_told(
    lesson: Shell, cross_section: str, message: str
) -> None:
    done = run(lesson, cross_section=cross_section, hist="h_mjj")
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    assert not list(lesson.folder.rglob("hacked"))
    assert not (lesson.folder / "factor.json").exists()
