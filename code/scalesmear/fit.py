"""Joint fit of energy scales and smearings to the mass histograms of pairs of categories.

The scale s of a category multiplies the energies of its electrons in **data**; the smearing sigma
widens them in simulation, E' = E (1 + sigma g). A likelihood of smooth shapes
(`scalesmear.likelihood`) leads to where the equations of `scalesmear.equations` find scales and
smearings, with errors that know the statistics of data and simulation. No random numbers are used,
and the pairs that take part are chosen before the fit begins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.effective import ScaleSmearingMap, Tails, narrowest
from scalesmear.equations import ScoreEquations
from scalesmear.errors import FitError
from scalesmear.fit_kernels import LEAST_PROBABILITY, Response
from scalesmear.goodness import LEAST_EVENTS, PairGoodness, goodness
from scalesmear.likelihood import Likelihood
from scalesmear.pairs import PairChoice, choose_pairs
from scalesmear.references import reference_shapes
from scalesmear.solver import Box, Minimum, Root, find_root, minimise
from scalesmear.template import MAX_MERGE, arrange, coarsest_level
from scalesmear.uncertainty import Covariance, covariance, shape_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import BoolArray, IntArray
    from scalesmear.fit_kernels import ShapeNoise
    from scalesmear.histogram import PairHistograms
    from scalesmear.template import Templates

    Floats = NDArray[np.float64]

FULL_BINS = 2e3
"""Effective simulated events in the window above which a pair keeps all bins; others keep half."""

GOODNESS_BINS = (2e4, 2e3)
"""The same for the goodness of fit, which wants more events in a bin; below, a quarter is kept."""

SEARCH_LEVEL = 3
"""Cells of the simulation in the search for the start, see `Templates.level`."""

SEARCH_TOLERANCE = 0.1
"""The search ends when one more step is expected to bring less."""

ROUNDS = (0.1, 1e-4)
"""Each round makes the weights anew and ends when one more step is expected to bring less.

The last leaves 1 % of a standard deviation.
"""

LEVEL_MARGIN = 1.3
"""Cells are made finer only where the variance of the smearing is smaller by this factor."""

MAX_STEP = (0.02, 5e-4)
"""Largest change of ln(scale) and of smearing^2 in one iteration."""

ONE_SIDED = 1.645
"""Standard deviations that leave 5 % on one side."""


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """What a fit of scales and smearings needs to know.

    Attributes
    ----------
    min_sim_events : float
        Effective number (sum w)^2 / sum w^2 of simulated events in the window; a pair with fewer
        is not used. The noise of the simulation biases nothing, but the errors of parameters that
        hang on a few events are rough, and pairs with fewer than 20 bring next to nothing.
    min_data_events : float
        The same for data.
    scale_bound : float
        Largest abs(scale - 1).
    smearing_bound : float
        Largest smearing.
    start_smearing : float
        Where smearings start, if the caller does not say.
    max_iterations : int
    fixed_scales, fixed_smearings : tuple of int
        Indices of what keeps its start value.
    tail_fraction, tail_width : float
        Of a second Gaussian in the smearing, see `scalesmear.effective.Tails`.
    """

    min_sim_events: float = 20.0
    min_data_events: float = 10.0
    scale_bound: float = 0.1
    smearing_bound: float = 0.1
    start_smearing: float = 0.01
    max_iterations: int = 100
    fixed_scales: tuple[int, ...] = ()
    fixed_smearings: tuple[int, ...] = ()
    tail_fraction: float = 0.0
    tail_width: float = 2.0

    @property
    def tails(self) -> Tails:
        """The second Gaussian of the smearing."""
        return Tails(self.tail_fraction, self.tail_width)


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
        The error is half the width of sqrt(q +- error(q)), q = smearing^2 >= 0.
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
    """

    scale: Floats
    scale_error: Floats
    smearing: Floats
    smearing_error: Floats
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


@dataclass(frozen=True)
class Prediction:
    """Expected data of every pair in the bins of the window, narrow bins of the grid.

    Attributes
    ----------
    pairs : int array, shape (p,)
    expected : float array, shape (p, n_bins)
        Normalised to the data of the pair in the window; zero for a pair without simulation.
    variance : float array, shape (p, n_bins)
        Of `expected`, from the statistics of the simulation.
    """

    pairs: IntArray
    expected: Floats
    variance: Floats


@dataclass(frozen=True)
class Problem:
    """Everything that stays the same during a fit."""

    histograms: PairHistograms
    settings: FitSettings
    choice: PairChoice
    mapping: ScaleSmearingMap
    box: Box
    reference: Floats


class Solution(NamedTuple):
    """A root of equations."""

    equations: ScoreEquations
    root: Root
    n_iterations: int
    n_evaluations: int


