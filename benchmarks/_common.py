"""What the benchmarks share: medians of processor time, sums of bytes, toys, tables."""

from __future__ import annotations

import gc
import statistics
import time
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scalesmear.cli import main as scalesmear
from scalesmear.compiled import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def seconds(
    function: Callable[[], object],
    repeat: int = 5,
    *,
    clock: Callable[[], float] = time.process_time,
    before: Callable[[], object] = lambda: None,
) -> float:
    """Return the median time of some calls, after one that is not counted.

    The clock is that of the processor, or `time.perf_counter` where threads share the work. What
    has to be done `before` a call is not counted either.
    """
    times = [_time(function, clock, before) for _ in range(repeat + 1)]
    return statistics.median(times[1:])


def _time(
    function: Callable[[], object], clock: Callable[[], float], before: Callable[[], object]
) -> float:
    before()
    gc.collect()
    start = clock()
    function()
    return clock() - start


class Beside(NamedTuple):
    """Median times of some work and of what bounds it [s], and the median of their ratios."""

    ours: float
    bare: float
    ratio: float


def beside(
    ours: Callable[[], object],
    bare: Callable[[], object],
    turns: int = 7,
    *,
    clock: Callable[[], float] = time.process_time,
    before: Callable[[], object] = lambda: None,
) -> Beside:
    """Time two calls in turn, as `seconds` does: what slows the machine for a while slows both."""
    pairs = [(_time(ours, clock, before), _time(bare, clock, before)) for _ in range(turns + 1)]
    of_ours, of_bare = zip(*pairs[1:], strict=True)
    ratios = [a / b for a, b in pairs[1:]]
    return Beside(*map(statistics.median, (of_ours, of_bare, ratios)))


@compiled
def _sum_words(words: NDArray[np.uint64]) -> np.uint64:
    total = np.uint64(0)
    for i in range(len(words)):
        total += words[i]
    return total


def sum_bytes(columns: Iterable[NDArray[Any]]) -> None:
    """Read all bytes of some arrays once, as fast as memory gives them: sum words of 8 bytes."""
    for column in columns:
        flat = column.reshape(-1).view(np.uint8)
        _sum_words(flat[: len(flat) // 8 * 8].view(np.uint64))


def quietly(*words: object) -> None:
    """Run a verb of the command line without its output."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        code = scalesmear([str(word) for word in words])
    if code:
        raise SystemExit(f"scalesmear {words[0]} failed")


def make_toys(
    folder: Path, n_data: int, n_sim: int, compression: str = "lz4", n_files: int = 1
) -> None:
    """Generate files of data and as many of simulation."""
    numbers = [f"--{what}-{kind}" for kind in ("events", "files") for what in ("data", "sim")]
    values = (n_data, n_sim, n_files, n_files)
    flags = [word for pair in zip(numbers, values, strict=True) for word in pair]
    quietly("toys", "--output", folder, "--seed", 1, "--compression", compression, *flags)


def print_table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: the first column to the left, numbers to the right."""
    lines = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print(title)
    for line in lines:
        first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join([line[0].ljust(len(first)), *others]), flush=True)
    print()
