"""Tables of scales and smearings: look up, multiply, validate.

A scale multiplies the energy of **data** electrons, a smearing widens simulated ones. The rows of a
table are what the rows of its file are (`scalesmear.io.tables`): closed run ranges, half-open
windows compared in float32, R9 0-10 and Et 0-14000 where a variable is not used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from scalesmear.cells import (
    ANY_GAIN,
    FIDUCIAL,
    VARIABLES,
    Boxes,
    CellGrid,
    OverlapError,
    uncovered,
)
from scalesmear.compiled import compiled, read_only
from scalesmear.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from scalesmear.categories import CategorySet
    from scalesmear.cells import Window
    from scalesmear.events import BoolArray, Events, FloatArray, IntArray

ALL_RUNS = (0, 999999)
"""Stands for every run in files of corrections."""

UPPER_LIMITS = (2.5, 10.0, 14000.0)
"""Upper edges of abs(eta), R9 and Et [GeV] that stand for no limit in files of scales."""

E_MEAN = 6.6
"""Constant of the old parametrisation of smearings; without meaning at phi = pi/2."""

NO_PAIRS = np.empty((0, 2), np.int64)

GUIDE_BITS = 16
"""The search for a run begins at one of at most 2^16 places."""

NEGLIGIBLE = 1e-12
"""A stochastic term below this [GeV^(1/2)] is the rounding of cos(pi/2)."""


def bounded(boxes: Boxes) -> Boxes:
    """Return windows with the limits that stand for "any" in place of infinite edges."""
    low = np.where(np.isfinite(boxes.low), boxes.low, np.float32(0))
    high = np.where(np.isfinite(boxes.high), boxes.high, np.array(UPPER_LIMITS, np.float32))
    return Boxes(low, high, boxes.gain)


class ScaleLookup(NamedTuple):
    """Scales of electrons; 1 where `found` is false, because the table has no row for them."""

    scale: NDArray[np.float64]
    found: BoolArray

    @property
    def n_missing(self) -> int:
        """Number of electrons without a row."""
        return int(self.found.size - np.count_nonzero(self.found))


class SmearingLookup(NamedTuple):
    """Smearings of electrons; 0 where `found` is false, because the table has no row for them."""

    sigma: NDArray[np.float64]
    found: BoolArray

    @property
    def n_missing(self) -> int:
        """Number of electrons without a row."""
        return int(self.found.size - np.count_nonzero(self.found))


class RunScales(NamedTuple):
    """The scales of a table by run and cell, as kernels read them.

    The limits of all run ranges cut the runs into segments; those with the same windows share a
    layout of cells. In `scale`, a 1 for electrons without a row stands before the scales of each
    segment: scale[first_slot[segment] + slot[first_cell[segment] + cell]].

    The search for a segment begins where `guide` says: the runs from the first limit on are taken
    in steps of 2^shift. These are few enough numbers for the cache, whatever the runs.
    """

    limits: NDArray[np.int64]  # first run of each segment but the first; the last holds no row
    shift: int
    guide: NDArray[np.uint32]  # segment in which each step begins
    empty: NDArray[np.bool_]  # of each segment, if it holds no row
    first_cell: NDArray[np.uint32]
    first_slot: NDArray[np.uint32]
    slot: NDArray[np.uint32]  # shape (layouts x cells,), 0 where there is no row
    scale: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Segments:
    """Rows of a table by segment of runs, see `RunScales`; those of one layout in one order."""

    limits: NDArray[np.int64]
    layout: NDArray[np.intp]  # shape (segments,)
    rows: tuple[NDArray[np.int64], ...]  # of each segment

    def rows_at(self, run: int) -> NDArray[np.int64]:
        """Return the rows whose range of runs holds a run."""
        return self.rows[int(np.searchsorted(self.limits, run, "right"))]

    def guide(self) -> tuple[int, NDArray[np.uint32]]:
        """Return where to begin to look for the segment of a run, see `RunScales`."""
        first, last = int(self.limits[0]), int(self.limits[-1])
        shift = max(0, (last - first).bit_length() - GUIDE_BITS)
        begin = first + (np.arange(((last - first) >> shift) + 1) << shift)
        segment = np.searchsorted(self.limits, begin, "right").astype(np.uint32)
        segment[0] = 0  # for runs before the first limit, too
        return shift, segment


def bad_rows(
    run_min: NDArray[np.int64],
    run_max: NDArray[np.int64],
    boxes: Boxes,
    scale: NDArray[np.float64],
    err: NDArray[np.float64],
) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Yield what a row of a table of scales must not be, and the rows that are so."""
    edges = np.hstack([boxes.low, boxes.high])
    good = {
        "has an empty range of runs": run_min <= run_max,
        "has an edge that is not finite": np.all(np.isfinite(edges), axis=1),
        "has edges that do not rise": np.all(boxes.low < boxes.high, axis=1),
        "has no positive scale": np.isfinite(scale) & (scale > 0),
        "has no error >= 0": np.isfinite(err) & (err >= 0),
    }
    for problem, mask in good.items():
        yield problem, np.flatnonzero(~mask)


