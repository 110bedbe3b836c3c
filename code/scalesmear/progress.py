"""Lines that a step prints while it works, and that the runner adds up over the jobs of a stage.

A line reads ``progress: files=1/3 events=250000 seconds=0.41``: how many files are done of how many,
how many events, in how long.
"""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass, field

LINE = re.compile(
    r"progress: files=(?P<files>\d+)/(?P<of>\d+) events=(?P<events>\d+) seconds=(?P<seconds>[\d.]+)"
)


@dataclass
class Progress:
    """Counts what a step has done, and says so on standard error at most once a second."""

    n_files: int
    files: int = 0
    events: int = 0
    _start: float = field(default_factory=time.perf_counter)
    _said: float = 0.0

    def advance(self, events: int = 0, files: int = 0) -> None:
        """Count some events and files as done."""
        self.events += events
        self.files += files
        now = time.perf_counter()
        if files or now - self._said > 1:
            self._said = now
            sys.stderr.write(f"{self}\n")
            sys.stderr.flush()

    def __str__(self) -> str:
        seconds = time.perf_counter() - self._start
        return (
            f"progress: files={self.files}/{self.n_files} events={self.events} "
            f"seconds={seconds:.2f}"
        )
