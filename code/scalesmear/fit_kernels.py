"""Compiled kernels of the fit: expected shapes, their derivatives, their noise, the likelihood.

What they compute is derived in `scalesmear.template`, `scalesmear.likelihood` and
`scalesmear.uncertainty`. They stand in one file because numba keeps a compiled kernel until its own
file changes, even when one that it calls has changed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.compiled import compiled
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

N_ORDERS = 9
"""Derivatives of P that are tabulated: 0 to 8; the last serves second derivatives only."""

N_SHAPES = 10
"""T and its derivatives by (tau, v, k): T; T_t, T_v, T_k; T_tt, T_tv, T_tk, T_vv, T_vk, T_kk."""

N_FIRST = 4
"""T and its first derivatives."""

LEAST_PROBABILITY = 1e-6
"""Smallest p_b; reached only where negative weights or an empty simulation leave nothing."""

N_TERMS = 16
"""F; F_t, F_v, F_k; six Fisher elements; six second derivatives (tt, tv, tk, vv, vk, kk)."""


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

    edges: Floats  # derivatives of P at edges
    table: Floats  # and of the share of a cell in a bin
    share: Floats  # that by (tau, v, k)
    product: Floats  # its square and derivatives of that
    lines: Floats  # cells that meet the table, bin by bin
    orders: Floats  # T and derivatives in tau
    shapes: Floats  # T, then derivatives by (tau, v, k) divided by T
    noise: Floats  # V and derivatives by (tau, v, k)


class ShapeNoise(NamedTuple):
    """Expected shapes of p pairs and the noise of the simulation in them.

    Packed symmetric matrices by (tau, v, k) hold tt, tv, tk, vv, vk, kk.
    """

    probability: Floats  # (p, n_bins of the grid)
    relative_variance: Floats  # (p, n_bins of the grid): of the probability, by the simulation
    noise_information: Floats  # (p, 6): I_noise / n
    score_variance: Floats  # (p, 6): V / n^2


@compiled
def sum_bins(data: Floats, rows: IntArray, first: int, merge: IntArray, counts: Floats) -> None:
    """Sum the fine bins of each bin in the window."""
    for p in range(len(rows)):
        size = FINE_PER_BIN * merge[p]
        for b in range(counts.shape[1] // merge[p]):
            for f in range(size):
                counts[p, b] += data[rows[p], first + b * size + f]


@compiled
def arrange_cells(
    fine: Floats, rows: IntArray, shift: int, level: IntArray, scratch: Floats, cells: Floats
) -> None:
    """Copy rows of fine bins, halving their number `level` times."""
    for p in range(len(rows)):
        n_cells = len(scratch)
        scratch[:] = 0
        for f in range(fine.shape[1]):
            scratch[shift + f] = fine[rows[p], f]
        for _ in range(level[p]):
            n_cells //= 2
            _halve(scratch, n_cells)
        for c in range(n_cells):
            cells[p, c] = scratch[c]


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
def evaluate_pairs(
    layout: Layout, merge: IntArray, level: IntArray, counts: Floats, sim: Floats,
    sim_variance: Floats, effective: Floats, capacity: int, noise: bool, exact: bool, out: Floats,
) -> None:  # fmt: skip
    """Fill the terms of each pair, see `scalesmear.likelihood.pair_terms`."""
    work = work_space(layout, capacity)
    n_shapes = N_SHAPES if exact else N_FIRST
    for p in range(len(merge)):
        bins = bins_of(layout, merge[p], level[p])
        shapes, first, share = expect(effective[p], bins, sim[p, : bins.n_cells], n_shapes, work)
        total = normalise(shapes)
        if not total[0] > 0:
            out[p, 0] = np.inf
            continue
        data = counts[p, : bins.n_bins]
        _add_multinomial(data, shapes, total, out[p])
        if noise:
            cells = sim_variance[p, : bins.n_cells]
            _add_noise(data, fluctuate(first, share, bins, cells, shapes, work), out[p])


@compiled
def propagate_pairs(
    layout: Layout, merge: IntArray, level: IntArray, sim: Floats, sim_variance: Floats,
    effective: Floats, capacity: int, out: ShapeNoise,
) -> None:  # fmt: skip
    """Fill `out` for each pair; see `scalesmear.uncertainty.shape_noise`."""
    work = work_space(layout, capacity)
    response = np.empty((4, sim.shape[1]))
    for p in range(len(merge)):
        bins = bins_of(layout, merge[p], level[p])
        shapes, first, share = expect(effective[p], bins, sim[p, : bins.n_cells], N_FIRST, work)
        total = normalise(shapes)
        if not total[0] > 0:
            continue
        cells = sim_variance[p, : bins.n_cells]
        noise = _multiply_shares(cells, bins, first, share, work)
        _compare_slopes(shapes, total, noise, out.noise_information[p])
        _respond(bins, first, share[0], shapes, total, response[:, : bins.n_cells])
        _sum_squares(cells, response, out.score_variance[p])
        for b in range(bins.n_bins):
            out.probability[p, b] = shapes[0, b] / total[0]
            out.relative_variance[p, b] = noise[0, b] / shapes[0, b] ** 2
        _normalise_variance(
            bins, first, share[0], cells, shapes[0], response[3], out.relative_variance[p]
        )


@compiled
def work_space(layout: Layout, capacity: int) -> Work:
    """Allocate what the kernels need for one pair at a time."""
    n_bins = layout.window // FINE_PER_BIN
    return Work(
        np.empty(N_ORDERS * capacity),
        np.empty(N_ORDERS * capacity),
        np.empty(N_SHAPES * capacity),
        np.empty(N_SHAPES * capacity),
        np.empty(n_bins * capacity),
        np.empty(N_ORDERS * n_bins),
        np.empty(N_SHAPES * n_bins),
        np.empty(N_SHAPES * n_bins),
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
    halved: float = ((1 << 2 * level) - 1) / 4
    return (1 / 6 + halved) * width**2


@compiled
def expect(
    effective: Floats, bins: Bins, cells: Floats, n_shapes: int, work: Work
) -> tuple[Floats, int, Floats]:
    """Return what is expected of a pair, and the share of cells in a bin that it follows from.

    `n_shapes` is N_FIRST or, with second derivatives, N_SHAPES.

    Returns
    -------
    shapes : float array, shape (n_shapes, bins)
        T and its derivatives by (tau, v, k).
    first : int
        First cell of the table, see `tabulate`.
    share : float array, shape (n_shapes, n_cells)
        K and its derivatives by (tau, v, k).
    """
    tau, v, k = effective
    reference = max(v, least_variance(bins.width))
    n_orders = 6 + (2 if n_shapes == N_SHAPES else 0)
    if v < reference:
        n_orders = N_ORDERS - (0 if n_shapes == N_SHAPES else 1)
    variance = reference - bins.deposited
    first, table = tabulate(tau, variance, bins.width, bins.per_bin, n_orders, work)
    start = bins.below + first
    convolve(cells, start, bins.per_bin, table, bins.n_bins, work, work.orders)
    orders = _add_empty_rows(work.orders, n_orders, bins.n_bins)
    shapes = table_of(work.shapes, n_shapes, bins.n_bins)
    differentiate(orders, v - reference, k, shapes)
    table = _add_empty_rows(work.table, n_orders, table.shape[1])
    share = table_of(work.share, n_shapes, table.shape[1])
    differentiate(table, v - reference, k, share)
    return shapes, first, share


@compiled
def _add_empty_rows(buffer: Floats, n_rows: int, n_columns: int) -> Floats:
    """Return a buffer as a table of N_ORDERS rows, those beyond the first `n_rows` set to 0."""
    table = table_of(buffer, N_ORDERS, n_columns)
    table[n_rows:] = 0
    return table


@compiled
def normalise(shapes: Floats) -> Floats:
    """Divide derivatives of T by T, in place; return S, then its derivatives divided by S.

    T is kept above its least value.
    """
    total = np.zeros(len(shapes))
    for s in range(len(shapes)):
        for b in range(shapes.shape[1]):
            total[s] += shapes[s, b]
    if not total[0] > 0:
        return total
    for b in range(shapes.shape[1]):
        if shapes[0, b] < LEAST_PROBABILITY * total[0]:
            for s in range(len(shapes)):
                shapes[s, b] = LEAST_PROBABILITY * total[s]
    for s in range(1, len(shapes)):
        for b in range(shapes.shape[1]):
            shapes[s, b] /= shapes[0, b]
        total[s] /= total[0]
    return total


@compiled
def fluctuate(
    first: int, share: Floats, bins: Bins, cells: Floats, shapes: Floats, work: Work
) -> Floats:
    """Return V of a pair and its derivatives by (tau, v, k), as many as `shapes` has.

    `cells` are the sums of squared weights, `shapes` is normalised. The deposit of events in cells
    makes V too large by at most v(deposit) / 2 v, 3 % for cells half a spread wide.
    """
    product = table_of(work.product, len(share), share.shape[1])
    _square(share, product)
    start = bins.below + first
    noise = convolve(cells, start, bins.per_bin, product, bins.n_bins, work, work.noise)
    _divide(noise, shapes)
    return noise


@compiled
def _square(share: Floats, product: Floats) -> None:
    """Fill K^2 and its derivatives: 2 K K_i, and 2 (K_i K_j + K K_ij) if K_ij is there."""
    for c in range(share.shape[1]):
        product[0, c] = share[0, c] ** 2
        s = 4
        for i in range(1, 4):
            product[i, c] = 2 * share[0, c] * share[i, c]
            if len(share) == N_SHAPES:
                for j in range(i, 4):
                    product[s, c] = 2 * (share[i, c] * share[j, c] + share[0, c] * share[s, c])
                    s += 1


@compiled
def _divide(noise: Floats, shapes: Floats) -> None:
    """Turn B = sum W2 K^2 and derivatives into V = B / T^2 and derivatives, in place.

    With l_i = T_i / T: V_i = B_i / T^2 - 2 V l_i and
    V_ij = B_ij / T^2 - 2 (V_i l_j + V_j l_i) - 2 V (l_i l_j + T_ij / T).
    """
    for b in range(noise.shape[1]):
        square = shapes[0, b] ** 2
        for s in range(len(noise)):
            noise[s, b] /= square
        v = noise[0, b]
        for i in range(1, 4):
            noise[i, b] -= 2 * v * shapes[i, b]
        if len(noise) == N_SHAPES:
            s = 4
            for i in range(1, 4):
                for j in range(i, 4):
                    mixed = noise[i, b] * shapes[j, b] + noise[j, b] * shapes[i, b]
                    both = shapes[i, b] * shapes[j, b] + shapes[s, b]
                    noise[s, b] -= 2 * (mixed + v * both)
                    s += 1


@compiled
def _add_multinomial(counts: Floats, shapes: Floats, total: Floats, out: Floats) -> None:
    """Add - sum D ln p, its gradient, Fisher elements and, where given, second derivatives.

    With l_i = T_i / T and L_i = S_i / S:
    g_i = -sum D (l_i - L_i), I_ij = n sum p (l_i - L_i) (l_j - L_j) and
    O_ij = sum D (l_i l_j - T_ij / T) + n (S_ij / S - L_i L_j).
    """
    n = counts.sum()
    for b in range(len(counts)):
        p = shapes[0, b] / total[0]
        out[0] -= counts[b] * math.log(p)
        s = 4
        for i in range(1, 4):
            slope = shapes[i, b] - total[i]
            out[i] -= counts[b] * slope
            for j in range(i, 4):
                out[s] += n * p * slope * (shapes[j, b] - total[j])
                if len(shapes) == N_SHAPES:
                    out[s + 6] += counts[b] * (shapes[i, b] * shapes[j, b] - shapes[s, b])
                    out[s + 6] += counts[b] * (total[s] - total[i] * total[j])
                s += 1


@compiled
def _add_noise(counts: Floats, noise: Floats, out: Floats) -> None:
    """Add - sum D ln(1 + V) / 2, its gradient and, where given, second derivatives."""
    for b in range(len(counts)):
        half, above = counts[b] / 2, 1 + noise[0, b]
        out[0] -= half * math.log(above)
        s = 4
        for i in range(1, 4):
            slope = noise[i, b] / above
            out[i] -= half * slope
            if len(noise) == N_SHAPES:
                for j in range(i, 4):
                    out[s + 6] -= half * (noise[s, b] - slope * noise[j, b]) / above
                    s += 1


@compiled
def _multiply_shares(cells: Floats, bins: Bins, first: int, share: Floats, work: Work) -> Floats:
    """Return sum W2 K_i K_j for i <= j of (none, tau, v, k), shape (N_SHAPES, bins)."""
    product = table_of(work.product, N_SHAPES, share.shape[1])
    s = 0
    for i in range(N_FIRST):
        for j in range(i, N_FIRST):
            for c in range(share.shape[1]):
                product[s, c] = share[i, c] * share[j, c]
            s += 1
    start = bins.below + first
    return convolve(cells, start, bins.per_bin, product, bins.n_bins, work, work.noise)


@compiled
def _compare_slopes(shapes: Floats, total: Floats, noise: Floats, out: Floats) -> None:
    """Add sum_b p_b Cov(l_i, l_j)_b to `out`."""
    for b in range(shapes.shape[1]):
        factor = 1 / (shapes[0, b] * total[0])  # p / T^2
        s = 4
        for i in range(1, 4):
            for j in range(i, 4):
                li, lj = shapes[i, b], shapes[j, b]
                both = noise[s, b] + li * lj * noise[0, b] - li * noise[j, b] - lj * noise[i, b]
                out[s - 4] += factor * both
                s += 1


@compiled
def _respond(
    bins: Bins, first: int, share: Floats, shapes: Floats, total: Floats, response: Floats
) -> None:
    """Fill how the gradient, divided by n, moves with the weight of each cell.

    The last row is filled with the share of each cell in the window, divided by S.
    """
    response[:] = 0
    n_cells = response.shape[1]
    for b in range(bins.n_bins):
        start = bins.below + b * bins.per_bin + first
        low, high = max(0, -start), min(len(share), n_cells - start)
        for i in range(4):
            slope = ((shapes[i + 1, b] - total[i + 1]) if i < 3 else 1.0) / total[0]
            line = response[i, start + low : start + high]
            part = share[low:high]
            for c in range(len(part)):
                line[c] += slope * part[c]


@compiled
def _sum_squares(cells: Floats, response: Floats, out: Floats) -> None:
    """Add sum_f W2_f a_f a_f^T to `out`."""
    tt = tv = tk = vv = vk = kk = 0.0
    for f in range(len(cells)):
        t, v, k = response[0, f], response[1, f], response[2, f]
        wt, wv = cells[f] * t, cells[f] * v
        tt += wt * t
        tv += wt * v
        tk += wt * k
        vv += wv * v
        vk += wv * k
        kk += cells[f] * k * k
    out[0], out[1], out[2], out[3], out[4], out[5] = tt, tv, tk, vv, vk, kk


@compiled
def _normalise_variance(
    bins: Bins, first: int, share: Floats, cells: Floats, t: Floats, inside: Floats, out: Floats
) -> None:
    """Turn V, the relative variance of T, into that of p = T / S, in place.

    It is V - 2 Cov(T, S) / (T S) + V_S; `inside` is the share of cells in the window, divided by S.
    """
    whole = 0.0
    for f in range(len(cells)):
        whole += cells[f] * inside[f] ** 2
    for b in range(bins.n_bins):
        start = bins.below + b * bins.per_bin + first
        both = 0.0
        for c in range(max(0, -start), min(len(share), len(cells) - start)):
            both += cells[start + c] * share[c] * inside[start + c]
        out[b] = max(out[b] - 2 * both / t[b] + whole, 0.0)


@compiled
def table_of(buffer: Floats, n_rows: int, n_columns: int) -> Floats:
    """Return the beginning of a buffer as a table."""
    return buffer[: n_rows * n_columns].reshape(n_rows, n_columns)


@compiled
def tabulate(
    tau: float, variance: float, width: float, per_bin: int, n_orders: int, work: Work
) -> tuple[int, Floats]:
    """Tabulate the share of a cell in a bin and its derivatives in tau.

    Parameters
    ----------
    tau, variance : float
        Of the Gaussian, in x.
    width : float
        Of a cell in x.
    per_bin : int
        Cells in a bin.
    n_orders : int
        Derivatives 0 to n_orders - 1 are wanted, at least 5.

    Returns
    -------
    first : int
        Cells are counted from the lower edge of the bin; the table begins with this one.
    table : float array, shape (n_orders, n_cells)
        Row n holds the n-th derivative.
    """
    spread = math.sqrt(variance)
    first = math.floor((tau - REACH * spread) / width)
    n_edges = math.floor(2 * REACH * spread / width) + 2
    edges = table_of(work.edges, n_orders, n_edges + 2 * per_bin)
    edges[:] = 0
    edges[0, :per_bin] = 1
    at_edges = edges[:, per_bin : per_bin + n_edges]
    _derive_gaussian((tau - (first + 0.5) * width) / spread, width / spread, spread, at_edges)
    last = (tau - (first + n_edges - 0.5) * width) / spread
    at_edges[0, -1] = 0.5 * math.erfc(-last / math.sqrt(2))
    _integrate(at_edges, width)
    n_cells = n_edges + per_bin
    table = table_of(work.table, n_orders, n_cells)
    for n in range(n_orders):
        for i in range(n_cells):
            table[n, i] = edges[n, i] - edges[n, i + per_bin]
    return first, table


@compiled
def _derive_gaussian(start: float, step: float, spread: float, out: Floats) -> None:
    """Fill rows 1, 2 ... with the Gaussian density at start, start - step ... and derivatives.

    `start` and `step` are in units of `spread`, derivatives are not. Row 0 must be finite.
    """
    unit = 1 / spread
    norm = unit / math.sqrt(2 * math.pi)
    for k in range(out.shape[1]):
        out[1, k] = norm * math.exp(-0.5 * (start - k * step) ** 2)
    for n in range(1, out.shape[0] - 1):  # Hermite polynomials by their recurrence
        before, last, new = out[n - 1], out[n], out[n + 1]
        factor = (n - 1) * unit * unit
        for k in range(out.shape[1]):
            new[k] = -(start - k * step) * unit * last[k] - factor * before[k]


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
def convolve(
    cells: Floats, start: int, per_bin: int, table: Floats, n_bins: int, work: Work, out: Floats
) -> Floats:
    """Sum the cells with the weights of a table, for every bin and every row of the table.

    Parameters
    ----------
    cells : float array, shape (n,)
    start : int
        The cell that meets the first column of the table for the first bin.
    per_bin : int
        Cells in a bin.
    table : float array, shape (k, n_columns)
    n_bins : int
    work : Work
    out : float array
        Buffer for the result.

    Returns
    -------
    float array, shape (k, n_bins)
        In `out`.
    """
    n_columns = table.shape[1]
    lines = table_of(work.lines, n_bins, n_columns)
    for b in range(n_bins):
        at = start + b * per_bin
        low, high = max(0, -at), min(n_columns, len(cells) - at)
        lines[b, :low] = 0
        lines[b, max(low, high) :] = 0
        for i in range(low, high):
            lines[b, i] = cells[at + i]
    result = table_of(out, len(table), n_bins)
    np.dot(table, lines.T, result)
    return result


@compiled
def differentiate(orders: Floats, beyond: float, k: float, shapes: Floats) -> None:
    """Combine derivatives of P into the shape and its derivatives by (tau, v, k).

    Parameters
    ----------
    orders : float array, shape (N_ORDERS, m)
        Derivatives P_n in tau at the variance v0 of the Gaussian. First derivatives use 0 to 5,
        second ones to 7; where h is not zero, they use two or one more.
    beyond : float
        h = v - v0, not zero only where P + h/2 P_2 + h^2/8 P_4 + h^3/48 P_6 is used.
    k : float
        Third cumulant.
    shapes : float array, shape (N_FIRST or N_SHAPES, m)
        Filled, in the order of `N_SHAPES`.
    """
    h = beyond
    a, b, c = h / 2, h**2 / 8, h**3 / 48
    for i in range(orders.shape[1]):
        p0, p1, p2, p3 = orders[0, i], orders[1, i], orders[2, i], orders[3, i]
        p4, p5, p6, p7 = orders[4, i], orders[5, i], orders[6, i], orders[7, i]
        shapes[0, i] = p0 + a * p2 + b * p4 + c * p6 - k / 6 * (p3 + a * p5)
        shapes[1, i] = p1 + a * p3 + b * p5 + c * p7 - k / 6 * (p4 + a * p6)
        shapes[2, i] = (p2 + a * p4 + b * p6 - k / 6 * p5) / 2
        shapes[3, i] = -(p3 + a * p5) / 6
    if len(shapes) == N_SHAPES:
        _differentiate_twice(orders, beyond, k, shapes)


@compiled
def _differentiate_twice(orders: Floats, h: float, k: float, shapes: Floats) -> None:
    """Fill the second derivatives, see `differentiate`."""
    a, b, c = h / 2, h**2 / 8, h**3 / 48
    in_v = 0.0 if h != 0 else k / 6
    for i in range(orders.shape[1]):
        p2, p3, p4, p5 = orders[2, i], orders[3, i], orders[4, i], orders[5, i]
        p6, p7, p8 = orders[6, i], orders[7, i], orders[8, i]
        shapes[4, i] = p2 + a * p4 + b * p6 + c * p8 - k / 6 * (p5 + a * p7)
        shapes[5, i] = (p3 + a * p5 + b * p7 - k / 6 * p6) / 2
        shapes[6, i] = -(p4 + a * p6) / 6
        shapes[7, i] = (p4 + a * p6 - in_v * p7) / 4
        shapes[8, i] = -p5 / 12
        shapes[9, i] = 0.0
