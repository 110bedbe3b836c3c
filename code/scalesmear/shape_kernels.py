"""Compiled kernels: the share of a cell of simulation in a bin, and the expected shape of a pair.

What they compute is derived in `scalesmear.template`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.compiled import compiled, summed
from scalesmear.elementary import exponential
from scalesmear.histogram import FINE_PER_BIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import IntArray

    Floats = NDArray[np.float64]

REACH = 6.0
"""Standard deviations after which the Gaussian ends; 1e-9 of it lie outside."""

LEAST_SPREAD = 0.005
"""Below this standard deviation of x, P is continued to v = 0 by its Taylor series in v.

The derivatives of a shape smeared by less would show the single simulated events.
"""

SPREAD_PER_CELL = 2.0
"""The spread is at least this many cells wide; finer cells change no result (see the tests)."""

N_ORDERS = 8
"""Derivatives of P that are tabulated: 0 to 7."""

N_SHAPES = 4
"""T and its derivatives by the three parameters of a pair: (tau, v, k), or (t, q1, q2)."""

LEAST_PROBABILITY = 1e-6
"""Smallest p_b where it is divided by; a large reference never comes near."""


class Layout(NamedTuple):
    """Sizes that all pairs share, in fine bins of the grid."""

    width: float  # of a fine bin in x
    below: int  # fine bins below the window, padded to whole blocks
    window: int  # fine bins in the window
    size: int  # all fine bins, padded to whole blocks


class Bins(NamedTuple):
    """How the cells of one pair make its bins."""

    width: float  # of a cell in x
    per_bin: int  # cells in a bin
    n_bins: int
    n_cells: int  # in the window and outside
    below: int  # cells below the window
    deposited: float  # variance that is in the positions of the cells


class Work(NamedTuple):
    """Buffers that a kernel reuses from pair to pair; `table_of` gives them a shape."""

    orders: Floats  # what a Gaussian has below an edge, and its derivatives in tau
    parts: Floats  # the same by (tau, v, k)
    rise: Floats  # of all components, by (t, q1, q2)
    share: Floats  # of a cell in a bin
    met: Floats  # cells that meet these shares
    shapes: Floats  # T and derivatives by (t, q1, q2)


class Response(NamedTuple):
    """What p pairs do to x: a mixture of c components with the cumulants (tau, v, k) each."""

    share: Floats  # (c,), of the components
    moments: Floats  # (p, c, 3): tau, v, k
    slopes: Floats  # (p, c, 3, 3): their derivatives by (t, q1, q2)
    drivers: Floats  # (n + m + 1,): all ln(scale) and smearing^2, then 1 for what has no driver


class PairFlows(NamedTuple):
    """What migrates into p pairs, see `scalesmear.flows`."""

    start: IntArray  # (p + 1,): the flows of pair i are start[i] ... start[i + 1] - 1
    sources: IntArray  # (e,): which of `Response.drivers` multiplies them
    contents: Floats  # (e, n_bins of the grid): in the bins of the pair


class Table(NamedTuple):
    """Share of a cell in a bin, for one pair."""

    first: int  # cells are counted from the lower edge of the bin; the table begins with this one
    share: Floats  # (N_SHAPES, n_cells): the share and its derivatives by (t, q1, q2)


@compiled
def work_space(layout: Layout, merge: IntArray, level: IntArray, response: Response) -> Work:
    """Allocate what the kernels need for one pair at a time."""
    capacity = 0
    for p in range(len(merge)):
        bins = bins_of(layout, merge[p], level[p])
        n_edges = _range_of(response.moments, p, bins)[1]
        capacity = max(capacity, n_edges + 2 * bins.per_bin)
    return Work(
        np.empty(N_ORDERS * capacity),
        np.empty(N_SHAPES * capacity),
        np.empty(N_SHAPES * capacity),
        np.empty(N_SHAPES * capacity),
        np.empty(layout.window + capacity),
        np.empty(N_SHAPES * (layout.window // FINE_PER_BIN)),
    )


@compiled
def bins_of(layout: Layout, merge: int, level: int) -> Bins:
    """Return how a pair is binned."""
    block = FINE_PER_BIN * merge
    return Bins(
        layout.width * 2.0**level,
        block >> level,
        layout.window // block,
        layout.size >> level,
        layout.below >> level,
        deposit_variance(layout.width, level),
    )


@compiled
def deposit_variance(width: float, level: int) -> float:
    """Return the variance in x that sharing events between cells has added.

    The linear deposit in fine bins of width d adds d^2/6, the mean of f (1 - f) d^2 over the
    position f of an event between two centres. Halving the number of cells of width c puts 3/4 and
    1/4 of each in the two new cells nearest to it, which adds 3/16 (2c)^2.
    """
    halved: float = ((1 << 2 * level) - 1) / 4
    return (1 / 6 + halved) * width**2


@compiled
def least_variance(cell_width: float) -> float:
    """Return the variance in x below which P is continued by its Taylor series."""
    spread = max(LEAST_SPREAD, SPREAD_PER_CELL * cell_width)
    return spread * spread


@compiled
def tabulate_pair(response: Response, pair: int, bins: Bins, work: Work) -> Table:
    """Return the share of cells in a bin, and its derivatives by (t, q1, q2), of one pair."""
    first, n_edges = _range_of(response.moments, pair, bins)
    per_bin = bins.per_bin
    rise = table_of(work.rise, N_SHAPES, n_edges + 2 * per_bin)
    rise[:] = 0
    for c in range(len(response.share)):
        _add_component(response, pair, c, bins, first, rise, work)
    share = table_of(work.share, N_SHAPES, n_edges + per_bin)
    for s in range(N_SHAPES):
        for i in range(share.shape[1]):
            share[s, i] = rise[s, i] - rise[s, i + per_bin]
    return Table(first, share)


@compiled
def _range_of(moments: Floats, pair: int, bins: Bins) -> tuple[int, int]:
    """Return the first cell that any component reaches from an edge, and how many there are."""
    first, end = 1 << 30, -(1 << 30)
    for c in range(moments.shape[1]):
        variance = max(moments[pair, c, 1], least_variance(bins.width)) - bins.deposited
        low, n_edges = reach(moments[pair, c, 0], variance, bins.width)
        first, end = min(first, low), max(end, low + n_edges)
    return first, end - first


@compiled
def _add_component(
    response: Response, pair: int, component: int, bins: Bins, first: int, rise: Floats, work: Work
) -> None:
    """Add what one component has below an edge, and its derivatives by (t, q1, q2).

    Column `bins.per_bin` of `rise` is the cell `first`, counted from the edge.
    """
    weight, moments, slopes = response.share[component], response.moments, response.slopes
    tau, v, k = (
        moments[pair, component, 0],
        moments[pair, component, 1],
        moments[pair, component, 2],
    )
    reference = max(v, least_variance(bins.width))
    at, orders = integrate_gaussian(tau, reference - bins.deposited, bins.width, work)
    n_edges, begin = orders.shape[1], bins.per_bin + at - first
    parts = table_of(work.parts, N_SHAPES, n_edges)
    differentiate(orders, v - reference, k, parts)
    below = rise[0][begin : begin + n_edges]
    rise[0, :begin] += weight
    for i in range(n_edges):
        below[i] += weight * parts[0, i]
    for j in range(3):
        out = rise[j + 1][begin : begin + n_edges]
        a = weight * slopes[pair, component, 0, j]
        b = weight * slopes[pair, component, 1, j]
        c = weight * slopes[pair, component, 2, j]
        for i in range(n_edges):
            out[i] += a * parts[1, i] + b * parts[2, i] + c * parts[3, i]


@compiled
def differentiate(orders: Floats, beyond: float, k: float, shapes: Floats) -> None:
    """Combine derivatives of P into the shape and its derivatives by (tau, v, k).

    Parameters
    ----------
    orders : float array, shape (6 or N_ORDERS, m)
        Derivatives P_n in tau at the variance v0 of the Gaussian; all are wanted where h is not 0.
    beyond : float
        h = v - v0, not zero only where P + h/2 P_2 + h^2/8 P_4 + h^3/48 P_6 is used.
    k : float
        Third cumulant.
    shapes : float array, shape (N_SHAPES, m)
        Filled, in the order of `N_SHAPES`.
    """
    if beyond == 0:
        for i in range(orders.shape[1]):
            p3, p4 = orders[3, i], orders[4, i]
            shapes[0, i] = orders[0, i] - k / 6 * p3
            shapes[1, i] = orders[1, i] - k / 6 * p4
            shapes[2, i] = (orders[2, i] - k / 6 * orders[5, i]) / 2
            shapes[3, i] = -p3 / 6
        return
    a, b, c = beyond / 2, beyond**2 / 8, beyond**3 / 48
    for i in range(orders.shape[1]):
        p0, p1, p2, p3 = orders[0, i], orders[1, i], orders[2, i], orders[3, i]
        p4, p5, p6, p7 = orders[4, i], orders[5, i], orders[6, i], orders[7, i]
        shapes[0, i] = p0 + a * p2 + b * p4 + c * p6 - k / 6 * (p3 + a * p5)
        shapes[1, i] = p1 + a * p3 + b * p5 + c * p7 - k / 6 * (p4 + a * p6)
        shapes[2, i] = (p2 + a * p4 + b * p6 - k / 6 * p5) / 2
        shapes[3, i] = -(p3 + a * p5) / 6


@compiled
def integrate_gaussian(tau: float, variance: float, width: float, work: Work) -> tuple[int, Floats]:
    """Tabulate the share of a cell below an edge and its derivatives in tau.

    Parameters
    ----------
    tau, variance : float
        Of the Gaussian, in x.
    width : float
        Of a cell in x.

    Returns
    -------
    first : int
        Cells are counted from the edge; the table begins with this one. Of those before it, all
        is below the edge, of those after the last, nothing.
    table : float array, shape (N_ORDERS, n_cells)
        Row n holds the n-th derivative.
    """
    spread = math.sqrt(variance)
    first, n_cells = reach(tau, variance, width)
    table = table_of(work.orders, N_ORDERS, n_cells)
    _derive_gaussian((tau - (first + 0.5) * width) / spread, width / spread, spread, table)
    last = (tau - (first + n_cells - 0.5) * width) / spread
    table[0, -1] = 0.5 * math.erfc(-last / math.sqrt(2))
    _integrate(table, width)
    return first, table


@compiled
def _derive_gaussian(start: float, step: float, spread: float, out: Floats) -> None:
    """Fill rows 1, 2 ... with the Gaussian density at start, start - step ... and derivatives.

    `start` and `step` are in units of `spread`, derivatives are not.
    """
    unit = 1 / spread
    norm, square = unit / math.sqrt(2 * math.pi), unit * unit
    for k in range(out.shape[1]):
        out[1, k] = norm * exponential(-0.5 * (start - k * step) ** 2)
    for k in range(out.shape[1]):  # Hermite polynomials by their recurrence
        z = -(start - k * step) * unit
        p1 = out[1, k]
        p2 = z * p1
        p3 = z * p2 - square * p1
        p4 = z * p3 - 2 * square * p2
        p5 = z * p4 - 3 * square * p3
        p6 = z * p5 - 4 * square * p4
        out[2, k], out[3, k], out[4, k], out[5, k], out[6, k] = p2, p3, p4, p5, p6
        out[7, k] = z * p6 - 5 * square * p5


@compiled
def _integrate(out: Floats, width: float) -> None:
    """Fill row 0 with the integral of row 1, whose derivatives are rows 2 to 4, from the end.

    Each step integrates the polynomial that has the value and three derivatives of the density at
    both ends; for a spread of two cells it is good to 3e-9.
    """
    w1, w2, w3, w4 = width / 2, 3 * width**2 / 28, width**3 / 84, width**4 / 1680
    end = out.shape[1] - 1
    for k in range(end):
        even = w1 * (out[1, k + 1] + out[1, k]) + w3 * (out[3, k + 1] + out[3, k])
        odd = w2 * (out[2, k + 1] - out[2, k]) + w4 * (out[4, k + 1] - out[4, k])
        out[0, k] = even + odd
    for k in range(end - 1, -1, -1):
        out[0, k] += out[0, k + 1]


@compiled
def reach(tau: float, variance: float, width: float) -> tuple[int, int]:
    """Return the first cell that a Gaussian reaches from an edge, and the number of cells."""
    spread = math.sqrt(variance)
    first = math.floor((tau - REACH * spread) / width)
    return first, math.floor(2 * REACH * spread / width) + 2


@compiled
def table_of(buffer: Floats, n_rows: int, n_columns: int) -> Floats:
    """Return the beginning of a buffer as a table."""
    return buffer[: n_rows * n_columns].reshape(n_rows, n_columns)


@compiled
def expect(cells: Floats, table: Table, bins: Bins, work: Work) -> Floats:
    """Return T and its derivatives by (t, q1, q2), shape (N_SHAPES, bins), in a buffer."""
    shapes = table_of(work.shapes, N_SHAPES, bins.n_bins)
    met = cells_met(cells, table, bins, work)
    _convolve(met, table.share, bins.per_bin, shapes)
    return shapes


@compiled
def expect_shape(cells: Floats, table: Table, bins: Bins, work: Work) -> Floats:
    """Return T alone, in a buffer."""
    shape = work.shapes[: bins.n_bins]
    gather(cells_met(cells, table, bins, work), table.share[0], bins.per_bin, shape)
    return shape


@compiled
def cells_met(cells: Floats, table: Table, bins: Bins, work: Work) -> Floats:
    """Return the cells that meet a table for any bin, in a buffer; 0 beyond the ends."""
    start = bins.below + table.first
    met = work.met[: (bins.n_bins - 1) * bins.per_bin + table.share.shape[1]]
    low = min(max(0, -start), len(met))
    high = max(low, min(len(met), len(cells) - start))
    met[:low] = 0
    met[high:] = 0
    met[low:high] = cells[start + low : start + high]
    return met


@summed
def gather(met: Floats, row: Floats, per_bin: int, out: Floats) -> None:
    """Fill the sums of cells with the weights of one row, for bins `per_bin` cells apart."""
    for b in range(len(out)):
        line = met[b * per_bin : b * per_bin + len(row)]
        total = 0.0
        for i in range(len(row)):
            total += row[i] * line[i]
        out[b] = total


@summed
def _convolve(met: Floats, table: Floats, per_bin: int, out: Floats) -> None:
    """Fill the sums of cells with the weights of four rows, for bins `per_bin` cells apart."""
    t0, t1, t2, t3 = table[0], table[1], table[2], table[3]
    o0, o1, o2, o3 = out[0], out[1], out[2], out[3]
    n = len(t0)
    for b in range(len(o0)):
        line = met[b * per_bin : b * per_bin + n]
        a0 = a1 = a2 = a3 = 0.0
        for i in range(n):
            a0 += t0[i] * line[i]
            a1 += t1[i] * line[i]
            a2 += t2[i] * line[i]
            a3 += t3[i] * line[i]
        o0[b], o1[b], o2[b], o3[b] = a0, a1, a2, a3


@compiled
def add_flows(flows: PairFlows, pair: int, drivers: Floats, shape: Floats) -> None:
    """Add what migrates into one pair to its T."""
    for e in range(flows.start[pair], flows.start[pair + 1]):
        factor = drivers[flows.sources[e]]
        for b in range(len(shape)):
            shape[b] += factor * flows.contents[e, b]


@compiled
def row_sums(shapes: Floats) -> Floats:
    """Return S and its derivatives."""
    total = np.zeros(len(shapes))
    for s in range(len(shapes)):
        for b in range(shapes.shape[1]):
            total[s] += shapes[s, b]
    return total
