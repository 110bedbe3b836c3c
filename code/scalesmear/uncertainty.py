r"""Errors of a fit that come from the data and from the finite simulation, and the shapes behind them.

The Fisher matrix I of a noisy template is too large, because the noise of T looks like information:
E[I] = A + I_noise with

    I_noise,ij = n sum_b p_b Cov(l_i, l_j)_b,   l_i = T_i / T,
    Cov(l_i, l_j) = sum_f W2_f (K_i - l_i K) (K_j - l_j K) / T^2.

The gradient moves with the weight of a cell f by a_f,i = n / S sum_b (l_i - L_i) K_bf, so that the simulation
adds V = sum_f W2_f a_f a_f^T to its variance, and the covariance of the parameters is

    A^-1 (A + V) A^-1 = A^-1 (data) + A^-1 V A^-1 (simulation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.compiled import compiled
from scalesmear.likelihood import bins_of, expect, share_cells, table_capacity, work_space
from scalesmear.template import convolve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import BoolArray, IntArray
    from scalesmear.likelihood import Bins, ScaleSmearingMap, Work
    from scalesmear.template import Layout, Templates

    Floats = NDArray[np.float64]

LEAST_INFORMATION = 0.05
"""Smallest ratio of A to the Fisher matrix in any direction; below, errors are not trusted."""


class ShapeNoise(NamedTuple):
    """Expected shapes of p pairs and the noise of the simulation in them.

    Packed symmetric matrices by (tau, v, k) hold tt, tv, tk, vv, vk, kk.
    """

    probability: Floats  # (p, n_bins of the grid)
    relative_variance: Floats  # (p, n_bins of the grid): V_b
    noise_information: Floats  # (p, 6): I_noise / n
    score_variance: Floats  # (p, 6): V / n^2


class Covariance(NamedTuple):
    """Covariance matrices of n parameters, zero where a parameter is not free."""

    data: Floats
    sim: Floats
    least_information: float  # see LEAST_INFORMATION

    @property
    def total(self) -> Floats:
        """Sum of both parts."""
        return self.data + self.sim


def shape_noise(templates: Templates, effective: Floats) -> ShapeNoise:
    """Return expected shapes for effective parameters of shape (p, 3), and their noise."""
    t = templates
    out = ShapeNoise(
        np.zeros(t.counts.shape),
        np.zeros(t.counts.shape),
        np.zeros((len(t.pairs), 6)),
        np.zeros((len(t.pairs), 6)),
    )
    _propagate_pairs(
        t.layout, t.merge, t.level, t.sim, t.sim_variance, effective,
        table_capacity(t, effective), out,
    )  # fmt: skip
    return out


def covariance(
    fisher: Floats,
    mapping: ScaleSmearingMap,
    parameters: Floats,
    noise: ShapeNoise,
    n_data: Floats,
    free: BoolArray,
) -> Covariance:
    """Return the covariance of the free parameters.

    Parameters
    ----------
    fisher : float array, shape (n, n)
        I, of the noisy templates.
    n_data : float array, shape (p,)
        Data of each pair.
    """
    jacobian = mapping.jacobian(parameters)
    spurious = mapping.matrix(n_data[:, None] * noise.noise_information, jacobian)
    score = mapping.matrix(n_data[:, None] ** 2 * noise.score_variance, jacobian)
    block = np.ix_(free, free)
    inverse, least = _invert_information(fisher[block], spurious[block])
    data, sim = np.zeros_like(fisher), np.zeros_like(fisher)
    data[block] = inverse
    sim[block] = inverse @ score[block] @ inverse
    return Covariance(data, sim, least)


def _invert_information(fisher: Floats, spurious: Floats) -> tuple[Floats, float]:
    """Invert A = I - I_noise, which is kept above LEAST_INFORMATION of I in any direction."""
    if not len(fisher):
        return fisher, 1.0
    unit = 1 / np.sqrt(np.diag(fisher))
    root = np.linalg.cholesky(fisher * np.outer(unit, unit))
    whitened = np.linalg.solve(root, np.linalg.solve(root, spurious * np.outer(unit, unit)).T)
    ratio, vectors = np.linalg.eigh(np.eye(len(fisher)) - (whitened + whitened.T) / 2)
    directions = np.linalg.solve(root.T, vectors) * unit[:, None]
    inverse = (directions / np.maximum(ratio, LEAST_INFORMATION)) @ directions.T
    return inverse, float(ratio[0])


@compiled
def _propagate_pairs(
    layout: Layout, merge: IntArray, level: IntArray, sim: Floats, sim_variance: Floats,
    effective: Floats, capacity: int, out: ShapeNoise,
) -> None:  # fmt: skip
    """Fill `out` for each pair; see `shape_noise`."""
    work = work_space(layout, capacity)
    response = np.empty((3, sim.shape[1]))
    for p in range(len(merge)):
        bins = bins_of(layout, merge[p], level[p])
        n_cells = bins.n_rows * bins.per_bin
        expect(effective[p], bins, sim[p, :n_cells], work)
        if not work.total[0] > 0:
            continue
        cells = sim_variance[p, :n_cells]
        first, n_table = share_cells(effective[p], bins, work)
        _compare_slopes(cells, bins, first, n_table, work, out.noise_information[p])
        for b in range(bins.n_bins):
            out.probability[p, b] = work.shapes[0, b] / work.total[0]
            out.relative_variance[p, b] = work.noise[0, b]
        _respond(bins, first, n_table, work, response[:, :n_cells])
        _sum_squares(cells, bins, response[:, :n_cells], out.score_variance[p])


@compiled
def _compare_slopes(
    cells: Floats, bins: Bins, first: int, n_table: int, work: Work, information: Floats
) -> None:
    """Fill V in `work.noise[0]` and add sum_b p_b Cov(l_i, l_j)_b to `information`."""
    share, product = work.share[:, :n_table], work.product[:, :n_table]
    s = 0
    for i in range(4):
        for j in range(i, 4):
            product[s] = share[i] * share[j]
            s += 1
    noise = work.noise[:, : bins.n_bins]
    convolve(cells, bins.n_rows, bins.first_row, first, product, noise)
    for b in range(bins.n_bins):
        height = work.shapes[0, b]
        noise[:, b] /= height**2
        s = 4
        for i in range(1, 4):
            for j in range(i, 4):
                li, lj = work.shapes[i, b], work.shapes[j, b]
                both = li * lj * noise[0, b] - li * noise[j, b] - lj * noise[i, b]
                information[s - 4] += height / work.total[0] * (noise[s, b] + both)
                s += 1


@compiled
def _respond(bins: Bins, first: int, n_table: int, work: Work, response: Floats) -> None:
    """Fill how the gradient, divided by n, moves with the weight of each cell."""
    response[:] = 0
    n_cells = response.shape[1]
    for b in range(bins.n_bins):
        start = (bins.first_row + b) * bins.per_bin + first
        low, high = max(0, -start), min(n_table, n_cells - start)
        for i in range(3):
            slope = (work.shapes[i + 1, b] - work.total[i + 1]) / work.total[0]
            for c in range(low, high):
                response[i, start + c] += slope * work.share[0, c]


@compiled
def _sum_squares(cells: Floats, bins: Bins, response: Floats, out: Floats) -> None:
    """Add sum_f W2_f a_f a_f^T to `out`; `cells` are grouped by position in the bin."""
    for f in range(response.shape[1]):
        w2 = cells[(f % bins.per_bin) * bins.n_rows + f // bins.per_bin]
        s = 0
        for i in range(3):
            for j in range(i, 3):
                out[s] += w2 * response[i, f] * response[j, f]
                s += 1
