"""Windows in abs(eta), R9, Et and gain, and the grid of cells that finds the window of an electron.

The edges of all windows together cut the space into rectangular cells; each cell lies in a window
or outside it as a whole, so that finding the window of an electron is finding its cell. This holds
the one rule for edges of this package: ``low <= x < high`` in float32, as the readers of the
correction files compare.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from scalesmear.compiled import compiled, read_only

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import DTypeLike, NDArray

    from scalesmear.events import FloatArray, IntArray

VARIABLES = ("abs_eta", "r9", "et")
"""The continuous variables of a window, in the order of the columns of `Boxes`."""

GAINS = (12, 6, 1)
"""The gains that an electron can have."""

ANY_GAIN = 0
"""Stands for every gain in `Boxes`, as in the files of corrections."""

BLOCK = 1 << 10
"""Electrons that are taken through all variables while they are in the nearest cache."""

NO_NUMBERS = read_only(np.empty(0, np.float32))
NO_GAINS = read_only(np.empty(0, np.uint8))

Range = tuple[float, float]

N = TypeVar("N", bound=np.generic)


def float32_decimal(value: float) -> float:
    """Return the number with the fewest digits that is `value` in float32, such as 1.4442."""
    return float(str(np.float32(value)))


@dataclass(frozen=True)
class Window:
    """A window of electrons; a variable that is None is not looked at.

    Parameters
    ----------
    abs_eta, r9, et : (low, high) or None
        Half-open windows; `high` may be infinite. Et in GeV. Edges are rounded to float32.
    gain : int or None
        12, 6 or 1.
    origin : str
        Where the window comes from, such as ``block 2``; for messages only.

    Raises
    ------
    ValueError
        If the edges of a variable are not rising, or the gain does not exist.
    """

    abs_eta: Range | None = None
    r9: Range | None = None
    et: Range | None = None
    gain: int | None = None
    origin: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        for variable in VARIABLES:
            edges = getattr(self, variable)
            if edges is None:
                continue
            low, high = (float32_decimal(edge) for edge in edges)
            if not (math.isfinite(low) and low < high):
                raise ValueError(f"the edges of {variable} {list(edges)} do not rise")
            object.__setattr__(self, variable, (low, high))
        if self.gain is not None and self.gain not in GAINS:
            raise ValueError(f"there is no gain {self.gain}, only 12, 6 and 1")

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables that the window uses."""
        return tuple(v for v in (*VARIABLES, "gain") if getattr(self, v) is not None)

    @property
    def label(self) -> str:
        """Name in files and figures, such as ``absEta_0.0000_1.0000-R9_0.0000_0.9600``.

        It follows the grammar of the smearings file. Edges have at least four decimals, because
        its CMSSW reader replaces the edges of some shorter names (``absEta_0_1...``). No upper limit
        is written as R9 10 and Et 14000.
        """
        any_eta = (0.0, math.inf)
        pieces = [
            f"{name}_{_decimal(edges[0])}_{_decimal(min(edges[1], top))}"
            for name, edges, top in (
                ("absEta", self.abs_eta or any_eta, 10.0),
                ("R9", self.r9, 10.0),
                ("Et", self.et, 14000.0),
            )
            if edges is not None
        ]
        if self.gain is not None:
            pieces.append(f"gainEle_{self.gain}")
        return "-".join(pieces)

    def __str__(self) -> str:
        pieces = [
            f"{variable} [{edges[0]:g}, {edges[1]:g})"
            for variable in VARIABLES
            if (edges := getattr(self, variable)) is not None
        ]
        if self.gain is not None:
            pieces.append(f"gain {self.gain}")
        text = ", ".join(pieces) or "all electrons"
        return f"{self.origin} ({text})" if self.origin else text

    def encloses(self, other: Window) -> bool:
        """Tell whether every electron of `other` is in this window, gain aside."""
        mine, theirs = Boxes.of([self]), Boxes.of([other])
        return bool(np.all(mine.low <= theirs.low) and np.all(theirs.high <= mine.high))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object: [low, high] or null, an infinite edge as null."""
        content: dict[str, Any] = {
            variable: edges and [edge if math.isfinite(edge) else None for edge in edges]
            for variable in VARIABLES
            for edges in [getattr(self, variable)]
        }
        return content | {"gain": self.gain}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Window:
        """Return the window of `to_json`; keys that are absent are not used."""
        edges: dict[str, Any] = {
            variable: (pair[0], math.inf if pair[1] is None else pair[1])
            for variable in VARIABLES
            if (pair := content.get(variable)) is not None
        }
        return cls(**edges, gain=content.get("gain"))


def _decimal(value: float) -> str:
    """Print an edge so that its float32 round-trips, with no exponent and four decimals or more."""
    return np.format_float_positional(np.float32(value), unique=True, min_digits=4)


class Boxes(NamedTuple):
    """Windows as arrays, one row each; the columns are abs(eta), R9 and Et.

    `low` is -inf and `high` is inf where a variable is not used; `gain` is `ANY_GAIN` there.
    """

    low: NDArray[np.float32]  # shape (n, 3)
    high: NDArray[np.float32]  # shape (n, 3)
    gain: NDArray[np.int16]  # shape (n,)

    @classmethod
    def of(cls, windows: Iterable[Window]) -> Boxes:
        """Return the arrays of some windows."""
        windows = tuple(windows)
        unused = (-math.inf, math.inf)
        rows = [[getattr(w, v) or unused for v in VARIABLES] for w in windows]
        edges = np.array(rows, np.float32).reshape(-1, 3, 2)
        gain = np.array([w.gain or ANY_GAIN for w in windows], np.int16)
        return cls(edges[:, :, 0].copy(), edges[:, :, 1].copy(), gain)

    @property
    def size(self) -> int:
        """Number of windows."""
        return len(self.gain)

    def take(self, rows: IntArray | slice) -> Boxes:
        """Return some of the windows."""
        return Boxes(self.low[rows], self.high[rows], self.gain[rows])

    def window(self, row: int, origin: str = "") -> Window:
        """Return one window."""
        edges: dict[str, Any] = {
            variable: (float(low), float(high))
            for variable, low, high in zip(VARIABLES, self.low[row], self.high[row], strict=True)
            if np.isfinite(low)
        }
        return Window(**edges, gain=int(self.gain[row]) or None, origin=origin)

    def join(self, other: Boxes) -> Boxes:
        """Return these windows followed by others."""
        return Boxes(
            np.concatenate([self.low, other.low]),
            np.concatenate([self.high, other.high]),
            np.concatenate([self.gain, other.gain]),
        )


FIDUCIAL = Boxes.of([Window((0, 1.4442), (0, math.inf), (0, math.inf))]).join(
    Boxes.of([Window((1.566, 2.5), (0, math.inf), (0, math.inf))])
)
"""Where categories must leave no hole: barrel and endcap without the gap between them."""


class Axes(NamedTuple):
    """A grid of cells as kernels read it.

    A cell is the place in a flat array of the grid's shape: the sum of the cells of all variables,
    each times its stride. Edges come in eights, filled up with NaN, which nothing reaches.
    """

    abs_eta: NDArray[np.float32]
    r9: NDArray[np.float32]
    et: NDArray[np.float32]
    gain: NDArray[np.uint32]  # shape (256,), the cell of each gain; empty if no window uses it
    strides: tuple[int, int, int]


@compiled
def _count_edges(
    x: NDArray[np.float32], edges: NDArray[np.float32], stride: int, cell: NDArray[np.uint32]
) -> None:
    """Add `stride` to each electron's cell for every edge <= x, of which NaN has none.

    As edges rise, the last one that is reached tells how many are. To look at all of them has no
    branch to mispredict and runs in vector instructions; eight at a time read and write less
    often. This is where ``low <= x < high`` stands.
    """
    total = np.zeros(len(cell), np.uint32)
    for k in range(0, len(edges), 8):
        e0, e1, e2, e3 = edges[k], edges[k + 1], edges[k + 2], edges[k + 3]
        e4, e5, e6, e7 = edges[k + 4], edges[k + 5], edges[k + 6], edges[k + 7]
        t0, t1, t2, t3 = _multiples(k, stride)
        t4, t5, t6, t7 = _multiples(k + 4, stride)
        for i in range(len(total)):
            reached = total[i]
            reached = t0 if x[i] >= e0 else reached
            reached = t1 if x[i] >= e1 else reached
            reached = t2 if x[i] >= e2 else reached
            reached = t3 if x[i] >= e3 else reached
            reached = t4 if x[i] >= e4 else reached
            reached = t5 if x[i] >= e5 else reached
            reached = t6 if x[i] >= e6 else reached
            reached = t7 if x[i] >= e7 else reached
            total[i] = reached
    for i in range(len(total)):
        cell[i] += total[i]


@compiled
def _multiples(k: int, stride: int) -> tuple[np.uint32, np.uint32, np.uint32, np.uint32]:
    """Return `stride` times k + 1, k + 2, k + 3 and k + 4, in 32 bits like the cells."""
    return (
        np.uint32(stride * (k + 1)),
        np.uint32(stride * (k + 2)),
        np.uint32(stride * (k + 3)),
        np.uint32(stride * (k + 4)),
    )


@compiled
def find_cells_but_et(
    abs_eta: NDArray[np.float32],
    r9: NDArray[np.float32],
    gain: NDArray[np.uint8],
    axes: Axes,
    cell: NDArray[np.uint32],
) -> None:
    """Fill the cell of each electron as if its Et were below all edges."""
    for i in range(len(cell)):
        cell[i] = 0
    _count_edges(abs_eta, axes.abs_eta, axes.strides[0], cell)
    _count_edges(r9, axes.r9, axes.strides[1], cell)
    if len(axes.gain) > 0:
        for i in range(len(cell)):
            cell[i] += axes.gain[gain[i]]


@compiled
def find_cells(
    but_et: NDArray[np.uint32], et: NDArray[np.float32], axes: Axes, cell: NDArray[np.uint32]
) -> None:
    """Fill the cell of each electron from that of `find_cells_but_et` and its Et."""
    for i in range(len(cell)):
        cell[i] = but_et[i]
    _count_edges(et, axes.et, axes.strides[2], cell)


@compiled
def _find_cells(
    abs_eta: NDArray[np.float32],
    r9: NDArray[np.float32],
    et: NDArray[np.float32],
    gain: NDArray[np.uint8],
    axes: Axes,
    cell: NDArray[np.uint32],
) -> None:
    """Fill the cell of each electron; a variable that no window uses may be empty.

    Electrons go through all variables block by block, while the block is in the nearest cache.
    """
    for start in range(0, len(cell), BLOCK):
        part, block = cell[start : start + BLOCK], slice(start, start + BLOCK)
        find_cells_but_et(abs_eta[block], r9[block], gain[block], axes, part)
        _count_edges(et[block], axes.et, axes.strides[2], part)


def take(values: NDArray[N], place: NDArray[np.uint32]) -> NDArray[N]:
    """Return the values at some places, in their shape."""
    taken = np.empty(place.shape, values.dtype)
    take_into(values, place.reshape(-1), taken.reshape(-1))
    return taken


@compiled
def take_into(values: NDArray[N], place: NDArray[np.uint32], taken: NDArray[N]) -> None:
    """Fill `taken`; places without a sign are much faster, since none can count from the end."""
    for i in range(len(place)):
        taken[i] = values[place[i]]


@dataclass(frozen=True, eq=False)
class CellGrid:
    """The cells that the edges of some windows cut.

    Attributes
    ----------
    edges : tuple of float32 arrays
        Rising edges of abs(eta), R9 and Et. The cells of a variable are those between two edges,
        one below the first and one from the last on.
    gain : int32 array, shape (256,)
        The cell of each gain: one for all if no window uses the gain, else one for each of 12, 6
        and 1 and a last one for what is no gain.
    """

    edges: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
    gain: NDArray[np.int32]

    @classmethod
    def of(cls, boxes: Boxes) -> CellGrid:
        """Return the grid of the edges of some windows."""
        abs_eta, r9, et = (
            np.unique(np.append(low[np.isfinite(low)], high[np.isfinite(low)]))
            for low, high in zip(boxes.low.T, boxes.high.T, strict=True)
        )
        used = boxes.gain[boxes.gain != ANY_GAIN]
        gains = np.unique([*GAINS, *used]) if len(used) else np.empty(0, np.intp)
        cell_of_gain = np.full(256, len(gains), np.int32)
        cell_of_gain[gains] = np.arange(len(gains))
        return cls((abs_eta, r9, et), cell_of_gain)

    @cached_property
    def shape(self) -> tuple[int, int, int, int]:
        """Number of cells in abs(eta), R9, Et and gain."""
        eta, r9, et = (len(edges) + 1 for edges in self.edges)
        return eta, r9, et, int(self.gain.max()) + 1

    @cached_property
    def used(self) -> tuple[bool, bool, bool, bool]:
        """Tell which of abs(eta), R9, Et and gain any window uses."""
        eta, r9, et, gain = (size > 1 for size in self.shape)
        return eta, r9, et, gain

    def spans(self, boxes: Boxes) -> NDArray[np.int64]:
        """Return first cell and end of each window in each variable, shape (n, 4, 2)."""
        spans = np.empty((boxes.size, 4, 2), np.int64)
        for k, edges in enumerate(self.edges):
            used = np.isfinite(boxes.low[:, k])
            for side, values in enumerate((boxes.low[:, k], boxes.high[:, k])):
                everything = side * (len(edges) + 1)
                spans[:, k, side] = np.where(
                    used, np.searchsorted(edges, values, "right"), everything
                )
        cell, any_gain = self.gain[boxes.gain], boxes.gain == ANY_GAIN
        spans[:, 3, 0] = np.where(any_gain, 0, cell)
        spans[:, 3, 1] = np.where(any_gain, self.shape[3], cell + 1)
        return spans

    def paint(self, boxes: Boxes) -> NDArray[np.int32]:
        """Return the number of the window of each cell, -1 where there is none.

        Raises
        ------
        OverlapError
            If two windows share a cell.
        """
        painted = np.full(self.shape, -1, np.int32)
        first, second = _paint(painted, self.spans(boxes))
        if second >= 0:
            raise OverlapError(first, second)
        return painted

    def window(self, cell: int) -> Window:
        """Return one cell as a window; of several gains in it, the first."""
        place = np.array(np.unravel_index(cell, self.shape))
        return self.windows(place, place + 1)[0]

    def windows(self, start: NDArray[np.int64], stop: NDArray[np.int64]) -> list[Window]:
        """Return a block of cells as windows: one for each gain, or one if it holds all of them."""
        sides: dict[str, Any] = {
            name: (float(edges[first - 1]), float(edges[end - 1]))
            for name, edges, first, end in zip(VARIABLES, self.edges, start, stop, strict=False)
            if first > 0 and end <= len(edges)
        }
        inside = [gain for gain in GAINS if start[3] <= self.gain[gain] < stop[3]]
        if not self.used[3] or len(inside) == len(GAINS):
            return [Window(**sides)]
        return [Window(**sides, gain=gain) for gain in inside]

    @cached_property
    def axes(self) -> Axes:
        """The grid as kernels read it."""
        _, r9, et, gain = self.shape
        eta_edges, r9_edges, et_edges = (read_only(_in_eights(edges)) for edges in self.edges)
        return Axes(
            eta_edges,
            r9_edges,
            et_edges,
            gain=read_only(self.gain.astype(np.uint32)[: 256 * self.used[3]]),
            strides=(r9 * et * gain, et * gain, gain),
        )

    def cell_of(
        self,
        abs_eta: FloatArray,
        r9: FloatArray | None = None,
        et: FloatArray | None = None,
        gain: IntArray | None = None,
    ) -> NDArray[np.uint32]:
        """Return the cell of each electron, in the shape of `abs_eta`.

        It is the place in a flat array of the grid's shape. Values are compared in float32. A
        variable that no window uses may be None.

        Raises
        ------
        ValueError
            If a variable that a window uses is None or has another shape.
        """
        shape, used = np.shape(abs_eta), self.used
        variables = (
            _flat("abs_eta", abs_eta, shape, np.float32) if used[0] else NO_NUMBERS,
            _flat("r9", r9, shape, np.float32) if used[1] else NO_NUMBERS,
            _flat("et", et, shape, np.float32) if used[2] else NO_NUMBERS,
        )
        gains = _as_uint8(_flat("gain", gain, shape)) if used[3] else NO_GAINS
        cell = np.empty(shape, np.uint32)
        _find_cells(*variables, gains, self.axes, cell.reshape(-1))
        return cell


def _in_eights(edges: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return edges with NaN after them, so that their number is a multiple of eight."""
    return np.append(edges, np.full(-len(edges) % 8, np.nan, np.float32))


