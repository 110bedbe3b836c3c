"""Windows in abs(eta), R9, Et and gain, and the grid of cells that finds the window of an electron.

The edges of all windows together cut the space into rectangular cells; each cell lies in a window
or outside it as a whole, so that finding the window of an electron is finding its cell. This holds
the one rule for edges of this package: ``low <= x < high`` in float32, as the readers of the
correction files compare.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scalesmear.compiled import compiled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import ArrayLike, NDArray

    from scalesmear.events import FloatArray, IntArray

VARIABLES = ("abs_eta", "r9", "et")
"""The continuous variables of a window, in the order of the columns of `Boxes`."""

GAINS = (12, 6, 1)
"""The gains that an electron can have."""

ANY_GAIN = 0
"""Stands for every gain in `Boxes`, as in the files of corrections."""

MAX_BUCKETS = 1 << 20

Range = tuple[float, float]


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
        pieces = [
            f"{name}_{_decimal(low)}_{_decimal(high if math.isfinite(high) else top)}"
            for name, edges, top in (
                ("absEta", self.abs_eta, 10.0),
                ("R9", self.r9, 10.0),
                ("Et", self.et, 14000.0),
            )
            if edges is not None
            for low, high in [edges]
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


class Axis(NamedTuple):
    """Edges of one variable, and a table that finds the bin of a value in a few instructions.

    Values are sorted into equal buckets, each of which knows how many edges lie below it; at most
    `steps` edges lie in a bucket and are compared with the value itself. The bucket of a value
    rises with it, so that the result is exact whatever the rounding.
    """

    edges: NDArray[Any]  # rising, then `steps` NaN
    below: NDArray[np.int32]  # number of edges in the buckets before each
    low: Any
    per_unit: Any
    steps: int

    @classmethod
    def of(cls, edges: ArrayLike, dtype: type[np.floating[Any]] = np.float32) -> Axis:
        """Return the axis of some edges, which need not be sorted or unique; inf is an edge."""
        values = np.unique(np.asarray(edges, dtype))
        finite = values[np.isfinite(values)]
        if not len(finite):
            return cls(values[:0], np.zeros(1, np.int32), dtype(0), dtype(0), 0)
        span = float(finite[-1]) - float(finite[0]) or 1.0
        n_buckets = 2
        while True:
            axis = cls(values, np.zeros(n_buckets, np.int32), finite[0], dtype(n_buckets / span), 0)
            counts = np.bincount(_buckets(axis, values), minlength=n_buckets)
            if counts.max() == 1 or n_buckets >= MAX_BUCKETS:
                break
            n_buckets *= 2
        below = (np.cumsum(counts) - counts).astype(np.int32)
        steps = int(counts.max())
        padded = np.append(values, np.full(steps, np.nan, dtype))
        return cls(padded, below, axis.low, axis.per_unit, steps)

    @property
    def n_bins(self) -> int:
        """Number of bins, with those below the first and above the last edge."""
        return len(self.edges) - self.steps + 1


@compiled
def _bucket(axis: Axis, x: float) -> int:
    """Return the bucket of a value; it never falls as the value rises, NaN is in the first."""
    position = (x - axis.low) * axis.per_unit
    top = len(axis.below) - 1
    if not position > 0:
        return 0
    if position >= top:
        return top
    return int(position)


@compiled
def _buckets(axis: Axis, values: NDArray[Any]) -> NDArray[np.int64]:
    """Return the bucket of each value."""
    found = np.empty(len(values), np.int64)
    for i in range(len(values)):
        found[i] = _bucket(axis, values[i])
    return found


@compiled
def bin_of(axis: Axis, x: float) -> int:
    """Return how many edges are <= x: the number of its bin; 0 for NaN."""
    if axis.steps == 0:
        return 0
    n = int(axis.below[_bucket(axis, x)])
    for _ in range(axis.steps):
        n += x >= axis.edges[n]
    return n


class CellGrid(NamedTuple):
    """The cells that the edges of some windows cut.

    `gain` holds the bin of each gain 0 to 255. If no window uses the gain there is one bin,
    else one for each of 12, 6, 1 and a last one for anything else.
    """

    abs_eta: Axis
    r9: Axis
    et: Axis
    gain: NDArray[np.int32]  # shape (256,)
    shape: tuple[int, int, int, int]

    @classmethod
    def of(cls, boxes: Boxes) -> CellGrid:
        """Return the grid of the edges of some windows."""
        abs_eta, r9, et = (
            Axis.of(np.append(low[np.isfinite(low)], high[np.isfinite(low)]))
            for low, high in zip(boxes.low.T, boxes.high.T, strict=True)
        )
        gains = tuple(np.unique([*GAINS, *boxes.gain[boxes.gain != ANY_GAIN]]))
        if not np.any(boxes.gain != ANY_GAIN):
            gains = ()
        gain = np.full(256, len(gains), np.int32)
        gain[np.array(gains, np.intp)] = np.arange(len(gains))
        shape = (abs_eta.n_bins, r9.n_bins, et.n_bins, len(gains) + 1)
        return cls(abs_eta, r9, et, gain, shape)

    @property
    def used(self) -> tuple[bool, bool, bool, bool]:
        """Tell which of abs(eta), R9, Et and gain any window uses."""
        eta, r9, et, gain = (size > 1 for size in self.shape)
        return eta, r9, et, gain

    def slices(self, boxes: Boxes, row: int) -> tuple[slice, ...]:
        """Return the cells of one window as an index of an array of the grid's shape."""
        index = []
        for axis, low, high in zip(self[:3], boxes.low[row], boxes.high[row], strict=True):
            if np.isfinite(low):
                index.append(slice(bin_of(axis, low), bin_of(axis, high)))
            else:
                index.append(slice(None))
        gain = int(boxes.gain[row])
        start = int(self.gain[gain])
        index.append(slice(None) if gain == ANY_GAIN else slice(start, start + 1))
        return tuple(index)

    def paint(self, boxes: Boxes) -> NDArray[np.int32]:
        """Return the number of the window of each cell, -1 where there is none.

        Raises
        ------
        OverlapError
            If two windows share a cell.
        """
        painted = np.full(self.shape, -1, np.int32)
        for row in range(boxes.size):
            cells = painted[self.slices(boxes, row)]
            if np.any(cells >= 0):
                raise OverlapError(int(cells[cells >= 0][0]), row)
            cells[...] = row
        return painted

    def cell(self, number: int) -> Window:
        """Return one cell as a window."""
        place = np.unravel_index(number, self.shape)
        edges: dict[str, Any] = {
            name: (float(axis.edges[i - 1]), float(axis.edges[i]))
            for name, axis, i in zip(VARIABLES, self[:3], place[:3], strict=True)
            if 0 < i < axis.n_bins - 1
        }
        gains = [gain for gain in GAINS if self.shape[3] > 1 and self.gain[gain] == place[3]]
        return Window(**edges, gain=gains[0] if gains else None)

    def find(
        self,
        number_of_cell: NDArray[np.int16],
        abs_eta: FloatArray,
        r9: FloatArray | None,
        et: FloatArray | None,
        gain: IntArray | None,
    ) -> NDArray[np.int16]:
        """Return what a table of the grid's shape holds in the cell of each electron.

        A variable that no window uses may be None; the others have one shape, that of the result.
        """
        columns = self.columns(abs_eta, r9, et, gain)
        found = np.empty(columns[0].size, number_of_cell.dtype)
        _find(self, number_of_cell.ravel(), *columns, found)
        return found.reshape(np.shape(abs_eta))

    def columns(
        self,
        abs_eta: FloatArray,
        r9: FloatArray | None,
        et: FloatArray | None,
        gain: IntArray | None,
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[np.uint8]]:
        """Return flat arrays for the compiled kernels; unused variables become stand-ins.

        Raises
        ------
        ValueError
            If a variable that a window uses is None, or shapes differ.
        """
        values = dict(zip((*VARIABLES, "gain"), (abs_eta, r9, et, gain), strict=True))
        for used, (name, value) in zip(self.used, values.items(), strict=True):
            if used and (value is None or np.shape(value) != np.shape(abs_eta)):
                got = "nothing" if value is None else f"shape {np.shape(value)}"
                raise ValueError(f"{name} is used, expected shape {np.shape(abs_eta)}, got {got}")
        eta = np.ascontiguousarray(abs_eta, np.float32).ravel()
        flat = [
            np.ascontiguousarray(value, np.float32).ravel() if used and value is not None else eta
            for used, value in zip(self.used[1:3], (r9, et), strict=True)
        ]
        return eta, flat[0], flat[1], _as_uint8(gain if self.used[3] else None)


