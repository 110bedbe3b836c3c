r"""Errors of a fit, from the statistics of data and simulation, and the shapes behind them.

The solution of the equations g = 0 (`scalesmear.equations`) moves by A^-1 times a change of g. The
counts of data are multinomial, and g moves with the weight of a cell f of the simulation by a_f:

    B_ij = sum_pairs w^2 n [sum_b p_b s_bi s_bj - (sum_b p_b s_bi) (sum_b p_b s_bj)],
    V = sum_f W2_f a_f a_f^T,   a_f,i = - w n / S sum_b (s_bi - sum_c p_c s_ci) K_bf.

The covariance of the parameters is

    A^-1 (B + V) A^-T = A^-1 B A^-T (data) + A^-1 V A^-T (simulation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.noise_kernels import ShapeNoise, propagate_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import BoolArray
    from scalesmear.shape_kernels import Response
    from scalesmear.solver import Equations
    from scalesmear.template import Templates

    Floats = NDArray[np.float64]

TRUSTED_RATIO = 2.0
"""Where noise leaves A what it should be, errors that follow from the information are the same.

Errors that differ by more than this factor, up or down, are not trusted.
"""


class Covariance(NamedTuple):
    """Covariance matrices of n parameters, zero where a parameter is not free."""

    data: Floats
    sim: Floats
    reliable: BoolArray  # (n,), see TRUSTED_RATIO

    @property
    def total(self) -> Floats:
        """Sum of both parts."""
        return self.data + self.sim


def shape_noise(
    templates: Templates, response: Response, weights: Floats | None = None
) -> ShapeNoise:
    """Return the expected shapes of pairs, and their noise.

    `weights` are those of `scalesmear.equations.bin_weights`; without them, the variance of g is 0.
    """
    t = templates
    n_pairs, n_bins = t.counts.shape
    out = ShapeNoise(
        np.zeros((n_pairs, n_bins)), np.zeros((n_pairs, n_bins)), np.zeros((n_pairs, 6))
    )
    propagate_pairs(
        t.layout, t.merge, t.level, t.sim, t.sim_variance, t.flows,
        np.zeros((n_pairs, 3, n_bins)) if weights is None else weights, response,
        out,
    )  # fmt: skip
    return out


def covariance(equations: Equations, sim_variance: Floats, free: BoolArray) -> Covariance:
    """Return the covariance of the free parameters.

    Parameters
    ----------
    equations : Equations
        At the solution, with sensitivity A and variance B.
    sim_variance : float array, shape (n, n)
        V.
    free : bool array, shape (n,)

    Raises
    ------
    numpy.linalg.LinAlgError
        If A is singular.
    """
    block = np.ix_(free, free)
    inverse = np.linalg.inv(equations.sensitivity[block])
    smooth = np.linalg.inv(equations.information[block])
    data, sim = np.zeros_like(sim_variance), np.zeros_like(sim_variance)
    data[block] = inverse @ equations.variance[block] @ inverse.T
    sim[block] = inverse @ sim_variance[block] @ inverse.T
    expected = smooth @ (equations.variance + sim_variance)[block] @ smooth.T
    ratio = np.sqrt(np.diag((data + sim)[block]) / np.diag(expected))
    reliable = np.ones(len(free), dtype=bool)
    reliable[free] = (ratio < TRUSTED_RATIO) & (ratio > 1 / TRUSTED_RATIO)
    return Covariance(data, sim, reliable)
