"""Tables of weights by abs(rapidity) and pT of the Z: one line for each cell, with a header.

Rapidity is the outer variable. Cells may stand in any order in a table that is read, and must fill
a grid.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.errors import InputError
from scalesmear.io.files import existing, write_text
from scalesmear.zweights import WeightTable, ZGrid

if TYPE_CHECKING:
    import os

HEADER = ("y_min", "y_max", "pt_min", "pt_max", "weight")
CURE = "make it with scalesmear reweight"


def write_weights(path: str | os.PathLike[str], table: WeightTable) -> None:
    """Write weights with all digits, so that what is read equals what was written."""
    rows = [
        (*map(_edge, (*y, *p_t)), repr(float(table.weight[i, k])))
        for i, y in enumerate(pairwise(table.grid.abs_y))
        for k, p_t in enumerate(pairwise(table.grid.p_t))
    ]
    write_text(path, "".join("\t".join(row) + "\n" for row in (HEADER, *rows)))


def _edge(value: float) -> str:
    return np.format_float_positional(value, unique=True, trim="-")


def read_weights(path: str | os.PathLike[str]) -> WeightTable:
    """Read weights.

    Raises
    ------
    InputError
        If the file is missing or not such a table, its cells do not fill a grid, or a weight is
        negative or not a number.
    """
    found = existing(path, "table of weights")
    lines = found.read_text(encoding="utf-8", errors="replace").splitlines()
    if not lines or tuple(lines[0].split()) != HEADER:
        raise InputError(found, f"does not begin with {' '.join(HEADER)}", CURE)
    rows = np.array([_row(f"{found}:{n}", line) for n, line in enumerate(lines[1:], 2)])
    if not len(rows):
        raise InputError(found, "has no rows", CURE)
    edges = [np.unique(rows[:, i : i + 2]) for i in (0, 2)]
    try:
        grid = ZGrid(*(tuple(part.tolist()) for part in edges))
    except ValueError as error:
        raise InputError(found, str(error), CURE) from error
    place = [np.searchsorted(part, rows[:, 2 * i : 2 * i + 2]) for i, part in enumerate(edges)]
    weight = np.full(grid.shape, np.nan)
    weight[place[0][:, 0] % grid.shape[0], place[1][:, 0] % grid.shape[1]] = rows[:, 4]
    whole = all(np.all(part[:, 1] == part[:, 0] + 1) for part in place)
    if not whole or len(rows) != grid.size or (np.isnan(weight).any() and not np.isnan(rows).any()):
        raise InputError(found, f"its {len(rows)} rows do not fill a grid of {grid.shape}", CURE)
    return WeightTable(grid, weight, str(found))


def _row(where: str, line: str) -> list[float]:
    try:
        y_min, y_max, pt_min, pt_max, weight = map(float, line.split())
    except ValueError as error:
        raise InputError(where, f"{line!r} is not five numbers", CURE) from error
    return [y_min, y_max, pt_min, pt_max, weight]
