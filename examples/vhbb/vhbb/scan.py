"""What enters and leaves an interpretation: histograms, the scan of CLs, and limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from scalesmear.errors import FitError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.normalisation import Quantity

    Doubles = NDArray[np.float64]

LEVEL = 0.95
"""Confidence level of the limits: CLs is 1 - `LEVEL` there."""

N_SIGMA = {"-2": -2, "-1": -1, "0": 0, "+1": 1, "+2": 2}
"""Expected limits by their names: for fluctuations by so many standard deviations."""

DISTINCT = 1e-2
"""Expected limits differ by more than this part of their mean."""

SMALLEST = 1e-12
"""CLs below this is not told from zero."""


@dataclass(frozen=True, eq=False)
class Counts:
    """A histogram in n bins.

    Attributes
    ----------
    contents, variances : float arrays, shape (n,)
    uncertainty : float
        Relative, of the normalisation; 0 if it is known.
    """

    contents: Doubles
    variances: Doubles
    uncertainty: float = 0.0

    def take(self, used: NDArray[np.bool_]) -> Counts:
        """Return some of the bins."""
        return Counts(self.contents[used], self.variances[used], self.uncertainty)

    def times(self, factor: float) -> Counts:
        """Return the histogram multiplied by a number."""
        return Counts(factor * self.contents, factor**2 * self.variances, self.uncertainty)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Signal and background as expected, and data, in the same n bins.

    Attributes
    ----------
    edges : float array, shape (n + 1,)
        [GeV]
    signal, background : Counts
    data : float array, shape (n,)
    """

    edges: Doubles
    signal: Counts
    background: Counts
    data: Doubles


@dataclass(frozen=True, eq=False)
class Limit:
    """Upper limits on the signal strength.

    Attributes
    ----------
    observed : float
    expected : float array, shape (5,)
        Without signal, in the order of `N_SIGMA`.
    """

    observed: float
    expected: Doubles

    def to_json(self, times: float = 1.0) -> dict[str, Any]:
        """Return the content of a JSON object, all limits multiplied by a number."""
        expected = dict(zip(N_SIGMA, (times * self.expected).tolist(), strict=True))
        return {"observed": times * self.observed, "expected": expected}


@dataclass(frozen=True, eq=False)
class Scan:
    """CLs against the signal strength.

    Attributes
    ----------
    strength, observed : float arrays, shape (n,)
        Strengths above 0; without signal CLs is 1.
    expected : float array, shape (n, 5)
        In the order of `N_SIGMA`.
    """

    strength: Doubles
    observed: Doubles
    expected: Doubles

    def limit(self) -> Limit:
        """Return where CLs is 1 - `LEVEL`, between the points of the scan.

        Raises
        ------
        FitError
            If limits for different fluctuations coincide: fits have stopped too early.
        """
        expected = np.array([_crossing(self.strength, one) for one in self.expected.T])
        if np.any(np.diff(expected) < DISTINCT * expected.mean()):
            found = ", ".join(f"{limit:.4g}" for limit in expected)
            raise FitError(f"expected limits {found} coincide: fits did not converge")
        return Limit(_crossing(self.strength, self.observed), expected)

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object."""
        return {
            "strength": self.strength.tolist(),
            "observed": self.observed.tolist(),
            "expected": dict(zip(N_SIGMA, self.expected.T.tolist(), strict=True)),
        }


def _crossing(strength: Doubles, cls: Doubles) -> float:
    """Interpolate the strength in -log CLs, which rises smoothly from 0."""
    rise = np.concatenate([[0.0], -np.log(np.maximum(cls, SMALLEST))])
    rising = np.concatenate([[True], np.diff(np.maximum.accumulate(rise)) > 0])
    found = PchipInterpolator(rise[rising], np.concatenate([[0.0], strength])[rising])
    return float(found(-math.log(1 - LEVEL)))


@dataclass(frozen=True, eq=False)
class Interpretation:
    """A spectrum and what follows from it.

    Attributes
    ----------
    spectrum : Spectrum
    scan : Scan
    cross_section, luminosity : Quantity
        That the signal is scaled to; a limit on the strength is one on the cross section by it.
    """

    spectrum: Spectrum
    scan: Scan
    cross_section: Quantity
    luminosity: Quantity

    @property
    def limit(self) -> Limit:
        """The limits on the signal strength."""
        return self.scan.limit()

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object."""
        times, parts = self.cross_section.value, self.spectrum
        return {
            "level": LEVEL,
            "signal_strength": self.limit.to_json(),
            "cross_section": {
                "unit": self.cross_section.unit,
                "at_strength_1": times,
                **self.limit.to_json(times),
            },
            "luminosity": {"value": self.luminosity.value, "unit": self.luminosity.unit},
            "events": {
                "signal": float(parts.signal.contents.sum()),
                "background": float(parts.background.contents.sum()),
                "data": int(parts.data.sum()),
            },
            "uncertainties": {
                "signal": parts.signal.uncertainty,
                "background": parts.background.uncertainty,
            },
            "scan": self.scan.to_json(),
        }
