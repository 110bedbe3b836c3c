"""What a fit of scales and smearings has found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from scalesmear.events import BoolArray
    from scalesmear.goodness import PairGoodness

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FitResult:
    """Scales, smearings, their errors, and how the fit went; n scales and m smearings.

    Errors hold statistics of data and simulation. A parameter that is not determined keeps its
    start value and has an infinite error; a fixed one has error 0. Both have no covariance.

    Attributes
    ----------
    scale, scale_error : float arrays, shape (n,)
        Factors on data energies.
    smearing, smearing_error : float arrays, shape (m,)
        The error is half the distance of `smearing_low` and `smearing_high`.
    smearing_low, smearing_high : float arrays, shape (m,)
        Ends of the 68 % interval sqrt(q +- error(q)), q = smearing^2; the lower one is 0 if q is
        smaller than its error. The distances to them are one-sided errors.
    smearing_upper : float array, shape (m,)
        One-sided 95 % upper limit sqrt(q + 1.645 error(q)): Gaussian in q, which at the bound q = 0
        covers at least 95 %.
    covariance, covariance_data, covariance_sim : float arrays, shape (n + m, n + m)
        Of (ln scale, smearing^2): total, and the parts from data and simulation statistics.
    scale_determined, smearing_determined : bool arrays
        False for parameters that no used pair determines, and for fixed ones.
    smearing_at_bound : bool array, shape (m,)
        Whether smearing^2 ended at 0.
    nll : float
        Negative log-likelihood - sum D ln p of the result, see `scalesmear.likelihood`.
    n_iterations, n_evaluations : int
    converged : bool
        Always true; a fit that does not converge raises.
    reason : str
        Why the fit stopped.
    warnings : tuple of str
    goodness : PairGoodness
    dropped : dict
        Reason by pair number, of pairs not used.
    flagged : dict
        The same of pairs that are used though they have few events.
    merged : dict
        The category that a category with few events has joined, and whose scale it has.
    few : dict
        What the other categories with few events have, by their number.
    """

    scale: Floats
    scale_error: Floats
    smearing: Floats
    smearing_error: Floats
    smearing_low: Floats
    smearing_high: Floats
    smearing_upper: Floats
    covariance: Floats
    covariance_data: Floats
    covariance_sim: Floats
    scale_determined: BoolArray
    smearing_determined: BoolArray
    smearing_at_bound: BoolArray
    nll: float
    n_iterations: int
    n_evaluations: int
    converged: bool
    reason: str
    warnings: tuple[str, ...]
    goodness: PairGoodness
    dropped: dict[int, str]
    flagged: dict[int, str]
    merged: dict[int, int]
    few: dict[int, str] = field(default_factory=dict)
