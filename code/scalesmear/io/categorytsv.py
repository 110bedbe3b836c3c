"""Category files of earlier calibrations: a row for each category, -1 where a variable is not used.

A row is ``type etaMin etaMax r9Min r9Max gain etMin etMax``, with type ``scale`` or ``smear``. What
is used is decided row by row. No file of this kind ends at infinity: an R9 of 10, an Et of 1000 GeV
or anything above them is read as no upper limit.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from scalesmear.cells import Window
from scalesmear.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scalesmear.cells import Range

COLUMNS = ("type", "etaMin", "etaMax", "r9Min", "r9Max", "gain", "etMin", "etMax")
TYPES = ("scale", "smear")
UNUSED = -1.0
NO_LIMIT = {"r9": 10.0, "et": 1000.0}
"""Upper edges from which on there is no upper limit."""


def is_category_tsv(text: str) -> bool:
    """Tell whether the first row that is no comment begins with a type, as no YAML file does."""
    return next((fields[0] in TYPES for _, fields in _rows(text)), False)


def parse_category_tsv(text: str, where: str) -> tuple[tuple[Window, ...], tuple[Window, ...]]:
    """Return the windows of the scale rows and of the smear rows, in order.

    Files of smearings never held a gain: one that all smear rows have is left out.

    Raises
    ------
    InputError
        Naming the line: another number of columns, an unknown type, a value that is no number, one
        edge without the other, edges that do not rise, or a gain that does not exist.
    """
    windows: dict[str, list[Window]] = {kind: [] for kind in TYPES}
    for number, fields in _rows(text):
        kind, window = _window(fields, f"{where}:{number}", number)
        windows[kind].append(window)
    return tuple(windows["scale"]), _without_common_gain(windows["smear"])


def _without_common_gain(windows: list[Window]) -> tuple[Window, ...]:
    """Return the windows without their gain if it is the same in all."""
    if len({window.gain for window in windows}) > 1:
        return tuple(windows)
    return tuple(replace(window, gain=None) for window in windows)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield number and fields of each line; comments and blank lines are skipped."""
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if fields and not fields[0].startswith("#"):
            yield number, fields


def _window(fields: list[str], where: str, number: int) -> tuple[str, Window]:
    if len(fields) != len(COLUMNS) or fields[0] not in TYPES:
        problem = f"{' '.join(fields)[:60]!r} is no row of {len(COLUMNS)} columns"
        raise InputError(where, problem, f"write {' '.join(COLUMNS)}, type scale or smear")
    values = [
        _number(text, name, where) for text, name in zip(fields[1:], COLUMNS[1:], strict=True)
    ]
    try:
        return fields[0], Window(
            abs_eta=_edges("eta", values[0], values[1]),
            r9=_edges("r9", values[2], values[3]),
            et=_edges("et", values[5], values[6]),
            gain=_gain(values[4]),
            origin=f"line {number}",
        )
    except ValueError as error:
        raise InputError(where, str(error), "mend the row") from error


def _number(text: str, name: str, where: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(where, f"{name} is {text!r}, expected a number", "mend the row") from error


def _gain(value: float) -> int | None:
    if not value.is_integer():
        raise ValueError(f"there is no gain {value:g}, only 12, 6 and 1")
    return None if value == UNUSED else int(value)


def _edges(variable: str, low: float, high: float) -> Range | None:
    """Return the edges of a variable, None if both are -1.

    Raises
    ------
    ValueError
        If one edge alone is -1.
    """
    if (low == UNUSED) != (high == UNUSED):
        raise ValueError(
            f"{variable}Min {low:g} and {variable}Max {high:g}: only one of them is -1"
        )
    if low == UNUSED:
        return None
    return low, math.inf if high >= NO_LIMIT.get(variable, math.inf) else high
