"""Joint fit of energy scales and smearings to the mass histograms of pairs of categories.

The scale s of a category multiplies the energies of its electrons in **data**; the smearing sigma
widens them in simulation, E' = E (1 + sigma g). A likelihood of smooth shapes
(`scalesmear.likelihood`) leads to where the equations of `scalesmear.equations` find scales and
smearings, with errors that know the statistics of data and simulation. No random numbers are used,
and the pairs that take part are chosen before the fit begins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from scalesmear import quasinewton, solver
from scalesmear.binning import PairBins, Rule, choose_bins
from scalesmear.effective import ScaleSmearingMap, Tails, narrowest
from scalesmear.equations import ScoreEquations
from scalesmear.errors import FitError
from scalesmear.goodness import PairGoodness, goodness
from scalesmear.histogram import pair_categories
from scalesmear.likelihood import Likelihood
from scalesmear.pairs import PairChoice, choose_pairs
from scalesmear.references import reference_shapes
from scalesmear.shape_kernels import LEAST_PROBABILITY
from scalesmear.solver import Box, Minimiser, Root, RootFinder
from scalesmear.sparse import CategoryEvents, merge_categories, plan_merging
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

MAX_STEP = (0.03, 1.5e-3)
"""Largest change of ln(scale) and of smearing^2 in one iteration."""

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


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """What a fit of scales and smearings needs to know.

    Attributes
    ----------
    minimiser : {"newton", "L-BFGS-B"}
        See `scalesmear.solver` and `scalesmear.quasinewton`; both find the same.
    start : {"default", "scan", "random", "file"}
        "default" begins where the caller says, or at scale 1 and `start_smearing`; "scan" at the
        best point of a grid of each scale; "random" there and at `n_starts` - 1 points drawn with
        `seed`, and keeps the best solution; "file" where the caller says, who must.
    n_starts, seed : int
    binning : {"fixed", "freedman-diaconis", "equal-content"}
        Rule for the bins of pairs, see `scalesmear.binning`.
    n_bins : int
        Bins of each pair for "equal-content".
    min_sim_events : float
        Effective number (sum w)^2 / sum w^2 of simulated events in the window that a pair should
        have. The noise of the simulation biases nothing, but the errors of parameters that
        hang on a few events are rough, and pairs with fewer than 20 bring next to nothing.
    min_data_events : float
        The same for data.
    min_category_events : float
        The same for both, of events with an electron in a category.
    low_statistics : {"fix", "merge", "flag"}
        What happens with less. "fix": the pair is not used; the scale of the category, and with it
        all its pairs, are left out and keep the start value. "merge": the category joins its most
        populated neighbour in the same smearing category, and has its scale; what has none, and
        pairs, are treated as by "fix". "flag": all are used and named.
    scale_bound : float
        Largest abs(scale - 1).
    smearing_bound : float
        Largest smearing.
    start_smearing : float
        Where smearings start, if the caller does not say.
    max_iterations : int
    fixed_scales, fixed_smearings : tuple of int
        Indices of what keeps its start value.
    ignored_pairs : tuple of int
        Pair numbers, see `scalesmear.histogram.pair_number`.
    tail_fraction, tail_width : float
        Of a second Gaussian in the smearing, see `scalesmear.effective.Tails`.
    """

    minimiser: Literal["newton", "L-BFGS-B"] = "newton"
    start: Literal["default", "scan", "random", "file"] = "default"
    n_starts: int = 5
    seed: int = 1
    binning: Rule = "fixed"
    n_bins: int = 20
    min_sim_events: float = 20.0
    min_data_events: float = 10.0
    min_category_events: float = 100.0
    low_statistics: Literal["fix", "merge", "flag"] = "fix"
    scale_bound: float = 0.1
    smearing_bound: float = 0.1
    start_smearing: float = 0.01
    max_iterations: int = 100
    fixed_scales: tuple[int, ...] = ()
    fixed_smearings: tuple[int, ...] = ()
    ignored_pairs: tuple[int, ...] = ()
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
    """Everything that stays the same during a fit.

    `few` holds the categories with few events that are named: why, and what happens to them.
    """

    histograms: PairHistograms
    settings: FitSettings
    choice: PairChoice
    mapping: ScaleSmearingMap
    box: Box
    reference: Floats
    bins: PairBins
    few: dict[int, str]
    merged: dict[int, int]


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


def pose(
    histograms: PairHistograms,
    smearing_of: IntArray,
    settings: FitSettings,
    start: tuple[Floats, Floats] | None,
    neighbours: Sequence[Sequence[int]] = (),
) -> tuple[Problem, Floats]:
    """Check the arguments of `fit_pairs`; return the problem and the start of the parameters."""
    smearing_of = _checked_map(smearing_of, histograms.n_categories)
    n, m = len(smearing_of), int(smearing_of.max()) + 1
    parameters = _start(n, m, smearing_of, settings, start)
    merged, few = _handle_few(histograms, smearing_of, settings, neighbours)
    histograms = merge_categories(histograms, merged)
    mapping = ScaleSmearingMap.of_pairs(histograms.pairs, smearing_of, settings.tails)
    fixed = _fixed(n, m, settings)
    choice = choose_pairs(
        histograms,
        mapping.index,
        fixed,
        min_sim_events=settings.min_sim_events,
        min_data_events=settings.min_data_events,
        keep_sparse=settings.low_statistics == "flag",
        excluded=_excluded(histograms, settings, few),
    )
    problem = Problem(
        histograms=histograms,
        settings=settings,
        choice=choice,
        mapping=replace(mapping, index=mapping.index[choice.rows]),
        box=_box(n, m, settings, choice.determined & ~fixed),
        reference=reference_shapes(histograms, choice.rows),
        bins=choose_bins(
            settings.binning, settings.n_bins, histograms, choice.rows, choice.n_eff_sim
        ),
        few=few,
        merged=merged,
    )
    return problem, parameters


def _start(
    n: int,
    m: int,
    smearing_of: IntArray,
    settings: FitSettings,
    start: tuple[Floats, Floats] | None,
) -> Floats:
    """Return the vector of the parameters where the fit begins."""
    if start is None and settings.start == "file":
        raise ValueError("a fit that starts from a file needs the start as an argument")
    scale, smearing = start or (np.ones(n), np.full(m, settings.start_smearing))
    return _parameters(scale, smearing, smearing_of)


def _fixed(n: int, m: int, settings: FitSettings) -> BoolArray:
    """Tell which parameters are fixed."""
    fixed = np.zeros(n + m, dtype=bool)
    fixed[list(settings.fixed_scales)] = True
    fixed[[n + j for j in settings.fixed_smearings]] = True
    return fixed


def _handle_few(
    histograms: PairHistograms,
    smearing_of: IntArray,
    settings: FitSettings,
    neighbours: Sequence[Sequence[int]],
) -> tuple[dict[int, int], dict[int, str]]:
    """Return which categories are merged, and why the others with few events are named."""
    least, events = settings.min_category_events, CategoryEvents.of(histograms)
    merged: dict[int, int] = {}
    if settings.low_statistics == "merge":
        if len(neighbours) != len(smearing_of):
            raise ValueError("merging categories needs the neighbours of each")
        merged = plan_merging(events, smearing_of, neighbours, least)
        events = CategoryEvents.of(merge_categories(histograms, merged))
    few = np.flatnonzero(events.fewest < least).tolist()
    return merged, {i: events.reason(i, least) for i in few if i not in merged}


def _excluded(
    histograms: PairHistograms, settings: FitSettings, few: dict[int, str]
) -> dict[int, str]:
    """Return why pairs are not used, by row, besides that they have few events themselves."""
    ignored = np.isin(histograms.pairs, settings.ignored_pairs)
    out = {int(row): "ignored, as the settings say" for row in np.flatnonzero(ignored)}
    if settings.low_statistics == "flag":
        return out
    legs = pair_categories(histograms.pairs)
    for category, reason in few.items():
        if category in settings.fixed_scales:
            continue
        for row in np.flatnonzero((legs == category).any(axis=1)):
            out.setdefault(int(row), f"category {category} has {reason}")
    return out


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
