r"""Likelihood of scales and smearings, exact derivatives included.

Data are never moved. In each pair the counts D_b of data in fixed bins are multinomial with
probabilities p_b = T_b / S, S = sum_b T_b, where T is the smeared and shifted simulation
(`scalesmear.template`). The simulation is itself a sample, T_b fluctuates by the relative variance
V_b = sum_f W2_f K_bf^2 / T_b^2, and E[ln T_b] is low by V_b / 2 to first order. So the function that a fit
makes smallest is

    F = - sum_pairs sum_b D_b [ln p_b + ln(1 + V_b) / 2].

Without the second term a fit prefers more smearing than there is, because smearing averages the
noise of the simulation away.

Per pair, F depends on three effective parameters e = (tau, v, k) only. A compiled kernel returns F,
its gradient and second derivatives in those; `ScaleSmearingMap` knows how they depend on the parameters of
the fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.compiled import compiled
from scalesmear.histogram import FINE_PER_BIN, pair_categories
from scalesmear.solver import Evaluation
from scalesmear.template import (
    N_ORDERS,
    N_SHAPES,
    REACH,
    Templates,
    convolve,
    deposit_variance,
    differentiate,
    least_variance,
    tabulate,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import IntArray
    from scalesmear.template import Layout

    Floats = NDArray[np.float64]

LEAST_PROBABILITY = 1e-6
"""Smallest p_b; reached only where negative weights or an empty simulation leave nothing."""

N_TERMS = 16
"""F; F_t, F_v, F_k; six Fisher elements; six second derivatives (tt, tv, tk, vv, vk, kk)."""

PACKED = np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])
"""Where the element (i, j) of a symmetric matrix in (tau, v, k) is stored."""


class Work(NamedTuple):
    """Arrays that a kernel reuses from pair to pair."""

    edges: Floats  # (N_ORDERS, capacity)
    table: Floats  # (N_ORDERS, capacity), see `tabulate`
    share: Floats  # (N_SHAPES, capacity), the table by (tau, v, k)
    product: Floats  # (N_SHAPES, capacity), its square and derivatives of that
    orders: Floats  # (N_ORDERS, bins)
    shapes: Floats  # (N_SHAPES, bins): T, then derivatives divided by T
    noise: Floats  # (N_SHAPES, bins): V and derivatives
    total: Floats  # (N_SHAPES,): S, then its derivatives divided by S


class Bins(NamedTuple):
    """How the cells of one pair make its bins."""

    width: float  # of a cell in x
    per_bin: int  # cells in a bin
    n_bins: int
    n_rows: int  # bins' worth of cells, in the window and outside
    first_row: int  # of the window
    deposited: float  # variance that is in the positions of the cells


@dataclass(frozen=True)
class ScaleSmearingMap:
    """Effective parameters of pairs as functions of ln(scale) and smearing^2.

    The parameter vector is (u_0 ... u_(n-1), q_0 ... q_(m-1)) with u = ln(scale), q = smearing^2.

    Attributes
    ----------
    index : int array, shape (p, 4)
        The parameters of each pair: scale and scale, smearing and smearing of its electrons.
    n_scales, n_smearings : int
    """

    index: IntArray
    n_scales: int
    n_smearings: int

    @classmethod
    def of_pairs(cls, pairs: IntArray, smearing_of: IntArray) -> ScaleSmearingMap:
        """Describe pairs whose scale category i has the smearing `smearing_of[i]`."""
        legs = pair_categories(pairs)
        index = np.concatenate([legs, len(smearing_of) + smearing_of[legs]], axis=1)
        return cls(index.astype(np.int64), len(smearing_of), int(smearing_of.max()) + 1)

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.n_scales + self.n_smearings

    def effective(self, parameters: Floats) -> Floats:
        """Return (tau, v, k) of each pair, shape (p, 3); formulas in `scalesmear.template`."""
        local = parameters[self.index]
        sum_u, q = local[:, :2].sum(axis=1), local[:, 2:]
        sum_q, sum_q2 = q.sum(axis=1), (q * q).sum(axis=1)
        tau = sum_u / 2 + sum_q / 4 + 3 / 8 * sum_q2
        return np.stack([tau, sum_q / 4 + 5 / 8 * sum_q2, -3 / 8 * sum_q2], axis=1)

    def jacobian(self, parameters: Floats) -> Floats:
        """Return the derivatives of (tau, v, k) by the four parameters, shape (p, 3, 4)."""
        q = parameters[self.index[:, 2:]]
        out = np.zeros((len(q), 3, 4))
        out[:, 0, :2] = 1 / 2
        out[:, 0, 2:] = 1 / 4 + 3 / 4 * q
        out[:, 1, 2:] = 1 / 4 + 5 / 4 * q
        out[:, 2, 2:] = -3 / 4 * q
        return out

    def gradient(self, terms: Floats, jacobian: Floats) -> Floats:
        """Add up gradients by (tau, v, k), shape (p, 3), to that by the parameters."""
        local = np.matmul(terms[:, None, :], jacobian)
        return _add_up(self.index, local, self.size)

    def matrix(self, terms: Floats, jacobian: Floats) -> Floats:
        """Add up packed symmetric matrices, shape (p, 6), to one of the parameters."""
        local = np.matmul(jacobian.transpose(0, 2, 1), np.matmul(terms[:, PACKED], jacobian))
        place = self.size * self.index[:, :, None] + self.index[:, None, :]
        return _add_up(place, local, self.size**2).reshape(self.size, self.size)

    def curvature(self, terms: Floats) -> Floats:
        """Return what the second derivatives of (tau, v, k) by q add to the Hessian.

        `terms` is the gradient by (tau, v, k), shape (p, 3).
        """
        each = terms @ np.array([3 / 4, 5 / 4, -3 / 4])
        return np.diag(_add_up(self.index[:, 2:], np.stack([each, each], axis=1), self.size))


def _add_up(place: IntArray, values: Floats, size: int) -> Floats:
    """Add values of any shape at their places in a vector of `size`."""
    return np.asarray(np.bincount(place.ravel(), values.ravel(), minlength=size), np.float64)


@dataclass(frozen=True)
class Likelihood:
    """F as a function of the parameters, for fixed data and simulation.

    Attributes
    ----------
    templates : Templates
    mapping : ScaleSmearingMap
    noise : bool
        Whether F has the term for the finite simulation.
    """

    templates: Templates
    mapping: ScaleSmearingMap
    noise: bool = True

    def __call__(self, parameters: Floats, *, exact: bool = True) -> Evaluation:
        """Evaluate F; the exact second derivatives only if asked for."""
        jacobian = self.mapping.jacobian(parameters)
        terms = pair_terms(
            self.templates, self.mapping.effective(parameters), noise=self.noise, exact=exact
        )
        slope = terms[:, 1:4]
        hessian = None
        if exact:
            hessian = self.mapping.matrix(terms[:, 10:], jacobian) + self.mapping.curvature(slope)
        return Evaluation(
            value=math.fsum(terms[:, 0]),
            gradient=self.mapping.gradient(slope, jacobian),
            fisher=self.mapping.matrix(terms[:, 4:10], jacobian),
            hessian=hessian,
        )


def pair_terms(
    templates: Templates, effective: Floats, *, noise: bool = True, exact: bool = True
) -> Floats:
    """Return F and its derivatives by (tau, v, k) of each pair, shape (p, N_TERMS).

    `effective` has shape (p, 3). The columns are those of `N_TERMS`.
    """
    t = templates
    out = np.zeros((len(t.pairs), N_TERMS))
    _evaluate_pairs(
        t.layout, t.merge, t.level, t.counts, t.sim, t.sim_variance, effective,
        table_capacity(t, effective), noise, exact, out,
    )  # fmt: skip
    return out


def table_capacity(templates: Templates, effective: Floats) -> int:
    """Return how many cells the widest table may need."""
    width = templates.layout.width * 2.0**templates.level
    least = least_variance(float(width.max()))
    spread = np.sqrt(np.maximum(effective[:, 1], least))
    per_bin = (FINE_PER_BIN * templates.merge) >> templates.level
    return int(np.max(2 * REACH * spread / width + 2 * per_bin)) + 4


@compiled
def work_space(layout: Layout, capacity: int) -> Work:
    """Allocate what the kernels need for one pair at a time."""
    n_bins = layout.window // FINE_PER_BIN
    return Work(
        np.empty((N_ORDERS, capacity)),
        np.empty((N_ORDERS, capacity)),
        np.empty((N_SHAPES, capacity)),
        np.empty((N_SHAPES, capacity)),
        np.empty((N_ORDERS, n_bins)),
        np.empty((N_SHAPES, n_bins)),
        np.empty((N_SHAPES, n_bins)),
        np.empty(N_SHAPES),
    )


@compiled
def bins_of(layout: Layout, merge: int, level: int) -> Bins:
    """Return how a pair is binned."""
    block = FINE_PER_BIN * merge
    return Bins(
        layout.width * 2.0**level,
        block >> level,
        layout.window // block,
        layout.size // block,
        layout.below // block,
        deposit_variance(layout.width, level),
    )


@compiled
def expect(effective: Floats, bins: Bins, cells: Floats, work: Work) -> None:
    """Fill `work.shapes` and `work.total` with the expected shape of a pair, and derivatives."""
    tau, v, k = effective
    reference = max(v, least_variance(bins.width))
    first, n_cells = tabulate(
        tau, reference - bins.deposited, bins.width, bins.per_bin, work.edges, work.table
    )
    table = work.table[:, :n_cells]
    orders = work.orders[:, : bins.n_bins]
    convolve(cells, bins.n_rows, bins.first_row, first, table, orders)
    shapes = work.shapes[:, : bins.n_bins]
    differentiate(orders, v - reference, k, shapes)
    _normalise(shapes, work.total)


@compiled
def _normalise(shapes: Floats, total: Floats) -> None:
    """Divide derivatives of T by T, those of S by S; keep T above its least value."""
    for s in range(N_SHAPES):
        total[s] = shapes[s].sum()
    for b in range(shapes.shape[1]):
        if shapes[0, b] < LEAST_PROBABILITY * total[0]:
            for s in range(N_SHAPES):
                shapes[s, b] = LEAST_PROBABILITY * total[s]
        for s in range(1, N_SHAPES):
            shapes[s, b] /= shapes[0, b]
    for s in range(1, N_SHAPES):
        total[s] /= total[0]


@compiled
def share_cells(effective: Floats, bins: Bins, work: Work) -> tuple[int, int]:
    """Fill `work.share` with K, the share of a cell in a bin, and derivatives by (tau, v, k).

    Sums of W2 K^2 need no variance subtracted: the deposit only smooths W2. Returns the first cell
    of the table and their number, see `tabulate`.
    """
    tau, v, k = effective
    reference = max(v, least_variance(bins.width))
    first, n_cells = tabulate(tau, reference, bins.width, bins.per_bin, work.edges, work.table)
    differentiate(work.table[:, :n_cells], v - reference, k, work.share[:, :n_cells])
    return first, n_cells


@compiled
def fluctuate(effective: Floats, bins: Bins, cells: Floats, exact: bool, work: Work) -> None:
    """Fill `work.noise` with V of a pair and its first derivatives, if `exact` also the second.

    `cells` are the sums of squared weights. To be called after `expect`.
    """
    first, n_cells = share_cells(effective, bins, work)
    n = 10 if exact else 4
    product = work.product[:n, :n_cells]
    _square(work.share[:, :n_cells], product)
    noise = work.noise[:n, : bins.n_bins]
    convolve(cells, bins.n_rows, bins.first_row, first, product, noise)
    _divide(noise, work.shapes[:, : bins.n_bins])


@compiled
def _square(share: Floats, product: Floats) -> None:
    """Fill K^2 and its derivatives: 2 K K_i, and 2 (K_i K_j + K K_ij) where there is room."""
    last = product.shape[0]
    for c in range(share.shape[1]):
        product[0, c] = share[0, c] ** 2
        for i in range(1, 4):
            product[i, c] = 2 * share[0, c] * share[i, c]
        s = 4
        for i in range(1, 4):
            for j in range(i, 4):
                if s < last:
                    product[s, c] = 2 * (share[i, c] * share[j, c] + share[0, c] * share[s, c])
                s += 1


@compiled
def _divide(noise: Floats, shapes: Floats) -> None:
    """Turn B = sum W2 K^2 and derivatives into V = B / T^2 and derivatives, in place.

    With l_i = T_i / T: V_i = B_i / T^2 - 2 V l_i and
    V_ij = B_ij / T^2 - 2 (V_i l_j + V_j l_i) - 2 V (l_i l_j + T_ij / T).
    """
    last = noise.shape[0]
    for b in range(noise.shape[1]):
        for s in range(last):
            noise[s, b] /= shapes[0, b] ** 2
        v = noise[0, b]
        for i in range(1, 4):
            noise[i, b] -= 2 * v * shapes[i, b]
        s = 4
        for i in range(1, 4):
            for j in range(i, 4):
                if s < last:
                    mixed = noise[i, b] * shapes[j, b] + noise[j, b] * shapes[i, b]
                    both = shapes[i, b] * shapes[j, b] + shapes[s, b]
                    noise[s, b] -= 2 * (mixed + v * both)
                s += 1


@compiled
def _add_multinomial(counts: Floats, shapes: Floats, total: Floats, out: Floats) -> None:
    """Add - sum D ln p, its gradient, Fisher elements and second derivatives.

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
                out[s + 6] += counts[b] * (shapes[i, b] * shapes[j, b] - shapes[s, b])
                out[s + 6] += n * p * (total[s] - total[i] * total[j])
                s += 1


