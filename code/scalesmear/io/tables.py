"""Text tables of run bins, scales and smearings, as the readers of analyses expect them.

Columns are written with one TAB between and read split on any white space. Numbers are written with
the fewest digits that read back the same: edges as float32, everything else as float64. What the
CMSSW reader would take wrongly (comments in scales, runs that are no integers) is refused here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.cells import Boxes
from scalesmear.corrections import SmearingTable
from scalesmear.errors import InputError
from scalesmear.io.files import write_text
from scalesmear.io.rows import (
    column,
    demand_columns,
    integers,
    read_rows,
    read_table_text,
    text_of,
    value_of,
)
from scalesmear.io.scalerows import WHAT, parse_scales, scales_json
from scalesmear.io.windownames import window_of_name

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from scalesmear.corrections import ScaleTable
    from scalesmear.io.rows import Row
    from scalesmear.io.scalerows import ScaleRows

SMEARING_HEADER = ("#category", "Emean", "err_Emean", "rho", "err_rho", "phi", "err_phi")

SMEARINGS = "table of smearings"

HALF_PI = "M_PI_2"
"""How a smearings file writes pi/2."""


# ---------------------------------------------------------------------------------- run bins


def write_run_bins(path: str | os.PathLike[str], bins: Sequence[tuple[int, int]]) -> None:
    """Write closed ranges of runs, one a line: first and last run."""
    write_text(path, text_of([str(first), str(last)] for first, last in bins))


def read_run_bins(path: str | os.PathLike[str]) -> tuple[tuple[int, int], ...]:
    """Read closed ranges of runs.

    Raises
    ------
    InputError
        If the file is missing, a value is no run, or ranges are empty, overlap or are not sorted.
    """
    rows = read_rows(path, "table of run bins", 2)
    first, last = integers(rows, 0, "runMin").tolist(), integers(rows, 1, "runMax").tolist()
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
    write_text(path, text_of(_scale_rows(table, decimals)))


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
    """Read scales: 11 columns, the older 9, or the JSON twin, see `scalesmear.io.scalerows`.

    Raises
    ------
    InputError
        If the file is missing, or a row or value is not possible; for a comment too, because the
        CMSSW reader stops at it.
    """
    return read_scale_rows(path).table()


def read_scale_rows(path: str | os.PathLike[str]) -> ScaleRows:
    """Read scales as rows that are not judged yet, of which some may be left out.

    Raises
    ------
    InputError
        If the file is missing, or a row is not one of numbers.
    """
    return parse_scales(read_table_text(path, WHAT), str(path))


def write_scales_json(path: str | os.PathLike[str], table: ScaleTable) -> None:
    """Write the JSON twin of scales."""
    write_text(path, scales_json(table))


# --------------------------------------------------------------------------------- smearings


def write_smearings(
    path: str | os.PathLike[str], table: SmearingTable, decimals: int | None = None
) -> None:
    """Write smearings: name of the window, then e_mean, rho and phi, each with its error.

    Parameters
    ----------
    path : path
    table : SmearingTable
    decimals : int or None
        Digits of rho after the point, two more for its error; None for all that count.
    """
    digits = None, None, decimals, decimals and decimals + 2
    columns = (table.e_mean, table.err_e_mean, table.rho, table.err_rho)
    rows = (
        [
            table.boxes.window(row).label,
            *(_value(float(column[row]), n) for column, n in zip(columns, digits, strict=True)),
            *(_angle(float(column[row])) for column in (table.phi, table.err_phi)),
        ]
        for row in range(len(table))
    )
    write_text(path, text_of([SMEARING_HEADER, *rows]))


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
    return smearings_of(read_rows(path, SMEARINGS, len(SMEARING_HEADER), comment="#"), str(path))


def smearings_of(rows: Sequence[Row], where: str) -> SmearingTable:
    """Return rows of 7 columns as a table.

    Raises
    ------
    InputError
        If there is none, or a name or number is not one.
    """
    demand_columns(rows, len(SMEARING_HEADER), SMEARINGS, where)
    names = dict(enumerate(SMEARING_HEADER))
    angles = [
        np.array([value_of(row, index, names[index], _parse_angle) for row in rows], np.float64)
        for index in (5, 6)
    ]
    return SmearingTable(
        boxes=Boxes.of(window_of_name(row) for row in rows),
        rho=column(rows, 3, "rho"),
        err_rho=column(rows, 4, "err_rho"),
        phi=angles[0],
        err_phi=angles[1],
        e_mean=column(rows, 1, "Emean"),
        err_e_mean=column(rows, 2, "err_Emean"),
        where=where,
    )
