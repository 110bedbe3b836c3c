"""Compiled kernels: the noise of the simulation in expected shapes, and what data say with it.

What they compute is derived in `scalesmear.uncertainty` and `scalesmear.goodness`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.compiled import compiled, summed
from scalesmear.shape_kernels import (
    LEAST_PROBABILITY,
    add_flows,
    bins_of,
    cells_met,
    expect_shape,
    gather,
    tabulate_pair,
    work_space,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import IntArray
    from scalesmear.shape_kernels import Bins, Layout, PairFlows, Response

    Floats = NDArray[np.float64]


class ShapeNoise(NamedTuple):
    """Expected shapes of p pairs and the noise of the simulation in them."""

    probability: Floats  # (p, n_bins of the grid)
    variance: Floats  # (p, n_bins of the grid): of the probability, by the simulation
    score_variance: Floats  # (p, 6): of g, by the simulation, divided by n^2


@compiled
def propagate_pairs(
    layout: Layout, merge: IntArray, level: IntArray, sim: Floats, sim_variance: Floats,
    flows: PairFlows, weights: Floats, response: Response, out: ShapeNoise,
) -> None:  # fmt: skip
    """Fill `out` for each pair; see `scalesmear.uncertainty.shape_noise`."""
    work = work_space(layout, merge, level, response)
    lever, product = np.empty((4, len(work.met))), np.empty(len(work.share))
    for p in range(len(merge)):
        bins = bins_of(layout, merge[p], level[p])
        table = tabulate_pair(response, p, bins, work)
        shape = expect_shape(sim[p, : bins.n_cells], table, bins, work)
        add_flows(flows, p, response.drivers, shape)
        total = shape.sum()
        if not total > 0:
            continue
        probability = shape / total
        out.probability[p, : bins.n_bins] = probability
        share = table.share[0]
        cells = cells_met(sim_variance[p, : bins.n_cells], table, bins, work)
        _lever(share, probability, weights[p], bins.per_bin, lever)
        _sum_squares(cells, lever, out.score_variance[p])
        out.score_variance[p] /= total**2
        _vary(cells, share, probability, lever[3], bins.per_bin, product, out.variance[p])
        weight = sim_variance[p, : bins.n_cells].sum() / sim[p, : bins.n_cells].sum()
        out.variance[p] += _variance_of_flows(flows, p, response.drivers, weight)
        out.variance[p] /= total**2


@compiled
def judge_pairs(
    layout: Layout, merge: IntArray, level: IntArray, counts: Floats, sim: Floats,
    sim_variance: Floats, flows: PairFlows, response: Response, rows: IntArray, out: Floats,
) -> None:  # fmt: skip
    """Fill chi2 of some pairs, see `scalesmear.goodness`; 0 without data or simulation."""
    work = work_space(layout, merge, level, response)
    product = np.empty(len(work.share))
    for p in rows:
        bins = bins_of(layout, merge[p], level[p])
        table = tabulate_pair(response, p, bins, work)
        shape = expect_shape(sim[p, : bins.n_cells], table, bins, work)
        add_flows(flows, p, response.drivers, shape)
        total, n = shape.sum(), counts[p, : bins.n_bins].sum()
        if not (total > 0 and n > 0):
            continue
        probability = shape / total
        data, expected = counts[p, : bins.n_bins], n * probability
        cells = cells_met(sim_variance[p, : bins.n_cells], table, bins, work)
        covariance = _covary(cells, table.share[0], bins, product)
        weight = sim_variance[p, : bins.n_cells].sum() / sim[p, : bins.n_cells].sum()
        by_flows = _variance_of_flows(flows, p, response.drivers, weight)
        for b in range(bins.n_bins):
            covariance[b, b] += by_flows[b]
        _normalise_covariance(covariance, n / total, probability)
        _add_data(covariance, data, expected)
        out[p] = _squared_length(data - expected, covariance)


@compiled
def _lever(
    share: Floats, probability: Floats, weights: Floats, per_bin: int, lever: Floats
) -> None:
    """Fill how g, divided by -n / S, moves with the weight of each cell that meets a bin.

    The last row is filled with the share of each cell in the window.
    """
    lever[:] = 0
    for i in range(4):
        mean = 0.0
        for b in range(len(probability) if i < 3 else 0):
            mean += probability[b] * weights[i, b]
        row = lever[i]
        for b in range(len(probability)):
            slope = weights[i, b] - mean if i < 3 else 1.0
            line = row[b * per_bin : b * per_bin + len(share)]
            for c in range(len(share)):
                line[c] += slope * share[c]


@summed
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
    cells: Floats, share: Floats, probability: Floats, inside: Floats, per_bin: int,
    product: Floats, out: Floats,
) -> None:  # fmt: skip
    """Fill S^2 Var(p) = Var(T) - 2 p Cov(T, S) + p^2 Var(S); `cells` are sums of squared weights.

    `inside` is the share of each cell in the window; it is used up. The deposit of events in cells
    makes the variance too large by at most v(deposit) / 2 v, 3 % for cells half a spread wide.
    """
    n_bins, whole, squares = len(probability), 0.0, product[: len(share)]
    for i in range(len(share)):
        squares[i] = share[i] * share[i]
    for f in range(len(cells)):
        whole += cells[f] * inside[f] ** 2
        inside[f] *= cells[f]
    alone, both = np.empty(n_bins), np.empty(n_bins)
    gather(cells, squares, per_bin, alone)
    gather(inside, share, per_bin, both)
    for b in range(n_bins):
        p = probability[b]
        out[b] = max(alone[b] - 2 * p * both[b] + p * p * whole, 0.0)


@compiled
def _variance_of_flows(flows: PairFlows, pair: int, drivers: Floats, weight: float) -> Floats:
    """Return the variance of what migrates, as if it were events of the mean `weight`."""
    moved = np.zeros(flows.contents.shape[1])
    add_flows(flows, pair, drivers, moved)
    return weight * np.abs(moved)


@compiled
def _covary(cells: Floats, share: Floats, bins: Bins, product: Floats) -> Floats:
    """Return the covariance of T by the simulation; `cells` are sums of squared weights."""
    out = np.zeros((bins.n_bins, bins.n_bins))
    for distance in range(min(bins.n_bins, (len(share) - 1) // bins.per_bin + 1)):
        shift = distance * bins.per_bin  # the share in the other bin begins so much later
        both = product[: len(share) - shift]
        for i in range(len(both)):
            both[i] = share[shift + i] * share[i]
        line = np.empty(bins.n_bins - distance)
        gather(cells[shift:], both, bins.per_bin, line)
        for b in range(len(line)):
            out[b, b + distance] = out[b + distance, b] = line[b]
    return out


@compiled
def _squared_length(vector: Floats, matrix: Floats) -> float:
    """Return x' C^-1 x by elimination; both arguments are used up. C is positive definite."""
    total = 0.0
    for j in range(len(vector)):
        pivot = matrix[j, j]
        total += vector[j] * vector[j] / pivot
        for i in range(j + 1, len(vector)):
            factor = matrix[j, i] / pivot
            vector[i] -= factor * vector[j]
            for k in range(i, len(vector)):
                matrix[i, k] -= factor * matrix[j, k]
    return total


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
