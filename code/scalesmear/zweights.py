"""Weights of simulated events by pT and abs(rapidity) of the Z.

The mass does not know the pT of the Z, but thresholds, resolution and categories do. So simulation
is weighted until its Z are produced as those of the data (`scalesmear.reweight` derives the weights).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.compiled import compiled, read_only
from scalesmear.elementary import cos_sin_of_turns, exponential
from scalesmear.errors import InputError
from scalesmear.histogram import weight_exponent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import Events, FloatArray

ABS_Y = (0.0, 0.3, 0.6, 0.9, 1.2, 1.5, 1.7, 1.9, 2.1, 2.3, 2.5)
P_T = (*map(float, range(28)), *map(float, range(29, 41)), 45.0, 50.0, 55.0, 60.0, 80.0, 100.0, 14000.0)  # fmt: skip
"""Edges of the standard table in abs(rapidity) and pT [GeV]: 10 times 46 cells."""

OUTSIDE_WEIGHT = 1.0
"""Weight of events outside the table: they stay as they are."""

COLUMNS = ("et", "eta", "phi")
"""What the cell of an event is found from."""

RADIANS = 2 * math.pi


@dataclass(frozen=True)
class ZGrid:
    """Cells in abs(rapidity) and pT of the Z.

    Parameters
    ----------
    abs_y, p_t : tuple of float
        Rising edges, cells are half-open; pT in GeV.

    Raises
    ------
    ValueError
        If there are less than two edges, or they do not rise from 0 or above.
    """

    abs_y: tuple[float, ...] = ABS_Y
    p_t: tuple[float, ...] = P_T

    def __post_init__(self) -> None:
        for name, edges in (("abs(y)", self.abs_y), ("pT", self.p_t)):
            rising = all(low < high for low, high in pairwise(edges))
            if len(edges) < 2 or edges[0] < 0 or not rising or not math.isfinite(edges[-1]):
                raise ValueError(f"edges in {name} are {edges}, they must rise from 0 or above")

    @property
    def shape(self) -> tuple[int, int]:
        """Number of cells in abs(y) and pT."""
        return len(self.abs_y) - 1, len(self.p_t) - 1

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.shape[0] * self.shape[1]

    @cached_property
    def _limits(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Edges of exp(2 abs(y)) and pT^2: what is compared needs neither logarithm nor root."""
        return np.exp(2 * np.array(self.abs_y)), np.square(np.array(self.p_t))

    def cell_of(self, et: FloatArray, eta: FloatArray, phi: FloatArray) -> NDArray[np.int32]:
        """Return the place of each event in a flat array of `shape`, -1 outside; shape (n,).

        Parameters
        ----------
        et, eta, phi : float arrays, shape (n, 2)
            Of the electrons: Et [GeV] and the direction of the electron itself, with its sign.
        """
        cell = np.empty(len(et), np.int32)
        _find_cells(_flat(et), _flat(eta), _flat(phi), *self._limits, cell)
        return cell


def _flat(values: FloatArray) -> NDArray[np.float32]:
    return read_only(np.ascontiguousarray(values, np.float32).reshape(-1))


@compiled
def _find_cells(
    et: NDArray[np.float32],
    eta: NDArray[np.float32],
    phi: NDArray[np.float32],
    ratio_edges: NDArray[np.float64],
    square_edges: NDArray[np.float64],
    cell: NDArray[np.int32],
) -> None:
    """Fill `cell`; what belongs to the electrons of an event stands side by side.

    (E + pz) / (E - pz) = exp(2 y). The edges below a value are counted, without a branch.
    """
    size = len(cell)
    ratio, square = np.empty(size), np.empty(size)
    for i in range(size):
        a, b = np.float64(et[2 * i]), np.float64(et[2 * i + 1])
        turns = (np.float64(phi[2 * i]) - np.float64(phi[2 * i + 1])) / RADIANS
        cosine, _ = cos_sin_of_turns(turns - math.floor(turns))
        square[i] = max(a * a + b * b + 2 * a * b * cosine, 0.0)
        up, other_up = exponential(np.float64(eta[2 * i])), exponential(np.float64(eta[2 * i + 1]))
        forward, backward = a * up + b * other_up, a / up + b / other_up
        ratio[i] = max(forward, backward) / min(forward, backward)
    row, column = np.full(size, -1, np.int32), np.full(size, -1, np.int32)
    for edge in ratio_edges:
        for i in range(size):
            row[i] += np.int32(ratio[i] >= edge)
    for edge in square_edges:
        for i in range(size):
            column[i] += np.int32(square[i] >= edge)
    n_rows, n_columns = np.int32(len(ratio_edges) - 1), np.int32(len(square_edges) - 1)
    for i in range(size):
        inside = (row[i] >= 0) & (row[i] < n_rows) & (column[i] >= 0) & (column[i] < n_columns)
        cell[i] = row[i] * n_columns + column[i] if inside else np.int32(-1)


@dataclass(frozen=True, eq=False)
class WeightTable:
    """Weights by cell of the Z; events outside all cells have `OUTSIDE_WEIGHT`.

    Attributes
    ----------
    grid : ZGrid
    weight : float64 array, shape of the grid
    where : str
        The file that the weights come from, for messages.

    Raises
    ------
    InputError
        If a weight is negative or not a number, or all are 0.
    """

    grid: ZGrid
    weight: NDArray[np.float64]
    where: str = "weights"

    def __post_init__(self) -> None:
        if self.weight.shape != self.grid.shape:
            raise ValueError(f"weights of shape {self.weight.shape} for cells {self.grid.shape}")
        bad = np.argwhere(~(np.isfinite(self.weight) & (self.weight >= 0)))
        if len(bad):
            problem = f"weight {self.weight[tuple(bad[0])]:g} in {self.describe(*bad[0])}"
            raise InputError(self.where, problem, "weights are numbers >= 0: derive them again")
        if not self.weight.any():
            raise InputError(self.where, "all weights are 0", "derive them again")

    def describe(self, row: int, column: int) -> str:
        """Return a cell in words."""
        y, p_t = self.grid.abs_y, self.grid.p_t
        return f"abs(y) [{y[row]:g}, {y[row + 1]:g}), pT [{p_t[column]:g}, {p_t[column + 1]:g}) GeV"

    @property
    def is_one(self) -> bool:
        """Whether nothing is weighted."""
        return bool((self.weight == 1).all())

    @cached_property
    def _by_place(self) -> NDArray[np.float64]:
        """Weights in a row; place -1, the last, is that of events outside."""
        return np.append(self.weight, OUTSIDE_WEIGHT)

    def of(self, events: Events) -> NDArray[np.float64]:
        """Return the weight of each event, shape (n,), from its energies as reconstructed.

        So an event has one weight, whatever smearing it is given later.
        """
        found: NDArray[np.float64] = self._by_place[
            self.grid.cell_of(events.et, events.eta, events.phi)
        ]
        return found

    def exponent(self, largest: float) -> int:
        """Return the power of two above all products with weights up to `largest`."""
        return weight_exponent(largest * float(self._by_place.max()))