class RunGroup(NamedTuple):
    """The rows of one run range."""

    first: int
    last: int
    rows: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ScaleTable:
    """Energy scales by run range and window: the rows of a scales file, as arrays.

    Attributes
    ----------
    run_min, run_max : int64 arrays, shape (n,)
        Closed ranges of runs.
    boxes : Boxes
        Windows, all edges finite; gain 0 stands for any.
    scale, err : float64 arrays, shape (n,)
        Factor on the energy in data, and its absolute error.
    where : str
        The file that the rows come from, for messages.

    Raises
    ------
    InputError
        If a range or window is empty, a scale is not positive or an error negative.
    """

    run_min: NDArray[np.int64]
    run_max: NDArray[np.int64]
    boxes: Boxes
    scale: NDArray[np.float64]
    err: NDArray[np.float64]
    where: str = "scales"

    def __post_init__(self) -> None:
        sizes = {len(self.run_min), len(self.run_max), self.boxes.size, len(self.scale)}
        if sizes != {len(self.err)}:
            raise ValueError(f"columns have different lengths {sorted(sizes)}")
        if not len(self.scale):
            raise InputError(self.where, "no rows", "a table of scales needs at least one")
        columns = (self.run_min, self.run_max, self.boxes, self.scale, self.err)
        for problem, bad in bad_rows(*columns):
            if len(bad):
                row = self.describe(int(bad[0]))
                raise InputError(self.where, f"{row} {problem}", "mend the row")

    @classmethod
    def of(
        cls,
        runs: Sequence[tuple[int, int]],
        windows: Sequence[Window],
        scale: ArrayLike,
        err: ArrayLike,
        where: str = "scales",
    ) -> ScaleTable:
        """Return the table with these rows: runs, windows, scales and errors have one length."""
        limits = np.array(runs, np.int64).reshape(-1, 2)
        values = np.array(scale, np.float64), np.array(err, np.float64)
        boxes = bounded(Boxes.of(windows))
        return cls(limits[:, 0].copy(), limits[:, 1].copy(), boxes, *values, where=where)

    def __len__(self) -> int:
        return len(self.scale)

    def __repr__(self) -> str:
        return f"<ScaleTable {self.where}: {len(self)} rows in {len(self.groups)} run ranges>"

    def describe(self, row: int) -> str:
        """Return runs and window of a row in words."""
        window = ", ".join(
            f"{name} [{low:g}, {high:g})"
            for name, low, high in zip(
                VARIABLES, self.boxes.low[row], self.boxes.high[row], strict=True
            )
        )
        gain = f", gain {self.boxes.gain[row]}" if self.boxes.gain[row] != ANY_GAIN else ""
        return f"row {row + 1} (runs {self.run_min[row]}-{self.run_max[row]}, {window}{gain})"

    def take(self, rows: IntArray) -> ScaleTable:
        """Return some of the rows."""
        return ScaleTable(
            self.run_min[rows],
            self.run_max[rows],
            self.boxes.take(rows),
            self.scale[rows],
            self.err[rows],
            self.where,
        )

    def sorted(self) -> ScaleTable:
        """Return the rows ordered by run, abs(eta), R9, Et and, falling, gain."""
        keys = (-self.boxes.gain, *self.boxes.low.T[::-1], self.run_max, self.run_min)
        return self.take(np.lexsort(keys))

    @cached_property
    def groups(self) -> tuple[RunGroup, ...]:
        """The rows of each run range, ordered by the range."""
        limits = np.stack([self.run_min, self.run_max], axis=1)
        ranges, group = np.unique(limits, axis=0, return_inverse=True)
        order = np.argsort(group.ravel(), kind="stable")
        rows = np.split(order, np.searchsorted(group.ravel()[order], np.arange(1, len(ranges))))
        return tuple(
            RunGroup(int(first), int(last), part)
            for (first, last), part in zip(ranges, rows, strict=True)
        )

    @cached_property
    def _segments(self) -> _Segments:
        return _divide_runs(self)

    @cached_property
    def _grid(self) -> CellGrid:
        return CellGrid.of(self.boxes)

    @cached_property
    def _run_scales(self) -> RunScales:
        return self.on(self._grid)

    def on(self, grid: CellGrid) -> RunScales:
        """Return the scales by run and cell of a grid that has all edges of this table.

        Raises
        ------
        InputError
            If rows overlap.
        """
        segments = self._segments
        first = np.unique(segments.layout, return_index=True)[1]
        painted = [_paint(self, grid, segments.rows[segment]) + 1 for segment in first]
        sizes = np.array([len(rows) for rows in segments.rows])
        slots = [np.append(1.0, self.scale[rows]) for rows in segments.rows]
        return RunScales(
            segments.limits,
            *segments.guide(),
            empty=sizes == 0,
            first_cell=(segments.layout * painted[0].size).astype(np.uint32),
            first_slot=np.cumsum([0, *(sizes + 1)[:-1]]).astype(np.uint32),
            slot=np.concatenate(painted).astype(np.uint32),
            scale=np.concatenate(slots),
        )

    def lookup(
        self,
        run: IntArray,
        abs_eta: FloatArray,
        r9: FloatArray | None,
        et: FloatArray | None,
        gain: IntArray | None = None,
    ) -> ScaleLookup:
        """Return the scale of each electron; 1 for those without a row, which are marked.

        Parameters
        ----------
        run : integer array, shape (n,)
        abs_eta, r9, et, gain : arrays, shape (n, 2)
            Of the electrons; Et in GeV and uncorrected, gain 12, 6 or 1. The gain may be None if
            no row uses it.

        Raises
        ------
        InputError
            If rows overlap.
        ValueError
            If a shape is wrong, or a variable that rows use is None.
        """
        if np.shape(abs_eta)[:1] != np.shape(run):
            raise ValueError(f"{np.shape(run)} runs for electrons of shape {np.shape(abs_eta)}")
        cell = self._grid.cell_of(abs_eta, r9, et, gain)
        scale, found = np.empty(cell.shape), np.empty(cell.shape, np.bool_)
        flat = cell.reshape(-1), self._run_scales, scale.reshape(-1), found.reshape(-1)
        look_up_scales(_as_runs(run), *flat)
        return ScaleLookup(scale, found)

    def factors(self, events: Events) -> ScaleLookup:
        """Return the scale of each electron of some data events, shape (n, 2).

        Raises
        ------
        InputError
            If rows overlap, or a run lies in no range of runs.
        """
        gain = events.gain if self._grid.used[3] else None
        looked_up = self.lookup(events.run, events.abs_eta, events.r9, events.et, gain)
        self.check_runs(events.run[~looked_up.found.all(axis=1)])
        return looked_up

    def check_runs(self, runs: IntArray) -> None:
        """Refuse runs that lie in no range, because their electrons would stay uncorrected.

        Raises
        ------
        InputError
            Naming the first such run.
        """
        segment = np.searchsorted(self._segments.limits, runs, "right")
        missing = np.asarray(runs)[self._run_scales.empty[segment]]
        if len(missing):
            raise InputError(
                self.where, f"no row holds run {missing[0]}", "derive run ranges from these data"
            )

    def validate(self) -> None:
        """Check that rows do not overlap, and tile barrel and endcap in every range of runs.

        Raises
        ------
        InputError
            Naming the rows that overlap, or the runs and the window without a row.
        """
        segments = self._segments
        checked: set[int] = set()
        ranges = pairwise(segments.limits)
        for layout, (first, end) in zip(segments.layout[1:], ranges, strict=False):
            rows = segments.rows_at(first)
            if layout in checked or not len(rows):
                continue
            checked.add(int(layout))
            hole = uncovered(bounded(FIDUCIAL), self.boxes.take(rows))
            if hole is not None:
                raise InputError(
                    self.where, f"runs {first}-{end - 1}: no row holds {hole}", "add the rows"
                )


