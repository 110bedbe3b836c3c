"""Compiled kernels of the fit: expected shapes, their derivatives and noise, and what follows.

What they compute is derived in `scalesmear.template`, `scalesmear.likelihood`,
`scalesmear.equations` and `scalesmear.uncertainty`. They stand in one file because numba keeps a compiled kernel until its own
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

N_ORDERS = 8
"""Derivatives of P that are tabulated: 0 to 7."""

N_SHAPES = 4
"""T and its derivatives by the three parameters of a pair: (tau, v, k), or (t, q1, q2)."""

LEAST_PROBABILITY = 1e-6
"""Smallest p_b where it is divided by; a large reference never comes near."""

N_TERMS = 10
"""F; its three derivatives by (t, q1, q2); six Fisher elements, row by row from the diagonal."""

N_SCORES = 18
"""Three g_i; nine A_ij, row by row; six B_ij, row by row from the diagonal."""


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
    orders: Floats  # and of the share of a cell in a bin, in tau
    parts: Floats  # the same by (tau, v, k)
    share: Floats  # and by (t, q1, q2)
    lines: Floats  # cells that meet the table, bin by bin
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


class ShapeNoise(NamedTuple):
    """Expected shapes of p pairs and the noise of the simulation in them."""

    probability: Floats  # (p, n_bins of the grid)
    variance: Floats  # (p, n_bins of the grid): of the probability, by the simulation
    score_variance: Floats  # (p, 6): of g, by the simulation, divided by n^2


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
def sum_others(
    values: Floats, shift: IntArray, classes: IntArray, sums: Floats, out: Floats
) -> None:
    """Fill each row with the sum of all other rows of its class, moved to its own centre.

    `shift` is the centre of each row in bins; what leaves at one end enters at the other. `sums`
    has a row of zeros for each class.
    """
    n = values.shape[1]
    for p in range(len(values)):
        total = sums[classes[p]]
        for f in range(n):
            total[f] += values[p, (f + shift[p]) % n]
    for p in range(len(values)):
        total = sums[classes[p]]
        for f in range(n):
            out[p, f] = total[(f - shift[p]) % n] - values[p, f]


@compiled
def evaluate_pairs(
    layout: Layout, merge: IntArray, level: IntArray, counts: Floats, shape: Floats,
    response: Response, capacity: int, out: Floats,
) -> None:  # fmt: skip
    """Fill the terms of each pair, see `scalesmear.likelihood.pair_terms`."""
    work = work_space(layout, capacity)
    for p in range(len(merge)):
        bins = bins_of(layout, merge[p], level[p])
        table = tabulate_pair(response, p, bins, work)
        shapes = expect(shape[p, : bins.n_cells], table, bins, work)
        total = normalise(shapes)
        if total[0] > 0:
            _add_multinomial(counts[p, : bins.n_bins], shapes, total, out[p])
        else:
            out[p, 0] = np.inf


@compiled
def weigh_pairs(
    layout: Layout, merge: IntArray, level: IntArray, reference: Floats, group: IntArray,
    response: Response, capacity: int, out: Floats,
) -> None:  # fmt: skip
    """Fill the weights of the bins of each pair, see `scalesmear.equations.bin_weights`."""
    work = work_space(layout, capacity)
    for p in range(len(merge)):
        bins = bins_of(layout, merge[p], level[p])
        table = tabulate_pair(response, p, bins, work)
        shapes = expect(reference[p, : bins.n_cells], table, bins, work)
        _join_groups(shapes, group[p])
        total = normalise(shapes)
        for i in range(3):
            for b in range(bins.n_bins if total[0] > 0 else 0):
                out[p, i, b] = shapes[i + 1, b] - total[i + 1]


@compiled
def compare_pairs(
    layout: Layout, merge: IntArray, level: IntArray, counts: Floats, sim: Floats,
    flows: PairFlows, weights: Floats, response: Response, capacity: int, out: Floats,
    flow_out: Floats,
) -> None:  # fmt: skip
    """Fill the scores of each pair and flow, see `scalesmear.equations.pair_scores`."""
    work = work_space(layout, capacity)
    for p in range(len(merge)):
        bins = bins_of(layout, merge[p], level[p])
        table = tabulate_pair(response, p, bins, work)
        shapes = expect(sim[p, : bins.n_cells], table, bins, work)
        _migrate(flows, p, response.drivers, shapes[0])
        total = _sums(shapes)[0]
        if total > 0:
            _add_scores(counts[p, : bins.n_bins], shapes / total, weights[p], out[p])
            lever = counts[p].sum() / total
            for e in range(flows.start[p], flows.start[p + 1]):
                if flows.sources[e] >= 0:
                    _weigh_flow(flows.contents[e], shapes[0] / total, weights[p], flow_out[e])
                    flow_out[e] *= lever


@compiled
def propagate_pairs(
    layout: Layout, merge: IntArray, level: IntArray, sim: Floats, sim_variance: Floats,
    flows: PairFlows, weights: Floats, response: Response, capacity: int, out: ShapeNoise,
) -> None:  # fmt: skip
    """Fill `out` for each pair; see `scalesmear.uncertainty.shape_noise`."""
    work = work_space(layout, capacity)
    lever = np.empty((4, sim.shape[1]))
    for p in range(len(merge)):
        bins = bins_of(layout, merge[p], level[p])
        table = tabulate_pair(response, p, bins, work)
        shapes = expect(sim[p, : bins.n_cells], table, bins, work)
        _migrate(flows, p, response.drivers, shapes[0])
        total = shapes[0].sum()
        if not total > 0:
            continue
        probability = shapes[0] / total
        out.probability[p, : bins.n_bins] = probability
        share = table.share[0]
        cells = sim_variance[p, : bins.n_cells]
        _lever(bins, table.first, share, probability, weights[p], lever[:, : bins.n_cells])
        _sum_squares(cells, lever, out.score_variance[p])
        out.score_variance[p] /= total**2
        _vary(bins, table.first, share, cells, probability, lever[3], out.variance[p])
        weight = cells.sum() / sim[p, : bins.n_cells].sum()
        out.variance[p] += _variance_of_flows(flows, p, response.drivers, weight)
        out.variance[p] /= total**2


@compiled
def judge_pairs(
    layout: Layout, merge: IntArray, level: IntArray, counts: Floats, sim: Floats,
    sim_variance: Floats, flows: PairFlows, response: Response, capacity: int, out: Floats,
) -> None:  # fmt: skip
    """Fill chi2 of each pair, see `scalesmear.goodness`; 0 without data or simulation."""
    work = work_space(layout, capacity)
    for p in range(len(merge)):
        bins = bins_of(layout, merge[p], level[p])
        table = tabulate_pair(response, p, bins, work)
        shapes = expect(sim[p, : bins.n_cells], table, bins, work)
        _migrate(flows, p, response.drivers, shapes[0])
        total, n = shapes[0].sum(), counts[p, : bins.n_bins].sum()
        if not (total > 0 and n > 0):
            continue
        probability = shapes[0] / total
        data, expected = counts[p, : bins.n_bins], n * probability
        cells = sim_variance[p, : bins.n_cells]
        covariance = _covary(bins, table.first, table.share[0], cells)
        weight = cells.sum() / sim[p, : bins.n_cells].sum()
        by_flows = _variance_of_flows(flows, p, response.drivers, weight)
        for b in range(bins.n_bins):
            covariance[b, b] += by_flows[b]
        _normalise_covariance(covariance, n / total, probability)
        _add_data(covariance, data, expected)
        rest = data - expected
        out[p] = rest @ np.linalg.solve(covariance, rest)


@compiled
def _covary(bins: Bins, first: int, share: Floats, cells: Floats) -> Floats:
    """Return the covariance of T by the simulation; `cells` are sums of squared weights."""
    out = np.zeros((bins.n_bins, bins.n_bins))
    for b in range(bins.n_bins):
        start = bins.below + b * bins.per_bin + first
        last = min(bins.n_bins - 1, b + (len(share) - 1) // bins.per_bin)
        for c in range(b, last + 1):
            shift = (c - b) * bins.per_bin  # the share in bin c begins so much later
            total = 0.0
            for i in range(max(shift, -start), min(len(share), len(cells) - start)):
                total += cells[start + i] * share[i] * share[i - shift]
            out[b, c] = out[c, b] = total
    return out


@compiled
def _normalise_covariance(covariance: Floats, factor: float, p: Floats) -> None:
    """Turn the covariance of T into that of n p, in place: n^2 / S^2 (1 - p 1') Cov(T) (1 - 1 p').

    `factor` is n / S.
    """
    rows = covariance.sum(axis=1)
    whole = rows.sum()
    for b in range(len(p)):
        for c in range(len(p)):
            noise = covariance[b, c] - p[b] * rows[c] - p[c] * rows[b] + p[b] * p[c] * whole
            covariance[b, c] = factor * factor * noise


@compiled
def _add_data(covariance: Floats, data: Floats, expected: Floats) -> None:
    """Make the covariance of D - n p from that of n p, in place.

    D is multinomial. Variances follow the mean of D and n p, weighted with their inverse
    variances, because that does not fluctuate with their difference: with variances by one of them,
    chi2 of few events is too large. The sum of D - n p is always 0; a constant, which no such
    vector feels, makes the matrix regular.
    """
    n = data.sum()
    pooled = np.empty(len(data))
    for b in range(len(data)):
        of_data, of_sim = max(expected[b], n * LEAST_PROBABILITY), covariance[b, b]
        pooled[b] = (data[b] * of_sim + expected[b] * of_data) / (of_data + of_sim)
        pooled[b] = max(pooled[b], n * LEAST_PROBABILITY)
    change = np.sqrt(pooled / np.maximum(expected, n * LEAST_PROBABILITY))
    for b in range(len(data)):
        for c in range(len(data)):
            covariance[b, c] *= change[b] * change[c]
            covariance[b, c] += n - pooled[b] * pooled[c] / n
        covariance[b, b] += pooled[b]


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
def tabulate_pair(response: Response, pair: int, bins: Bins, work: Work) -> Table:
    """Return the share of cells in a bin, and its derivatives by (t, q1, q2), of one pair."""
    moments, slopes = response.moments[pair], response.slopes[pair]
    first, n_cells = _range_of(moments, bins)
    share = table_of(work.share, N_SHAPES, n_cells)
    share[:] = 0
    for c in range(len(moments)):
        at, part = _tabulate_component(moments[c], bins, work)
        place = share[:, at - first : at - first + part.shape[1]]
        _add_component(response.share[c], slopes[c], part, place)
    return Table(first, share)


@compiled
def _range_of(moments: Floats, bins: Bins) -> tuple[int, int]:
    """Return the first cell that any component reaches, and how many there are."""
    first, end = 1 << 30, -(1 << 30)
    for c in range(len(moments)):
        variance = max(moments[c, 1], least_variance(bins.width)) - bins.deposited
        low, n_edges = reach(moments[c, 0], variance, bins.width)
        first, end = min(first, low), max(end, low + n_edges + bins.per_bin)
    return first, end - first


@compiled
def _tabulate_component(moments: Floats, bins: Bins, work: Work) -> tuple[int, Floats]:
    """Return the first cell and the share of cells, with derivatives by (tau, v, k)."""
    tau, v, k = moments
    reference = max(v, least_variance(bins.width))
    n_orders = 6 if v >= reference else N_ORDERS
    variance = reference - bins.deposited
    first, orders = tabulate(tau, variance, bins.width, bins.per_bin, n_orders, work)
    parts = table_of(work.parts, N_SHAPES, orders.shape[1])
    differentiate(orders, v - reference, k, parts)
    return first, parts


@compiled
def _add_component(weight: float, slopes: Floats, part: Floats, share: Floats) -> None:
    """Add the share of cells of one component; derivatives by the chain rule."""
    for i in range(part.shape[1]):
        share[0, i] += weight * part[0, i]
    for j in range(3):
        a, b, c = weight * slopes[0, j], weight * slopes[1, j], weight * slopes[2, j]
        for i in range(part.shape[1]):
            share[j + 1, i] += a * part[1, i] + b * part[2, i] + c * part[3, i]


@compiled
def expect(cells: Floats, table: Table, bins: Bins, work: Work) -> Floats:
    """Return T and its derivatives by (t, q1, q2), shape (N_SHAPES, bins)."""
    start = bins.below + table.first
    return convolve(cells, start, bins.per_bin, table.share, bins.n_bins, work)


@compiled
def _migrate(flows: PairFlows, pair: int, drivers: Floats, shape: Floats) -> None:
    """Add what migrates into one pair to its T."""
    for e in range(flows.start[pair], flows.start[pair + 1]):
        factor = drivers[flows.sources[e]]
        for b in range(len(shape)):
            shape[b] += factor * flows.contents[e, b]


@compiled
def _weigh_flow(contents: Floats, probability: Floats, weights: Floats, out: Floats) -> None:
    """Fill sum s_i (C_b - p_b sum C): how g, divided by -n / S, moves with a flow C."""
    whole = 0.0
    for b in range(len(probability)):
        whole += contents[b]
    for i in range(3):
        out[i] = 0.0
        for b in range(len(probability)):
            out[i] += weights[i, b] * (contents[b] - probability[b] * whole)


@compiled
def _sums(shapes: Floats) -> Floats:
    """Return S and its derivatives."""
    total = np.zeros(len(shapes))
    for s in range(len(shapes)):
        for b in range(shapes.shape[1]):
            total[s] += shapes[s, b]
    return total


@compiled
def _join_groups(shapes: Floats, group: IntArray) -> None:
    """Give the bins of a group the same logarithmic derivatives, in place."""
    n_bins, first = shapes.shape[1], 0
    while first < n_bins:
        end = first + 1
        while end < n_bins and group[end] == group[first]:
            end += 1
        whole = shapes[0, first:end].sum()
        if end > first + 1 and whole > 0:
            for i in range(1, len(shapes)):
                slope = shapes[i, first:end].sum() / whole
                for b in range(first, end):
                    shapes[i, b] = slope * shapes[0, b]
        first = end


@compiled
def normalise(shapes: Floats) -> Floats:
    """Divide derivatives of T by T, in place; return S, then its derivatives divided by S.

    T is kept above its least value.
    """
    total = _sums(shapes)
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
def _add_multinomial(counts: Floats, shapes: Floats, total: Floats, out: Floats) -> None:
    """Add - sum D ln p, its gradient and Fisher elements.

    With l_i = T_i / T and L_i = S_i / S: g_i = -sum D (l_i - L_i) and
    I_ij = n sum p (l_i - L_i) (l_j - L_j).
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
                s += 1


