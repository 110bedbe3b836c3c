"""Text tables of run bins, scales and smearings, as the readers of analyses expect them.

Columns are written with one TAB between and read split on any white space. Numbers are written with
the fewest digits that read back the same: edges as float32, everything else as float64. What the
CMSSW reader would take wrongly (comments in scales, runs that are no integers) is refused here.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scalesmear.cells import ANY_GAIN, Boxes, Window
from scalesmear.corrections import ScaleTable, SmearingTable
from scalesmear.errors import InputError
from scalesmear.io.files import existing, write_text

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

FILE_GAINS = (ANY_GAIN, 1, 6, 12, 61)
"""Gains that a scales file may name; 61 is a double switch."""

SMEARING_HEADER = ("#category", "Emean", "err_Emean", "rho", "err_rho", "phi", "err_phi")

HALF_PI = "M_PI_2"
"""How a smearings file writes pi/2."""

NAMED_WINDOWS: dict[str, dict[str, tuple[float, float]]] = {
    "EBlowEta": {"abs_eta": (0, 1)},
    "EBhighEta": {"abs_eta": (1, 1.479)},
    "EElowEta": {"abs_eta": (1.479, 2)},
    "EEhighEta": {"abs_eta": (2, 7)},
    **{name: {"r9": (0.94, math.inf)} for name in ("gold", "Gold", "highR9")},
    **{name: {"r9": (-1, 0.94)} for name in ("bad", "Bad", "lowR9")},
}
"""Words of older smearings files and the windows that they stand for."""

PIECE = re.compile(
    r"(?P<variable>absEta|R9|Et)_(?P<low>\d+\.?\d*)(_(?P<high>\d+\.?\d*))?|gainEle_(?P<gain>\d+)"
)


class _Row(NamedTuple):
    where: str  # file:line
    fields: list[str]


def _rows(path: str | os.PathLike[str], what: str, columns: int, comment: str = "") -> list[_Row]:
    """Return the rows of a table with this many columns.

    Raises
    ------
    InputError
        If the file is missing, has no row, or a row has another number of columns.
    """
    found = existing(path, what)
    rows = [
        _Row(f"{path}:{number}", fields)
        for number, line in enumerate(_lines(found), start=1)
        if (fields := line.split()) and not (comment and line.startswith(comment))
    ]
    if not rows:
        raise InputError(path, f"{what} has no rows", "make it again")
    for row in rows:
        if len(row.fields) != columns:
            raise InputError(
                row.where,
                f"{len(row.fields)} columns ({' '.join(row.fields)[:60]!r}), {what} has {columns}",
                "mend the row",
            )
    return rows


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(path, "not a text file", "check the path") from error


def _column(rows: Sequence[_Row], index: int, name: str) -> NDArray[np.float64]:
    """Return a column of numbers."""
    texts = [row.fields[index] for row in rows]
    try:
        return np.array(texts, np.float64)
    except ValueError:
        return np.array([_number(row, index, name, float) for row in rows])


def _integers(rows: Sequence[_Row], index: int, name: str) -> NDArray[np.int64]:
    """Return a column of digits."""
    return np.array([_number(row, index, name, _digits) for row in rows], np.int64)


def _digits(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(text)
    return int(text)


def _number(row: _Row, index: int, name: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(row.fields[index])
    except ValueError as error:
        wanted = "a whole number" if kind is _digits else "a number"
        raise InputError(
            row.where, f"{name} is {row.fields[index]!r}, expected {wanted}", "mend the value"
        ) from error


def _text(rows: Iterable[Sequence[str]]) -> str:
    return "".join("\t".join(row) + "\n" for row in rows)


# ---------------------------------------------------------------------------------- run bins


def write_run_bins(path: str | os.PathLike[str], bins: Sequence[tuple[int, int]]) -> None:
    """Write closed ranges of runs, one a line: first and last run."""
    write_text(path, _text([str(first), str(last)] for first, last in bins))


def read_run_bins(path: str | os.PathLike[str]) -> tuple[tuple[int, int], ...]:
    """Read closed ranges of runs.

    Raises
    ------
    InputError
        If the file is missing, a value is no run, or ranges are empty, overlap or are not sorted.
    """
    rows = _rows(path, "table of run bins", 2)
    first, last = _integers(rows, 0, "runMin").tolist(), _integers(rows, 1, "runMax").tolist()
    before = -1
    for row, low, high in zip(rows, first, last, strict=True):
        if not before < low <= high:
            problem = f"runs {low}-{high} do not follow run {before}"
            raise InputError(row.where, problem, "sort the ranges and keep them apart")
        before = high
    return tuple(zip(first, last, strict=True))


# ------------------------------------------------------------------------------------ scales


def write_scales(
    path: str | os.PathLike[str], table: ScaleTable, decimals: int | None = None
) -> None:
    """Write scales: run range, windows of abs(eta), R9 and Et, gain, scale and its error.

    Parameters
    ----------
    path : path
    table : ScaleTable
    decimals : int or None
        Digits of a scale after the point, two more for its error; None for all that count.
    """
    write_text(path, _text(_scale_rows(table, decimals)))


def _scale_rows(table: ScaleTable, decimals: int | None) -> Iterable[list[str]]:
    edges = np.stack([table.boxes.low, table.boxes.high], axis=2).reshape(len(table), 6)
    runs = np.stack([table.run_min, table.run_max], axis=1)
    values = np.stack([table.scale, table.err], axis=1)
    text_of_edge = {edge: _edge(edge) for edge in np.unique(edges).tolist()}
    for run, edge, gain, (scale, err) in zip(
        runs.tolist(), edges.tolist(), table.boxes.gain.tolist(), values.tolist(), strict=True
    ):
        yield [
            *map(str, run),
            *(text_of_edge[e] for e in edge),
            str(gain),
            _value(scale, decimals),
            _value(err, decimals and decimals + 2),
        ]


def _edge(value: float) -> str:
    """Print a float32 with the fewest digits and no exponent, such as 1.4442 or 14000.0."""
    return np.format_float_positional(np.float32(value), unique=True, trim="0")


def _value(value: float, decimals: int | None = None) -> str:
    """Print a number without exponent."""
    if decimals is not None:
        return f"{value:.{decimals}f}"
    return np.format_float_positional(value, unique=True, trim="0")


def read_scales(path: str | os.PathLike[str]) -> ScaleTable:
    """Read scales.

    Raises
    ------
    InputError
        If the file is missing, a row has not 11 columns, or a value is not possible; for a comment
        too, because the CMSSW reader stops at it.
    """
    rows = _rows(path, "table of scales", 11)
    if rows[0].fields[0].startswith("runMin"):
        rows = rows[1:]
    for row in rows:
        if row.fields[0].startswith("#"):
            problem = "a comment, at which readers of scales stop"
            raise InputError(row.where, problem, "remove the line")
    gain = _integers(rows, 8, "gain")
    for row, value in zip(rows, gain.tolist(), strict=True):
        if value not in FILE_GAINS:
            allowed = ", ".join(map(str, FILE_GAINS))
            raise InputError(row.where, f"gain is {value}", f"it must be one of {allowed}")
    names = ("etaMin", "etaMax", "r9Min", "r9Max", "etMin", "etMax")
    columns = [_column(rows, i, name).astype(np.float32) for i, name in enumerate(names, start=2)]
    low, high = np.stack(columns[::2], axis=1), np.stack(columns[1::2], axis=1)
    return ScaleTable(
        run_min=_integers(rows, 0, "runMin"),
        run_max=_integers(rows, 1, "runMax"),
        boxes=Boxes(low, high, gain.astype(np.int16)),
        scale=_column(rows, 9, "scale"),
        err=_column(rows, 10, "err"),
        where=str(path),
    )


# --------------------------------------------------------------------------------- smearings


def write_smearings(path: str | os.PathLike[str], table: SmearingTable) -> None:
    """Write smearings: name of the window, then e_mean, rho and phi, each with its error."""
    columns = (table.e_mean, table.err_e_mean, table.rho, table.err_rho)
    rows = (
        [
            table.boxes.window(row).label,
            *(_value(float(column[row])) for column in columns),
            *(_angle(float(column[row])) for column in (table.phi, table.err_phi)),
        ]
        for row in range(len(table))
    )
    write_text(path, _text([SMEARING_HEADER, *rows]))


def _angle(value: float) -> str:
    return HALF_PI if value == math.pi / 2 else _value(value)


def _parse_angle(text: str) -> float:
    return math.pi / 2 if text == HALF_PI else float(text)


def read_smearings(path: str | os.PathLike[str]) -> SmearingTable:
    """Read smearings; lines that begin with ``#`` are comments.

    Names of windows are read as they stand: ``absEta_1.566_2.0`` begins at 1.566, where the CMSSW
    reader begins at 1.479.

    Raises
    ------
    InputError
        If the file is missing, a row has not 7 columns, or a name or number is not one.
    """
    rows = _rows(path, "table of smearings", 7, comment="#")
    names = dict(enumerate(SMEARING_HEADER))
    angles = [
        np.array([_number(row, index, names[index], _parse_angle) for row in rows], np.float64)
        for index in (5, 6)
    ]
    return SmearingTable(
        boxes=Boxes.of(_window(row) for row in rows),
        rho=_column(rows, 3, "rho"),
        err_rho=_column(rows, 4, "err_rho"),
        phi=angles[0],
        err_phi=angles[1],
        e_mean=_column(rows, 1, "Emean"),
        err_e_mean=_column(rows, 2, "err_Emean"),
        where=str(path),
    )


def _window(row: _Row) -> Window:
    """Return the window that a name such as ``absEta_0.0000_1.0000-R9_0.0000_0.9600`` means."""
    name = row.fields[0]
    parts: dict[str, Any] = {}
    try:
        for piece in name.split("-"):
            parts |= NAMED_WINDOWS.get(piece) or _parse_piece(piece)
        return Window(**parts)
    except ValueError as error:
        raise InputError(
            row.where, f"{name!r} is no name of a window ({error})", "mend the name"
        ) from error


def _parse_piece(piece: str) -> dict[str, Any]:
    match = PIECE.fullmatch(piece)
    if not match:
        raise ValueError(f"cannot read {piece!r}")
    if match["gain"]:
        return {"gain": int(match["gain"])}
    low, high = float(match["low"]), float(match["high"] or math.inf)
    if match["variable"] == "R9":
        return {"r9": (low, math.inf if high >= 1 else high)}
    if not match["high"]:
        raise ValueError(f"{piece!r} has no upper edge")
    return {"abs_eta" if match["variable"] == "absEta" else "et": (low, high)}
