"""What may be wrong with tables of scales and smearings, ours or others'.

An *error* makes a reader fail or correct electrons wrongly; a *warning* may be meant so.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from scalesmear.cells import ANY_GAIN, FIDUCIAL, Boxes, holes
from scalesmear.combining import SIMULATION_RUNS, split_simulation
from scalesmear.corrections import (
    ALL_RUNS,
    ScaleTable,
    bounded,
    overlapping_rows,
    segments,
)
from scalesmear.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

    from scalesmear.corrections import SmearingTable

FAR = 0.1
"""A scale that differs from 1 by more is suspicious."""

ROBUST_SIGMAS = 8.0
LEAST_JUMP = 0.01
"""A scale is an outlier among the run ranges of its window if it is away from their median by more
than so many robust standard deviations, and by more than this."""

LARGE_ERROR = 0.1
LARGE_SMEARING = 0.1
SIGMA_OF_MAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, or looks so.

    Attributes
    ----------
    severity : {"error", "warning"}
    what : str
        The problem, in general.
    example : str
        The first place where it is found, with the value.
    count : int
        How often it is found.
    """

    severity: Literal["error", "warning"]
    what: str
    example: str
    count: int = 1


@dataclass(frozen=True)
class Summary:
    """A table of scales in a few numbers."""

    rows: int
    run_ranges: int
    first_run: int
    last_run: int
    gaps: tuple[tuple[int, int], ...]
    windows: int
    gains: tuple[int, ...]
    least: float
    largest: float
    simulation_rows: int


def summary(table: ScaleTable) -> Summary:
    """Return a table of scales in a few numbers; runs, gaps and scales are those of data."""
    data, simulation = _parts(table)
    windows = np.unique(_keys(data.boxes), axis=0)
    return Summary(
        rows=len(table),
        run_ranges=len(data.groups),
        first_run=int(data.run_min.min()),
        last_run=int(data.run_max.max()),
        gaps=run_gaps(data),
        windows=len(windows),
        gains=tuple(sorted(set(data.boxes.gain.tolist()), reverse=True)),
        least=float(data.scale.min()),
        largest=float(data.scale.max()),
        simulation_rows=0 if simulation is None else len(table) - len(data),
    )


def _parts(table: ScaleTable) -> tuple[ScaleTable, ScaleTable | None]:
    """Return the rows for data and for simulation; all are for data if that leaves none."""
    try:
        return split_simulation(table)
    except InputError:
        return table, None


def _keys(boxes: Boxes) -> NDArray[np.float32]:
    return np.column_stack([boxes.low, boxes.high, boxes.gain]).astype(np.float32)


def run_gaps(table: ScaleTable) -> tuple[tuple[int, int], ...]:
    """Return the ranges of runs between the run ranges of a table."""
    ranges = [(group.first, group.last) for group in segments(table)]
    return tuple((one[1] + 1, two[0] - 1) for one, two in pairwise(ranges) if one[1] + 1 < two[0])


def inspect_scales(table: ScaleTable, runs: Collection[int] = ()) -> list[Finding]:
    """Return what is wrong with a table of scales.

    Parameters
    ----------
    table : ScaleTable
    runs : collection of int
        Runs of data that must lie in a range.
    """
    data, simulation = _parts(table)
    return [
        *_overlaps(table),
        *_missing_runs(data, runs),
        *_holes(data, "data"),
        *_run_gaps(data),
        *_differing_windows(data),
        *_simulation(data, simulation),
        *_values(data),
        *_jumps(data),
    ]


def _overlaps(table: ScaleTable) -> Iterator[Finding]:
    first, second = overlapping_rows(table, table)
    twice = first < second
    if twice.any():
        one, other = (table.describe(int(rows[twice][0])) for rows in (first, second))
        example = f"{one} and {other}"
        what = "rows share electrons, for which readers stop or take either"
        yield Finding("error", what, example, int(np.count_nonzero(twice)))


def _missing_runs(data: ScaleTable, runs: Collection[int]) -> Iterator[Finding]:
    ranges = [(group.first, group.last) for group in segments(data)]
    missing = [run for run in sorted(runs) if not any(low <= run <= high for low, high in ranges)]
    if missing:
        what = "runs of the data are in no row: their electrons stay uncorrected without a word"
        yield Finding("error", what, f"run {missing[0]}", len(missing))


def _holes(table: ScaleTable, kind: str) -> Iterator[Finding]:
    found: Counter[str] = Counter()
    first: dict[str, str] = {}
    known: dict[bytes, list[str]] = {}
    for group in segments(table):
        boxes = table.boxes.take(group.rows)
        key = _keys(boxes).tobytes()
        if key not in known:
            known[key] = [str(window) for window in holes(bounded(FIDUCIAL), boxes)]
        for window in known[key]:
            found[window] += 1
            first.setdefault(window, f"runs {group.first}-{group.last}")
    for window, count in found.items():
        what = f"no row holds electrons of {kind} in {window}: readers leave them as they are"
        yield Finding("warning", what, first[window], count)


