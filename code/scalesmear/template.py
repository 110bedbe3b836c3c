r"""The expected mass shape of a pair, from its simulation, for any scale and smearing.

Nothing is smeared with random numbers and no event is looked at twice. With x = ln(m / m_Z), a pair
of electrons whose scales are s and smearings sigma has x(data) = x(simulation) + eta - t, where
t = ln(s1 s2) / 2 and eta = ln((1 + sigma1 g1) (1 + sigma2 g2)) / 2 with Gaussian g. To fourth order
in sigma, eta has the cumulants (per electron, q = sigma^2; both electrons add)

    mean = -q/4 - 3/8 q^2,   variance v = q/4 + 5/8 q^2,   third k = -3/8 q^2,

so that a pair has three effective parameters: tau = t - mean, v and k. The expected content of a bin
is the sum over the fine bins of the simulation of their share in it,

    T_b = sum_f W_f [A(upper_b - x_f + tau) - A(lower_b - x_f + tau)],   A = P - k/6 P''',

with P the Gaussian distribution function of variance v (Gram-Charlier series, first term). All
derivatives of T follow from those of P in tau, because 2 dP/dv = P''.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.compiled import compiled
from scalesmear.histogram import FINE_PER_BIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import IntArray
    from scalesmear.histogram import PairHistograms

    Floats = NDArray[np.float64]

MAX_MERGE = 4
"""Sparse pairs merge up to this many of the narrow bins of the grid."""

MAX_LEVEL = 3
"""How often the fine bins of the simulation may be halved in number; 2^3 = FINE_PER_BIN."""

BLOCK = MAX_MERGE * FINE_PER_BIN
"""Fine bins in the widest bin; the simulation is padded to blocks of this size."""

REACH = 6.0
"""Standard deviations after which the Gaussian ends; 1e-9 of it lie outside."""

LEAST_SPREAD = 0.0029
"""Below this standard deviation of x, P is continued to v = 0 by its Taylor series in v.

