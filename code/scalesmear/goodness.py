"""How well simulation, scaled and smeared, describes the data of each pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

from scalesmear.noise_kernels import judge_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import IntArray
    from scalesmear.shape_kernels import Response
    from scalesmear.template import Templates

    Floats = NDArray[np.float64]


LEAST_EVENTS = 500.0
"""Effective simulated events in the window that a comparison of shapes needs."""


@dataclass(frozen=True)
class PairGoodness:
    """Goodness of fit of each pair in a fit, and of all.

    Arrays have shape (p,). chi2 is r' C^-1 r, r = D - n p, with C the covariance of r by the
    statistics of data (multinomial) and of simulation, whose noise smearing correlates between bins.
    A pair has one degree of freedom less than bins, all pairs together less the free parameters.

    Where the simulation has fewer than `LEAST_EVENTS` effective events, the squares do not follow
    the chi2 distribution. Such pairs have chi2 = 0 with no degree of freedom, and p value 1; of the
    parameters, those count that correspond to the other pairs' share of data.

    Attributes
    ----------
    pairs : int array
        Pair numbers.
    n_data, n_eff_sim : float arrays
        Data, and effective number of simulated events, in the window.
    chi2, p_value : float arrays
    ndf : int array
    total_chi2, total_p_value : float
    total_ndf : int
    """

    pairs: IntArray
    n_data: Floats
    n_eff_sim: Floats
    chi2: Floats
    ndf: IntArray
    p_value: Floats
    total_chi2: float
    total_ndf: int
    total_p_value: float


def pair_chi2(compared: Templates, response: Response, rows: IntArray) -> Floats:
    """Return chi2 of some pairs for what happens to x, shape (p,); see `PairGoodness`.

    It is 0 for the others.
    """
    t = compared
    out = np.zeros(len(t.pairs))
    judge_pairs(
        t.layout, t.merge, t.level, t.counts, t.sim, t.sim_variance, t.flows, response, rows, out
    )
    return out


def goodness(
    compared: Templates, response: Response, n_eff_sim: Floats, n_free: int
) -> PairGoodness:
    """Compare data with the expected shapes, of which `n_free` parameters were fitted.

    Parameters
    ----------
    compared : Templates
        In bins wide enough for the events of each pair.
    response : Response
    n_eff_sim : float array, shape (p,)
        See `PairGoodness`.
    """
    known = n_eff_sim >= LEAST_EVENTS
    n_data = compared.counts.sum(axis=1)
    chi2 = pair_chi2(compared, response, np.flatnonzero(known))
    ndf = np.where(known, compared.n_bins - 1, 0)
    p_value = np.ones(len(ndf))
    p_value[known] = chdtrc(ndf[known], chi2[known])
    fitted = round(n_free * float(n_data[known].sum() / n_data.sum()))
    total, total_ndf = float(chi2.sum()), max(int(ndf.sum()) - fitted, 1)
    return PairGoodness(
        pairs=compared.pairs,
        n_data=n_data,
        n_eff_sim=n_eff_sim,
        chi2=chi2,
        ndf=ndf,
        p_value=p_value,
        total_chi2=total,
        total_ndf=total_ndf,
        total_p_value=float(chdtrc(total_ndf, total)),
    )
