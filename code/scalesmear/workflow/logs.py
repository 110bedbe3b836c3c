"""The logs of steps: written as plain text, and read again to see progress and failures.

Each step leaves ``<name>.run.log``, what its command printed, and ``<name>.step.log``, what was done
to run it, in the folder ``_packtivity`` of its own folder.
"""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesmear.progress import LINE

if TYPE_CHECKING:
    from collections.abc import Mapping

TAIL_BYTES = 1 << 14
"""How much of the end of a log is looked at."""

ERROR_LINE = re.compile(
    r"^(scalesmear [a-z-]+: .+|bash: line \d+: .+|[\w.]*(Error|Exception|Interrupt)\b.*)$"
)
"""A line in which a command or the shell says why it stopped, or the last of a traceback."""


def packtivity_handlers(
    log: logging.Logger, metadata: Mapping[str, Any], state: Any, topic: str
) -> None:
    """Let packtivity log in plain text to the step's folder (``PACKTIVITY_LOGGING_HANDLER``).

    What the command of a lone step (``packtivity-run``) prints also appears on the terminal. Lone
    steps may follow each other in one folder, so the container of the last one is forgotten before
    the next: Docker does not overwrite the file with its name.
    """
    if topic == "step" and is_lone_step(metadata) and state is not None and state.metadir:
        (Path(state.metadir) / f"{metadata['name']}.cid").unlink(missing_ok=True)
    if state is not None and state.metadir:
        path = log_path(state, metadata, topic)
        path.parent.mkdir(parents=True, exist_ok=True)
        log.addHandler(logging.FileHandler(path, encoding="utf-8"))
    if topic == "run" and is_lone_step(metadata):
        log.addHandler(logging.StreamHandler(sys.stderr))
    layout = "%(message)s" if topic == "run" else "%(asctime)s %(message)s"
    for handler in log.handlers:
        handler.setFormatter(PlainFormatter(layout))


class PlainFormatter(logging.Formatter):
    """Formats a line that arrives as bytes as the text that it is."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        if isinstance(record.msg, bytes):
            record.msg = record.msg.decode("utf-8", errors="replace")
            record.args = None
        return super().format(record)


def is_lone_step(metadata: Mapping[str, Any]) -> bool:
    """Tell whether a step is run by ``packtivity-run`` instead of by a workflow."""
    return "wflow_stage" not in metadata


def log_path(state: Any, metadata: Mapping[str, Any], topic: str) -> Path:
    """Return the path of a step's log on a topic."""
    return Path(state.metadir) / f"{metadata['name']}.{topic}.log"


def tail(path: Path) -> list[str]:
    """Return the last lines of a log; nothing if there is no log."""
    if not path.is_file():
        return []
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - TAIL_BYTES))
        return stream.read().decode("utf-8", errors="replace").splitlines()


def error_line(lines: list[str]) -> str | None:
    """Return the last line in which a command says why it stopped, if there is one."""
    return next((line for line in reversed(lines) if ERROR_LINE.match(line)), None)


def progress_of(lines: list[str]) -> tuple[int, int, int] | None:
    """Return files done, files in all and events done from the last progress line, if any."""
    found = next((match for line in reversed(lines) if (match := LINE.search(line))), None)
    return found and (int(found["files"]), int(found["of"]), int(found["events"]))


def without_progress(lines: list[str]) -> list[str]:
    """Return the lines that are not about progress."""
    return [line for line in lines if not LINE.search(line)]
