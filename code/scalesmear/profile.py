r"""Profile of one parameter of a fit: how badly each of its values goes with the data.

The parameter is held at a value and all others are fitted again. What is left of its equation g_j
of `scalesmear.equations`, freed of what the others could compensate, is compared with its standard
deviation from the statistics of data and simulation,

    z = g_eff / sqrt(c (B + V) c'),   g_eff = c g,   c_j = 1,   c_o = - A_jo A_oo^-1.

z is a score test (with the variance of a sandwich): standard normal if the value is true, 0 at the
result of the fit, negative above it. Where z crosses +1 and -1 lies a 68 % interval, which need not
be symmetric.

A smearing that ended at its bound has z0 < 0 there: the data want less than nothing. What counts for
intervals is then how much worse than the bound a value is, sqrt(z^2 - z0^2), which keeps them from
being empty.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.equations import ScoreEquations
from scalesmear.errors import FitError
from scalesmear.fit import METHODS, ONE_SIDED, ROUNDS, solve
from scalesmear.fitsettings import FitSettings
from scalesmear.problem import Problem, pose
from scalesmear.uncertainty import shape_noise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scalesmear.events import IntArray
    from scalesmear.fitresult import FitResult
    from scalesmear.histogram import PairHistograms

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Profile:
    """z along one parameter.

    Attributes
    ----------
    parameter : str
        Such as "scale 3" or "smearing 0".
    best, error : float
        Scale or smearing of the fit, and its error.
    values : float array, shape (k,)
        Scales or smearings, rising; a smearing from 0 on.
    z : float array, shape (k,)
        Score in standard deviations, falling.
    interval : (low, high)
        Where z is 1 and -1 (see above for a smearing at its bound), by interpolation; an end of the
        scan where it does not go so far, which for a smearing can be 0.
    upper : float
        Where z is -1.645: a one-sided 95 % upper limit; infinite if the scan ends before.
    """

    parameter: str
    best: float
    error: float
    values: Floats
    z: Floats
    interval: tuple[float, float]
    upper: float

    @property
    def kind(self) -> str:
        """Either scale or smearing."""
        return self.parameter.split()[0]

    @property
    def ratio(self) -> Floats:
        """z^2, less z0^2 for a smearing at its bound: in large samples -2 ln of a likelihood ratio."""
        return _beyond_bound(self.z) ** 2

    @property
    def one_sided(self) -> bool:
        """Whether this is a smearing that is within its error of 0, so that its limit matters."""
        return self.kind == "smearing" and self.interval[0] == 0

    def parabola(self, values: Floats) -> Floats:
        """Return what value and error of the fit say instead, in a scale or the square of a smearing.

        The error e of a smearing is half the length of the interval sqrt(q +- error(q)) of q =
        smearing^2, so that error(q) = 2 e sqrt(q - e^2), or 4 e^2 - q if the interval begins at 0,
        where q < 2 e^2.
        """
        if self.kind == "scale":
            return np.asarray(((values - self.best) / self.error) ** 2)
        q, variance = self.best**2, self.error**2
        from_zero = q < 2 * variance
        error = 4 * variance - q if from_zero else 2 * self.error * np.sqrt(q - variance)
        return np.asarray(((values**2 - q) / error) ** 2)


def profile(
    histograms: PairHistograms,
    smearing_of: IntArray,
    settings: FitSettings,
    result: FitResult,
    parameter: int,
    *,
    n_points: int = 25,
    n_sigmas: float = 4.0,
    neighbours: Sequence[Sequence[int]] = (),
) -> Profile:
    """Scan one parameter around the result of a fit.

    Parameters
    ----------
    histograms, smearing_of, settings, neighbours
        Of the fit, see `scalesmear.fit.fit_pairs`.
    result : FitResult
    parameter : int
        Place in (scales, smearings).
    n_points : int
    n_sigmas : float
        How far to go to both sides, in errors of the fit.

    Raises
    ------
    FitError
        If the parameter is fixed or not determined, or a point cannot be fitted.
    """
    start = (result.scale, result.smearing)
    problem, here = pose(
        histograms, smearing_of, replace(settings, start="default"), start, neighbours
    )
    n = problem.mapping.n_scales
    name = f"scale {parameter}" if parameter < n else f"smearing {parameter - n}"
    if not problem.box.free[parameter]:
        raise FitError(f"{name} is fixed, merged or not determined; there is nothing to scan")
    solution = solve(problem, here)
    best = solution.root.parameters
    sigma = float(np.sqrt(result.covariance[parameter, parameter]))
    raw = _grid(problem, best, parameter, sigma, n_points, n_sigmas)
    z = np.array(_scores(problem, solution.equations, best, parameter, raw))
    values = np.exp(raw) if parameter < n else np.sqrt(raw)
    both = [*result.scale, *result.smearing], [*result.scale_error, *result.smearing_error]
    apart = _beyond_bound(z)
    return Profile(
        parameter=name,
        best=float(both[0][parameter]),
        error=float(both[1][parameter]),
        values=values,
        z=z,
        interval=(
            _crossing(values, apart, 1.0, values[0]),
            _crossing(values, apart, -1.0, values[-1]),
        ),
        upper=_crossing(values, apart, -ONE_SIDED, np.inf),
    )


def _grid(
    problem: Problem, best: Floats, parameter: int, sigma: float, n_points: int, n_sigmas: float
) -> Floats:
    """Return the values of ln(scale) or smearing^2, the best one among them."""
    low, high = (edge[parameter] for edge in (problem.box.lower, problem.box.upper))
    raw = best[parameter] + sigma * np.linspace(-n_sigmas, n_sigmas, n_points)
    return np.unique(np.clip([*raw, best[parameter]], low, high))


def _scores(
    problem: Problem, equations: ScoreEquations, best: Floats, parameter: int, raw: Floats
) -> list[float]:
    """Return z at each value; every fit begins where the one before, nearer the best, ended."""
    found: dict[int, float] = {}
    middle = int(np.searchsorted(raw, best[parameter]))
    for places in (range(middle, len(raw)), range(middle - 1, -1, -1)):
        at = best
        for place in places:
            at, found[place] = _score(problem, equations, at, parameter, float(raw[place]))
    return [found[place] for place in range(len(raw))]


def _score(
    problem: Problem, equations: ScoreEquations, start: Floats, parameter: int, value: float
) -> tuple[Floats, float]:
    """Fit the other parameters; return them all, and z."""
    begin = start.copy()
    begin[parameter] = value
    free = problem.box.free.copy()
    free[parameter] = False
    limit = problem.settings.max_iterations
    _, find_root = METHODS[problem.settings.minimiser]
    box = replace(problem.box, free=free)
    root = find_root(equations, begin, box, tolerance=ROUNDS[-1], max_iterations=limit)
    if not root.converged:
        raise FitError(f"the scan stopped at {value:g}: {root.reason}")
    inside = free & ((root.parameters > box.lower) | (root.equations.value > 0))
    a = root.equations.sensitivity
    c = np.zeros(len(free))
    c[parameter] = 1
    c[inside] = -np.linalg.solve(a[np.ix_(inside, inside)].T, a[parameter, inside])
    response = problem.mapping.response(root.parameters)
    noise = shape_noise(equations.templates, response, equations.weights)
    variance = c @ (root.equations.variance + equations.sim_variance(noise)) @ c
    return root.parameters, float(c @ root.equations.value / np.sqrt(variance))


def _beyond_bound(z: Floats) -> Floats:
    """Return z, or - sqrt(z^2 - z0^2) if it is negative from the bound on."""
    return z if z[0] >= 0 else -np.sqrt(np.maximum(z**2 - z[0] ** 2, 0))


def _crossing(values: Floats, z: Floats, level: float, otherwise: float) -> float:
    """Return where a falling z crosses a level, or `otherwise` if it does not."""
    if not z[0] > level > z[-1]:
        return float(otherwise)
    place = int(np.argmax(z < level))
    part = (z[place - 1] - level) / (z[place - 1] - z[place])
    return float(values[place - 1] + part * (values[place] - values[place - 1]))