def _divide_runs(table: ScaleTable) -> _Segments:
    """Return the segments of runs of a table, and the rows of each.

    Raises
    ------
    InputError
        If rows overlap.
    """
    limits, rows = _segments(table)
    layouts: dict[bytes, int] = {}
    keys = (_key(table.boxes.take(part)) for part in rows)
    layout = np.array([layouts.setdefault(key, len(layouts)) for key in keys])
    for segment in np.unique(layout, return_index=True)[1]:
        _paint(table, CellGrid.of(table.boxes), rows[segment])
    return _Segments(limits, layout, tuple(rows))


def _segments(table: ScaleTable) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Return the limits that cut the runs, and the rows of each segment.

    Segment i ends before limit i; the first and the last one hold no row.
    """
    limits = np.union1d(table.run_min, table.run_max + 1)
    parts: list[list[NDArray[np.int64]]] = [[] for _ in range(len(limits) + 1)]
    for group in table.groups:
        start, stop = np.searchsorted(limits, [group.first, group.last], "right")
        for segment in range(start, stop + 1):
            parts[segment].append(group.rows)
    empty = np.empty(0, np.int64)
    return limits, [np.concatenate(rows) if rows else empty for rows in parts]


def segments(table: ScaleTable) -> Iterator[RunGroup]:
    """Yield the longest ranges of runs that have the same rows, and these; rows may overlap."""
    limits, rows_of_segment = _segments(table)
    for (first, end), rows in zip(pairwise(limits.tolist()), rows_of_segment[1:], strict=False):
        if len(rows):
            yield RunGroup(first, end - 1, rows)


def _paint(table: ScaleTable, grid: CellGrid, rows: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return which of some rows holds each cell, refusing rows that overlap."""
    try:
        return grid.paint(table.boxes.take(rows)).ravel()
    except OverlapError as error:
        first, second = (table.describe(int(rows[i])) for i in error.rows)
        raise InputError(
            table.where, f"{first} and {second} overlap", "make the edges meet"
        ) from error


