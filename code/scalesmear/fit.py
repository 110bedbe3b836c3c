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

from scalesmear import quasinewton, solver
from scalesmear.effective import ScaleSmearingMap, Tails, narrowest
from scalesmear.equations import ScoreEquations
from scalesmear.errors import FitError
from scalesmear.fitresult import FitResult
from scalesmear.fitsettings import FitSettings
from scalesmear.goodness import PairGoodness, goodness
from scalesmear.likelihood import Likelihood
from scalesmear.problem import Problem, checked_map, parameter_vector, pose
from scalesmear.shape_kernels import LEAST_PROBABILITY
from scalesmear.solver import Minimiser, Root, RootFinder
from scalesmear.starts import random_starts, scan_scales
from scalesmear.template import MAX_LEVEL, MAX_MERGE, arrange, coarsest_level, rebin
from scalesmear.uncertainty import Covariance, covariance, shape_noise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scalesmear.events import BoolArray, IntArray
    from scalesmear.histogram import PairHistograms
    from scalesmear.noise_kernels import ShapeNoise
    from scalesmear.template import Templates

    Floats = NDArray[np.float64]

GOODNESS_BINS = (2e4, 2e3)
"""Effective simulated events above which a pair keeps all bins, or half, for the goodness of fit.

Below, a quarter is kept.
"""

SEARCH_LEVEL = MAX_LEVEL
"""Cells of the simulation in the search for the start, see `Templates.level`."""

SEARCH_TOLERANCE = 0.1
"""The search ends when one more step is expected to bring less."""

ROUNDS: tuple[float, ...] = (0.1, 1e-4)
"""Each round makes the weights anew and ends when one more step is expected to bring less.

The last leaves 1 % of a standard deviation.
"""

LEVEL_MARGIN = 1.3
"""Cells are made finer only where the variance of the smearing is smaller by this factor."""

ONE_SIDED = 1.645
"""Standard deviations that leave 5 % on one side."""

DIFFERENT = 0.1
"""Solutions that are farther apart than so many standard deviations are said to disagree."""

VALIDATED_RATIO, VALIDATED_NEGATIVE = 0.5, 0.2
"""Least simulation by data, and most negative weights, for which toys show that errors cover."""

METHODS: dict[str, tuple[Minimiser, RootFinder]] = {
    "newton": (solver.minimise, solver.find_root),
    "L-BFGS-B": (quasinewton.minimise, quasinewton.find_root),
}


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


class Solution(NamedTuple):
    """A root of equations, and the likelihood of the search that led to it."""

    equations: ScoreEquations
    root: Root
    likelihood: float
    n_iterations: int
    n_evaluations: int