def _as_uint8(gain: IntArray | None) -> NDArray[np.uint8]:
    """Return gains as flat bytes; what does not fit is no gain at all, 255."""
    if gain is None:
        return np.empty(0, np.uint8)
    values = np.asarray(gain)
    if values.dtype != np.uint8:
        values = np.where((values >= 0) & (values < 256), values, 255)
    return np.ascontiguousarray(values, np.uint8).ravel()


class OverlapError(ValueError):
    """Raised when two windows share electrons; `rows` are their numbers."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"windows {first} and {second} overlap")
        self.rows = (first, second)


def uncovered(region: Boxes, boxes: Boxes) -> Window | None:
    """Return some part of a region where none of the windows lies; None if they cover it.

    Gains that do not exist are not missed. Windows may overlap here.
    """
    grid = CellGrid.of(region.join(boxes))
    missing = np.zeros(grid.shape, np.bool_)
    for row in range(region.size):
        missing[grid.slices(region, row)] = True
    for row in range(boxes.size):
        missing[grid.slices(boxes, row)] = False
    if grid.shape[3] > 1:
        missing[..., -1] = False
    holes = np.flatnonzero(missing)
    return grid.cell(int(holes[0])) if len(holes) else None


@compiled
def cell_of(grid: CellGrid, abs_eta: float, r9: float, et: float, gain_bin: int) -> int:
    """Return the number of the cell of one electron."""
    cell = bin_of(grid.abs_eta, abs_eta)
    cell = cell * grid.shape[1] + bin_of(grid.r9, r9)
    cell = cell * grid.shape[2] + bin_of(grid.et, et)
    return cell * grid.shape[3] + gain_bin


@compiled
def _find(
    grid: CellGrid,
    number_of_cell: NDArray[np.int16],
    abs_eta: NDArray[np.float32],
    r9: NDArray[np.float32],
    et: NDArray[np.float32],
    gain: NDArray[np.uint8],
    found: NDArray[np.int16],
) -> None:
    """Look up the cell of each electron."""
    uses_gain = grid.shape[3] > 1
    for i in range(len(abs_eta)):
        gain_bin = grid.gain[gain[i]] if uses_gain else 0
        found[i] = number_of_cell[cell_of(grid, abs_eta[i], r9[i], et[i], gain_bin)]
