"""Injection: toys with known scales and smearings, and what fits find of them.

A toy has data and simulation of its own, never the same events smeared, and is fitted as in a
derivation. It is made in one of two ways.

``histograms``
    Poisson numbers around the expected contents of `scalesmear.pseudo`: as fast as a fit, so that
    hundreds of toys show small biases of the fit itself. The populations of pairs and the resolutions
    are those of generated events.
``events``
    Generated events (`scalesmear.toys`) through fill, fit and migration, as the stages of fit.yml do:
    with Et thresholds, windows of Et and gains. An electron of data is found at

        E'' = E' / s(E'),   E' = E (1 + sigma(E) g),

    with the smearing of the category in which it would be, and the scale of that to which smearing
    takes it, as `scalesmear.migration` has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from scalesmear.cells import take
from scalesmear.errors import FitError
from scalesmear.fill import Corrections, FillSettings, fill_masses
from scalesmear.fit import fit_pairs
from scalesmear.fitresult import FitResult
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import PairHistograms, n_pairs, weight_exponent
from scalesmear.migration import Expected, migrate, nearest_in_et
from scalesmear.pseudo import Expectation, Truth
from scalesmear.toys import chunk_sizes, generate_chunk, make_truth, resolution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from scalesmear.categories import CategorySet
    from scalesmear.events import Events
    from scalesmear.histogram import Kind
    from scalesmear.toys import ToyTruth

    Floats = NDArray[np.float64]

Level = Literal["histograms", "events"]

SURVEY_EVENTS = 1_000_000
"""Generated events that tell who is in which pair of categories, if toys have not fewer."""

SURVEY_SEED = 1
"""The population of categories is that of one world, whatever the seed of a study."""

MIGRATIONS = 2
"""How often a fit is repeated with what crosses edges of Et, as in fit.yml."""

VALUES, TOYS = 0, 1
"""What random numbers are for, beside the seed."""


@dataclass(frozen=True, kw_only=True)
class InjectionSettings:
    """How toys are made and fitted.

    Attributes
    ----------
    level : {"histograms", "events"}
    data_events, sim_events : int
        Mean numbers of generated events, of which some have electrons in no category or below the
        thresholds.
    negative_fraction : float
        Share of simulated events with weight -1.
    seed : int
    fill : FillSettings
    fit : FitSettings
    """

    level: Level = "histograms"
    data_events: int = 1_000_000
    sim_events: int = 1_000_000
    negative_fraction: float = 0.0
    seed: int = 1
    fill: FillSettings = field(default_factory=FillSettings)
    fit: FitSettings = field(default_factory=FitSettings)


@dataclass(frozen=True)
class Injected:
    """What is put into data, and who is in which category.

    Attributes
    ----------
    categories : CategorySet
        Of n scales and m smearings.
    scale : float array, shape (n,)
    smearing : float array, shape (m,)
    resolution : float array, shape (n,)
        Relative resolution of generated electrons, root of the mean square.
    share : float array, shape (n_pairs(n),)
        Share of the generated events in each pair of categories, in the order of
        `histogram.pair_number`.
    """

    categories: CategorySet
    scale: Floats
    smearing: Floats
    resolution: Floats
    share: Floats

    @property
    def parameters(self) -> Floats:
        """(ln scale, smearing^2), as the covariance of a fit has them."""
        return np.concatenate([np.log(self.scale), self.smearing**2])


def draw_values(
    categories: CategorySet, seed: int, max_shift: float, smearing_range: tuple[float, float]
) -> tuple[Floats, Floats]:
    """Draw scales within `max_shift` of 1, and smearings of a range."""
    rng = _generator(seed, VALUES)
    scale = 1 + rng.uniform(-max_shift, max_shift, len(categories.scales))
    return scale, rng.uniform(*smearing_range, len(categories.smearings))


def survey(categories: CategorySet, settings: FillSettings, n_events: int) -> tuple[Floats, Floats]:
    """Return share and resolution of `Injected`, from generated events.

    A category without electrons has the resolution of all.
    """
    size = len(categories.scales)
    electrons, square = np.zeros(size), np.zeros(size)

    def counted() -> Iterator[Events]:
        for events in _generate(calm_world(SURVEY_SEED, 0), "sim", n_events, 0):
            category = categories.category_of(events.abs_eta, events.r9, events.et, events.gain)
            known = category >= 0
            weight = resolution(events)[known] ** 2
            electrons[:] += np.bincount(category[known], minlength=size)
            square[:] += np.bincount(category[known], weight, size)
            yield events

    filled = fill_masses(counted(), "data", categories, settings, Corrections())
    share = np.zeros(n_pairs(size))
    share[filled.pairs] = filled.sumw.sum(axis=1) / n_events
    mean = square.sum() / electrons.sum()
    return share, np.sqrt(np.where(electrons > 0, square / np.maximum(electrons, 1), mean))


def calm_world(seed: int, negative_fraction: float) -> ToyTruth:
    """Return a world in which data are what simulation is: nothing to correct, in no run."""
    truth = make_truth(seed, negative_fraction=negative_fraction, gain_scales={})
    return replace(
        truth,
        scales=np.ones_like(truth.scales),
        smearings=np.zeros_like(truth.smearings),
        drift=np.ones_like(truth.drift),
    )


def _generate(world: ToyTruth, kind: Kind, n_events: int, stream: int) -> Iterator[Events]:
    for chunk, size in enumerate(chunk_sizes(n_events)):
        yield generate_chunk(world, kind, size, stream, chunk)


def _generator(seed: int, *purpose: int) -> Generator:
    return np.random.default_rng([seed, *purpose])


@dataclass(frozen=True)
class ToyFits:
    """What the fits of t toys found; k = n + m parameters (ln scale, smearing^2).

    Attributes
    ----------
    numbers : int array, shape (t,)
        Of the toys.
    parameters, errors : float arrays, shape (t, k)
        The error is infinite where the fit did not determine a parameter, or gave a category the
        scale of another.
    independent : float array, shape (t, 2)
        As how many independent ones the errors of scales and of smearings count: k^2 / sum R_ij^2
        with their correlations R, which is what the variance of the mean squared pull goes with.
    p_value : float array, shape (t,)
        Of the goodness of fit.
    failures : dict
        Why a fit failed, by number of the toy; these have no place in the arrays.
    """

    numbers: NDArray[np.int64]
    parameters: Floats
    errors: Floats
    independent: Floats
    p_value: Floats
    failures: dict[int, str]

    @classmethod
    def of(cls, results: Sequence[tuple[int, FitResult]], failures: dict[int, str]) -> ToyFits:
        """Return the fits of some toys."""
        parts = [result for _, result in results]
        errors = [_errors(part) for part in parts]
        n_scales = [len(part.scale) for part in parts]
        return cls(
            numbers=np.array([number for number, _ in results], np.int64),
            parameters=np.array([np.concatenate([np.log(p.scale), p.smearing**2]) for p in parts]),
            errors=np.array(errors),
            independent=np.array([
                [_independent(part.covariance, error, kind) for kind in (slice(n), slice(n, None))]
                for part, error, n in zip(parts, errors, n_scales, strict=True)
            ]),
            p_value=np.array([part.goodness.total_p_value for part in parts]),
            failures=failures,
        )  # fmt: skip

    def __add__(self, other: ToyFits) -> ToyFits:
        """Join the toys of two jobs."""
        parts = [part for part in (self, other) if len(part.numbers)] or [self]
        names = ("numbers", "parameters", "errors", "independent", "p_value")
        arrays: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in names
        }
        return ToyFits(**arrays, failures=self.failures | other.failures)


def _errors(result: FitResult) -> Floats:
    """Return the errors of (ln scale, smearing^2), infinite where there is none."""
    known = np.concatenate([result.scale_determined, result.smearing_determined])
    known[list(result.merged)] = False
    return np.where(known, np.sqrt(np.diag(result.covariance)), np.inf)


def _independent(covariance: Floats, errors: Floats, kind: slice) -> float:
    """Return k^2 / sum R_ij^2 of the k parameters of a kind that have an error."""
    known = np.flatnonzero(np.isfinite(errors))
    known = known[np.isin(known, np.arange(len(errors))[kind])]
    correlation = covariance[np.ix_(known, known)] / np.outer(errors[known], errors[known])
    return float(len(known) ** 2 / max(np.sum(correlation**2), 1.0))


class Toys(Protocol):
    """Something that makes and fits toys by their number."""

    def fit(self, number: int) -> FitResult:
        """Make and fit one."""


def fit_toys(
    injected: Injected,
    settings: InjectionSettings,
    numbers: Iterable[int],
    done: Callable[[], None] = lambda: None,
) -> ToyFits:
    """Make and fit the toys of some numbers; equal numbers give equal toys.

    Parameters
    ----------
    injected : Injected
    settings : InjectionSettings
    numbers : iterable of int
    done : function
        Called after each toy.
    """
    toys: Toys = (HistogramToys if settings.level == "histograms" else EventToys)(
        injected, settings
    )
    results, failures = [], {}
    for number in numbers:
        try:
            results.append((number, toys.fit(number)))
        except FitError as error:
            failures[number] = str(error)
        done()
    return ToyFits.of(results, failures)


@dataclass(frozen=True)
class HistogramToys:
    """Toys of Poisson numbers around expected histograms."""

    injected: Injected
    settings: InjectionSettings

    @cached_property
    def expectation(self) -> Expectation:
        """What the numbers are drawn around."""
        what = self.injected
        truth = Truth(
            scale=what.scale,
            smearing=what.smearing,
            smearing_of=what.categories.smearing_of,
            resolution=what.resolution,
            share=what.share,
        )
        return Expectation(truth=truth, grid=self.settings.fill.grid)

    def fit(self, number: int) -> FitResult:
        """Draw the histograms of a toy and fit them."""
        settings, negative = self.settings, self.settings.negative_fraction
        histograms = self.expectation.draw(
            _generator(settings.seed, TOYS, number),
            settings.data_events,
            settings.sim_events * (1 - 2 * negative) ** 2,
            negative,
        )
        return _fit(histograms, self.injected.categories, settings)


@dataclass(frozen=True)
class EventToys:
    """Toys of generated events."""

    injected: Injected
    settings: InjectionSettings

    @cached_property
    def world(self) -> ToyTruth:
        """What events are generated in."""
        return calm_world(self.settings.seed, self.settings.negative_fraction)

    @cached_property
    def nearest(self) -> NDArray[np.int16]:
        """Category of each cell, see `migration.nearest_in_et`."""
        return nearest_in_et(self.injected.categories).ravel()

    def fit(self, number: int) -> FitResult:
        """Generate the events of a toy, fill and fit them, and follow those that cross edges of Et."""
        settings, categories = self.settings, self.injected.categories
        rng = _generator(settings.seed, TOYS, number)
        n_data, n_sim = rng.poisson([settings.data_events, settings.sim_events]).tolist()
        exponent, around = weight_exponent(self.world.weight), (categories, settings.fill)
        data = self._data(n_data, number, rng)
        simulation = list(_generate(self.world, "sim", n_sim, number))
        histograms = PairHistograms.of(
            fill_masses(data, "data", *around, Corrections()),
            fill_masses(simulation, "sim", *around, Corrections(), exponent),
        )
        result = _fit(histograms, categories, settings)
        for _ in range(MIGRATIONS):
            expected = Expected(result.scale, result.smearing, settings.fit.tails)
            flows = migrate(simulation, *around, Corrections(), expected, exponent).flows
            result = _fit(replace(histograms, flows=flows), categories, settings)
        return result

    def _data(self, n_events: int, number: int, rng: Generator) -> Iterator[Events]:
        for events in _generate(self.world, "data", n_events, number):
            yield self.distorted(events, rng)

    def distorted(self, events: Events, rng: Generator) -> Events:
        """Return events as data have them, smeared and divided by the scales.

        Electrons in no category, whatever their Et, stay as they are.
        """
        what = self.injected
        before = self._category(events, events.et)
        sigma = np.where(before < 0, 0, what.smearing[what.categories.smearing_of[before]])
        smeared = 1 + sigma * rng.standard_normal(events.et.shape)
        after = self._category(events, (events.et * smeared).astype(np.float32))
        factor = smeared / np.where(after < 0, 1, what.scale[after])
        columns = {name: getattr(events, name) for name in events.columns}
        columns["et"] = events.et * factor
        columns["mass"] = events.mass * np.sqrt(factor.prod(axis=1))
        return type(events)(**columns).leading_first()

    def _category(self, events: Events, et: NDArray[np.float32]) -> NDArray[np.int16]:
        grid = self.injected.categories.grid
        return take(self.nearest, grid.cell_of(events.abs_eta, events.r9, et, events.gain))


def _fit(
    histograms: PairHistograms, categories: CategorySet, settings: InjectionSettings
) -> FitResult:
    around = categories.smearing_of, settings.fit
    return fit_pairs(histograms, *around, neighbours=categories.neighbours)
