"""Run a command of a step, and note what it took: the command of the steps while `profile_run.py` runs.

python timed_step.py NOTES SPY COMMAND [ARGUMENT ...]

NOTES is a file to which a line of JSON is appended. SPY is py-spy, which notes where the time goes, or empty.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path


def main(notes: str, spy: str, command: str, *words: str) -> int:
    """Return the exit code of the command."""
    read = sys.stdin.read() if "@-" in words else None
    stacks = f"{notes}.{os.getpid()}.stacks"
    python = str(Path(command).with_name("python"))
    record = [
        spy,
        "record",
        "--format",
        "raw",
        "--rate",
        "50",
        "--subprocesses",
        "--output",
        stacks,
        "--",
    ]
    argv = [*(record if spy else []), python, command, *words]
    start = time.time()
    code = subprocess.run(argv, input=read, text=True, check=False).returncode
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    note = {
        "words": [*words, *(read or "").split()],
        "start": start,
        "end": time.time(),
        "processor": used.ru_utime + used.ru_stime,
        "memory": used.ru_maxrss,
        "stacks": stacks if spy else None,
    }
    with Path(notes).open("a") as file:
        file.write(json.dumps(note) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
