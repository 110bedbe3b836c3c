"""What yadage-run ends well with, and `scalesmear verify` does not."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.workflow.helpers import stage, step, write_specs

from scalesmear.errors import InputError
from scalesmear.workflow.verify import SNAPSHOT, verify

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.workflow.helpers import Shell

TOUCH = step("touch {output}", {"x": "{output}"})
FIRST = stage("first", "touch", {"output": "{workdir}/x"})


def run_anyway(shell: Shell, stages: list[dict[str, Any]], **inputs: Any) -> tuple[str, ...]:
    """Run stages with a `touch` and a `use` step, see yadage content, return what is missing."""
    use = step("echo {many}; touch {output}", {"x": "{output}"})
    forget = step("true", {"x": "{output}"})
    steps = {"touch": TOUCH, "use": use, "forget": forget}
    write_specs(shell.folder, stages, steps, inputs or {"a": 1})
    outcome = shell.workflow()
    assert outcome.code == 0, outcome.said
    return verify(shell.folder / "workdir").missing


def test_whole_run_is_whole(shell: Shell) -> None:
    many = {"n": {"step": "init", "output": "n"}, "output": "{workdir}/x"}
    second = stage("second", "n_touch", many, "first", scatter="n")
    steps = {"touch": TOUCH, "n_touch": step("touch {output} # {n}", {"x": "{output}"})}
    write_specs(shell.folder, [FIRST, second], steps, {"n": [1, 2, 3]})
    assert shell.workflow().code == 0
    verdict = verify(shell.folder / "workdir")
    assert verdict.whole
    assert (verdict.stages, verdict.steps, verdict.files) == (2, 4, 4)


def test_mistyped_dependency_is_named(shell: Shell) -> None:
    second = stage("second", "touch", {"output": "{workdir}/x"}, after="frist")
    third = stage("third", "touch", {"output": "{workdir}/x"}, after="second")
    assert run_anyway(shell, [FIRST, second, third]) == (
        "stage second never ran: it waits for frist, which no stage is",
        "stage third never ran: it waits for second",
    )


def test_scatter_over_an_empty_list_is_named(shell: Shell) -> None:
    many = {"many": {"step": "init", "output": "n"}, "output": "{workdir}/x"}
    missing = run_anyway(shell, [FIRST, stage("second", "use", many, scatter="many")], n=[])
    assert missing == (
        "stage second had nothing to do: the list that it is scattered over is empty",
    )


def test_selection_that_finds_nothing_is_named(shell: Shell) -> None:
    nothing = {"many": {"stages": "nobody", "output": "x"}, "output": "{workdir}/x"}
    missing = run_anyway(shell, [FIRST, stage("second", "use", nothing, "first")])
    assert missing == ("step second was given an empty list as many",)


def test_run_without_inputs_is_named(shell: Shell) -> None:
    write_specs(shell.folder, [FIRST], {"touch": TOUCH}, {})
    assert shell.workflow().code == 0
    assert verify(shell.folder / "workdir").missing == (
        "stage first never ran: it waits for init, which no stage is (no input values were given)",
    )


def test_published_file_that_was_never_written_is_named(shell: Shell) -> None:
    forgets = stage("second", "forget", {"output": "{workdir}/y"}, "first")
    path = shell.folder / "workdir/second/y"
    assert run_anyway(shell, [FIRST, forgets]) == (
        f"step second published {path}, which does not exist",
    )


def test_command_prints_what_is_missing_and_fails(shell: Shell) -> None:
    run_anyway(shell, [stage("second", "forget", {"output": "{workdir}/y"})])
    outcome = shell.run("scalesmear", "verify", "workdir")
    assert outcome.code == 1
    assert outcome.said.splitlines() == [
        f"missing: step second published {shell.folder}/workdir/second/y, which does not exist",
        "scalesmear verify: workdir: the run is not whole, 1 missing",
    ]


def test_run_command_fails_for_a_run_that_is_not_whole(shell: Shell) -> None:
    second = stage("second", "touch", {"output": "{workdir}/x"}, after="frist")
    write_specs(shell.folder, [FIRST, second], {"touch": TOUCH}, {"a": 1})
    command = ("scalesmear", "run", "workdir", "workflow.yml", "inputs.yml")
    outcome = shell.run(*command, "--inputdata", "inputdata", "--runtime", "host")
    assert outcome.code == 1
    assert "missing: stage second never ran" in outcome.said


def test_failed_step_and_those_after_it_are_named(shell: Shell) -> None:
    steps = {"touch": TOUCH, "fail": step("false", {"x": "{output}"})}
    first = stage("first", "fail", {"output": "{workdir}/x"})
    second = stage("second", "touch", {"output": "{workdir}/x"}, "first")
    write_specs(shell.folder, [first, second], steps, {"a": 1})
    assert shell.workflow("workdir", "-o", "disable_prepub=true").code == 1
    assert verify(shell.folder / "workdir").missing == (
        "stage second never ran: it waits for first",
        "step first failed",
    )


def test_run_that_has_not_ended_has_no_record(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no record of a finished run; let the run end"):
        verify(tmp_path)


def test_snapshot_without_any_step_is_not_whole(tmp_path: Path) -> None:
    (tmp_path / SNAPSHOT).parent.mkdir()
    empty = {"dag": {"nodes": []}, "rules": [], "applied": [], "stepsbystage": {}}
    (tmp_path / SNAPSHOT).write_text(json.dumps(empty))
    assert verify(tmp_path).missing == ("no step ran at all",)


def test_moved_work_directory_is_judged_where_it_is(shell: Shell) -> None:
    assert run_anyway(shell, [FIRST]) == ()
    elsewhere = shell.folder / "elsewhere"
    shutil.move(shell.folder / "workdir", elsewhere)
    assert verify(elsewhere).whole
    (elsewhere / "first/x").unlink()
    assert not verify(elsewhere).whole