def _as_runs(run: IntArray) -> IntArray:
    """Return runs as a kernel takes them: those of events as they are."""
    return read_only(np.ascontiguousarray(run, np.uint32 if run.dtype == np.uint32 else np.int64))


@compiled
def _segment_of(run: np.int64, scales: RunScales) -> np.uint32:
    """Return the number of limits <= run."""
    limits, guide = scales.limits, scales.guide
    step = (run - limits[0]) >> scales.shift
    segment: np.uint32 = guide[np.uint64(min(max(step, 0), len(guide) - 1))]
    while segment < len(limits) and limits[segment] <= run:
        segment += np.uint32(1)
    return segment


@compiled
def look_up_scales(
    run: IntArray,
    cell: NDArray[np.uint32],
    scales: RunScales,
    scale: NDArray[np.float64],
    found: NDArray[np.bool_],
) -> int:
    """Look up the scale in the cell of each electron; every event has as many, side by side.

    Events of one run that follow each other are looked up in one go. Return the place of an event whose run has no rows at all, or -1.
    """
    slot_of_cell, scale_of_slot = scales.slot, scales.scale
    n_electrons = len(cell) // max(1, len(run))
    stray, first = -1, 0
    while first < len(run):
        end = first + 1
        while end < len(run) and run[end] == run[first]:
            end += 1
        segment = _segment_of(np.int64(run[first]), scales)
        stray = first if scales.empty[segment] else stray
        first_cell, first_slot = scales.first_cell[segment], scales.first_slot[segment]
        for k in range(np.uint64(first * n_electrons), np.uint64(end * n_electrons)):
            slot = slot_of_cell[first_cell + cell[k]]
            found[k] = slot > 0
            scale[k] = scale_of_slot[first_slot + slot]
        first = end
    return stray


