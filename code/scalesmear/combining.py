"""Combine tables of scales: products of any number, rows for simulation, systematic errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.cells import ANY_GAIN, Boxes
from scalesmear.corrections import ALL_RUNS, ScaleTable, multiply
from scalesmear.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scalesmear.events import BoolArray

SIMULATION_RUNS = (1, 2)
"""Runs that stand for simulation in a scales file; simulation has run 1."""


class Parts(NamedTuple):
    """The rows of a table for data, and those for simulation, None if there are none."""

    data: ScaleTable
    simulation: ScaleTable | None


def combine(tables: Sequence[ScaleTable], *, add_simulation: bool = False) -> ScaleTable:
    """Return the product of tables, which covers the runs and windows of the first one.

    Rows for simulation stay apart: their scales are 1 and their errors are combined among
    themselves; where a table has no such rows, but one range of runs, its errors count there too.
    They are written if any table has them, or if they are asked for.

    Raises
    ------
    InputError
        If part of the first table is in no row of another, rows overlap, or rows for simulation
        are asked for that cannot be made.
    """
    parts = [split_simulation(table) for table in tables]
    times = partial(multiply, keep_holes=True)
    data = reduce(times, [part.data for part in parts])
    if not (add_simulation or any(part.simulation for part in parts)):
        return data
    errors = [table for part in parts if (table := _simulation_errors(part)) is not None]
    if not errors:
        raise InputError(
            data.where,
            "no table has rows for simulation or is for all runs, so its errors are not known",
            "combine with a table of all runs, or leave the rows out",
        )
    return with_simulation_rows(data, reduce(times, errors))


def split_simulation(table: ScaleTable) -> Parts:
    """Return the rows for data and for simulation.

    Simulation has the rows of runs 1-2. Where there are some, run ranges that begin at run 3 or
    end at run 999999 with scales of 1 everywhere only fill up the runs, and are left out.

    Raises
    ------
    InputError
        If no row for data is left.
    """
    first, last = SIMULATION_RUNS
    simulation = (table.run_min >= first) & (table.run_max <= last)
    if not simulation.any():
        return Parts(table, None)
    data = ~(simulation | _filling(table))
    if not data.any():
        raise InputError(table.where, "all rows are for simulation", "give a table for data")
    return Parts(table.take(np.flatnonzero(data)), table.take(np.flatnonzero(simulation)))


def _filling(table: ScaleTable) -> BoolArray:
    """Return which rows are before or after all data, with scale 1 in the whole range of runs."""
    filling = np.zeros(len(table), np.bool_)
    for group in table.groups:
        outside = group.first == SIMULATION_RUNS[1] + 1 or group.last == ALL_RUNS[1]
        if outside and np.all(table.scale[group.rows] == 1):
            filling[group.rows] = True
    return filling


def _simulation_errors(part: Parts) -> ScaleTable | None:
    """Return a table for runs 1-2 with the errors of simulation, None if they are not known."""
    if part.simulation is not None:
        return part.simulation
    if len(part.data.groups) > 1:
        return None
    first, last = (np.full(len(part.data), run, np.int64) for run in SIMULATION_RUNS)
    return replace(part.data, run_min=first, run_max=last)


def with_simulation_rows(data: ScaleTable, fits: ScaleTable) -> ScaleTable:
    """Return scales of data followed by rows for simulation, which looks up its errors there.

    For runs 1-2, from 3 to the first run of the data and beyond the last there is a row for each
    window of the fits, with scale 1 and their error.

    Raises
    ------
    InputError
        If the data begin before run 3.
    """
    first, last = int(data.run_min.min()), int(data.run_max.max())
    if first <= SIMULATION_RUNS[1]:
        problem = f"data begin at run {first}, but runs 1 and 2 stand for simulation"
        raise InputError(data.where, problem, "combine with a table by run range")
    ranges = [SIMULATION_RUNS, (SIMULATION_RUNS[1] + 1, first - 1), (last + 1, ALL_RUNS[1])]
    size = len(fits)
    parts = [
        ScaleTable(
            np.full(size, run_min),
            np.full(size, run_max),
            fits.boxes,
            np.ones(size),
            fits.err / fits.scale,
        )
        for run_min, run_max in ranges
        if run_min <= run_max
    ]
    return _stack([data, *parts]).sorted()


def _stack(tables: Sequence[ScaleTable]) -> ScaleTable:
    """Return the rows of several tables."""
    return ScaleTable(
        run_min=np.concatenate([table.run_min for table in tables]),
        run_max=np.concatenate([table.run_max for table in tables]),
        boxes=reduce(Boxes.join, [table.boxes for table in tables]),
        scale=np.concatenate([table.scale for table in tables]),
        err=np.concatenate([table.err for table in tables]),
        where=tables[0].where,
    )


@dataclass(frozen=True, eq=False)
class Systematics:
    """One source of systematic error: relative errors by window.

    Attributes
    ----------
    boxes : Boxes
        Windows; edges are infinite where a variable is not used.
    percent : float64 array, shape (n,)
        Of the scale.
    lines : tuple of str
        Where each row comes from, for messages.
    where : str
        The file.
    """

    boxes: Boxes
    percent: NDArray[np.float64]
    lines: tuple[str, ...]
    where: str = "systematics"


@dataclass(frozen=True)
class WithSystematics:
    """A table with larger errors, and how many of its rows a source says nothing about."""

    table: ScaleTable
    unmatched: tuple[int, ...]  # for each source


def add_systematics(
    table: ScaleTable,
    sources: Sequence[Systematics],
    *,
    replace_errors: bool = False,
    keep_unmatched: bool = False,
) -> WithSystematics:
    """Return a table whose errors hold systematic ones, each source added in quadrature.

    A row of a source applies to the rows of scales that lie inside all of its windows: those of
    every variable that it uses.

    Parameters
    ----------
    table : ScaleTable
    sources : sequence of Systematics
    replace_errors : bool
        Whether the errors of the table are dropped, as if they were 0.
    keep_unmatched : bool
        Whether rows of scales may be in no row of a source; they keep their error then.

    Raises
    ------
    InputError
        If a row of scales lies in several rows of one source, or in none and it may not.
    """
    variance = np.zeros(len(table)) if replace_errors else table.err**2
    unmatched = []
    boxes, unique = _distinct(table.boxes)
    for source in sources:
        percent = _percent(boxes, source)[unique]
        missing = np.flatnonzero(np.isnan(percent))
        if len(missing) and not keep_unmatched:
            raise InputError(
                source.where,
                f"no row holds all of {table.describe(int(missing[0]))} of {table.where}, "
                f"nor of {len(missing) - 1} other rows",
                "add rows, or let rows keep their error",
            )
        variance += (np.nan_to_num(percent) / 100 * table.scale) ** 2
        unmatched.append(len(missing))
    return WithSystematics(replace(table, err=np.sqrt(variance)), tuple(unmatched))


def _distinct(boxes: Boxes) -> tuple[Boxes, NDArray[np.intp]]:
    """Return the distinct windows, and which of them each window is."""
    columns = np.column_stack([boxes.low, boxes.high, boxes.gain])
    _, first, number = np.unique(columns, axis=0, return_index=True, return_inverse=True)
    return boxes.take(first), number.ravel()


def _percent(boxes: Boxes, source: Systematics) -> NDArray[np.float64]:
    """Return the relative error of each window, NaN for one that is in no row of a source."""
    percent = np.full(boxes.size, np.nan)
    line = np.full(boxes.size, -1)
    for row in range(source.boxes.size):
        inside = np.flatnonzero(_inside(boxes, source.boxes, row))
        again = inside[line[inside] >= 0]
        if len(again):
            before = source.lines[line[again[0]]]
            problem = f"{source.lines[row]} and {before} both hold {boxes.window(int(again[0]))}"
            raise InputError(source.where, problem, "one source has one value: keep rows apart")
        percent[inside], line[inside] = source.percent[row], row
    return percent


def _inside(boxes: Boxes, others: Boxes, row: int) -> BoolArray:
    """Return which windows lie inside one of others."""
    low, high, gain = others.low[row], others.high[row], others.gain[row]
    within = np.all((low <= boxes.low) & (boxes.high <= high), axis=1)
    inside: BoolArray = within & ((gain == ANY_GAIN) | (gain == boxes.gain))
    return inside
