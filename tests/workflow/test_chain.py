"""The real chain, from generated ROOT files to correction files and a report."""

from __future__ import annotations

import filecmp
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.workflow.helpers import REPOSITORY
from tests.workflow.test_specs import PUBLISHED_BY_CHECK, PUBLISHED_BY_EXPORT

from scalesmear.workflow.verify import read_snapshot

if TYPE_CHECKING:
    from tests.workflow.helpers import Shell

pytestmark = pytest.mark.slow

VALUES = {
    "samples": "samples.tsv",
    "era": "toy",
    "truth": "truth.json",
    "coarse_categories": "eta",
    "fine_categories": "coarse",
    "min_events_per_run_bin": 5000,
}


@pytest.fixture
def real(shell: Shell) -> Shell:
    """The shell with the specs, the commands of this environment, and some toy data."""
    for name in ("workflow.yml", "fit.yml", "steps.yml"):
        (shell.folder / name).symlink_to(REPOSITORY / name)
    command = shell.folder / "venvs/scalesmear/bin/scalesmear"
    command.unlink()
    command.symlink_to(Path(sys.executable).with_name("scalesmear"))
    sizes = ("--data-events", 30000, "--sim-events", 60000, "--data-files", 2, "--sim-files", 2)
    made = shell.run("scalesmear", "toys", "--output", "inputdata", "--seed", 5, *sizes)
    assert made.code == 0, made.said
    return shell


def derive(shell: Shell, workdir: str, files_per_job: int, jobs: int) -> Path:
    """Run the workflow and return its work directory."""
    values = VALUES | {"files_per_job": files_per_job}
    (shell.folder / "inputs.yml").write_text(yaml.safe_dump(values))
    command = ("scalesmear", "run", workdir, "workflow.yml", "inputs.yml")
    words = ("--inputdata", "inputdata", "--runtime", "host", "--jobs", jobs)
    outcome = shell.run(*command, *words)
    assert outcome.code == 0, outcome.said
    assert "whole, 17 stages" in outcome.out
    return shell.folder / workdir


def published(workdir: Path, step: str) -> set[str]:
    nodes: list[dict[str, Any]] = read_snapshot(workdir)["dag"]["nodes"]
    return next(set(node["result"]) for node in nodes if node["name"] == step)


def test_results_do_not_depend_on_how_files_are_grouped_or_on_workers(real: Shell) -> None:
    many = derive(real, "many", files_per_job=1, jobs=2)
    few = derive(real, "few", files_per_job=2, jobs=1)
    assert len(list(many.glob("select_*"))) == 4
    assert len(list(few.glob("select_*"))) == 2
    tables = [path.name for path in (many / "export").glob("*.dat")]
    assert len(tables) >= 2
    _, different, missing = filecmp.cmpfiles(many / "export", few / "export", tables, shallow=False)
    assert (different, missing) == ([], [])
    # what the other tests of the specs take for granted
    assert published(many, "check") == PUBLISHED_BY_CHECK
    assert published(many, "export") == PUBLISHED_BY_EXPORT
    assert (many / "report/report.html").stat().st_size > 10000