def fit_pairs(
    histograms: PairHistograms,
    smearing_of: IntArray,
    settings: FitSettings | None = None,
    start: tuple[Floats, Floats] | None = None,
    neighbours: Sequence[Sequence[int]] = (),
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
    neighbours : n sequences of int
        Categories that each may join, see `scalesmear.sparse`; for ``low_statistics="merge"``.

    Raises
    ------
    FitError
        If no pair has enough events, or the fit does not converge.
    ValueError
        If shapes or indices do not fit together.
    """
    problem, parameters = pose(
        histograms, smearing_of, settings or FitSettings(), start, neighbours
    )
    solutions = [solve(problem, begin) for begin in _starts(problem, parameters)]
    converged = [s for s in solutions if s.root.converged]
    if not converged:
        raise FitError(f"the fit did not converge: {solutions[0].root.reason}")
    best = min(converged, key=lambda s: s.likelihood)
    result = _result(problem, best, sum(s.n_evaluations for s in solutions))
    more = _compare_starts(problem, solutions, best, result)
    return _of_all_categories(problem, replace(result, warnings=(*result.warnings, *more)))


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
    smearing_of = checked_map(smearing_of, histograms.n_categories)
    parameters = parameter_vector(scale, smearing, smearing_of)
    mapping = ScaleSmearingMap.of_pairs(histograms.pairs, smearing_of, tails)
    response = mapping.response(parameters)
    rows = np.arange(len(histograms.pairs))
    level = coarsest_level(narrowest(response), histograms.grid.width)
    templates = arrange(histograms, rows, np.ones_like(rows), level)
    noise = shape_noise(templates, response)
    n_data = templates.counts.sum(axis=1)[:, None]
    expected = n_data * noise.probability
    return Prediction(histograms.pairs, expected, n_data**2 * noise.variance)


def _starts(problem: Problem, start: Floats) -> list[Floats]:
    """Return where the fit begins, once or several times."""
    settings, box = problem.settings, problem.box
    if settings.start == "scan":
        return [scan_scales(_wide_likelihood(problem), start, box)]
    if settings.start == "random":
        n_scales = problem.mapping.n_scales
        return random_starts(start, n_scales, settings.n_starts, settings.seed, box)
    return [start]


def _wide_likelihood(problem: Problem) -> Likelihood:
    """Return the likelihood in wide bins, which leads near the solution."""
    n_used = len(problem.choice.rows)
    merge, level = np.full(n_used, MAX_MERGE), np.full(n_used, SEARCH_LEVEL)
    return Likelihood(_arrange(problem, merge, level, reference_only=True), problem.mapping)


def _arrange(
    problem: Problem, merge: IntArray, level: IntArray, *, reference_only: bool = False
) -> Templates:
    """Bin the histograms of the pairs in use."""
    histograms, rows, reference = problem.histograms, problem.choice.rows, problem.reference
    group = problem.bins.group
    return arrange(histograms, rows, merge, level, reference, group, reference_only=reference_only)


def solve(problem: Problem, start: Floats) -> Solution:
    """Search the region of the solution, then find it; a failure shows in its `root`."""
    minimise, find_root = METHODS[problem.settings.minimiser]
    limit = problem.settings.max_iterations
    search = minimise(
        _wide_likelihood(problem),
        start,
        problem.box,
        tolerance=SEARCH_TOLERANCE,
        max_iterations=limit,
    )
    n_eff, width = problem.choice.n_eff_sim, problem.histograms.grid.width
    parameters, n_iterations, n_evaluations = search.parameters, 0, search.n_evaluations
    level = coarsest_level(narrowest(problem.mapping.response(parameters)), width)
    rounds = ROUNDS
    while True:
        templates = _arrange(problem, problem.bins.merge, level)
        for tolerance in rounds:
            equations = ScoreEquations.at(templates, problem.mapping, n_eff, parameters)
            root = find_root(
                equations, parameters, problem.box, tolerance=tolerance, max_iterations=limit
            )
            n_iterations += root.n_iterations
            n_evaluations += root.n_evaluations
            parameters = root.parameters
        spread = narrowest(problem.mapping.response(parameters))
        needed = coarsest_level(LEVEL_MARGIN * spread, width)
        if np.all(level <= needed) or not root.converged:
            value = search.evaluation.value
            return Solution(equations, root, value, n_iterations, n_evaluations)
        level, rounds = np.minimum(level, needed), ROUNDS[-1:]  # the weights are good already


def _compare_starts(
    problem: Problem, solutions: list[Solution], best: Solution, result: FitResult
) -> list[str]:
    """Say whether fits from different starts ended at different places."""
    failed = sum(not s.root.converged for s in solutions)
    out = [f"{failed} of {len(solutions)} starts did not converge"] if failed else []
    sigma = np.sqrt(np.diag(result.covariance))
    free = problem.box.free & (sigma > 0)
    found = np.array([s.root.parameters[free] for s in solutions if s.root.converged])
    apart = np.abs(found - best.root.parameters[free]) / sigma[free]
    other = int((apart.max(axis=1, initial=0) > DIFFERENT).sum())
    if other:
        out.append(
            f"{other} of {len(solutions)} starts led to another solution, up to "
            f"{apart.max():.2g} standard deviations away; the one of the best likelihood is kept"
        )
    return out


def _result(problem: Problem, best: Solution, n_evaluations: int) -> FitResult:
    """Put together the result, with errors and goodness of fit."""
    mapping, free, n = problem.mapping, problem.box.free, problem.mapping.n_scales
    parameters, equations = best.root.parameters, best.equations
    noise = shape_noise(equations.templates, mapping.response(parameters), equations.weights)
    errors = _errors(best, noise, free)
    total = errors.total
    sigma = np.where(problem.choice.determined, np.sqrt(np.diag(total)), np.inf)
    scale, q = np.exp(parameters[:n]), parameters[n:]
    low, high = np.sqrt(np.maximum(q - sigma[n:], 0)), np.sqrt(q + sigma[n:])
    return FitResult(
        scale=scale,
        scale_error=scale * sigma[:n],
        smearing=np.sqrt(q),
        smearing_error=(high - low) / 2,
        smearing_low=low,
        smearing_high=high,
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
        flagged=problem.choice.flagged,
        merged=problem.merged,
        few=problem.few,
    )


def _of_all_categories(problem: Problem, result: FitResult) -> FitResult:
    """Give merged categories the scales of those that they joined."""
    if not problem.merged:
        return result
    n, size = problem.mapping.n_scales, problem.mapping.size
    source = np.arange(size)
    source[list(problem.merged)] = list(problem.merged.values())
    of_scales = {
        name: getattr(result, name)[source[:n]]
        for name in ("scale", "scale_error", "scale_determined")
    }
    both = np.ix_(source, source)
    covariances = {
        name: getattr(result, name)[both]
        for name in ("covariance", "covariance_data", "covariance_sim")
    }
    return replace(result, **of_scales, **covariances)


def _errors(solution: Solution, noise: ShapeNoise, free: BoolArray) -> Covariance:
    """Return the covariance of the parameters."""
    try:
        return covariance(solution.root.equations, solution.equations.sim_variance(noise), free)
    except np.linalg.LinAlgError as error:
        raise FitError("the pairs in use do not tell all parameters apart") from error


def _goodness(problem: Problem, solution: Solution) -> PairGoodness:
    """Compare data and expectation of pairs with enough simulation."""
    choice, fitted, (many, some) = problem.choice, solution.equations.templates, GOODNESS_BINS
    n_eff, n_free = choice.n_eff_sim, int(problem.box.free.sum())
    merge = np.where(n_eff > many, 1, np.where(n_eff > some, 2, MAX_MERGE))
    compared = rebin(fitted, problem.histograms, choice.rows, merge)
    response = problem.mapping.response(solution.root.parameters)
    return goodness(compared, response, n_eff, n_free)


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
        + (f"; its category has {problem.few[i]}" if i in problem.few else "")
        for i in np.flatnonzero(~problem.choice.determined).tolist()
        if i not in problem.merged
    ]
    out += [
        f"{names[i]}: the simulation is too small for its error to be reliable"
        for i in np.flatnonzero(~errors.reliable)
    ]
    return out + _warnings_of_few(problem) + _warnings_of_simulation(problem)


def _warnings_of_few(problem: Problem) -> list[str]:
    """Say what was done with few events."""
    out = [
        f"category {i} has few events and has joined category {j}, whose scale it takes"
        for i, j in problem.merged.items()
    ]
    for i, reason in problem.few.items():
        if problem.choice.determined[i]:
            out.append(f"category {i} has {reason}, and is used nevertheless")
    if problem.choice.flagged:
        out.append(f"{len(problem.choice.flagged)} pairs in use have few events")
    return out


def _warnings_of_simulation(problem: Problem) -> list[str]:
    """Say whether the simulation is outside the region where errors were shown to cover."""
    histograms, choice = problem.histograms, problem.choice
    data = histograms.data[choice.rows, histograms.grid.window_slice].sum()
    ratio, negative = choice.n_eff_sim.sum() / data, histograms.negative
    out = []
    if ratio < VALIDATED_RATIO:
        out.append(
            f"the simulation has only {ratio:.2f} effective events for each one of data; errors "
            f"were validated from {VALIDATED_RATIO:g} on"
        )
    if negative > VALIDATED_NEGATIVE:
        out.append(
            f"{negative:.0%} of the simulated events have negative weights; errors were validated "
            f"up to {VALIDATED_NEGATIVE:.0%}"
        )
    return out
