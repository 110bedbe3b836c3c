"""The terminal while a workflow runs: a line per stage, and why a step failed.

yadage takes `Tracker` from the environment variable ``YADAGE_CUSTOM_TRACKER``. yadage's own log goes
to ``_yadage/yadage.log`` in the work directory meanwhile.
"""

from __future__ import annotations

import logging
import shutil
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import jsonpath_rw

from scalesmear.errors import ScalesmearError
from scalesmear.workflow import failures
from scalesmear.workflow.docker import remove_containers
from scalesmear.workflow.logs import error_line, log_path, progress_of, tail, without_progress
from scalesmear.workflow.resume import KeptProxy
from scalesmear.workflow.signals import exit_when_told

if TYPE_CHECKING:
    from collections.abc import Iterator

REDRAW = 0.25
"""Seconds between two looks at the jobs."""

MIN_WIDTH = 19
"""Columns for the name of a stage."""

MAX_FAILURES = 3
"""Failed steps that are reported in full."""

LOG_LINES = 8
"""Last lines of a failed step's log that are shown."""


@dataclass(frozen=True)
class Job:
    """What is known about one job of a stage; `files_of` is None until it reports progress."""

    state: str
    submitted: float | None
    ended: float | None
    files: int = 0
    files_of: int | None = None
    events: int = 0
    kept: bool = False  # from an earlier run


@dataclass(frozen=True)
class StageProgress:
    """The jobs of one stage, added up; one that is `skipped` has none and needs none."""

    name: str
    jobs: tuple[Job, ...]
    scheduled: bool
    skipped: bool = False

    @property
    def state(self) -> str:
        """One of ``waiting``, ``running``, ``done``, ``kept``, ``failed``, ``skipped``, ``empty``."""
        states = {job.state for job in self.jobs}
        if self.skipped:
            return "skipped"
        if not self.jobs:
            return "empty" if self.scheduled else "waiting"
        if "RUNNING" in states:
            return "running"
        if "FAILED" in states:
            return "failed"
        if states == {"SUCCESS"}:
            return "kept" if all(job.kept for job in self.jobs) else "done"
        return "running" if "SUCCESS" in states else "waiting"

    @property
    def jobs_done(self) -> int:
        """Number of jobs that ended well."""
        return sum(job.state == "SUCCESS" for job in self.jobs)

    def seconds(self, now: float) -> float | None:
        """Return the time since the first job began, until the last one ended."""
        worked = [job for job in self.jobs if not job.kept]
        begins = [job.submitted for job in worked if job.submitted]
        if not begins:
            return None
        ends = [job.ended for job in worked if job.ended]
        return (now if self.state == "running" or not ends else max(ends)) - min(begins)

    def line(self, now: float, width: int = 0) -> str:
        """Return the stage in one line of text."""
        parts = [f"{self.name:<{width}} {self.state:<8}"]
        if self.jobs:
            parts.append(f"{f'{self.jobs_done}/{len(self.jobs)}':>7} jobs")
        seconds = self.seconds(now)
        if seconds is not None:
            parts.append(f"{seconds:6.1f} s")
        known = [job.files_of for job in self.jobs if job.files_of is not None]
        if known:
            all_known = "" if len(known) == len(self.jobs) else "+"
            parts.append(f"{sum(job.files for job in self.jobs)}/{sum(known)}{all_known} files")
        events = sum(job.events for job in self.jobs)
        if events:
            parts.append(f"{events:,} events")
            if seconds:
                worked = sum(job.events for job in self.jobs if not job.kept)
                parts.append(f"{worked / seconds:,.0f} events/s")
        return "  ".join(parts).rstrip()


def stages_of(workflow: Any) -> list[StageProgress]:
    """Return the progress of the stages of a yadage workflow, in the order of its specs.

    The stages of a sub-workflow stand in the place of the stage that runs it.
    """
    rules = {rule.identifier: rule for rule in [*workflow.rules, *workflow.applied_rules]}
    waiting = {rule.identifier for rule in workflow.rules}
    jobs: dict[tuple[str, str], list[Job]] = {}
    for node in nodes_of(workflow):
        jobs.setdefault(_place(node), []).append(job_of(node))
    with_nodes = {_place(node) for node in all_nodes(workflow)}
    return [
        StageProgress(
            name=_label(rules[i].offset, rules[i].rule.name),
            jobs=tuple(jobs.get(place, [])),
            scheduled=i not in waiting,
            skipped=place in with_nodes - set(jobs),
        )
        for i in _in_order(workflow.bookkeeping, rules)
        for place in [(rules[i].offset, rules[i].rule.name)]
    ]


def _place(node: Any) -> tuple[str, str]:
    """Return the scope and the name of the stage that a node belongs to."""
    about = node.task.metadata
    return about["wflow_offset"], about["wflow_stage"]


def _in_order(scope: dict[str, Any], rules: dict[str, Any]) -> Iterator[str]:
    """Give the identifiers of the rules of a scope, a stage with a scope of its own opened up."""
    for identifier in scope.get("_meta", {}).get("stages", []):
        name = rules[identifier].rule.name
        if name in scope:
            for sub_workflow in scope[name].values():
                yield from _in_order(sub_workflow, rules)
        elif name != "init":
            yield identifier


def _label(offset: str, name: str) -> str:
    """Return ``coarse/fit`` for the stage ``fit`` of the first sub-workflow of ``coarse``."""
    parts = offset.split("/")[1:]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return "/".join([f"{stage}[{i}]" if i != "0" else stage for stage, i in pairs] + [name])


def all_nodes(workflow: Any) -> list[Any]:
    """Return the nodes of a yadage workflow, those that only hand something over included."""
    return [workflow.dag.getNode(name) for name in workflow.dag.nodes()]


