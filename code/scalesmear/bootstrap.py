"""Errors by bootstrap: the fit of histograms whose contents fluctuate, again and again.

Data become Poisson numbers around what was counted, bins of the simulation get Gaussian noise of
the variance of their weights. Nothing of the propagation of errors in the fit is used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.errors import FitError
from scalesmear.fit import fit_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from scalesmear.events import IntArray
    from scalesmear.fitresult import FitResult
    from scalesmear.fitsettings import FitSettings
    from scalesmear.histogram import PairHistograms

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bootstrap:
    """Scatter of the fits of replicas.

    Attributes
    ----------
    n_replicas, n_failed : int
        Replicas, and those among them whose fit did not converge.
    seed : int
    scale_error : float array, shape (n,)
        Standard deviation of the scales.
    smearing_variance_error : float array, shape (m,)
        That of smearing^2, which the bound at 0 makes smaller where smearings are near it.
    ratio : float
        Mean ratio of the standard deviation to the error of the fit, scales and smearing^2 alike,
        of parameters that are not near a bound.
    """

    n_replicas: int
    n_failed: int
    seed: int
    scale_error: Floats
    smearing_variance_error: Floats
    ratio: float


def fluctuate(histograms: PairHistograms, rng: Generator) -> PairHistograms:
    """Return a replica."""
    noise = rng.standard_normal(histograms.sim.shape) * np.sqrt(histograms.sim_variance)
    data = rng.poisson(histograms.data).astype(np.float64)
    return replace(histograms, data=data, sim=histograms.sim + noise)


def bootstrap(
    histograms: PairHistograms,
    smearing_of: IntArray,
    settings: FitSettings,
    result: FitResult,
    n_replicas: int,
    neighbours: Sequence[Sequence[int]] = (),
) -> Bootstrap:
    """Fit replicas of the histograms, beginning at the result; draws follow ``settings.seed``.

    Raises
    ------
    FitError
        If less than two replicas converge.
    """
    once = replace(settings, start="default")
    start = (result.scale, result.smearing)
    found = []
    for replica in range(n_replicas):
        drawn = fluctuate(histograms, np.random.default_rng([settings.seed, replica]))
        try:
            fitted = fit_pairs(drawn, smearing_of, once, start, neighbours)
        except FitError:
            continue
        found.append(np.concatenate([fitted.scale, fitted.smearing**2]))
    if len(found) < 2:
        raise FitError(f"only {len(found)} of {n_replicas} bootstrap replicas could be fitted")
    scatter, n = np.std(found, axis=0, ddof=1), len(result.scale)
    return Bootstrap(
        n_replicas=n_replicas,
        n_failed=n_replicas - len(found),
        seed=settings.seed,
        scale_error=scatter[:n],
        smearing_variance_error=scatter[n:],
        ratio=_mean_ratio(scatter, result),
    )


def _mean_ratio(scatter: Floats, result: FitResult) -> float:
    """Return the mean of scatter / error of parameters that are known and not near a bound."""
    error = np.sqrt(np.diag(result.covariance))
    q = result.smearing**2
    error[: len(result.scale)] *= result.scale
    inside = np.concatenate([np.full(len(result.scale), np.inf), q]) > 3 * error
    known = inside & (error > 0) & np.isfinite(error)
    return float(np.mean(scatter[known] / error[known])) if known.any() else 0.0