def fit_pairs(
    histograms: PairHistograms,
    smearing_of: IntArray,
    settings: FitSettings | None = None,
    start: tuple[Floats, Floats] | None = None,
) -> FitResult:
    """Fit one scale per category and one smearing per smearing category.

    Parameters
    ----------
    histograms : PairHistograms
    smearing_of : int array, shape (n_categories,)
        Smearing category 0 ... m-1 of each scale category.
    settings : FitSettings
    start : (scales, smearings), optional
        Where to start; fixed and undetermined parameters stay there. Default: scale 1 and
        ``settings.start_smearing``.

    Raises
    ------
    FitError
        If no pair has enough events, or the fit does not converge.
    ValueError
        If shapes or indices do not fit together.
    """
    problem, parameters = _pose(histograms, smearing_of, settings or FitSettings(), start)
    search = _search(problem, parameters)
    solution = _solve(problem, search.parameters)
    if not solution.root.converged:
        raise FitError(f"the fit did not converge: {solution.root.reason}")
    return _result(problem, solution, search.n_evaluations + solution.n_evaluations)


def predict(
    histograms: PairHistograms,
    smearing_of: IntArray,
    scale: Floats,
    smearing: Floats,
    tails: Tails | None = None,
) -> Prediction:
    """Return the data that simulation, moved by 1 / scale and smeared, lets expect.

    Parameters are those of `fit_pairs` and `FitResult`.
    """
    smearing_of = _checked_map(smearing_of, histograms.n_categories)
    parameters = _parameters(scale, smearing, smearing_of)
    mapping = ScaleSmearingMap.of_pairs(histograms.pairs, smearing_of, tails)
    response = mapping.response(parameters)
    rows = np.arange(len(histograms.pairs))
    level = coarsest_level(narrowest(response), histograms.grid.width)
    templates = arrange(histograms, rows, np.ones_like(rows), level)
    noise = shape_noise(templates, response)
    n_data = templates.counts.sum(axis=1)[:, None]
    expected = n_data * noise.probability
    return Prediction(histograms.pairs, expected, n_data**2 * noise.variance)


def _pose(
    histograms: PairHistograms,
    smearing_of: IntArray,
    settings: FitSettings,
    start: tuple[Floats, Floats] | None,
) -> tuple[Problem, Floats]:
    """Check the arguments of a fit; return the problem and the start of the parameters."""
    smearing_of = _checked_map(smearing_of, histograms.n_categories)
    mapping = ScaleSmearingMap.of_pairs(histograms.pairs, smearing_of, settings.tails)
    n, m = mapping.n_scales, mapping.n_smearings
    scale, smearing = start or (np.ones(n), np.full(m, settings.start_smearing))
    fixed = np.zeros(n + m, dtype=bool)
    fixed[list(settings.fixed_scales)] = True
    fixed[[n + j for j in settings.fixed_smearings]] = True
    choice = choose_pairs(
        histograms,
        mapping.index,
        fixed,
        min_sim_events=settings.min_sim_events,
        min_data_events=settings.min_data_events,
    )
    box = _box(n, m, settings, choice.determined & ~fixed)
    used = replace(mapping, index=mapping.index[choice.rows])
    reference = reference_shapes(histograms, choice.rows)
    problem = Problem(histograms, settings, choice, used, box, reference)
    return problem, _parameters(scale, smearing, smearing_of)


def _checked_map(smearing_of: IntArray, n_categories: int) -> IntArray:
    """Return the smearing category of each scale category as an array of fitting shape."""
    out = np.asarray(smearing_of)
    if out.shape != (n_categories,) or out.dtype.kind not in "iu" or out.min(initial=0) < 0:
        raise ValueError(
            f"smearing_of must hold {n_categories} indices from 0, not {out.dtype} {out.shape}"
        )
    return out


def _parameters(scale: Floats, smearing: Floats, smearing_of: IntArray) -> Floats:
    """Return the vector (ln scale, smearing^2)."""
    scale, smearing = np.asarray(scale, np.float64), np.asarray(smearing, np.float64)
    shapes = ((len(smearing_of),), (int(smearing_of.max()) + 1,))
    if (scale.shape, smearing.shape) != shapes:
        raise ValueError(f"scales and smearings must have shapes {shapes}")
    if not (np.all(scale > 0) and np.all(smearing >= 0) and np.all(np.isfinite(smearing))):
        raise ValueError("scales must be positive, smearings not negative, all finite")
    return np.concatenate([np.log(scale), smearing**2])


def _box(n: int, m: int, settings: FitSettings, free: BoolArray) -> Box:
    """Return where n scales and m smearings may go."""
    bound = settings.scale_bound
    return Box(
        lower=np.repeat([np.log1p(-bound), 0.0], [n, m]),
        upper=np.repeat([np.log1p(bound), settings.smearing_bound**2], [n, m]),
        free=free,
        max_step=np.repeat(MAX_STEP, [n, m]),
    )


def _search(problem: Problem, start: Floats) -> Minimum:
    """Look for the region of the solution, in wide bins."""
    n_used = len(problem.choice.rows)
    merge, level = np.full(n_used, MAX_MERGE), np.full(n_used, SEARCH_LEVEL)
    likelihood = Likelihood(_arrange(problem, merge, level), problem.mapping)
    limit = problem.settings.max_iterations
    return minimise(
        likelihood, start, problem.box, tolerance=SEARCH_TOLERANCE, max_iterations=limit
    )


