r"""Errors of a fit, from the statistics of data and simulation, and the shapes behind them.

The Fisher matrix I of a noisy template is too large, because the noise of T looks like information:
E[I] = A + I_noise with

    I_noise,ij = n sum_b p_b Cov(l_i, l_j)_b,   l_i = T_i / T,
    Cov(l_i, l_j) = sum_f W2_f (K_i - l_i K) (K_j - l_j K) / T^2.

The gradient moves with the weight of a cell f by a_f,i = n / S sum_b (l_i - L_i) K_bf, so that the
simulation adds V = sum_f W2_f a_f a_f^T to its variance. The covariance of the parameters is

    A^-1 (A + V) A^-1 = A^-1 (data) + A^-1 V A^-1 (simulation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.fit_kernels import ShapeNoise, propagate_pairs
from scalesmear.likelihood import table_capacity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import BoolArray
    from scalesmear.likelihood import ScaleSmearingMap
    from scalesmear.template import Templates

    Floats = NDArray[np.float64]

LEAST_INFORMATION = 0.05
"""Smallest ratio of A to the Fisher matrix in any direction; below, errors are not trusted."""


class Covariance(NamedTuple):
    """Covariance matrices of n parameters, zero where a parameter is not free."""

    data: Floats
    sim: Floats
    reliable: BoolArray  # (n,), see LEAST_INFORMATION

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
    propagate_pairs(
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
    inverse, reliable = _invert_information(fisher[block], spurious[block])
    data, sim, good = np.zeros_like(fisher), np.zeros_like(fisher), np.ones(len(free), dtype=bool)
    data[block] = inverse
    sim[block] = inverse @ score[block] @ inverse
    good[free] = reliable
    return Covariance(data, sim, good)


def _invert_information(fisher: Floats, spurious: Floats) -> tuple[Floats, BoolArray]:
    """Invert A = I - I_noise, which is kept above LEAST_INFORMATION of I in any direction.

    Parameters that get most of their variance from directions kept so are not reliable.
    """
    unit = 1 / np.sqrt(np.diag(fisher))
    root = np.linalg.cholesky(fisher * np.outer(unit, unit))
    whitened = np.linalg.solve(root, np.linalg.solve(root, spurious * np.outer(unit, unit)).T)
    ratio, vectors = np.linalg.eigh(np.eye(len(fisher)) - (whitened + whitened.T) / 2)
    directions = np.linalg.solve(root.T, vectors) * unit[:, None]
    directions /= np.sqrt(np.maximum(ratio, LEAST_INFORMATION))
    kept = (directions[:, ratio < LEAST_INFORMATION] ** 2).sum(axis=1)
    return directions @ directions.T, kept < (directions**2).sum(axis=1) / 2
