"""Tables of systematic errors: windows, -1 where a variable is not used, and percent of the scale.

A row is ``etaMin etaMax r9Min r9Max etMin etMax gain percent``, without a header.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.cells import ANY_GAIN, VARIABLES, Boxes, Window
from scalesmear.combining import Systematics
from scalesmear.corrections import UPPER_LIMITS
from scalesmear.errors import InputError
from scalesmear.io.files import write_text
from scalesmear.io.rows import column, read_rows, text_of

if TYPE_CHECKING:
    import os

    from scalesmear.cells import Range
    from scalesmear.io.rows import Row

COLUMNS = ("etaMin", "etaMax", "r9Min", "r9Max", "etMin", "etMax", "gain", "percent")
UNUSED = -1.0
OPEN_ENDS = (math.inf, *UPPER_LIMITS[1:])
"""From these edges of abs(eta), R9 and Et on there is no upper limit."""


def read_systematics(path: str | os.PathLike[str]) -> Systematics:
    """Read one source of systematic errors; lines that begin with ``#`` are comments.

    Raises
    ------
    InputError
        If the file is missing, a row has not 8 columns, a value is no number, a window makes no
        sense, or an error is negative.
    """
    rows = read_rows(path, "table of systematic errors", len(COLUMNS), comment="#")
    values = np.stack([column(rows, i, name) for i, name in enumerate(COLUMNS)], axis=1)
    boxes = Boxes.of(_window(row, line) for row, line in zip(rows, values.tolist(), strict=True))
    percent = values[:, 7]
    bad = np.flatnonzero(~(np.isfinite(percent) & (percent >= 0)))
    if len(bad):
        raise InputError(rows[bad[0]].where, f"percent is {percent[bad[0]]}", "it must be >= 0")
    return Systematics(boxes, percent, tuple(row.where for row in rows), str(path))


def _window(row: Row, values: list[float]) -> Window:
    try:
        abs_eta, r9, et = (
            _edges(values[2 * k], values[2 * k + 1], COLUMNS[2 * k], OPEN_ENDS[k]) for k in range(3)
        )
        return Window(abs_eta, r9, et, _gain(values[6]))
    except ValueError as error:
        raise InputError(row.where, str(error), "mend the row") from error


def _gain(value: float) -> int | None:
    if not value.is_integer():
        raise ValueError(f"there is no gain {value:g}, only 12, 6 and 1")
    return None if value in (UNUSED, ANY_GAIN) else int(value)


def _edges(low: float, high: float, name: str, top: float) -> Range | None:
    """Return the edges of a variable, None if both are -1; one of them alone is no limit there."""
    if low == high == UNUSED:
        return None
    if high == UNUSED:
        raise ValueError(f"{name} is {low:g}, but the upper edge -1")
    return (0.0 if low == UNUSED else low), (math.inf if high >= top else high)


def write_systematics(path: str | os.PathLike[str], source: Systematics) -> None:
    """Write one source of systematic errors."""
    write_text(path, text_of(_row(source, number) for number in range(source.boxes.size)))


def _row(source: Systematics, number: int) -> list[str]:
    window = source.boxes.window(number)
    edges = [
        f"{min(edge, top):g}" if used else "-1"
        for name, top in zip(VARIABLES, UPPER_LIMITS, strict=True)
        for used in [getattr(window, name)]
        for edge in used or (UNUSED, UNUSED)
    ]
    gain = "-1" if window.gain is None else str(window.gain)
    return [*edges, gain, repr(float(source.percent[number]))]
