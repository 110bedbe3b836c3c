"""The study of injections as a workflow, whole, and what users see of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.workflow.helpers import REPOSITORY

from scalesmear.cli import main

if TYPE_CHECKING:
    from tests.workflow.helpers import Outcome, Shell

SPECS = ("injection.yml", "steps.yml")

# 10 parameters, 5 standard deviations: 6 of 1e6 seeds would fail
VALUES = {
    "categories": "eta",
    "n_toys": 8,
    "toys_per_job": 4,
    "data_events": 100_000,
    "sim_events": 100_000,
    "smearing_range": [0.02, 0.025],
    "tolerance": 5,
}


@pytest.mark.slow
def test_a_study_fails_or_passes_by_its_criteria_and_notices_another_truth(
    real_commands: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = real_commands.folder
    for name in SPECS:
        (folder / name).symlink_to(REPOSITORY / name)

    def run(*words: str, **values: float) -> Outcome:
        (folder / "values.yml").write_text(yaml.safe_dump(VALUES | values))
        command = ("scalesmear", "run", "workdir", "injection.yml", "values.yml")
        return real_commands.run(*command, "--runtime", "host", "--jobs", "2", *words)

    def result() -> dict[str, Any]:
        path = folder / "workdir/injection_summary/injection.json"
        return dict(json.loads(path.read_text()))

    # no mean pull is within a millionth of its standard deviation
    outcome = run(tolerance=1e-6)
    assert outcome.code == 1
    assert "what was injected is not found: mean pull of scale of |eta| < 1 is" in outcome.said
    assert not result()["passed"]

    # other criteria: the toys are kept
    fits = sorted((folder / "workdir").glob("injection_toys_*/fits.json"))
    made = [path.stat().st_mtime_ns for path in fits]
    outcome = run("--continue")
    assert outcome.code == 0, outcome.said
    assert [path.stat().st_mtime_ns for path in fits] == made
    # truth, two jobs of toys, summary
    assert "workdir: whole, 3 stages, 4 steps" in outcome.out
    assert "What was injected is found" in outcome.out
    assert "workdir/injection_summary/injection.html" in outcome.out
    found = result()
    assert found["passed"]
    assert found["toys"] == 8
    assert found["together"]["scales"]["pulls"] == 40

    # the same fits beside a truth with one smearing of 2.0-2.5 % in place of 1.9 times as much
    truth = folder / "workdir/injection_truth"
    content = json.loads((truth / "truth.json").read_text())
    content["smearing"][0] /= 1.9
    tampered = folder / "tampered.json"
    tampered.write_text(json.dumps(content))
    flags = {
        "--truth": tampered,
        "--settings": truth / "toys.json",
        "--criteria": truth / "criteria.json",
        "--inputs": truth / "inputs.json",
        "--output": folder / "again",
    }
    words = [str(word) for pair in flags.items() for word in pair]
    assert main(["injection-summary", *words, "--fits", *map(str, fits)]) == 1
    assert "mean pull of smearing of |eta| < 1 is +" in capsys.readouterr().err
