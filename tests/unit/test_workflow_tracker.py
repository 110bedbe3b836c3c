from __future__ import annotations

import io
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from scalesmear.workflow.tracker import Job, StageProgress, Tracker, stages_of

if TYPE_CHECKING:
    from pathlib import Path

DONE = Job("SUCCESS", submitted=100.0, ended=104.0, files=3, files_of=3, events=3000)
RUNNING = Job("RUNNING", submitted=101.0, ended=None, files=1, files_of=3, events=1000)
QUEUED = Job("RUNNING", submitted=101.0, ended=None)
FAILED = Job("FAILED", submitted=101.0, ended=102.0)
DEFINED = Job("DEFINED", submitted=None, ended=None)
KEPT = Job("SUCCESS", submitted=101.0, ended=101.0, files=3, files_of=3, events=3000, kept=True)


@pytest.mark.parametrize(
    ("jobs", "scheduled", "state"),
    [
        ((), False, "waiting"),
        ((), True, "empty"),
        ((DEFINED,), True, "waiting"),
        ((DONE, DEFINED), True, "running"),
        ((DONE, RUNNING), True, "running"),
        ((FAILED, RUNNING), True, "running"),
        ((FAILED, DONE), True, "failed"),
        ((DONE, DONE), True, "done"),
        ((KEPT, KEPT), True, "kept"),
        ((KEPT, DONE), True, "done"),
    ],
)
def test_state_of_a_stage_follows_from_its_jobs(
    jobs: tuple[Job, ...], scheduled: bool, state: str
) -> None:
    assert StageProgress("fill", jobs, scheduled).state == state


def test_stage_that_is_not_wanted_is_skipped() -> None:
    assert StageProgress("gain/fit", (), scheduled=True, skipped=True).state == "skipped"


def test_line_adds_up_the_jobs() -> None:
    # (3000 + 1000) events in the 10 s since the first of the jobs began; the third is silent yet
    line = StageProgress("fill", (DONE, RUNNING, QUEUED), True).line(now=110.0)
    assert line.split()[:2] == ["fill", "running"]
    assert "1/3 jobs" in line
    assert "4/6+ files" in line
    assert "4,000 events" in line
    assert "400 events/s" in line


def test_line_of_a_finished_stage_ends_with_its_last_job() -> None:
    # 3000 events in 104 - 100 = 4 s, however long ago that was
    line = StageProgress("fill", (DONE,), True).line(now=1000.0)
    assert "4.0 s" in line
    assert "750 events/s" in line


def test_line_counts_no_rate_for_kept_jobs() -> None:
    line = StageProgress("fill", (KEPT,), True).line(now=1000.0)
    assert "3,000 events" in line
    assert "events/s" not in line


def rule(identifier: str, offset: str, name: str) -> Any:
    provider = SimpleNamespace(base=SimpleNamespace(readwrite=[]))
    inner = SimpleNamespace(name=name, state_provider=provider)
    return SimpleNamespace(identifier=identifier, offset=offset, rule=inner)


def node(folder: Path, offset: str, stage: str, state: str) -> Any:
    about = {"name": f"{stage}_0", "wflow_offset": offset, "wflow_stage": stage}
    return SimpleNamespace(
        state=state,
        submit_time=1.0,
        ready_by_time=2.0,
        resultproxy=SimpleNamespace(),
        task=SimpleNamespace(
            metadata=about,
            spec={"process": {"script": ""}},
            state=SimpleNamespace(metadir=str(folder)),
        ),
    )


def workflow(nodes: list[Any]) -> Any:
    """Return a workflow of `first`, the sub-workflow `fine` of `fill` and `fit`, and `last`."""
    applied = [rule("0", "", "init"), rule("3", "/fine/0", "fill"), rule("1", "", "fine")]
    waiting = [rule("5", "", "last"), rule("4", "/fine/0", "fit"), rule("2", "", "first")]
    bookkeeping = {
        "_meta": {"stages": ["2", "1", "5", "0"]},
        "fine": {"0": {"_meta": {"stages": ["3", "4"]}}},
    }
    dag = SimpleNamespace(nodes=lambda: range(len(nodes)), getNode=lambda i: nodes[i])
    return SimpleNamespace(rules=waiting, applied_rules=applied, bookkeeping=bookkeeping, dag=dag)


def test_stages_of_a_sub_workflow_stand_in_its_place(tmp_path: Path) -> None:
    stages = stages_of(workflow([node(tmp_path, "/fine/0", "fill", "SUCCESS")]))
    assert [stage.name for stage in stages] == ["first", "fine/fill", "fine/fit", "last"]
    assert [stage.state for stage in stages] == ["waiting", "done", "waiting", "waiting"]


def test_stage_reads_the_progress_of_its_jobs_from_their_logs(tmp_path: Path) -> None:
    log = tmp_path / "fill_0.run.log"
    log.write_text("progress: files=2/5 events=70 seconds=0.10\nwords\n")
    job = stages_of(workflow([node(tmp_path, "/fine/0", "fill", "RUNNING")]))[1].jobs[0]
    assert (job.files, job.files_of, job.events) == (2, 5, 70)


def test_stages_are_said_once_when_they_end(tmp_path: Path) -> None:
    terminal = io.StringIO()
    tracker = Tracker(terminal)
    flow = workflow([node(tmp_path, "/fine/0", "fill", "RUNNING")])
    tracker.finalize(flow)
    assert terminal.getvalue() == ""
    flow.dag.getNode(0).state = "SUCCESS"
    tracker.finalize(flow)
    tracker.finalize(flow)
    assert terminal.getvalue().count("fine/fill") == 1


def test_live_terminal_is_redrawn_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("COLUMNS", "30")
    tracker = Tracker(terminal)
    flow = workflow([node(tmp_path, "/fine/0", "fill", "RUNNING")])
    tracker.finalize(flow)
    tracker.finalize(flow)
    first, second = terminal.getvalue().split("\x1b[4F")  # back to the first of 4 lines
    assert first == second
    assert [line.removeprefix("\x1b[2K").split()[0] for line in first.splitlines()] == [
        *("first", "fine/fill", "fine/fit", "last")
    ]
    assert all(len(line.removeprefix("\x1b[2K")) <= 30 for line in first.splitlines())


def test_failure_is_told_with_the_end_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "fill_0.run.log"
    progress = "progress: files=2/5 events=70 seconds=0.10"
    log.write_text(f"words\n{progress}\nscalesmear fill: a.root: no tree x; name one\n")
    terminal = io.StringIO()
    Tracker(terminal).finalize(workflow([node(tmp_path, "/fine/0", "fill", "FAILED")]))
    assert terminal.getvalue().splitlines()[1:] == [
        "step fine/fill_0 failed: scalesmear fill: a.root: no tree x; name one",
        f"  the last lines of {log}:",
        "  | words",
        "  | scalesmear fill: a.root: no tree x; name one",
    ]


def test_only_some_failures_are_told_in_full(tmp_path: Path) -> None:
    terminal = io.StringIO()
    nodes = [node(tmp_path, "/fine/0", "fill", "FAILED") for _ in range(5)]
    Tracker(terminal).finalize(workflow(nodes))
    assert terminal.getvalue().count("step fine/fill_0 failed") == 3
    assert terminal.getvalue().endswith("and 2 more steps failed\n")
