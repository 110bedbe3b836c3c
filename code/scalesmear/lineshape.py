"""The Z line shape as it is measured: a Breit-Wigner convolved with a Crystal Ball, fitted to a mass.

Breit-Wigner: relativistic, with the mass of the Z and its width, `scipy.stats.rel_breitwigner`.
Crystal Ball: J. E. Gaiser, SLAC-R-255 (1982), appendix F, `scipy.stats.crystalball`: a Gaussian of
width sigma around the shift of the peak, with a power law on its low side for what electrons
radiate. The fit is a binned likelihood of the shape by MIGRAD (`iminuit`); of weighted events the
likelihood of Bohm and Zech (arXiv:1309.1287).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from iminuit import Minuit
from iminuit.cost import BinnedNLL
from scipy.signal import fftconvolve
from scipy.stats import chi2 as chi2_distribution
from scipy.stats import crystalball, rel_breitwigner

from scalesmear.kinematics import Z_MASS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from scalesmear.events import FloatArray

Z_WIDTH = 2.4955
"""Total width of the Z boson [GeV], Particle Data Group 2024."""

STEP = 0.05
"""Width of a cell of the convolution [GeV]."""

REACH = (-30.0, 15.0)
"""Range of the Crystal Ball, measured from the mass of the Z [GeV]."""

START = {"shift": 0.0, "sigma": 1.5, "alpha": 1.3, "n": 3.0}
LIMITS = {"shift": (-8.0, 8.0), "sigma": (0.1, 8.0), "alpha": (0.3, 6.0), "n": (1.05, 20.0)}

LEAST_EVENTS = 200.0
"""Effective events in the window below which nothing is fitted."""

MIN_EXPECTED = 5.0
"""Bins with fewer expected events take no part in chi2."""


@dataclass(frozen=True)
class LineShape:
    """A fitted line shape.

    Attributes
    ----------
    peak, peak_error : float
        Mass of the Z plus the shift of the Crystal Ball, and its error [GeV].
    resolution, resolution_error : float
        Width sigma of the Gaussian part of the Crystal Ball, and its error [GeV].
    alpha, n : float
        Where the tail begins, in units of sigma below the peak, and its power.
    chi2, ndf : float, int
        Of the fitted shape over bins with at least `MIN_EXPECTED` events.
    valid : bool
        Whether MIGRAD calls its minimum valid and no parameter of interest is at its limit.
    """

    peak: float
    peak_error: float
    resolution: float
    resolution_error: float
    alpha: float
    n: float
    chi2: float
    ndf: int
    valid: bool

    @property
    def p_value(self) -> float | None:
        """Probability of a chi2 at least as large; None without a degree of freedom."""
        return float(chi2_distribution.sf(self.chi2, self.ndf)) if self.ndf > 0 else None

    def expected(self, edges: FloatArray, total: float) -> NDArray[np.float64]:
        """Return the fitted contents of bins of the mass, shape (n,), which add up to `total`."""
        cumulative = shape_cdf(edges, self.peak - Z_MASS, self.resolution, self.alpha, self.n)
        return total * np.diff(cumulative)

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> LineShape:
        """Read what `to_json` returns."""
        return cls(**content)


def fit_line_shape(
    edges: FloatArray, contents: FloatArray, variances: FloatArray | None = None
) -> LineShape | None:
    """Fit peak and resolution to a mass histogram.

    Parameters
    ----------
    edges : float array, shape (n + 1,)
        Edges of the bins [GeV].
    contents : float array, shape (n,)
        Number of events, or sum of weights.
    variances : float array, shape (n,), optional
        Sums of squared weights; None for plain numbers of events.

    Returns
    -------
    LineShape or None
        None if there are fewer than `LEAST_EVENTS` effective events.
    """
    total, variance = contents.sum(), (contents if variances is None else variances).sum()
    if total <= 0 or total**2 / variance < LEAST_EVENTS:
        return None
    observed = contents if variances is None else np.stack([contents, variances], axis=1)
    cost = BinnedNLL(observed, np.asarray(edges, np.float64), shape_cdf)
    minuit = Minuit(cost, **START)
    for name, limits in LIMITS.items():
        minuit.limits[name] = limits
    minuit.strategy = 1
    minuit.migrad()
    if not minuit.valid:
        minuit.simplex().migrad()
    minuit.hesse()
    values = {name: float(minuit.values[name]) for name in START}
    errors = {name: float(minuit.errors[name]) for name in START}
    found = LineShape(
        peak=Z_MASS + values["shift"],
        peak_error=errors["shift"],
        resolution=values["sigma"],
        resolution_error=errors["sigma"],
        alpha=values["alpha"],
        n=values["n"],
        chi2=0.0,
        ndf=0,
        valid=bool(minuit.valid)
        and not any(_at_limit(values, name) for name in ("shift", "sigma")),
    )
    chi2, ndf = _chi2(found, edges, contents, variances)
    return LineShape(**(found.to_json() | {"chi2": chi2, "ndf": ndf}))


def _at_limit(values: Mapping[str, float], name: str) -> bool:
    low, high = LIMITS[name]
    return min(values[name] - low, high - values[name]) < 1e-3 * (high - low)


def _chi2(
    shape: LineShape, edges: FloatArray, contents: FloatArray, variances: FloatArray | None
) -> tuple[float, int]:
    """Return Pearson's chi2 with variances scaled to what is expected, and degrees of freedom."""
    expected = shape.expected(edges, float(contents.sum()))
    per_event = 1.0 if variances is None else float(variances.sum() / contents.sum())
    use = expected >= MIN_EXPECTED * per_event
    chi2 = np.sum((contents[use] - expected[use]) ** 2 / (expected[use] * per_event))
    return float(chi2), max(0, int(use.sum()) - 1 - len(START))


def shape_cdf(
    edges: FloatArray, shift: float, sigma: float, alpha: float, n: float
) -> NDArray[np.float64]:
    """Return the cumulative line shape at some masses, 0 at the first and 1 at the last.

    Parameters
    ----------
    edges : float array, shape (k,)
        Rising masses [GeV].
    shift, sigma : float
        Of the Crystal Ball [GeV].
    alpha, n : float
        Its tail.
    """
    low, high = float(edges[0]) - REACH[1], float(edges[-1]) - REACH[0]
    cells, breit_wigner = _breit_wigner(low, high)
    reach = np.arange(REACH[0], REACH[1] + STEP / 2, STEP)
    response = np.diff(crystalball.cdf(reach, alpha, n, loc=shift, scale=sigma))
    smeared = np.cumsum(fftconvolve(breit_wigner, response))
    # the masses of two cells add up to the middle between the cells that their sum can reach
    at = cells[0] + reach[0] + STEP * (np.arange(len(smeared)) + 1.5)
    cumulative = np.interp(edges, at, smeared)
    return np.asarray((cumulative - cumulative[0]) / (cumulative[-1] - cumulative[0]))


@cache
def _breit_wigner(low: float, high: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return edges of cells [GeV] and the probability of the Breit-Wigner in each."""
    cells = np.arange(low, high + STEP / 2, STEP)
    return cells, np.diff(rel_breitwigner.cdf(cells, Z_MASS / Z_WIDTH, scale=Z_WIDTH))