def multiply(first: ScaleTable, second: ScaleTable, *, keep_holes: bool = False) -> ScaleTable:
    """Return the product of two tables, a row for each overlap of a row of one with one of the other.

    The product covers the runs and windows of `first`, no more and no less. Runs of `second`
    beyond those of `first` are left out, so that a table of all runs refines one of run ranges.

    Relative errors are added in quadrature, because a table by run ranges and a fit on all runs
    fluctuate independently, with one exception: if both tables have one and the same range of
    runs and every window of `second` lies inside one of `first`, both are fits to the same data
    and the later one absorbs the fluctuation of the earlier one. What is left is the error of the
    later fit, which replaces that of the earlier one; only where the later fit has error 0,
    because it determined nothing, the earlier error stays.

    Raises
    ------
    InputError
        If part of `first` is not covered by `second`, or if in the runs of `first` part of barrel
        or endcap is covered by `second` alone, unless such holes of `first` are to be kept; or if
        rows of a table overlap.
    """
    _check_coverage(first, second, keep_holes=keep_holes)
    a, b = overlapping_rows(first, second)
    scale = first.scale[a] * second.scale[b]
    return ScaleTable(
        run_min=np.maximum(first.run_min[a], second.run_min[b]),
        run_max=np.minimum(first.run_max[a], second.run_max[b]),
        boxes=overlap(first.boxes.take(a), second.boxes.take(b)),
        scale=scale,
        err=scale * _relative_error(first, second, a, b),
        where=f"{first.where} x {second.where}",
    ).sorted()


