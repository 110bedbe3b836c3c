r"""What a pair of categories feels of the scales and smearings of a fit.

The expected shape of a pair depends on three numbers, t = ln(s1 s2) / 2 and the smearings^2 q1 and
q2 of its electrons. Without tails, x = ln(m / m_Z) moves and widens by the cumulants (tau, v, k) of
`scalesmear.template`. With them, an electron is smeared by a mixture of two Gaussians and a pair by
one of four, each with cumulants of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.compiled import compiled
from scalesmear.draws import GAUSSIAN, Mixture
from scalesmear.histogram import pair_categories
from scalesmear.shape_kernels import Response

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import IntArray
    from scalesmear.shape_kernels import PairFlows

    Floats = NDArray[np.float64]

PACKED = np.array([0, 1, 2, 1, 3, 4, 2, 4, 5])
"""Where the elements, row by row, of a symmetric matrix in (t, q1, q2) are stored."""

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

    @property
    def mixture(self) -> Mixture:
        """What a smeared energy is drawn from."""
        if not self.fraction:
            return GAUSSIAN
        (_, core), (share, wide) = self.components
        return Mixture(share, math.sqrt(core), math.sqrt(wide))


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
        both = [(a, b) for a in self.tails.components for b in self.tails.components]
        share = np.array([a[0] * b[0] for a, b in both])
        variance = np.array([[a[1], b[1]] for a, b in both])
        shape = (len(self.index), len(both), 3)
        moments, slopes = np.empty(shape), np.empty((*shape, 3))
        _fill_cumulants(self.index, parameters, variance, moments, slopes)
        return Response(share, moments, slopes, np.append(parameters, 1.0))

    def gradient(self, terms: Floats) -> Floats:
        """Add up gradients by (t, q1, q2), shape (p, 3), to that by the parameters."""
        return _add_up(self.index, terms @ BY_PARAMETERS, self.size)

    def matrix(self, terms: Floats) -> Floats:
        """Add up matrices in (t, q1, q2) to one of the parameters.

        `terms` has shape (p, 9), row by row, or (p, 6) for packed symmetric matrices.
        """
        out = np.zeros((self.size, self.size))
        _add_matrices(self.index, terms[:, PACKED] if terms.shape[1] == 6 else terms, out)
        return out

    def flow_matrix(self, flows: PairFlows, terms: Floats) -> Floats:
        """Add up what e flows with a parameter add to a matrix; `terms` by (t, q1, q2), (e, 3)."""
        pair = np.repeat(np.arange(len(self.index)), np.diff(flows.start))
        driven = flows.sources >= 0
        place = self.size * self.index[pair[driven]] + flows.sources[driven, None]
        local = terms[driven] @ BY_PARAMETERS
        return _add_up(place, local, self.size**2).reshape(self.size, self.size)


@compiled
def _fill_cumulants(
    index: IntArray, parameters: Floats, variance: Floats, moments: Floats, slopes: Floats
) -> None:
    """Fill (tau, v, k) of the components of each pair and their derivatives by (t, q1, q2).

    `variance` of the two electrons in each component is for q = 1.
    """
    for p in range(len(index)):
        t = (parameters[index[p, 0]] + parameters[index[p, 1]]) / 2
        for c in range(len(variance)):
            tau, v, k = t, 0.0, 0.0
            slopes[p, c, 0, 0] = 1
            slopes[p, c, 1, 0] = slopes[p, c, 2, 0] = 0
            for leg in range(2):
                factor = variance[c, leg]
                q = factor * parameters[index[p, 2 + leg]]
                tau += q / 4 + 3 / 8 * q * q
                v += q / 4 + 5 / 8 * q * q
                k -= 3 / 8 * q * q
                slopes[p, c, 0, 1 + leg] = factor * (1 / 4 + 3 / 4 * q)
                slopes[p, c, 1, 1 + leg] = factor * (1 / 4 + 5 / 4 * q)
                slopes[p, c, 2, 1 + leg] = -factor * 3 / 4 * q
            moments[p, c, 0], moments[p, c, 1], moments[p, c, 2] = tau, v, k


@compiled
def _add_matrices(index: IntArray, terms: Floats, out: Floats) -> None:
    """Add matrices in (t, q1, q2), shape (p, 9), to one of the parameters; t = (u1 + u2) / 2."""
    of, by = np.array([0, 0, 1, 2]), np.array([0.5, 0.5, 1.0, 1.0])
    for p in range(len(index)):
        for i in range(4):
            for j in range(4):
                value = by[i] * by[j] * terms[p, 3 * of[i] + of[j]]
                out[index[p, i], index[p, j]] += value


def narrowest(response: Response) -> Floats:
    """Return the variance of the narrowest component of each pair, shape (p,)."""
    return np.asarray(response.moments[..., 1].min(axis=1), np.float64)


def _add_up(place: IntArray, values: Floats, size: int) -> Floats:
    """Add values of any shape at their places in a vector of `size`."""
    return np.asarray(np.bincount(place.ravel(), values.ravel(), minlength=size), np.float64)