The derivatives of a shape smeared by less would show the single simulated events.
"""

SPREAD_PER_CELL = 2.0
"""The spread is at least this many cells wide; finer cells change no result (see the tests)."""

N_ORDERS = 8
"""Derivatives of P that are tabulated: 0 to 7."""

N_SHAPES = 10
"""T and its derivatives by (tau, v, k): T; T_t, T_v, T_k; T_tt, T_tv, T_tk, T_vv, T_vk, T_kk."""


class Layout(NamedTuple):
    """Sizes that all pairs share, in fine bins of the grid."""

    width: float  # of a fine bin in x
    below: int  # fine bins below the window, padded to whole blocks
    window: int  # fine bins in the window
    size: int  # all fine bins, padded to whole blocks


@dataclass(frozen=True)
class Templates:
    """Data and simulation of the pairs in a fit, binned as the likelihood reads them.

    Attributes
    ----------
    layout : Layout
    pairs : int array, shape (p,)
        Pair numbers, rising.
    merge : int array, shape (p,)
        Narrow bins of the grid in one bin of the pair: 1, 2 or 4.
    level : int array, shape (p,)
        Cells of the simulation are 2^level fine bins wide.
    counts : float array, shape (p, n_bins of the grid)
        Data in the window; the first n_bins / merge are used.
    sim, sim_variance : float arrays, shape (p, layout.size)
        Sums of weights and of squared weights in cells, grouped by the position of the cell in its
        bin; the first size / 2^level are used.
    """

    layout: Layout
    pairs: IntArray
    merge: IntArray
    level: IntArray
    counts: Floats
    sim: Floats
    sim_variance: Floats

    @property
    def n_bins(self) -> NDArray[np.int64]:
        """Number of bins of each pair, shape (p,)."""
        return np.asarray(self.layout.window // (FINE_PER_BIN * self.merge), np.int64)


def arrange(
    histograms: PairHistograms, rows: IntArray, merge: IntArray, level: IntArray
) -> Templates:
    """Bin some rows of the histograms for the likelihood; see `Templates`."""
    grid = histograms.grid
    below, above = (BLOCK * (n // BLOCK + 2) for n in (grid.n_below, grid.n_above))
    window = grid.n_bins * FINE_PER_BIN
    layout = Layout(grid.width, below, window, below + window + above)
    counts = np.zeros((len(rows), grid.n_bins))
    sim = np.zeros((len(rows), layout.size))
    variance = np.zeros((len(rows), layout.size))
    shift = below - grid.n_below
    _sum_bins(histograms.data, rows, grid.n_below, merge, counts)
    _arrange_cells(histograms.sim, rows, shift, merge, level, sim)
    _arrange_cells(histograms.sim_variance, rows, shift, merge, level, variance)
    return Templates(layout, histograms.pairs[rows], merge, level, counts, sim, variance)


def coarsest_level(variance: Floats, width: float) -> NDArray[np.int64]:
    """Return how often cells of `width` can double for a smearing of `variance` in x."""
    spread = np.sqrt(np.maximum(variance, LEAST_SPREAD**2))
    level = np.floor(np.log2(spread / (SPREAD_PER_CELL * width)))
    return np.clip(level, 0, MAX_LEVEL).astype(np.int64)


@compiled
def least_variance(cell_width: float) -> float:
    """Return the variance in x below which P is continued by its Taylor series."""
    spread = max(LEAST_SPREAD, SPREAD_PER_CELL * cell_width)
    return spread * spread


@compiled
def deposit_variance(width: float, level: int) -> float:
    """Return the variance in x that sharing events between cells has added.

    The linear deposit in fine bins of width d adds d^2/6, the mean of f (1 - f) d^2 over the
    position f of an event between two centres. Halving the number of cells of width c puts 3/4 and
    1/4 of each in the two new cells nearest to it, which adds 3/16 (2c)^2.
    """
    halved: float = (4**level - 1) / 4
    return (1 / 6 + halved) * width**2


@compiled
def _sum_bins(data: Floats, rows: IntArray, first: int, merge: IntArray, counts: Floats) -> None:
    """Sum the fine bins of each bin in the window."""
    for p in range(len(rows)):
        size = FINE_PER_BIN * merge[p]
        for b in range(counts.shape[1] // merge[p]):
            for f in range(size):
                counts[p, b] += data[rows[p], first + b * size + f]


@compiled
def _arrange_cells(
    fine: Floats, rows: IntArray, shift: int, merge: IntArray, level: IntArray, out: Floats
) -> None:
    """Halve the number of cells `level` times, then group cells by their position in the bin."""
    cells = np.empty(out.shape[1])
    for p in range(len(rows)):
        cells[:] = 0
        cells[shift : shift + fine.shape[1]] = fine[rows[p]]
        n_cells = len(cells)
        for _ in range(level[p]):
            n_cells //= 2
            _halve(cells, n_cells)
        per_bin = (FINE_PER_BIN * merge[p]) >> level[p]
        n_rows = n_cells // per_bin
        for row in range(n_rows):
            for position in range(per_bin):
                out[p, position * n_rows + row] = cells[row * per_bin + position]


@compiled
def _halve(cells: Floats, n_new: int) -> None:
    """Share 2 `n_new` cells linearly between the `n_new` cells of twice the width, in place."""
    left = 0.0
    for j in range(n_new):
        low, high = cells[2 * j], cells[2 * j + 1]
        right = cells[2 * j + 2] if j < n_new - 1 else 0.0
        cells[j] = 0.75 * (low + high) + 0.25 * (left + right)
        left = high


@compiled
def tabulate(
    tau: float, variance: float, width: float, per_bin: int, edges: Floats, table: Floats
) -> tuple[int, int]:
    """Tabulate the share of a cell in a bin and its derivatives in tau.

    Parameters
    ----------
    tau, variance : float
        Of the Gaussian, in x.
    width : float
        Of a cell in x.
    per_bin : int
        Cells in a bin.
    edges : float array, shape (N_ORDERS, capacity)
        Work space.
    table : float array, shape (N_ORDERS, capacity)
        Filled: row n holds the n-th derivative for the cells first, first + 1 ... counted from the
        lower edge of the bin.

    Returns
    -------
    first, n_cells : int
    """
    spread = math.sqrt(variance)
    first = math.floor((tau - REACH * spread) / width)
    n_edges = math.floor(2 * REACH * spread / width) + 2
    edges[:, :per_bin] = 0
    edges[0, :per_bin] = 1
    edges[:, per_bin + n_edges : n_edges + 2 * per_bin] = 0
    for k in range(n_edges):
        x = (tau - (first + k + 0.5) * width) / spread
        edges[0, per_bin + k] = 0.5 * math.erfc(-x / math.sqrt(2))
        edges[1, per_bin + k] = math.exp(-0.5 * x * x) / (spread * math.sqrt(2 * math.pi))
        before, last = 0.0, edges[1, per_bin + k]
        for n in range(1, N_ORDERS - 1):  # Hermite polynomials by their recurrence
            before, last = last, -(x * last + (n - 1) * before / spread) / spread
            edges[n + 1, per_bin + k] = last
    n_cells = n_edges + per_bin
    for n in range(N_ORDERS):
        for i in range(n_cells):
            table[n, i] = edges[n, i] - edges[n, i + per_bin]
    return first, n_cells


@compiled
def convolve(
    cells: Floats, n_rows: int, first_row: int, first: int, table: Floats, out: Floats
) -> None:
    """Sum the cells with the weights of a table, for every bin and every row of the table.

    Parameters
    ----------
    cells : float array
        Grouped by position in the bin, `n_rows` of each.
    first_row : int
        Row of the first bin of the window.
    first : int
        First cell of the table, counted from the lower edge of a bin.
    table : float array, shape (n, n_cells)
    out : float array, shape (n, n_bins)
    """
    out[:] = 0
    n_bins = out.shape[1]
    per_bin = len(cells) // n_rows
    for i in range(table.shape[1]):
        cell = first + i
        row = first_row + cell // per_bin
        low, high = max(0, -row), min(n_bins, n_rows - row)
        if low >= high:
            continue
        start = (cell % per_bin) * n_rows + row + low
        line = cells[start : start + high - low]
        for n in range(table.shape[0]):
            target = out[n, low:high]
            factor = table[n, i]
            for b in range(high - low):
                target[b] += factor * line[b]


@compiled
def differentiate(orders: Floats, beyond: float, k: float, shapes: Floats) -> None:
    """Combine derivatives of P into the shape and its derivatives by (tau, v, k).

    Parameters
    ----------
    orders : float array, shape (N_ORDERS, m)
        Derivatives in tau, 0 to 7, at the variance v0 of the Gaussian.
    beyond : float
        h = v - v0, not zero only where the Taylor series in v is used: P + h/2 P'' + h^2/8 P''''.
    k : float
        Third cumulant.
    shapes : float array, shape (N_SHAPES, m)
        Filled, in the order of `N_SHAPES`.
    """
    h = beyond
    last = 0.0 if h != 0 else k / 24
    for b in range(orders.shape[1]):
        d0, d1, d2, d3 = orders[0, b], orders[1, b], orders[2, b], orders[3, b]
        d4, d5, d6, d7 = orders[4, b], orders[5, b], orders[6, b], orders[7, b]
        shapes[0, b] = d0 + h / 2 * d2 + h * h / 8 * d4 - k / 6 * (d3 + h / 2 * d5)
        shapes[1, b] = d1 + h / 2 * d3 + h * h / 8 * d5 - k / 6 * (d4 + h / 2 * d6)
        shapes[2, b] = d2 / 2 + h / 4 * d4 - k / 12 * d5
        shapes[3, b] = -(d3 + h / 2 * d5) / 6
        shapes[4, b] = d2 + h / 2 * d4 + h * h / 8 * d6 - k / 6 * (d5 + h / 2 * d7)
        shapes[5, b] = d3 / 2 + h / 4 * d5 - k / 12 * d6
        shapes[6, b] = -(d4 + h / 2 * d6) / 6
        shapes[7, b] = d4 / 4 - last * d7
        shapes[8, b] = -d5 / 12
        shapes[9, b] = 0.0