def _run_gaps(data: ScaleTable) -> Iterator[Finding]:
    gaps = run_gaps(data)
    if gaps:
        first, last = gaps[0]
        what = "gaps between run ranges, where readers leave electrons as they are"
        yield Finding("warning", what, f"runs {first}-{last}", len(gaps))


def _differing_windows(data: ScaleTable) -> Iterator[Finding]:
    layouts: dict[bytes, list[str]] = {}
    for group in segments(data):
        keys = _keys(data.boxes.take(group.rows))
        key = keys[np.lexsort(keys.T)].tobytes()
        layouts.setdefault(key, []).append(f"runs {group.first}-{group.last}")
    if len(layouts) > 1:
        rare = min(layouts.values(), key=len)
        what = f"run ranges have {len(layouts)} different sets of windows"
        yield Finding("warning", what, f"{rare[0]} has the rarest", len(rare))


def _simulation(data: ScaleTable, simulation: ScaleTable | None) -> Iterator[Finding]:
    if simulation is None:
        if int(data.run_min.min()) > SIMULATION_RUNS[0]:
            what = "no row for run 1: simulation has no uncertainty of the scale"
            yield Finding("warning", what, f"data begin at run {data.run_min.min()}")
        return
    other = np.flatnonzero(simulation.scale != 1)
    if len(other):
        example = f"{simulation.describe(int(other[0]))}: {simulation.scale[other[0]]:g}"
        yield Finding("error", "simulation would be scaled", example, len(other))
    yield from _holes(simulation, "simulation")


def _values(data: ScaleTable) -> Iterator[Finding]:
    relative = data.err / data.scale
    checks = {
        f"scales differ from 1 by more than {FAR:g}": np.abs(data.scale - 1) > FAR,
        "scales have error 0": data.err == 0,
        f"errors are more than {LARGE_ERROR:.0%} of the scale": relative > LARGE_ERROR,
        "runs beyond 999999 are never looked up": data.run_max > ALL_RUNS[1],
    }
    for what, bad in checks.items():
        rows = np.flatnonzero(bad)
        if len(rows):
            row = int(rows[0])
            example = f"{data.describe(row)}: {data.scale[row]:g} +- {data.err[row]:g}"
            yield Finding("warning", what, example, len(rows))


def _jumps(data: ScaleTable) -> Iterator[Finding]:
    """Find scales far from those of the same window in other runs."""
    _, window = np.unique(_keys(data.boxes), axis=0, return_inverse=True)
    order = np.argsort(window.ravel(), kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(window.ravel()[order])) + 1)
    away = np.zeros(len(data))
    for rows in groups:
        distance = np.abs(data.scale[rows] - np.median(data.scale[rows]))
        width = SIGMA_OF_MAD * float(np.median(distance))
        away[rows] = np.where(distance > max(LEAST_JUMP, ROBUST_SIGMAS * width), distance, 0)
    rows = np.flatnonzero(away)
    if len(rows):
        worst = int(np.argmax(away))
        example = f"{data.describe(worst)}: {data.scale[worst]:g}, {away[worst]:.3f} away"
        yield Finding("warning", "scales jump away from those of other runs", example, len(rows))


def inspect_smearings(table: SmearingTable) -> list[Finding]:
    """Return what is wrong with a table of smearings."""
    return [*_smearing_overlaps(table), *_smearing_holes(table), *_smearing_values(table)]


def _smearing_overlaps(table: SmearingTable) -> Iterator[Finding]:
    all_runs = [ALL_RUNS] * len(table)
    windows = [table.boxes.window(row) for row in range(len(table))]
    ones = np.ones(len(table))
    scales = ScaleTable.of(all_runs, windows, ones, ones)
    first, second = overlapping_rows(scales, scales)
    twice = np.flatnonzero(first < second)
    if len(twice):
        example = f"{windows[first[twice[0]]]} and {windows[second[twice[0]]]}"
        yield Finding("error", "rows share electrons, for which readers stop", example, len(twice))


def _smearing_holes(table: SmearingTable) -> Iterator[Finding]:
    for window in holes(bounded(FIDUCIAL), table.boxes):
        yield Finding("warning", "electrons in no row are not smeared", str(window))


def _smearing_values(table: SmearingTable) -> Iterator[Finding]:
    checks = {
        f"smearings above {LARGE_SMEARING:g}": table.rho > LARGE_SMEARING,
        "smearings of 0": table.rho == 0,
        "errors larger than their smearing": table.err_rho > table.rho,
        "rows that use the gain, which users of the file do not expect": table.boxes.gain
        != ANY_GAIN,
    }
    for what, bad in checks.items():
        rows = np.flatnonzero(bad)
        if len(rows):
            row = int(rows[0])
            example = f"{table.boxes.window(row)}: {table.rho[row]:g} +- {table.err_rho[row]:g}"
            yield Finding("warning", what, example, len(rows))
