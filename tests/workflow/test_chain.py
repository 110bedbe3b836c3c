"""The real chain, from generated ROOT files to correction files and a report."""

from __future__ import annotations

import filecmp
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uproot
import yaml
from tests.workflow.test_specs import (
    PUBLISHED_BY_CHECK,
    PUBLISHED_BY_EXPORT,
    PUBLISHED_BY_SYSTEMATICS,
)

from scalesmear.io.ntuples import write_ntuple
from scalesmear.workflow.verify import read_snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflow.helpers import Shell

pytestmark = pytest.mark.slow

VALUES = {
    "samples": "samples.tsv",
    "era": "toy",
    "truth": "truth.json",
    "sample_table": "samples.yml",
    "sample_name": "zee",
    "systematics": "standard",
    "coarse_categories": "eta",
    "fine_categories": "coarse",
    "min_events_per_run_bin": 5000,
}


def split(shell: Shell, name: str, n_files: int) -> None:
    """Spread the events of the toys over so many files of each kind, in a folder of their own."""
    folder = shell.folder / name
    lines = []
    for kind in ("data", "sim"):
        toys = sorted((shell.folder / "inputdata/ntuples").glob(f"{kind}-*.root"))
        events = uproot.concatenate([f"{path}:selected" for path in toys], library="np")
        for number, part in enumerate(np.array_split(np.arange(len(events["runNumber"])), n_files)):
            write_ntuple(
                folder / f"{kind}-{number}.root", [{k: v[part] for k, v in events.items()}]
            )
            lines.append(f"{kind}\tselected\t{kind}-{number}.root\n")
    (folder / "samples.tsv").write_text("".join(lines))
    for beside in ("truth.json", "samples.yml"):
        (folder / beside).write_bytes((shell.folder / "inputdata" / beside).read_bytes())


def derive(shell: Shell, inputdata: str, files_per_job: int, jobs: int) -> Path:
    """Run the workflow and return its work directory."""
    values = VALUES | {"files_per_job": files_per_job}
    (shell.folder / "inputs.yml").write_text(yaml.safe_dump(values))
    workdir = f"work-{inputdata}"
    command = ("scalesmear", "run", workdir, "workflow.yml", "inputs.yml")
    words = ("--inputdata", inputdata, "--runtime", "host", "--jobs", jobs)
    outcome = shell.run(*command, *words)
    assert outcome.code == 0, outcome.said
    assert "whole, 35 stages" in outcome.out
    return shell.folder / workdir


def published(workdir: Path, step: str) -> set[str]:
    nodes: list[dict[str, Any]] = read_snapshot(workdir)["dag"]["nodes"]
    return next(set(node["result"]) for node in nodes if node["name"] == step)


def test_results_do_not_depend_on_files_jobs_or_workers(real: Shell) -> None:
    split(real, "twenty", 20)
    split(real, "one", 1)
    many = derive(real, "twenty", files_per_job=10, jobs=2)
    few = derive(real, "one", files_per_job=1, jobs=1)
    assert len(list(many.glob("select_*"))) == 4
    assert len(list(few.glob("select_*"))) == 2
    tables = [path.name for path in (many / "export").glob("*.dat")]
    assert len(tables) == 10  # coarse and fine alone and as products, and the final ones
    _, different, missing = filecmp.cmpfiles(many / "export", few / "export", tables, shallow=False)
    assert (different, missing) == ([], [])
    made = ("systematics.tsv", "toy_systematics_scales.dat", "toy_systematics_smearings.dat")
    one, other = (work / "systematics" for work in (many, few))
    assert filecmp.cmpfiles(one, other, made, shallow=False) == (list(made), [], [])
    # what the other tests of the specs take for granted
    assert published(many, "check") == PUBLISHED_BY_CHECK
    assert published(many, "export") == PUBLISHED_BY_EXPORT
    assert published(many, "systematics") == PUBLISHED_BY_SYSTEMATICS
    assert (many / "report/report.html").stat().st_size > 10000
    injection = json.loads((many / "report/injection.json").read_text())
    pulls = [
        c["pull"]
        for part in ("total scale", "smearing", "run dependence")
        for c in injection[part]["comparisons"]
    ]
    assert len(pulls) > 10
    assert max(map(abs, pulls)) < 4
    # data and simulation were made with one cross section, so that their numbers agree
    found = re.search(r"simulation = (\S+) \+- (\S+)", (many / "report/summary.txt").read_text())
    assert found is not None
    ratio, error = map(float, found.groups())
    assert 0.004 < error < 0.015
    assert abs(ratio - 1) < 4 * error
