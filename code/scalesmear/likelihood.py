r"""Likelihood of scales and smearings for smooth shapes: where the fit begins.

Data are never moved. In each pair the counts D_b of data in fixed bins are multinomial with
probabilities p_b = T_b / S, S = sum_b T_b, where T is a shape, shifted and smeared
(`scalesmear.template`). Minimised is

    F = - sum_pairs sum_b D_b ln p_b.

With the simulation of each pair for its shape this would be the likelihood of the model, but the
noise of a small simulation biases its minimum: smearing averages the noise away, and a fit prefers
more smearing than there is. So the shapes are the references of the pairs
(`scalesmear.references`), which brings the parameters near to where `scalesmear.equations` finds
them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.fit_kernels import N_TERMS, evaluate_pairs
from scalesmear.solver import Evaluation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.effective import ScaleSmearingMap
    from scalesmear.shape_kernels import Response
    from scalesmear.template import Templates

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Likelihood:
    """F as a function of the parameters, for fixed data and reference shapes."""

    templates: Templates
    mapping: ScaleSmearingMap

    def __call__(self, parameters: Floats) -> Evaluation:
        """Evaluate F, its gradient and its Fisher matrix."""
        terms = pair_terms(self.templates, self.mapping.response(parameters))
        return Evaluation(
            value=math.fsum(terms[:, 0]),
            gradient=self.mapping.gradient(terms[:, 1:4]),
            fisher=self.mapping.matrix(terms[:, 4:]),
        )


def pair_terms(templates: Templates, response: Response) -> Floats:
    """Return F and its derivatives by (t, q1, q2) of each pair, shape (p, N_TERMS).

    The columns are those of `N_TERMS`.
    """
    t = templates
    out = np.zeros((len(t.pairs), N_TERMS))
    evaluate_pairs(
        t.layout, t.merge, t.level, t.counts, t.reference, response,
        out,
    )  # fmt: skip
    return out
