"""What a pair of categories feels of the scales and smearings of a fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.fit_kernels import REACH, least_variance
from scalesmear.histogram import FINE_PER_BIN, pair_categories

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import IntArray
    from scalesmear.template import Templates

    Floats = NDArray[np.float64]

PACKED = np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])
"""Where the element (i, j) of a symmetric matrix in (tau, v, k) is stored."""


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

    def matrix(self, terms: Floats, jacobian: Floats, right: Floats | None = None) -> Floats:
        """Add up matrices in (tau, v, k) to one of the parameters.

        `terms` has shape (p, 9), row by row, or (p, 6) for packed symmetric matrices. `right` is
        the Jacobian for the columns, where it differs from that for the rows.
        """
        full = terms[:, PACKED] if terms.shape[1] == 6 else terms.reshape(-1, 3, 3)
        last = jacobian if right is None else right
        local = np.matmul(jacobian.transpose(0, 2, 1), np.matmul(full, last))
        place = self.size * self.index[:, :, None] + self.index[:, None, :]
        return _add_up(place, local, self.size**2).reshape(self.size, self.size)


def _add_up(place: IntArray, values: Floats, size: int) -> Floats:
    """Add values of any shape at their places in a vector of `size`."""
    return np.asarray(np.bincount(place.ravel(), values.ravel(), minlength=size), np.float64)


def table_capacity(templates: Templates, effective: Floats) -> int:
    """Return how many cells the widest table may need."""
    if not len(effective):
        return 0
    width = templates.layout.width * 2.0**templates.level
    least = least_variance(float(width.max()))
    spread = np.sqrt(np.maximum(effective[:, 1], least))
    per_bin = (FINE_PER_BIN * templates.merge) >> templates.level
    return int(np.max(2 * REACH * spread / width + 2 * per_bin)) + 4
