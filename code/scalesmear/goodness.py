"""How well simulation, scaled and smeared, describes the data of each pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import IntArray
    from scalesmear.fit_kernels import ShapeNoise
    from scalesmear.template import Templates

    Floats = NDArray[np.float64]


LEAST_EVENTS = 500.0
"""Effective simulated events in the window that a comparison of shapes needs."""


@dataclass(frozen=True)
class PairGoodness:
    """Goodness of fit of each pair in a fit, and of all.

    Arrays have shape (p,). chi2 sums (D - n p)^2 / [n p + n^2 V] over the bins, with V the variance
    of p from the simulation. A pair has one degree of freedom less than bins, all pairs together
    less the free parameters. Smearing correlates the noise of neighbouring bins,
    which V leaves aside: p values are right to the extent that data have the larger errors.

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


def goodness(
    compared: Templates,
    noise: ShapeNoise,
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
    noise : ShapeNoise
        Of the same pairs.
    pairs, n_data, n_eff_sim : arrays, shape (p,)
        Of all pairs in the fit, see `PairGoodness`.
    """
    n = compared.counts.sum(axis=1)[:, None]
    expected = n * noise.probability
    variance = expected + n**2 * noise.variance
    squares = (compared.counts - expected) ** 2
    parts = np.divide(squares, variance, out=np.zeros_like(variance), where=variance > 0)
    place = np.searchsorted(pairs, compared.pairs)
    chi2, ndf, p_value = np.zeros(len(pairs)), np.zeros(len(pairs), np.int64), np.ones(len(pairs))
    chi2[place], ndf[place] = parts.sum(axis=1), compared.n_bins - 1
    p_value[place] = chdtrc(ndf[place], chi2[place])
    fitted = round(n_free * float(n.sum() / n_data.sum()))
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