@compiled
def _add_noise(counts: Floats, noise: Floats, out: Floats) -> None:
    """Add - sum D ln(1 + V) / 2, its gradient and, where given, second derivatives."""
    exact = noise.shape[0] == N_SHAPES
    for b in range(len(counts)):
        half, above = counts[b] / 2, 1 + noise[0, b]
        out[0] -= half * math.log(above)
        s = 4
        for i in range(1, 4):
            slope = noise[i, b] / above
            out[i] -= half * slope
            for j in range(i, 4):
                if exact:
                    out[s + 6] -= half * (noise[s, b] / above - slope * noise[j, b] / above)
                s += 1


@compiled
def _evaluate_pairs(
    layout: Layout, merge: IntArray, level: IntArray, counts: Floats, sim: Floats,
    sim_variance: Floats, effective: Floats, capacity: int, noise: bool, exact: bool, out: Floats,
) -> None:  # fmt: skip
    """Fill the terms of each pair, see `pair_terms`."""
    work = work_space(layout, capacity)
    for p in range(len(merge)):
        bins = bins_of(layout, merge[p], level[p])
        n_cells = bins.n_rows * bins.per_bin
        expect(effective[p], bins, sim[p, :n_cells], work)
        if not work.total[0] > 0:
            out[p, 0] = np.inf
            continue
        data = counts[p, : bins.n_bins]
        _add_multinomial(data, work.shapes[:, : bins.n_bins], work.total, out[p])
        if noise:
            fluctuate(effective[p], bins, sim_variance[p, :n_cells], exact, work)
            _add_noise(data, work.noise[: 10 if exact else 4, : bins.n_bins], out[p])