@compiled
def _add_scores(counts: Floats, shapes: Floats, weights: Floats, out: Floats) -> None:
    """Add g_i, A_ij and B_ij, see `N_SCORES`; `shapes` are divided by S.

    g_i = sum (D - n p) s_i, A_ij = n sum s_i (T_j - p S_j) / S and
    B_ij = n [sum p s_i s_j - (sum p s_i) (sum p s_j)].
    """
    n, total = counts.sum(), _sums(shapes)
    mean = np.zeros(3)
    for b in range(len(counts)):
        p = shapes[0, b]
        at = 12
        for i in range(3):
            s = weights[i, b]
            mean[i] += p * s
            out[i] += (counts[b] - n * p) * s
            for j in range(3):
                out[3 + 3 * i + j] += n * s * (shapes[j + 1, b] - p * total[j + 1])
            for j in range(i, 3):
                out[at] += n * p * s * weights[j, b]
                at += 1
    at = 12
    for i in range(3):
        for j in range(i, 3):
            out[at] -= n * mean[i] * mean[j]
            at += 1


@compiled
def _lever(
    bins: Bins, first: int, share: Floats, probability: Floats, weights: Floats, lever: Floats
) -> None:
    """Fill how g, divided by -n / S, moves with the weight of each cell.

    The last row is filled with the share of each cell in the window.
    """
    lever[:] = 0
    n_cells = lever.shape[1]
    for i in range(4):
        mean = 0.0
        for b in range(bins.n_bins if i < 3 else 0):
            mean += probability[b] * weights[i, b]
        for b in range(bins.n_bins):
            slope = weights[i, b] - mean if i < 3 else 1.0
            start = bins.below + b * bins.per_bin + first
            low, high = max(0, -start), min(len(share), n_cells - start)
            line = lever[i, start + low : start + high]
            part = share[low:high]
            for c in range(len(part)):
                line[c] += slope * part[c]


