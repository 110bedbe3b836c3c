"""Tables of scales and smearings read with patience: every line that a reader would trip over.

What the strict readers refuse at the first line is listed here, and the lines that can be read are
returned all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from scalesmear.cmssw import FIXED_ETA, CmsswError
from scalesmear.cmssw import read_scales as read_scales_as_cmssw
from scalesmear.cmssw import read_smearings as read_smearings_as_cmssw
from scalesmear.corrections import ScaleTable, SmearingTable, bad_rows
from scalesmear.errors import InputError
from scalesmear.inspection import Finding
from scalesmear.io.rows import Row, digits, read_table_text, rows_of
from scalesmear.io.scalerows import (
    COLUMNS,
    FILE_GAINS,
    OLD_COLUMNS,
    ScaleRows,
    of_old_rows,
    of_rows,
    parse_scales,
)
from scalesmear.io.tables import SMEARING_HEADER, smearings_of
from scalesmear.io.windownames import window_of_name

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

Kind = Literal["scales", "smearings"]

CONSEQUENCE = {
    "runMin": "the CMSSW reader stops there",
    "runMax": "the CMSSW reader stops there",
    "gain": "the CMSSW reader takes 12.0 for scale 0",
}
"""What happens where a value of a column is no number of its kind."""


@dataclass
class _Faults:
    """Counts what is wrong, and keeps the first example of each."""

    found: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, severity: Literal["error", "warning"], what: str, example: str) -> None:
        self.found.setdefault((severity, what), []).append(example)

    def findings(self) -> list[Finding]:
        return [
            Finding("error" if severity == "error" else "warning", what, examples[0], len(examples))
            for (severity, what), examples in self.found.items()
        ]


@dataclass(frozen=True)
class Scan:
    """What could be read of a table, and what was in the way.

    Attributes
    ----------
    kind : {"scales", "smearings"}
    table : ScaleTable, SmearingTable or None
        The rows that make sense; None if there are none.
    findings : list of Finding
    n_lines : int
        Lines that are neither blank nor a header.
    """

    kind: Kind
    table: ScaleTable | SmearingTable | None
    findings: list[Finding]
    n_lines: int


def scan_table(path: str | os.PathLike[str]) -> Scan:
    """Read any table of scales or smearings; its first row tells which it is.

    Raises
    ------
    InputError
        If the file is missing, is no text, or its first row has another number of columns than
        7 (smearings), 9 or 11 (scales).
    """
    text = read_table_text(path, "table")
    if text.lstrip().startswith("{"):
        return _scan_json(text, str(path))
    lines = rows_of(text, path)
    rows = [row for row in lines if not row.fields[0].startswith(("#", "r"))]
    columns = len(rows[0].fields) if rows else 0
    if columns == len(SMEARING_HEADER):
        return _scan_smearings(str(path), text, rows)
    if columns not in (len(OLD_COLUMNS), len(COLUMNS)):
        problem = f"the first row has {columns} columns" if rows else "there is no row"
        cure = "give scales (11 or 9 columns, or JSON) or smearings (7 columns)"
        raise InputError(rows[0].where if rows else path, problem, cure)
    return _scan_scales(str(path), text, lines, columns)


def _scan_json(text: str, where: str) -> Scan:
    rows = parse_scales(text, where)
    faults = _Faults()
    return Scan("scales", _table(rows, faults), faults.findings(), len(rows.places))


def _scan_scales(where: str, text: str, lines: Sequence[Row], columns: int) -> Scan:
    faults = _Faults()
    rows = list(_rows_of_scales(lines, columns, faults))
    old = columns == len(OLD_COLUMNS)
    names = OLD_COLUMNS if old else COLUMNS
    bad_names = _bad_names(rows, faults) if old else set()
    good = [
        row
        for row in rows
        if row.fields[0] not in bad_names and _values_are_good(row, names, faults)
    ]
    read = (of_old_rows if old else of_rows)(good, where) if good else None
    table = None if read is None else _table(read, faults)
    n_lines = sum(not line.fields[0].startswith(("#", "r")) for line in lines)
    _read_as_cmssw(lambda: len(read_scales_as_cmssw(text).values), n_lines, faults)
    return Scan("scales", table, faults.findings(), n_lines)


def _rows_of_scales(lines: Sequence[Row], columns: int, faults: _Faults) -> Iterator[Row]:
    """Yield the rows that have enough columns."""
    for number, line in enumerate(lines):
        n_fields = len(line.fields)
        if line.fields[0].startswith("r") and number == 0:
            faults.add("warning", "a header, which the CMSSW reader skips", line.where)
        elif line.fields[0].startswith("#"):
            faults.add("error", "a comment, at which the CMSSW reader stops", line.where)
        elif n_fields < columns:
            what = "columns are missing: the CMSSW reader takes them from the next line"
            faults.add("error", what, f"{line.where}: {n_fields} in place of {columns}")
        else:
            if n_fields > columns:
                what = f"text after column {columns} is ignored"
                faults.add("warning", what, f"{line.where}: {line.fields[columns]!r}")
            yield Row(line.where, line.fields[:columns])


def _values_are_good(row: Row, names: Sequence[str], faults: _Faults) -> bool:
    """Tell whether all values of a row are numbers of their kind."""
    for name, text in zip(names, row.fields, strict=True):
        if name in ("category", "region", "err") and names is OLD_COLUMNS:
            continue
        whole = name in ("runMin", "runMax", "gain")
        try:
            value = digits(text) if whole else float(text)
        except ValueError:
            more = f": {CONSEQUENCE[name]}" if whole else ""
            what = f"{name} is no {'whole ' if whole else ''}number{more}"
            faults.add("error", what, f"{row.where}: {text!r}")
            return False
        if name == "gain" and value not in FILE_GAINS:
            faults.add("error", "gain is none of 0, 1, 6, 12 and 61", f"{row.where}: {text}")
            return False
    return True


def _bad_names(rows: Sequence[Row], faults: _Faults) -> set[str]:
    """Return the names that are none of windows; warn of those that CMSSW reads otherwise."""
    bad, first = set(), dict[str, Row]()
    for row in rows:
        first.setdefault(row.fields[0], row)
    for name, row in first.items():
        _warn_of_trap(row, faults)
        try:
            window_of_name(row)
        except InputError as error:
            faults.add("error", "a category is no name of a window", str(error))
            bad.add(name)
    return bad


def _warn_of_trap(row: Row, faults: _Faults) -> None:
    """Warn of a name in which the CMSSW reader finds other edges than those that stand there."""
    name = row.fields[0]
    for text, (low, high) in FIXED_ETA:
        if text in name:
            what = f"a name with {text}: to the CMSSW reader abs(eta) is {low:g}-{high:g}"
            faults.add("warning", what, f"{row.where}: {name}")
            return


def _table(rows: ScaleRows, faults: _Faults) -> ScaleTable | None:
    """Return the rows that can be scales as a table."""
    keep = np.ones(len(rows.scale), np.bool_)
    for problem, bad in bad_rows(*rows[:5]):
        keep[bad] = False
        for row in bad.tolist():
            values = f"scale {rows.scale[row]:g} +- {rows.err[row]:g}"
            faults.add("error", f"a row {problem}", f"{rows.places[row]}: {values}")
    return rows.take(keep).table() if keep.any() else None


def _read_as_cmssw(read: Callable[[], int], n_lines: int, faults: _Faults) -> None:
    """Read by the rules of the CMSSW reader, and compare the number of rows."""
    try:
        n_read = read()
    except CmsswError as error:
        faults.add("error", "the CMSSW reader throws an exception", str(error))
        return
    if n_read != n_lines:
        faults.add("error", "the CMSSW reader loses rows", f"{n_read} of {n_lines} rows are read")


def _scan_smearings(where: str, text: str, rows: Sequence[Row]) -> Scan:
    faults = _Faults()
    good = [row for row in rows if _is_smearing(row, faults)]
    for row in good:
        _warn_of_trap(row, faults)
    if "\r" in text:
        faults.add("error", "line ends of Windows: the last row counts twice", where)
    _read_as_cmssw(lambda: len(read_smearings_as_cmssw(text).values), len(rows), faults)
    table = smearings_of(good, where) if good else None
    return Scan("smearings", table, faults.findings(), len(rows))


def _is_smearing(row: Row, faults: _Faults) -> bool:
    try:
        smearings_of([row], row.where)
    except InputError as error:
        faults.add("error", "a row is none of smearings", str(error))
        return False
    return True
