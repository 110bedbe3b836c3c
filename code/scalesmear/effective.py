r"""What a pair of categories feels of the scales and smearings of a fit.

The expected shape of a pair depends on three numbers, t = ln(s1 s2) / 2 and the smearings^2 q1 and
q2 of its electrons. Without tails, x = ln(m / m_Z) moves and widens by the cumulants (tau, v, k) of
`scalesmear.template`. With them, an electron is smeared by a mixture of two Gaussians and a pair by
one of four, each with cumulants of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.fit_kernels import REACH, Response, least_variance
from scalesmear.histogram import FINE_PER_BIN, pair_categories

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import IntArray
    from scalesmear.fit_kernels import PairFlows
    from scalesmear.template import Templates

    Floats = NDArray[np.float64]

PACKED = np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])
"""Where the element (i, j) of a symmetric matrix in (t, q1, q2) is stored."""

BY_PARAMETERS = np.array([[0.5, 0.5, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
"""Derivatives of (t, q1, q2) by ln(scale), ln(scale), smearing^2, smearing^2 of the electrons."""


@dataclass(frozen=True)
class Tails:
    """A second, wider Gaussian in the smearing of an electron, of the same mean.

    The sum of both has variance 1, so that a smearing keeps its meaning: the relative width in
    standard deviations.

    Attributes
    ----------
    fraction : float
        Share of the second Gaussian, below 1; 0 for none.
    width : float
        Its standard deviation in units of that of the first.
    """

    fraction: float = 0.0
    width: float = 2.0

    @property
    def components(self) -> tuple[tuple[float, float], ...]:
        """Share and variance of each Gaussian."""
        if not self.fraction:
            return ((1.0, 1.0),)
        core = 1 / (1 + self.fraction * (self.width**2 - 1))
        return ((1 - self.fraction, core), (self.fraction, self.width**2 * core))


@dataclass(frozen=True)
class ScaleSmearingMap:
    """What pairs do to x as a function of ln(scale) and smearing^2.

    The parameter vector is (u_0 ... u_(n-1), q_0 ... q_(m-1)) with u = ln(scale), q = smearing^2.

    Attributes
    ----------
    index : int array, shape (p, 4)
        The parameters of each pair: scale and scale, smearing and smearing of its electrons.
    n_scales, n_smearings : int
    tails : Tails
    """

    index: IntArray
    n_scales: int
    n_smearings: int
    tails: Tails = Tails()

    @classmethod
    def of_pairs(
        cls, pairs: IntArray, smearing_of: IntArray, tails: Tails | None = None
    ) -> ScaleSmearingMap:
        """Describe pairs whose scale category i has the smearing `smearing_of[i]`."""
        legs = pair_categories(pairs)
        index = np.concatenate([legs, len(smearing_of) + smearing_of[legs]], axis=1)
        n, m = len(smearing_of), int(smearing_of.max()) + 1
        return cls(index.astype(np.int64), n, m, tails or Tails())

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.n_scales + self.n_smearings

    def response(self, parameters: Floats) -> Response:
        """Return what each pair does to x; formulas in `scalesmear.template`."""
        local = parameters[self.index]
        t, q = local[:, :2].mean(axis=1), local[:, 2:]
        both = [(a, b) for a in self.tails.components for b in self.tails.components]
        share = np.array([a[0] * b[0] for a, b in both])
        variance = np.array([[a[1], b[1]] for a, b in both])
        cumulants = _cumulants(t, q[:, None, :] * variance, variance)
        return Response(share, *cumulants, np.append(parameters, 1.0))

    def gradient(self, terms: Floats) -> Floats:
        """Add up gradients by (t, q1, q2), shape (p, 3), to that by the parameters."""
        return _add_up(self.index, terms @ BY_PARAMETERS, self.size)

    def matrix(self, terms: Floats) -> Floats:
        """Add up matrices in (t, q1, q2) to one of the parameters.

        `terms` has shape (p, 9), row by row, or (p, 6) for packed symmetric matrices.
        """
        full = terms[:, PACKED] if terms.shape[1] == 6 else terms.reshape(-1, 3, 3)
        local = BY_PARAMETERS.T @ full @ BY_PARAMETERS
        place = self.size * self.index[:, :, None] + self.index[:, None, :]
        return _add_up(place, local, self.size**2).reshape(self.size, self.size)

    def flow_matrix(self, flows: PairFlows, terms: Floats) -> Floats:
        """Add up what e flows with a parameter add to a matrix; `terms` by (t, q1, q2), (e, 3)."""
        pair = np.repeat(np.arange(len(self.index)), np.diff(flows.start))
        driven = flows.sources >= 0
        place = self.size * self.index[pair[driven]] + flows.sources[driven, None]
        local = terms[driven] @ BY_PARAMETERS
        return _add_up(place, local, self.size**2).reshape(self.size, self.size)


def _cumulants(t: Floats, q: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Return (tau, v, k) of components and their derivatives by (t, q1, q2) of the pairs.

    `t` has shape (p,), `q` of the components (p, c, 2) and their `variance` for q = 1 (c, 2).
    """
    sum_q, sum_q2 = q.sum(axis=2), (q * q).sum(axis=2)
    tau = t[:, None] + sum_q / 4 + 3 / 8 * sum_q2
    moments = np.stack([tau, sum_q / 4 + 5 / 8 * sum_q2, -3 / 8 * sum_q2], axis=2)
    slopes = np.zeros((*q.shape[:2], 3, 3))
    slopes[..., 0, 0] = 1
    for row, (linear, square) in enumerate(((1 / 4, 3 / 8), (1 / 4, 5 / 8), (0, -3 / 8))):
        slopes[..., row, 1:] = variance * (linear + 2 * square * q)
    return moments, slopes


def narrowest(response: Response) -> Floats:
    """Return the variance of the narrowest component of each pair, shape (p,)."""
    return np.asarray(response.moments[..., 1].min(axis=1), np.float64)


def _add_up(place: IntArray, values: Floats, size: int) -> Floats:
    """Add values of any shape at their places in a vector of `size`."""
    return np.asarray(np.bincount(place.ravel(), values.ravel(), minlength=size), np.float64)


def table_capacity(templates: Templates, response: Response) -> int:
    """Return how many cells the widest table may need."""
    tau, v = response.moments[..., 0], response.moments[..., 1]
    if not len(v):
        return 0
    width = (templates.layout.width * 2.0**templates.level)[:, None]
    least = least_variance(float(width.max()))
    spread = REACH * np.sqrt(np.maximum(v, least))
    beyond = (tau + spread).max(axis=1) - (tau - spread).min(axis=1)
    per_bin = (FINE_PER_BIN * templates.merge) >> templates.level
    return int(np.max(beyond / width[:, 0] + 2 * per_bin)) + 4
