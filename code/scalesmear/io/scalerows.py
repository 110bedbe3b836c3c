"""The three ways to write scales: 11 columns, the older 9, and JSON, as rows that are not judged yet.

The 9 columns are ``category word runMin runMax scale err errStat errSyst errGain``; the category is
the name of a window, the word and `err` mean nothing, the parts of the error add in quadrature. The
JSON twin nests run, eta, r9, pt (which is Et) and gain, and holds all columns once more inside.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scalesmear.cells import ANY_GAIN, Boxes
from scalesmear.corrections import ScaleTable, bad_rows, bounded
from scalesmear.errors import InputError
from scalesmear.io.rows import column, demand_columns, integers, rows_of
from scalesmear.io.windownames import window_of_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from scalesmear.events import BoolArray
    from scalesmear.io.rows import Row

FILE_GAINS = (ANY_GAIN, 1, 6, 12, 61)
"""Gains that a table of scales may name; 61 is a double switch."""

COLUMNS = (
    "runMin", "runMax", "etaMin", "etaMax", "r9Min", "r9Max", "etMin", "etMax", "gain", "scale", "err",
)  # fmt: skip
OLD_COLUMNS = (
    "category", "region", "runMin", "runMax", "scale", "err", "errStat", "errSyst", "errGain",
)  # fmt: skip
JSON_NAMES = {"etMin": "ptMin", "etMax": "ptMax", "err": "scaleErr"}
"""Where the JSON twin calls a column otherwise."""

LEVELS = (("run", 0), ("eta", 2), ("r9", 4), ("pt", 6))
"""Names of the levels of the JSON twin, and the first of their two columns."""

WHAT = "table of scales"


class ScaleRows(NamedTuple):
    """Rows of a table of scales, with numbers of which some may make no sense."""

    run_min: NDArray[np.int64]
    run_max: NDArray[np.int64]
    boxes: Boxes
    scale: NDArray[np.float64]
    err: NDArray[np.float64]
    places: list[str]  # file:line of each row
    where: str

    def table(self) -> ScaleTable:
        """Return the rows as a table.

        Raises
        ------
        InputError
            Naming the line of the first row that cannot be one of scales.
        """
        for problem, rows in bad_rows(*self[:5]):
            if len(rows):
                raise InputError(self.places[rows[0]], f"the row {problem}", "mend the row")
        return ScaleTable(*self[:5], where=self.where)

    def take(self, keep: BoolArray) -> ScaleRows:
        """Return some of the rows."""
        rows = np.flatnonzero(keep)
        return ScaleRows(
            self.run_min[rows],
            self.run_max[rows],
            self.boxes.take(rows),
            self.scale[rows],
            self.err[rows],
            [self.places[row] for row in rows],
            self.where,
        )


def parse_scales(text: str, where: str) -> ScaleRows:
    """Return the rows of a text in any of the three ways.

    Raises
    ------
    InputError
        If there is no row, a row has another number of columns than it should, or a value is no
        number; for a comment too, because the CMSSW reader stops at it.
    """
    if text.lstrip().startswith("{"):
        return _of_json(text, where)
    rows = rows_of(text, where)
    if rows and rows[0].fields[0].startswith("r"):
        rows = rows[1:]
    for row in rows:
        if row.fields[0].startswith("#"):
            problem = "a comment, at which readers of scales stop"
            raise InputError(row.where, problem, "remove the line")
    if rows and len(rows[0].fields) == len(OLD_COLUMNS):
        return of_old_rows(rows, where)
    demand_columns(rows, len(COLUMNS), WHAT, where)
    return of_rows(rows, where)


def of_rows(rows: Sequence[Row], where: str) -> ScaleRows:
    """Return rows of 11 columns.

    Raises
    ------
    InputError
        If a value is no number.
    """
    edges = [column(rows, i, COLUMNS[i]).astype(np.float32) for i in range(2, 8)]
    low, high = np.stack(edges[::2], axis=1), np.stack(edges[1::2], axis=1)
    return ScaleRows(
        integers(rows, 0, "runMin"),
        integers(rows, 1, "runMax"),
        Boxes(low, high, _gains(rows)),
        column(rows, 9, "scale"),
        column(rows, 10, "err"),
        [row.where for row in rows],
        where,
    )


def _gains(rows: Sequence[Row]) -> NDArray[np.int16]:
    gain = integers(rows, 8, "gain")
    for row, value in zip(rows, gain.tolist(), strict=True):
        if value not in FILE_GAINS:
            allowed = ", ".join(map(str, FILE_GAINS))
            raise InputError(row.where, f"gain is {value}", f"it must be one of {allowed}")
    return gain.astype(np.int16)


def of_old_rows(rows: Sequence[Row], where: str) -> ScaleRows:
    """Return rows of the 9 older columns.

    Raises
    ------
    InputError
        If a row has another number of columns, a value is no number, or a category no name.
    """
    demand_columns(rows, len(OLD_COLUMNS), f"{WHAT} of the older kind", where)
    names = {row.fields[0]: row for row in reversed(rows)}
    windows = {name: window_of_name(row) for name, row in names.items()}
    parts = [column(rows, i, OLD_COLUMNS[i]) for i in (6, 7, 8)]
    return ScaleRows(
        integers(rows, 2, "runMin"),
        integers(rows, 3, "runMax"),
        bounded(Boxes.of(windows[row.fields[0]] for row in rows)),
        column(rows, 4, "scale"),
        np.sqrt(np.sum(np.square(parts), axis=0)),
        [row.where for row in rows],
        where,
    )


def _of_json(text: str, where: str) -> ScaleRows:
    try:
        leaves = list(_leaves(json.loads(text), ()))
        values = [[leaf[JSON_NAMES.get(name, name)] for name in COLUMNS] for _, leaf in leaves]
        columns = np.array(values, np.float64).reshape(-1, len(COLUMNS))
    except json.JSONDecodeError as error:
        raise InputError(where, f"not a JSON file ({error})", "write it again") from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(where, f"not the JSON twin of scales ({error!r})", "mend it") from error
    if not leaves:
        raise InputError(where, f"{WHAT} has no rows", "make it again")
    for path, row in zip((path for path, _ in leaves), columns, strict=True):
        if row[8] not in FILE_GAINS or row[0] % 1 or row[1] % 1:
            raise InputError(
                f"{where}: {' '.join(path)}", "runs or gain make no sense", "mend them"
            )
    edges = columns[:, 2:8].astype(np.float32)
    return ScaleRows(
        columns[:, 0].astype(np.int64),
        columns[:, 1].astype(np.int64),
        Boxes(edges[:, ::2], edges[:, 1::2], columns[:, 8].astype(np.int16)),
        columns[:, 9],
        columns[:, 10],
        [f"{where}: {' '.join(path)}" for path, _ in leaves],
        where,
    )


def _leaves(
    content: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yield the innermost objects with the keys that lead to them."""
    if "runMin" in content:
        yield path, content
        return
    for key, inner in content.items():
        yield from _leaves(inner, (*path, key))


def scales_json(table: ScaleTable) -> str:
    """Return a table as its JSON twin; edges have the fewest digits that read back the same."""
    edges = np.stack([table.boxes.low, table.boxes.high], axis=2).reshape(len(table), 6)
    decimal = {edge: float(str(np.float32(edge))) for edge in np.unique(edges).tolist()}
    runs = np.stack([table.run_min, table.run_max], axis=1)
    twin: dict[str, Any] = {}
    for run, edge, gain, scale, err in zip(
        runs.tolist(), edges.tolist(), table.boxes.gain.tolist(),
        table.scale.tolist(), table.err.tolist(), strict=True,
    ):  # fmt: skip
        values = [*run, *(decimal[e] for e in edge), gain, scale, err]
        inner = twin
        for name, first in LEVELS:
            inner = inner.setdefault(f"{name}:[{values[first]},{values[first + 1]}]", {})
        names = (JSON_NAMES.get(name, name) for name in COLUMNS)
        inner[f"gain:{gain}"] = dict(zip(names, values, strict=True))
    return json.dumps(twin, indent="\t", allow_nan=False) + "\n"
