"""Compiled kernels: likelihood, weights of bins and scores of pairs.

What they compute is derived in `scalesmear.likelihood` and `scalesmear.equations`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.compiled import compiled, summed
from scalesmear.shape_kernels import (
    LEAST_PROBABILITY,
    add_flows,
    bins_of,
    expect,
    row_sums,
    tabulate_pair,
    work_space,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import IntArray
    from scalesmear.shape_kernels import Layout, PairFlows, Response

    Floats = NDArray[np.float64]

N_TERMS = 10
"""F; its three derivatives by (t, q1, q2); six Fisher elements, row by row from the diagonal."""

N_SCORES = 18
"""Three g_i; nine A_ij, row by row; six B_ij, row by row from the diagonal."""


@compiled
def evaluate_pairs(
    layout: Layout, merge: IntArray, level: IntArray, counts: Floats, shape: Floats,
    response: Response, out: Floats,
) -> None:  # fmt: skip
    """Fill the terms of each pair, see `scalesmear.likelihood.pair_terms`."""
    work = work_space(layout, merge, level, response)
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
    response: Response, out: Floats,
) -> None:  # fmt: skip
    """Fill the weights of the bins of each pair, see `scalesmear.equations.bin_weights`."""
    work = work_space(layout, merge, level, response)
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
    flows: PairFlows, weights: Floats, response: Response, out: Floats,
    flow_out: Floats,
) -> None:  # fmt: skip
    """Fill the scores of each pair and flow, see `scalesmear.equations.pair_scores`."""
    work = work_space(layout, merge, level, response)
    for p in range(len(merge)):
        bins = bins_of(layout, merge[p], level[p])
        table = tabulate_pair(response, p, bins, work)
        shapes = expect(sim[p, : bins.n_cells], table, bins, work)
        add_flows(flows, p, response.drivers, shapes[0])
        total = row_sums(shapes)[0]
        if total > 0:
            _add_scores(counts[p, : bins.n_bins], shapes, weights[p], out[p])
            lever = counts[p].sum() / total
            for e in range(flows.start[p], flows.start[p + 1]):
                if flows.sources[e] >= 0:
                    _weigh_flow(flows.contents[e], shapes[0] / total, weights[p], flow_out[e])
                    flow_out[e] *= lever


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
def _join_groups(shapes: Floats, group: IntArray) -> None:
    """Give the bins of a group the same logarithmic derivatives, in place."""
    n_bins, first = shapes.shape[1], 0
    while first < n_bins:
        end = first + 1
        while end < n_bins and group[end] == group[first]:
            end += 1
        whole = shapes[0, first:end].sum() if end > first + 1 else 0.0
        if whole > 0:
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
    total = row_sums(shapes)
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


@summed
def _add_scores(counts: Floats, shapes: Floats, weights: Floats, out: Floats) -> None:
    """Add g_i, A_ij and B_ij of one pair, see `N_SCORES`.

    g_i = sum (D - n p) s_i, A_ij = n sum s_i (T_j - p S_j) / S and
    B_ij = n [sum p s_i s_j - (sum p s_i) (sum p s_j)].
    """
    n = t = t0 = t1 = t2 = m0 = m1 = m2 = 0.0
    for b in range(len(counts)):
        n += counts[b]
        t += shapes[0, b]
        t0 += shapes[1, b]
        t1 += shapes[2, b]
        t2 += shapes[3, b]
        m0 += shapes[0, b] * weights[0, b]
        m1 += shapes[0, b] * weights[1, b]
        m2 += shapes[0, b] * weights[2, b]
    mean, total = (m0 / t, m1 / t, m2 / t), (t0, t1, t2)
    for i in range(3):
        d = a0 = a1 = a2 = c0 = c1 = c2 = 0.0
        for b in range(len(counts)):
            s = weights[i, b]
            sp = s * shapes[0, b]
            d += counts[b] * s
            a0 += s * shapes[1, b]
            a1 += s * shapes[2, b]
            a2 += s * shapes[3, b]
            c0 += sp * weights[0, b]
            c1 += sp * weights[1, b]
            c2 += sp * weights[2, b]
        a, c = (a0, a1, a2), (c0, c1, c2)
        out[i] += d - n * mean[i]
        at = (12, 14, 15)[i]
        for j in range(3):
            out[3 + 3 * i + j] += n / t * (a[j] - mean[i] * total[j])
            if j >= i:
                out[at + j] += n * (c[j] / t - mean[i] * mean[j])