def _arrange(problem: Problem, merge: IntArray, level: IntArray) -> Templates:
    """Bin the histograms of the pairs in use."""
    return arrange(problem.histograms, problem.choice.rows, merge, level, problem.reference)


def _solve(problem: Problem, start: Floats) -> Solution:
    """Find the root of the equations; refine the cells of pairs that smear less than expected."""
    n_eff, width = problem.choice.n_eff_sim, problem.histograms.grid.width
    merge, parameters = np.where(n_eff > FULL_BINS, 1, 2), start
    level = coarsest_level(narrowest(problem.mapping.response(parameters)), width)
    n_iterations = n_evaluations = 0
    while True:
        templates = _arrange(problem, merge, level)
        for tolerance in ROUNDS:
            equations = ScoreEquations.at(templates, problem.mapping, n_eff, parameters)
            limit = problem.settings.max_iterations
            root = find_root(
                equations, parameters, problem.box, tolerance=tolerance, max_iterations=limit
            )
            n_iterations += root.n_iterations
            n_evaluations += root.n_evaluations
            parameters = root.parameters
        spread = narrowest(problem.mapping.response(parameters))
        needed = coarsest_level(LEVEL_MARGIN * spread, width)
        if np.all(level <= needed) or not root.converged:
            return Solution(equations, root, n_iterations, n_evaluations)
        level = np.minimum(level, needed)


def _result(problem: Problem, best: Solution, n_evaluations: int) -> FitResult:
    """Put together the result, with errors and goodness of fit."""
    mapping, free, n = problem.mapping, problem.box.free, problem.mapping.n_scales
    parameters, equations = best.root.parameters, best.equations
    noise = shape_noise(equations.templates, mapping.response(parameters), equations.weights)
    errors = _errors(best, noise, free)
    total = errors.total
    sigma = np.where(problem.choice.determined, np.sqrt(np.diag(total)), np.inf)
    scale, q = np.exp(parameters[:n]), parameters[n:]
    return FitResult(
        scale=scale,
        scale_error=scale * sigma[:n],
        smearing=np.sqrt(q),
        smearing_error=(np.sqrt(q + sigma[n:]) - np.sqrt(np.maximum(q - sigma[n:], 0))) / 2,
        smearing_upper=np.sqrt(q + ONE_SIDED * sigma[n:]),
        covariance=total,
        covariance_data=errors.data,
        covariance_sim=errors.sim,
        scale_determined=free[:n],
        smearing_determined=free[n:],
        smearing_at_bound=free[n:] & (q <= 0),
        nll=_nll(equations.templates, noise),
        n_iterations=best.n_iterations,
        n_evaluations=n_evaluations,
        converged=True,
        reason=best.root.reason,
        warnings=tuple(_warnings(problem, parameters, errors)),
        goodness=_goodness(problem, best),
        dropped=problem.choice.dropped,
    )


def _errors(solution: Solution, noise: ShapeNoise, free: BoolArray) -> Covariance:
    """Return the covariance of the parameters."""
    try:
        return covariance(solution.root.equations, solution.equations.sim_variance(noise), free)
    except np.linalg.LinAlgError as error:
        raise FitError("the pairs in use do not tell all parameters apart") from error


def _goodness(problem: Problem, solution: Solution) -> PairGoodness:
    """Compare data and expectation of pairs with enough simulation."""
    choice, fitted, (many, some) = problem.choice, solution.equations.templates, GOODNESS_BINS
    known = choice.n_eff_sim >= LEAST_EVENTS
    n_eff = choice.n_eff_sim[known]
    merge = np.where(n_eff > many, 1, np.where(n_eff > some, 2, MAX_MERGE))
    compared = arrange(problem.histograms, choice.rows[known], merge, fitted.level[known])
    everything = problem.mapping.response(solution.root.parameters)
    response = Response(everything.share, everything.moments[known], everything.slopes[known])
    noise = shape_noise(compared, response)
    n_data, n_free = fitted.counts.sum(axis=1), int(problem.box.free.sum())
    return goodness(compared, noise, fitted.pairs, n_data, choice.n_eff_sim, n_free)


def _nll(templates: Templates, noise: ShapeNoise) -> float:
    """Return - sum D ln p."""
    p = np.maximum(noise.probability, LEAST_PROBABILITY)
    return float(-(templates.counts * np.log(p)).sum())


def _warnings(problem: Problem, parameters: Floats, errors: Covariance) -> list[str]:
    """Say what a user should look at."""
    box, n = problem.box, problem.mapping.n_scales
    names = [f"scale {i}" for i in range(n)]
    names += [f"smearing {j}" for j in range(problem.mapping.n_smearings)]
    at_bound = box.free & ((parameters >= box.upper) | (parameters <= box.lower) & (box.lower < 0))
    out = [f"{names[i]} ended at its bound" for i in np.flatnonzero(at_bound)]
    out += [
        f"{names[i]} is not determined by the pairs in use and keeps its start value"
        for i in np.flatnonzero(~problem.choice.determined)
    ]
    out += [
        f"{names[i]}: the simulation is too small for its error to be reliable"
        for i in np.flatnonzero(~errors.reliable)
    ]
    return out
