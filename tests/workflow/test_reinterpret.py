"""A preserved derivation with one input changed: what is run again, and what is said to have moved."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.workflow.helpers import REPOSITORY

from scalesmear.cli import main

if TYPE_CHECKING:
    from tests.workflow.helpers import Shell

pytestmark = pytest.mark.slow

PAGE = (REPOSITORY / "docs/reinterpret.md").read_text(encoding="utf-8")
FIRST, AGAIN = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)

VALUES: dict[str, Any] = {
    "samples": "samples.tsv",
    "era": "toy",
    "fits": ["coarse"],
    "coarse_categories": "eta",
    "min_events_per_run_bin": 5000,
    "plots": None,
}

MINE = """
scales:
  - {abs_eta: [0, 1, 1.4442]}
  - {abs_eta: [1.566, 2.5]}
smearings:
  - {abs_eta: [0, 1.4442]}
  - {abs_eta: [1.566, 2.5]}
"""


def leave_out_the_report(shell: Shell) -> None:
    """Let `report` write empty files: it draws for longer than all the rest takes."""
    command = shell.folder / "venvs/scalesmear/bin/scalesmear"
    command.unlink()
    command.write_text(
        "#!/bin/bash\n"
        f'[ "$1" = report ] || exec {Path(sys.executable).with_name("scalesmear")} "$@"\n'
        'mkdir -p "${@: -1}/figures"; touch "${@: -1}"/{report.html,summary.txt}\n'
    )
    command.chmod(0o755)


def typed(shell: Shell, commands: str) -> str:
    """Run commands of the page in a folder with the specs; return what they print."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands.replace(".venvs/", "venvs/")],
        cwd=shell.folder,
        env=os.environ | shell.variables | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def write_inputs(shell: Shell, **changed: Any) -> None:
    (shell.folder / "inputs.yml").write_text(yaml.safe_dump(VALUES | changed))


def read_moved(shell: Shell) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((shell.folder / "moved.json").read_text())
    return content


def test_only_what_depends_on_a_changed_input_runs_and_the_statement_says_what_moved(
    real: Shell,
) -> None:
    leave_out_the_report(real)
    write_inputs(real)
    typed(real, FIRST)

    # nothing is changed
    said = typed(real, AGAIN)
    moved = read_moved(real)
    assert moved["nothing_moved"]
    assert said.rstrip().endswith("nothing moved")
    assert all(stage["run"] == 0 for stage in moved["stages"].values())

    # alternative categories
    (real.folder / "inputdata/mine.yml").write_text(MINE)
    write_inputs(real, coarse_categories="mine.yml")
    said = typed(real, AGAIN)
    moved = read_moved(real)
    assert [change["key"] for change in moved["inputs"]] == ["coarse_categories"]
    assert moved["data"]["relation"] == moved["sim"]["relation"] == "the same files"
    kept = {name for name, stage in moved["stages"].items() if not stage["run"]}
    assert {"select", "cut_flow", "run_bins", "stability"} <= kept
    again = {name for name, stage in moved["stages"].items() if not stage["kept"]}
    assert {"check", "coarse/fit", "coarse/closure", "export", "report"} <= again
    scales, smearings = moved["quantities"]
    # eta has five windows of which [0, 1) and [1, 1.4442) are not both in mine
    assert (scales["kind"], scales["only_new"]) == ("scales", 2)
    assert smearings["only_new"] == 2
    assert "no longer" not in said
    assert "both have the same events" in said
    (exported, _) = moved["tables"]
    assert 1e-5 < exported["rms"] < abs(exported["largest"]) < 0.02


def test_what_is_no_derivation_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(tmp_path), str(tmp_path)]) == 1
    assert "result.json: result of a derivation does not exist" in capsys.readouterr().err
    (tmp_path / "result.json").write_text("{}")
    assert main(["compare", str(tmp_path), str(tmp_path)]) == 1
    assert "not a result" in capsys.readouterr().err