def overlapping_rows(
    first: ScaleTable, second: ScaleTable
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of the rows of two tables that share electrons, pair by pair."""
    known: dict[tuple[bytes, bytes], tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
    keys = [[_key(t.boxes.take(g.rows)) for g in t.groups] for t in (first, second)]
    rows_a, rows_b = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for n, m in _overlapping_ranges(first.groups, second.groups):
        a, b = first.groups[n].rows, second.groups[m].rows
        key = keys[0][n], keys[1][m]
        if key not in known:
            known[key] = overlapping(first.boxes.take(a), second.boxes.take(b))
        i, j = known[key]
        rows_a.append(a[i])
        rows_b.append(b[j])
    return np.concatenate(rows_a), np.concatenate(rows_b)


def _overlapping_ranges(a: Sequence[RunGroup], b: Sequence[RunGroup]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of the ranges of `a` and `b` that share runs; both are sorted."""
    first = np.array([group.first for group in b])
    latest = np.maximum.accumulate([group.last for group in b])
    for n, group in enumerate(a):
        begin, end = (
            np.searchsorted(latest, group.first),
            np.searchsorted(first, group.last, "right"),
        )
        for m in range(begin, end):
            if b[m].last >= group.first:
                yield n, m


def _relative_error(
    first: ScaleTable, second: ScaleTable, a: NDArray[np.int64], b: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the relative errors of products of rows, by the rule of `multiply`."""
    relative_a, relative_b = (first.err / first.scale)[a], (second.err / second.scale)[b]
    if refines(second, first):
        return np.where(relative_b > 0, relative_b, relative_a)
    return np.hypot(relative_a, relative_b)


def _key(boxes: Boxes) -> bytes:
    return b"".join(column.tobytes() for column in boxes)


def overlapping(a: Boxes, b: Boxes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of the windows of `a` and `b` that share electrons, pair by pair.

    Windows of `b` are taken in the order of their lower edge in abs(eta), so that most of those
    that lie elsewhere are not looked at.
    """
    order = np.argsort(b.low[:, 0], kind="stable")
    ordered = b.take(order)
    reach = np.maximum.accumulate(ordered.high[:, 0])
    begin = np.searchsorted(reach, a.low[:, 0], "right")
    end = np.searchsorted(ordered.low[:, 0], a.high[:, 0], "left")
    arrays = (*a, *ordered, begin, end)
    pairs = np.empty((_find_overlaps(*arrays, NO_PAIRS), 2), np.int64)
    _find_overlaps(*arrays, pairs)
    pairs[:, 1] = order[pairs[:, 1]]
    i, j = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].T
    return i, j


@compiled
def _find_overlaps(
    low_a: NDArray[np.float32],
    high_a: NDArray[np.float32],
    gain_a: NDArray[np.int16],
    low_b: NDArray[np.float32],
    high_b: NDArray[np.float32],
    gain_b: NDArray[np.int16],
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    pairs: NDArray[np.int64],
) -> int:
    """Count the pairs of windows that share electrons, and write as many as there is room for."""
    count = 0
    for i in range(len(gain_a)):
        for j in range(begin[i], end[i]):
            if gain_a[i] != gain_b[j] and gain_a[i] != ANY_GAIN and gain_b[j] != ANY_GAIN:
                continue
            shared = True
            for k in range(3):
                shared &= low_a[i, k] < high_b[j, k] and low_b[j, k] < high_a[i, k]
            if shared:
                if count < len(pairs):
                    pairs[count, 0] = i
                    pairs[count, 1] = j
                count += 1
    return count


def overlap(a: Boxes, b: Boxes) -> Boxes:
    """Return what each window of `a` shares with the one of `b` in the same row."""
    low, high = np.maximum(a.low, b.low), np.minimum(a.high, b.high)
    return Boxes(low, high, np.maximum(a.gain, b.gain))


def _check_coverage(first: ScaleTable, second: ScaleTable, *, keep_holes: bool) -> None:
    """Refuse to multiply tables if the second one does not cover what the first one does.

    Unless holes are to be kept, neither may the first one lack what the second one covers.
    """
    seen = set()
    limits = np.union1d(first._segments.limits, second._segments.limits)
    for low, end in pairwise(limits):
        boxes = [t.boxes.take(t._segments.rows_at(low)) for t in (first, second)]
        key = tuple(map(_key, boxes))
        if key in seen or not boxes[0].size:
            continue
        seen.add(key)
        missing = [(first, second, uncovered(*boxes))]
        if not keep_holes:
            fiducial = _inside(boxes[1], bounded(FIDUCIAL))
            missing.append((second, first, uncovered(fiducial, boxes[0])))
        for table, other, window in missing:
            if window is not None:
                raise InputError(
                    other.where,
                    f"no row holds runs {low}-{end - 1}, {window}, which {table.where} has",
                    "multiply tables that cover the same electrons",
                )


def _inside(boxes: Boxes, region: Boxes) -> Boxes:
    """Return the parts of windows inside a region."""
    i, j = overlapping(boxes, region)
    return overlap(boxes.take(i), region.take(j))


def refines(later: ScaleTable, earlier: ScaleTable) -> bool:
    """Tell whether both tables have the same single run range and the later one finer windows."""
    ranges = [[(g.first, g.last) for g in table.groups] for table in (later, earlier)]
    if ranges[0] != ranges[1] or len(ranges[0]) != 1:
        return False
    inside = (earlier.boxes.low[None] <= later.boxes.low[:, None]).all(axis=2)
    inside &= (later.boxes.high[:, None] <= earlier.boxes.high[None]).all(axis=2)
    gain = earlier.boxes.gain[None]
    inside &= (gain == ANY_GAIN) | (gain == later.boxes.gain[:, None])
    return bool(np.all(np.count_nonzero(inside, axis=1) == 1))


class CellSmearings(NamedTuple):
    """The smearings of a table by cell, as kernels read them; 0 where there is no row."""

    constant: NDArray[np.float64]
    stochastic: NDArray[np.float64]  # [GeV^(1/2)]
    any_stochastic: bool
    found: NDArray[np.bool_]


@compiled
def look_up_smearings(
    cell: NDArray[np.uint32],
    et: NDArray[np.float32],
    smearings: CellSmearings,
    sigma: NDArray[np.float64],
    found: NDArray[np.bool_],
) -> None:
    """Look up the relative width in the cell of each electron, shape (n,)."""
    constant, stochastic, any_stochastic, in_table = smearings
    for k in range(len(cell)):
        sigma[k] = constant[cell[k]]
        found[k] = in_table[cell[k]]
    if any_stochastic:
        for k in range(len(cell)):
            term = stochastic[cell[k]]
            sigma[k] = math.sqrt(sigma[k] * sigma[k] + term * term / et[k])


@dataclass(frozen=True, eq=False)
class SmearingTable:
    """Smearings by window: the rows of a smearings file, as arrays.

    sigma(Et) = sqrt((rho sin phi)^2 + (rho e_mean cos phi)^2 / Et), which is rho at phi = pi/2.

    Attributes
    ----------
    boxes : Boxes
        Windows; edges are infinite where a variable is not used.
    rho, err_rho : float64 arrays, shape (n,)
        Relative width and its error.
    phi, err_phi : float64 arrays, shape (n,)
        Angle between constant and stochastic term [rad].
    e_mean, err_e_mean : float64 arrays, shape (n,)
        Constant of the parametrisation [GeV].
    where : str
        The file that the rows come from, for messages.

    Raises
    ------
    InputError
        If there is no row, or a rho is negative or not finite.
    """

    boxes: Boxes
    rho: NDArray[np.float64]
    err_rho: NDArray[np.float64]
    phi: NDArray[np.float64]
    err_phi: NDArray[np.float64]
    e_mean: NDArray[np.float64]
    err_e_mean: NDArray[np.float64]
    where: str = "smearings"

    def __post_init__(self) -> None:
        if not self.boxes.size:
            raise InputError(self.where, "no rows", "a table of smearings needs at least one")
        for name in ("rho", "err_rho"):
            values = getattr(self, name)
            bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
            if len(bad):
                window = self.boxes.window(int(bad[0]))
                raise InputError(
                    self.where, f"{name} of {window} is {values[bad[0]]}", "it must be >= 0"
                )

    @classmethod
    def of(
        cls, windows: Sequence[Window], rho: ArrayLike, err_rho: ArrayLike, where: str = "smearings"
    ) -> SmearingTable:
        """Return the table of constant relative widths in some windows."""
        size = len(windows)
        return cls(
            boxes=Boxes.of(windows),
            rho=np.array(rho, np.float64),
            err_rho=np.array(err_rho, np.float64),
            phi=np.full(size, math.pi / 2),
            err_phi=np.full(size, math.pi / 2),
            e_mean=np.full(size, E_MEAN),
            err_e_mean=np.zeros(size),
            where=where,
        )

    def __len__(self) -> int:
        return len(self.rho)

    def __repr__(self) -> str:
        return f"<SmearingTable {self.where}: {len(self)} rows>"

    @cached_property
    def _grid(self) -> CellGrid:
        return CellGrid.of(self.boxes)

    @cached_property
    def _cells(self) -> CellSmearings:
        return self.on(self._grid)

    def on(self, grid: CellGrid) -> CellSmearings:
        """Return the smearings by cell of a grid that has all edges of this table.

        Raises
        ------
        InputError
            If rows overlap.
        """
        try:
            row = grid.paint(self.boxes).ravel()
        except OverlapError as error:
            first, second = (self.boxes.window(row) for row in error.rows)
            raise InputError(
                self.where, f"{first} and {second} overlap", "make the edges meet"
            ) from error
        constant = np.append(np.abs(self.rho * np.sin(self.phi)), 0.0)
        stochastic = np.append(np.abs(self.rho * self.e_mean * np.cos(self.phi)), 0.0)
        any_stochastic = bool(np.any(stochastic > NEGLIGIBLE))
        return CellSmearings(constant[row], stochastic[row], any_stochastic, row >= 0)

    def lookup(
        self,
        abs_eta: FloatArray,
        r9: FloatArray | None,
        et: FloatArray,
        gain: IntArray | None = None,
    ) -> SmearingLookup:
        """Return the relative width of each electron; 0 for those without a row, which are marked.

        Arrays have one shape, that of the result; Et in GeV. R9 and gain may be None if no row
        uses them.

        Raises
        ------
        InputError
            If rows overlap.
        ValueError
            If a shape is wrong, or a variable that rows use is None.
        """
        cell = self._grid.cell_of(abs_eta, r9, et, gain)
        sigma, found = np.empty(cell.shape), np.empty(cell.shape, np.bool_)
        flat_et = read_only(np.ascontiguousarray(et, np.float32).reshape(-1))
        flat = cell.reshape(-1), flat_et, self._cells, sigma.reshape(-1), found.reshape(-1)
        look_up_smearings(*flat)
        return SmearingLookup(sigma, found)

    def sigma(
        self,
        abs_eta: FloatArray,
        r9: FloatArray | None,
        et: FloatArray,
        gain: IntArray | None = None,
    ) -> NDArray[np.float64]:
        """Return the relative width of each electron, see `lookup`."""
        return self.lookup(abs_eta, r9, et, gain).sigma

    def sigmas(self, events: Events) -> SmearingLookup:
        """Return the relative width of each electron of some simulated events, shape (n, 2)."""
        used = self._grid.used
        r9 = events.r9 if used[1] else None
        gain = events.gain if used[3] else None
        return self.lookup(events.abs_eta, r9, events.et, gain)


class Fitted(Protocol):
    """What a fit finds: a scale for each scale category, a smearing for each smearing category."""

    @property
    def scale(self) -> NDArray[np.float64]:
        """Factors on the energy in data."""

    @property
    def scale_error(self) -> NDArray[np.float64]:
        """Their errors, infinite where not determined."""

    @property
    def smearing(self) -> NDArray[np.float64]:
        """Relative widths put on simulation."""

    @property
    def smearing_error(self) -> NDArray[np.float64]:
        """Their errors, infinite where not determined."""


def tables_of_fit(
    result: Fitted, categories: CategorySet, where: str = "fit"
) -> tuple[ScaleTable, SmearingTable]:
    """Return the tables of one fit's scales, for all runs, and smearings.

    A value that the fit did not determine is written with error 0: it adds nothing to what other
    tables say about its electrons.
    """
    runs = [ALL_RUNS] * len(categories.scales)
    scale_error, smearing_error = (
        np.where(np.isfinite(error), error, 0.0)
        for error in (result.scale_error, result.smearing_error)
    )
    return (
        ScaleTable.of(runs, categories.scales, result.scale, scale_error, where),
        SmearingTable.of(categories.smearings, result.smearing, smearing_error, where),
    )