def nodes_of(workflow: Any) -> list[Any]:
    """Return the nodes of a yadage workflow that run a command."""
    return [node for node in all_nodes(workflow) if node.task.spec["process"]]


def job_of(node: Any) -> Job:
    """Return what a node's state and its run log tell."""
    counts = None
    if node.submit_time:
        counts = progress_of(tail(log_path(node.task.state, node.task.metadata, "run")))
    files, files_of, events = counts or (0, None, 0)
    return Job(
        state=str(node.state),
        submitted=node.submit_time,
        ended=node.ready_by_time,
        files=files,
        files_of=files_of,
        events=events,
        kept=isinstance(node.resultproxy, KeptProxy),
    )


def failure_report(node: Any) -> list[str]:
    """Return what there is to say about a failed node: which, why, and the end of its log."""
    about = node.task.metadata
    path = log_path(node.task.state, about, "run")
    lines = without_progress(tail(path))
    said = error_line(lines)
    label = _label(about["wflow_offset"], about["name"])
    report = [f"step {label} failed: {said or _exception_of(node)}"]
    if lines:
        report += [f"  the last lines of {path}:", *(f"  | {line}" for line in lines[-LOG_LINES:])]
    else:
        report.append(f"  its command printed nothing ({path})")
    return report


def _exception_of(node: Any) -> str:
    """Return in one line why a node failed that says nothing about it in its log."""
    job = node.resultproxy
    while hasattr(job, "proxy"):
        job = job.proxy
    try:
        job.get() if hasattr(job, "get") else job.result()
    except Exception as error:  # noqa: BLE001 - whatever it was is what is asked for
        if "failed container execution" in str(error):
            return "its container ended with an error"
        first = (str(error).splitlines() or [""])[0]
        return first if isinstance(error, ScalesmearError) else f"{type(error).__name__}: {first}"
    return "the reason is unknown"


class Tracker:
    """Shows a workflow's progress on the terminal: redrawn in place there, else line by line."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._said: set[str] = set()
        self._drawn = 0
        self._looked = 0.0

    def initialize(self, workflow: Any) -> None:
        """Begin: send yadage's own log to a file, and make sure to be told of an early end."""
        exit_when_told()
        parse_queries_once()
        failures.install()
        folder = work_directory(workflow)
        if folder is not None:
            divert_log(folder / "_yadage" / "yadage.log")

    def track(self, workflow: Any) -> None:
        """Look at the jobs, at most every `REDRAW` seconds."""
        if time.monotonic() - self._looked < REDRAW:
            return
        self._show(workflow)
        self._looked = time.monotonic()

    def finalize(self, workflow: Any) -> None:
        """End: show all stages, and report each failure."""
        self._show(workflow)
        failed = [node for node in nodes_of(workflow) if str(node.state) == "FAILED"]
        for node in failed[:MAX_FAILURES]:
            self._write(failure_report(node))
        if len(failed) > MAX_FAILURES:
            self._write([f"and {len(failed) - MAX_FAILURES} more steps failed"])
        error = sys.exception()
        if error is not None and not failed:
            self._write([f"the workflow stopped: {type(error).__name__}: {error}".rstrip(": ")])
        if error is not None:
            silence_pool_at_exit()
            folder = work_directory(workflow)
            if folder is not None:
                remove_containers(folder)

    def _show(self, workflow: Any) -> None:
        stages = stages_of(workflow)
        now = time.time()
        width = max([MIN_WIDTH, *(len(stage.name) for stage in stages)])
        if self._live and len(stages) < shutil.get_terminal_size().lines:
            self._redraw([stage.line(now, width) for stage in stages])
        else:
            ended = [s for s in stages if s.state in {"done", "kept", "failed", "skipped", "empty"}]
            self._write([s.line(now, width) for s in ended if s.name not in self._said])
            self._said |= {stage.name for stage in ended}

    def _redraw(self, lines: list[str]) -> None:
        columns = shutil.get_terminal_size().columns
        up = f"\x1b[{self._drawn}F" if self._drawn else ""
        self._stream.write(up + "".join(f"\x1b[2K{line[:columns]}\n" for line in lines))
        self._stream.flush()
        self._drawn = len(lines)

    def _write(self, lines: list[str]) -> None:
        self._stream.write("".join(f"{line}\n" for line in lines))
        self._stream.flush()


def work_directory(workflow: Any) -> Path | None:
    """Return the work directory of a yadage workflow, None if it has no folder of its own."""
    for rule in [*workflow.rules, *workflow.applied_rules]:
        provider = rule.rule.state_provider
        if rule.offset == "" and provider is not None and provider.base.readwrite:
            return Path(provider.base.readwrite[0])
    return None


def parse_queries_once() -> None:
    """Let yadage remember the selections and dependencies that it parsed.

    It parses each of them anew at every look at every stage, and building the parser for that takes
    10 ms: four fifths of the time of a short run.
    """
    if not hasattr(jsonpath_rw.parse, "cache_info"):
        jsonpath_rw.parse = cache(jsonpath_rw.parse)


def divert_log(path: Path) -> None:
    """Send what yadage logs to a file instead of the terminal, unless it is to be verbose."""
    root = logging.getLogger()
    streams = [h for h in root.handlers if type(h) is logging.StreamHandler]
    if root.level < logging.INFO or not streams:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    for stream in streams:
        root.removeHandler(stream)
    root.addHandler(handler)
    root.setLevel(logging.INFO)


def silence_pool_at_exit() -> None:
    """Drop the complaint of a multiprocessing pool that Python takes down after a failure."""
    usual = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if getattr(unraisable.object, "__qualname__", "") != "Pool.__del__":
            usual(unraisable)

    sys.unraisablehook = hook
