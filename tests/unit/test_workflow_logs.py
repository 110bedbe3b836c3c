from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from scalesmear.workflow.logs import (
    TAIL_BYTES,
    error_line,
    log_path,
    packtivity_handlers,
    progress_of,
    tail,
    without_progress,
)

if TYPE_CHECKING:
    from pathlib import Path

PROGRESS = "progress: files=1/3 events=250 seconds=0.41"


def logged(folder: Path, metadata: dict[str, str], topic: str, *messages: object) -> None:
    """Log messages as packtivity does."""
    log = logging.getLogger(f"test.{folder}.{topic}.{metadata['name']}")
    log.setLevel(logging.DEBUG)
    log.propagate = False
    packtivity_handlers(log, metadata, SimpleNamespace(metadir=str(folder)), topic)
    for message in messages:
        log.info(message)
    for handler in log.handlers:
        handler.close()
    log.handlers.clear()


def test_run_log_holds_what_the_command_printed_as_text(tmp_path: Path) -> None:
    metadata = {"name": "fill_0", "wflow_stage": "fill"}
    logged(tmp_path, metadata, "run", b"50 % done", "größer".encode(), b"\xff")
    assert (tmp_path / "fill_0.run.log").read_text() == "50 % done\ngrößer\n\ufffd\n"


def test_step_log_has_the_time(tmp_path: Path) -> None:
    logged(tmp_path, {"name": "fit", "wflow_stage": "fit"}, "step", "began")
    assert (tmp_path / "fit.step.log").read_text().endswith(" began\n")


def test_command_of_a_lone_step_is_heard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logged(tmp_path, {"name": "packtivity_syncbackend"}, "run", b"hello")
    assert capsys.readouterr().err == "hello\n"
    logged(tmp_path, {"name": "fit", "wflow_stage": "fit"}, "run", b"hello")
    assert capsys.readouterr().err == ""


def test_container_of_a_lone_step_is_forgotten_before_the_next(tmp_path: Path) -> None:
    # docker run --cidfile refused to start a second step in the same folder
    for metadata in ({"name": "packtivity_syncbackend"}, {"name": "fit", "wflow_stage": "fit"}):
        (tmp_path / f"{metadata['name']}.cid").write_text("0123")
        logged(tmp_path, metadata, "step", "began")
    assert [path.name for path in tmp_path.glob("*.cid")] == ["fit.cid"]


def test_tail_of_a_long_log_is_its_end(tmp_path: Path) -> None:
    path = tmp_path / "x.run.log"
    path.write_text("a" * TAIL_BYTES + "\nlast\n")
    lines = tail(path)
    assert lines[-1] == "last"
    assert len("\n".join(lines)) < TAIL_BYTES
    assert tail(tmp_path / "none.log") == []


def test_log_lies_in_the_folder_of_the_step(tmp_path: Path) -> None:
    state = SimpleNamespace(metadir=str(tmp_path))
    assert log_path(state, {"name": "fit"}, "run") == tmp_path / "fit.run.log"


def test_progress_is_that_of_the_last_line_about_it() -> None:
    later = "b'progress: files=2/3 events=500 seconds=0.82'"  # as packtivity logs by default
    assert progress_of([PROGRESS, later, "words"]) == (2, 3, 500)
    assert progress_of(["words"]) is None
    assert without_progress(["words", PROGRESS]) == ["words"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["a", "scalesmear fit: no data; give some", "b"], "scalesmear fit: no data; give some"),
        (["Traceback", "  File", "ValueError: 3", ""], "ValueError: 3"),
        (["numpy.linalg.LinAlgError: singular"], "numpy.linalg.LinAlgError: singular"),
        (["bash: line 2: nothing: command not found"], "bash: line 2: nothing: command not found"),
        (["all is well"], None),
    ],
)
def test_error_line_is_the_last_that_says_why(lines: list[str], said: str | None) -> None:
    assert error_line(lines) == said
