"""Closure: what a fit still finds in events that carry its own corrections."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.errors import ClosureError
from scalesmear.fit import fit_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.categories import CategorySet
    from scalesmear.fitresult import FitResult
    from scalesmear.fitsettings import FitSettings
    from scalesmear.histogram import PairHistograms


@dataclass(frozen=True, kw_only=True)
class ClosureSettings:
    """When a closure passes.

    Attributes
    ----------
    tolerance : float
        A residual passes below so many of its standard errors,
    floor : float
        or below this absolute size, whatever the statistics; for scales and smearings alike.
    """

    tolerance: float = 4.0
    floor: float = 2e-4


@dataclass(frozen=True)
class Closure:
    """Residual corrections after a fit, and whether they are small enough.

    Attributes
    ----------
    scale, scale_error : float arrays, shape (n,)
        1 is expected.
    smearing, smearing_error : float arrays, shape (m,)
        By how much the smearing in the file would have to grow: 0 is expected.
    scale_passed, smearing_passed : bool arrays
    chi2, ndf, p_value : float, int, float
        Goodness of the residual fit over all pairs.
    """

    scale: NDArray[np.float64]
    scale_error: NDArray[np.float64]
    smearing: NDArray[np.float64]
    smearing_error: NDArray[np.float64]
    scale_passed: NDArray[np.bool_]
    smearing_passed: NDArray[np.bool_]
    chi2: float
    ndf: int
    p_value: float

    @property
    def passed(self) -> bool:
        """Whether every residual is within the tolerance."""
        return bool(self.scale_passed.all() and self.smearing_passed.all())


def residual_fit(
    histograms: PairHistograms, categories: CategorySet, settings: FitSettings
) -> FitResult:
    """Fit corrected events as the fit did, but from scales of 1; what was fixed has no residual."""
    smearing = np.full(len(categories.smearings), settings.start_smearing)
    smearing[list(settings.fixed_smearings)] = 0
    start = np.ones(len(categories.scales)), smearing
    again = replace(settings, start="default")
    return fit_pairs(histograms, categories.smearing_of, again, start, categories.neighbours)


def close(residual: FitResult, smearing: NDArray[np.float64], settings: ClosureSettings) -> Closure:
    """Judge the fit of corrected events.

    A residual smearing r adds in quadrature to the smearing s of the file, so that the file is
    wrong by sqrt(s^2 + r^2) - s, with the error of r^2 carried through. A smearing that no pair
    determines has no residual, and an infinite error.

    Parameters
    ----------
    residual : FitResult
        Fit of data that carry the scales to simulation that carries the smearings.
    smearing : float array, shape (m,)
        The smearings in the file.
    settings : ClosureSettings
    """
    known = np.isfinite(residual.smearing_error)  # what no pair determines is as it began
    variance = np.where(known, residual.smearing**2, 0)
    n_scales = len(residual.scale)
    variance_error = np.sqrt(np.diag(residual.covariance)[n_scales:])
    total = np.sqrt(smearing**2 + variance)
    growth = total - smearing
    slope = 2 * np.maximum(total, np.sqrt(variance_error))
    error = variance_error / np.maximum(slope, np.finfo(np.float64).tiny)
    growth_error = np.where(known, error, np.inf)

    def small(deviation: NDArray[np.float64], error: NDArray[np.float64]) -> NDArray[np.bool_]:
        finite = np.where(np.isfinite(error), error, 0)
        within = np.maximum(settings.tolerance * finite, settings.floor)
        return np.abs(deviation) <= within

    return Closure(
        scale=residual.scale,
        scale_error=residual.scale_error,
        smearing=growth,
        smearing_error=growth_error,
        scale_passed=small(residual.scale - 1, residual.scale_error),
        smearing_passed=small(growth, growth_error),
        chi2=residual.goodness.total_chi2,
        ndf=residual.goodness.total_ndf,
        p_value=residual.goodness.total_p_value,
    )


def demand(closure: Closure, name: str, labels: tuple[list[str], list[str]]) -> None:
    """Raise unless every residual is within the tolerance.

    Parameters
    ----------
    closure : Closure
    name : str
        Name of the fit.
    labels : (list of str, list of str)
        Names of the scale and of the smearing categories.

    Raises
    ------
    ClosureError
        Naming every category that fails, with its residual and error.
    """
    residuals = (
        ("scale", closure.scale, closure.scale_error, closure.scale_passed, labels[0]),
        ("smearing", closure.smearing, closure.smearing_error, closure.smearing_passed, labels[1]),
    )
    bad = [
        f"{what} of {label} is {value:.5f} +- {error:.5f}"
        for what, values, errors, passed, names in residuals
        for value, error, good, label in zip(values, errors, passed, names, strict=True)
        if not good
    ]
    if bad:
        raise ClosureError(
            f"closure of {name}: residual {'; '.join(bad)}; "
            "expected are scales of 1 and smearings of 0 within the tolerance"
        )