@compiled
def _sum_squares(cells: Floats, lever: Floats, out: Floats) -> None:
    """Fill `out` with sum_f W2_f a_f a_f^T."""
    aa = ab = ac = bb = bc = cc = 0.0
    for f in range(len(cells)):
        a, b, c = lever[0, f], lever[1, f], lever[2, f]
        wa, wb = cells[f] * a, cells[f] * b
        aa += wa * a
        ab += wa * b
        ac += wa * c
        bb += wb * b
        bc += wb * c
        cc += cells[f] * c * c
    out[0], out[1], out[2], out[3], out[4], out[5] = aa, ab, ac, bb, bc, cc


@compiled
def _vary(
    bins: Bins, first: int, share: Floats, cells: Floats, probability: Floats, inside: Floats,
    out: Floats,
) -> None:  # fmt: skip
    """Fill S^2 Var(p) = Var(T) - 2 p Cov(T, S) + p^2 Var(S); `cells` are sums of squared weights.

    `inside` is the share of each cell in the window. The deposit of events in cells makes the
    variance too large by at most v(deposit) / 2 v, 3 % for cells half a spread wide.
    """
    whole = 0.0
    for f in range(len(cells)):
        whole += cells[f] * inside[f] ** 2
    for b in range(bins.n_bins):
        start = bins.below + b * bins.per_bin + first
        alone = both = 0.0
        for c in range(max(0, -start), min(len(share), len(cells) - start)):
            part = cells[start + c] * share[c]
            alone += part * share[c]
            both += part * inside[start + c]
        p = probability[b]
        out[b] = max(alone - 2 * p * both + p * p * whole, 0.0)


