r"""Estimating equations of scales and smearings, which the noise of the simulation cannot bias.

In each pair, n data are expected with probabilities p_b = T_b / S, S = sum_b T_b, where T is the
simulation of the pair, shifted and smeared (`scalesmear.template`), noise included. The parameters
theta solve

    g_j(theta) = sum_pairs w sum_b [D_b - n p_b(theta)] s_bj = 0,   s_bj = d ln r_b / d theta_j.

The weights s come from the smooth shape r of a reference (`scalesmear.references`) near the
solution, and stay fixed. With r = T and w = 1, g would be the gradient of the likelihood there. But
r does not share the events of T, and p is linear in the weights of the events but for its
normalisation. So the mean of g at the true parameters is 0 whatever the noise of T, however few
events there are, and weights that are not exact cost precision in second order only. The factor

    w = 1 / (1 + n / N),   N the effective number of simulated events,

takes account of how much larger the variance of D - n p is for a small simulation.

With what migrates between pairs (`scalesmear.migration`) T is larger by the flows C_b q, and A by
theirs, - d g_j / d q = n w sum_b s_bj (C_b - p_b sum_c C_c) / S, of any q that drives one.

The sensitivity A_jk = - d g_j / d theta_k = sum_pairs n w sum_b s_bj d p_b / d theta_k is noisy, but
not biased either; a step of Newton's method is A^-1 g.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.fit_kernels import N_SCORES, compare_pairs, weigh_pairs
from scalesmear.solver import Equations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.effective import ScaleSmearingMap
    from scalesmear.noise_kernels import ShapeNoise
    from scalesmear.shape_kernels import Response
    from scalesmear.template import Templates

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreEquations:
    """g as a function of the parameters, for fixed data, simulation and weights.

    Attributes
    ----------
    templates : Templates
    mapping : ScaleSmearingMap
    factor : float array, shape (p,)
        w of each pair.
    weights : float array, shape (p, 3, n_bins of the grid)
        s by (t, q1, q2), see `bin_weights`.
    """

    templates: Templates
    mapping: ScaleSmearingMap
    factor: Floats
    weights: Floats

    @classmethod
    def at(
        cls, templates: Templates, mapping: ScaleSmearingMap, n_eff_sim: Floats, parameters: Floats
    ) -> ScoreEquations:
        """Return the equations whose weights are those of the references at `parameters`.

        `n_eff_sim` has shape (p,), the effective number of simulated events of each pair.
        """
        factor = 1 / (1 + templates.counts.sum(axis=1) / n_eff_sim)
        weights = bin_weights(templates, mapping.response(parameters))
        return cls(templates, mapping, factor, weights)

    def __call__(self, parameters: Floats) -> Equations:
        """Evaluate g, the sensitivity A, what A would be for T = r, and the variance B of g."""
        mapping = self.mapping
        scores = pair_scores(self.templates, mapping.response(parameters), self.weights)
        weighted = self.factor[:, None] * scores.pairs
        flows = self.templates.flows
        of_flows = np.repeat(self.factor, np.diff(flows.start))[:, None] * scores.flows
        return Equations(
            value=mapping.gradient(weighted[:, :3]),
            sensitivity=mapping.matrix(weighted[:, 3:12]) + mapping.flow_matrix(flows, of_flows),
            information=mapping.matrix(weighted[:, 12:]),
            variance=mapping.matrix(self.factor[:, None] * weighted[:, 12:]),
        )

    def sim_variance(self, noise: ShapeNoise) -> Floats:
        """Return the variance V of g from the statistics of the simulation."""
        scale = (self.factor * self.templates.counts.sum(axis=1)) ** 2
        return self.mapping.matrix(scale[:, None] * noise.score_variance)


def bin_weights(templates: Templates, response: Response) -> Floats:
    """Return d ln r / d(t, q1, q2) in the bins of each pair, shape (p, 3, n_bins of the grid).

    Bins of one group have the same weight, that of their sum. Weights are 0 without a reference, and beyond the bins of a pair.
    """
    t = templates
    out = np.zeros((len(t.pairs), 3, t.counts.shape[1]))
    weigh_pairs(
        t.layout, t.merge, t.level, t.reference, np.ascontiguousarray(t.group), response,
        out,
    )  # fmt: skip
    return out


class PairScores(NamedTuple):
    """g, A and B of p pairs, without w."""

    pairs: Floats  # (p, N_SCORES): by (t, q1, q2), see `N_SCORES`
    flows: Floats  # (e, 3): what the flows add to A, by (t, q1, q2) and the smearing^2 of the flow


def pair_scores(templates: Templates, response: Response, weights: Floats) -> PairScores:
    """Return g, A and B of each pair, without w; a pair without simulation has zeros.

    `weights` has the shape of `bin_weights`.
    """
    t = templates
    out = PairScores(np.zeros((len(t.pairs), N_SCORES)), np.zeros((len(t.flows.sources), 3)))
    compare_pairs(
        t.layout, t.merge, t.level, t.counts, t.sim, t.flows, weights, response,
        *out,
    )  # fmt: skip
    return out
