"""How well simulation, scaled and smeared, describes the data of each pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

from scalesmear.effective import table_capacity
from scalesmear.fit_kernels import judge_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import IntArray
    from scalesmear.fit_kernels import Response
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


def pair_chi2(compared: Templates, response: Response) -> Floats:
    """Return chi2 of each pair for what it does to x, shape (p,); see `PairGoodness`."""
    t = compared
    out = np.zeros(len(t.pairs))
    judge_pairs(
        t.layout, t.merge, t.level, t.counts, t.sim, t.sim_variance, t.flows, response,
        table_capacity(t, response), out,
    )  # fmt: skip
    return out


def goodness(
    compared: Templates,
    response: Response,
    pairs: IntArray,
    n_data: Floats,
    n_eff_sim: Floats,
    n_free: int,
) -> PairGoodness:
    """Compare data with the expected shapes, of which `n_free` parameters were fitted.

    Parameters
    ----------
    compared : Templates
        Of the pairs with at least `LEAST_EVENTS`, in bins wide enough for their events.
    response : Response
        Of the same pairs.
    pairs, n_data, n_eff_sim : arrays, shape (p,)
        Of all pairs in the fit, see `PairGoodness`.
    """
    place = np.searchsorted(pairs, compared.pairs)
    chi2, ndf, p_value = np.zeros(len(pairs)), np.zeros(len(pairs), np.int64), np.ones(len(pairs))
    chi2[place], ndf[place] = pair_chi2(compared, response), compared.n_bins - 1
    p_value[place] = chdtrc(ndf[place], chi2[place])
    fitted = round(n_free * float(compared.counts.sum() / n_data.sum()))
    total, total_ndf = float(chi2.sum()), max(int(ndf.sum()) - fitted, 1)
    return PairGoodness(
        pairs=pairs,
        n_data=n_data,
        n_eff_sim=n_eff_sim,
        chi2=chi2,
        ndf=ndf,
        p_value=p_value,
        total_chi2=total,
        total_ndf=total_ndf,
        total_p_value=float(chdtrc(total_ndf, total)),
    )