@compiled
def _variance_of_flows(flows: PairFlows, pair: int, drivers: Floats, weight: float) -> Floats:
    """Return the variance of what migrates, as if it were events of the mean `weight`."""
    moved = np.zeros(flows.contents.shape[1])
    _migrate(flows, pair, drivers, moved)
    return weight * np.abs(moved)


@compiled
def table_of(buffer: Floats, n_rows: int, n_columns: int) -> Floats:
    """Return the beginning of a buffer as a table."""
    return buffer[: n_rows * n_columns].reshape(n_rows, n_columns)


@compiled
def reach(tau: float, variance: float, width: float) -> tuple[int, int]:
    """Return the first cell that a Gaussian reaches from an edge, and the number of cells."""
    spread = math.sqrt(variance)
    first = math.floor((tau - REACH * spread) / width)
    return first, math.floor(2 * REACH * spread / width) + 2


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
    first, n_edges = reach(tau, variance, width)
    edges = table_of(work.edges, n_orders, n_edges + 2 * per_bin)
    edges[:] = 0
    edges[0, :per_bin] = 1
    at_edges = edges[:, per_bin : per_bin + n_edges]
    _derive_gaussian((tau - (first + 0.5) * width) / spread, width / spread, spread, at_edges)
    last = (tau - (first + n_edges - 0.5) * width) / spread
    at_edges[0, -1] = 0.5 * math.erfc(-last / math.sqrt(2))
    _integrate(at_edges, width)
    n_cells = n_edges + per_bin
    table = table_of(work.orders, n_orders, n_cells)
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
    cells: Floats, start: int, per_bin: int, table: Floats, n_bins: int, work: Work
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

    Returns
    -------
    float array, shape (k, n_bins)
        In a buffer of `work`.
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
    result = table_of(work.shapes, len(table), n_bins)
    np.dot(table, lines.T, result)
    return result


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
    h = beyond
    a, b, c = h / 2, h**2 / 8, h**3 / 48
    for i in range(orders.shape[1]):
        p0, p1, p2, p3 = orders[0, i], orders[1, i], orders[2, i], orders[3, i]
        p4, p5, p6, p7 = orders[4, i], orders[5, i], orders[6, i], orders[7, i]
        shapes[0, i] = p0 + a * p2 + b * p4 + c * p6 - k / 6 * (p3 + a * p5)
        shapes[1, i] = p1 + a * p3 + b * p5 + c * p7 - k / 6 * (p4 + a * p6)
        shapes[2, i] = (p2 + a * p4 + b * p6 - k / 6 * p5) / 2
        shapes[3, i] = -(p3 + a * p5) / 6