def _flat(
    name: str, values: Any, shape: tuple[int, ...], dtype: DTypeLike | None = None
) -> NDArray[Any]:
    """Return a variable as a flat array, refusing one that is missing or of another shape."""
    if values is None or np.shape(values) != shape:
        got = "nothing" if values is None else f"shape {np.shape(values)}"
        raise ValueError(f"{name} is used, expected shape {shape}, got {got}")
    return read_only(np.ascontiguousarray(values, dtype).reshape(-1))


def _as_uint8(gain: NDArray[Any]) -> NDArray[np.uint8]:
    """Return gains as bytes; what does not fit is no gain at all, 255."""
    if gain.dtype == np.uint8:
        return gain
    return read_only(np.where((gain >= 0) & (gain < 256), gain, 255).astype(np.uint8))


class OverlapError(ValueError):
    """Raised when two windows share electrons; `rows` are their numbers."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"windows {first} and {second} overlap")
        self.rows = (first, second)


def uncovered(region: Boxes, boxes: Boxes) -> Window | None:
    """Return some part of a region where none of the windows lies; None if they cover it.

    Gains that do not exist are not missed. Windows may overlap here.
    """
    grid, missing = _missing(region, boxes)
    holes = np.flatnonzero(missing)
    return grid.window(int(holes[0])) if len(holes) else None


def holes(region: Boxes, boxes: Boxes) -> list[Window]:
    """Return the parts of a region where none of the windows lies, as few windows.

    They do not overlap. Otherwise as `uncovered`.
    """
    grid, missing = _missing(region, boxes)
    found = []
    while missing.any():
        start = np.array(np.unravel_index(int(missing.argmax()), grid.shape))
        stop = start + 1
        for axis in (2, 1, 3, 0):  # holes are longest in Et, then in R9
            while stop[axis] < grid.shape[axis]:
                further = start.copy()
                further[axis] = stop[axis]
                end = stop.copy()
                end[axis] += 1
                if not missing[_index(further, end)].all():
                    break
                stop = end
        missing[_index(start, stop)] = False
        found += grid.windows(start, stop)
    return found


def _index(start: NDArray[np.int64], stop: NDArray[np.int64]) -> tuple[slice, ...]:
    return tuple(slice(low, high) for low, high in zip(start.tolist(), stop.tolist(), strict=True))


def _missing(region: Boxes, boxes: Boxes) -> tuple[CellGrid, NDArray[np.bool_]]:
    """Return which cells of the grid of all edges are in the region and in no window."""
    grid = CellGrid.of(region.join(boxes))
    missing = np.zeros(grid.shape, np.bool_)
    _fill(missing, grid.spans(region), True)
    _fill(missing, grid.spans(boxes), False)
    missing[..., np.setdiff1d(np.arange(grid.shape[3]), grid.gain[list(GAINS)])] = False
    return grid, missing


@compiled
def _fill(cells: NDArray[np.bool_], spans: NDArray[np.int64], value: bool) -> None:
    """Write a value into the cells of some windows."""
    for s in spans:
        cells[s[0, 0] : s[0, 1], s[1, 0] : s[1, 1], s[2, 0] : s[2, 1], s[3, 0] : s[3, 1]] = value


@compiled
def _paint(painted: NDArray[np.int32], spans: NDArray[np.int64]) -> tuple[int, int]:
    """Write the number of each window into its cells.

    Return the first two windows that share a cell, after which painting stops; -1, -1 if none do.
    """
    for row in range(len(spans)):
        s = spans[row]
        cells = painted[s[0, 0] : s[0, 1], s[1, 0] : s[1, 1], s[2, 0] : s[2, 1], s[3, 0] : s[3, 1]]
        for taken in cells.flat:
            if taken >= 0:
                return int(taken), row
        cells[...] = row
    return -1, -1
