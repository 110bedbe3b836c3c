r"""Pulls of fits with known truth: means, widths, biases, coverage, and whether they are as they should be.

The pull of a toy is (found - injected) / error, of ln(scale) and of smearing^2. Over N toys its mean is
0 +- 1 / sqrt(N), and N times the mean of its square follows chi^2 of N degrees of freedom. Where
smearing^2 is not several errors away from 0, where it ends at the bound, the pull has no Gaussian
distribution, and the upper limit is judged in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from scalesmear.errors import InjectionError
from scalesmear.fit import ONE_SIDED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from scalesmear.events import BoolArray, FloatArray
    from scalesmear.injection import Injected, ToyFits

    Floats = NDArray[np.float64]

NEAR_ZERO = 4.0
"""A smearing is near zero if its square is smaller than so many of its errors."""

LIMIT_LEVEL = 0.95
"""Of the one-sided upper limit of a smearing."""

FEWEST = 2
"""A parameter that fewer toys determine is not judged."""


@dataclass(frozen=True, kw_only=True)
class PullCriteria:
    """When pulls are as they should be.

    Attributes
    ----------
    tolerance : float
        A number may be so many of its standard deviations away from what is expected.
    rms_tolerance : float
        A root mean square of pulls this near to 1 is right, however well it is known.
    """

    tolerance: float = 4.0
    rms_tolerance: float = 0.05

    def rms_range(self, n: float) -> tuple[float, float]:
        """Return the least and the largest root mean square of `n` independent pulls."""
        beyond = float(stats.norm.sf(self.tolerance))
        low, high = (
            np.sqrt(stats.chi2.ppf([beyond], n) / n),
            np.sqrt(stats.chi2.isf([beyond], n) / n),
        )
        near = self.rms_tolerance
        return min(float(low[0]), 1 - near), max(float(high[0]), 1 + near)


@dataclass(frozen=True)
class PullStatistics:
    """Numbers for each of k = n + m parameters, over the toys that determine it; nan if none does.

    Attributes
    ----------
    n_scales : int
    n_toys : int array, shape (k,)
    error : float array, shape (k,)
        Mean statistical error of a scale or smearing in one fit.
    bias, bias_error : float arrays, shape (k,)
        Mean of found - injected, of a scale or smearing; the bias of a smearing is that of its
        square divided by twice the injected smearing.
    mean, rms : float arrays, shape (k,)
        Of the pulls.
    within_1, within_2 : float arrays, shape (k,)
        Share of the toys whose interval of one or two errors holds what was injected.
    at_zero, limit_holds : float arrays, shape (k,)
        Share of the toys with the smearing at 0, and with an upper limit of 95 % that is not below
        what was injected; nan for scales.
    near_zero : bool array, shape (k,)
        See `NEAR_ZERO`.
    """

    n_scales: int
    n_toys: NDArray[np.int64]
    error: Floats
    bias: Floats
    bias_error: Floats
    mean: Floats
    rms: Floats
    within_1: Floats
    within_2: Floats
    at_zero: Floats
    limit_holds: Floats
    near_zero: BoolArray

    @property
    def judged(self) -> BoolArray:
        """Parameters whose pulls are judged."""
        return (self.n_toys >= FEWEST) & ~self.near_zero


@dataclass(frozen=True)
class Together:
    """Pulls of all scales, or of all smearings that are not near zero, in one."""

    pulls: Floats  # (n,)
    independent: float  # as how many pulls they count, see `injection.ToyFits`

    @property
    def mean(self) -> float:
        """Mean of the pulls."""
        return float(self.pulls.mean())

    @property
    def rms(self) -> float:
        """Root of their mean square."""
        return float(np.sqrt(np.mean(self.pulls**2)))

    @property
    def rms_error(self) -> float:
        """Standard deviation of the root mean square."""
        return float(1 / np.sqrt(2 * self.independent))

    def within(self, errors: float) -> float:
        """Return the share of pulls smaller than so many errors."""
        return float(np.mean(np.abs(self.pulls) <= errors))


@dataclass(frozen=True)
class Study:
    """The fits of all toys, beside what was injected."""

    injected: Injected
    fits: ToyFits

    @cached_property
    def pulls(self) -> Floats:
        """Pulls, shape (t, k); nan where a toy does not determine a parameter."""
        errors = np.where(np.isfinite(self.fits.errors), self.fits.errors, np.nan)
        return np.asarray((self.fits.parameters - self.injected.parameters) / errors)

    @cached_property
    def statistics(self) -> PullStatistics:
        """Numbers for each parameter."""
        truth, pulls, known = self.injected.parameters, self.pulls, np.isfinite(self.pulls)
        n_scales, n = len(self.injected.scale), known.sum(axis=0)

        def mean(values: FloatArray) -> Floats:
            total = np.where(known, values, 0).sum(axis=0)
            return np.where(n > 0, total / np.maximum(n, 1), np.nan)

        error = mean(self.fits.errors)
        difference = self.fits.parameters - truth
        bias = mean(difference)
        spread = np.sqrt(mean((difference - bias) ** 2) / np.maximum(n - 1, 1))
        values = np.concatenate([self.injected.scale, 2 * self.injected.smearing])
        per_parameter = _per_parameter(values, n_scales)
        is_smearing = np.arange(len(truth)) >= n_scales
        limit = self.fits.parameters + ONE_SIDED * self.fits.errors
        return PullStatistics(
            n_scales=n_scales,
            n_toys=n,
            error=error * per_parameter,
            bias=bias * per_parameter,
            bias_error=spread * per_parameter,
            mean=mean(pulls),
            rms=np.sqrt(mean(pulls**2)),
            within_1=mean(1.0 * (np.abs(pulls) <= 1)),
            within_2=mean(1.0 * (np.abs(pulls) <= 2)),
            at_zero=np.where(is_smearing, mean(1.0 * (self.fits.parameters <= 0)), np.nan),
            limit_holds=np.where(is_smearing, mean(1.0 * (truth <= limit)), np.nan),
            near_zero=is_smearing & (truth < NEAR_ZERO * error),
        )

    @cached_property
    def together(self) -> dict[str, Together]:
        """All pulls of scales and of smearings that are judged, where there are any."""
        n = len(self.injected.scale)
        parts = {"scales": slice(0, n), "smearings": slice(n, None)}
        found = {}
        for place, (name, part) in enumerate(parts.items()):
            pulls = self.pulls[:, part][:, self.statistics.judged[part]]
            known = pulls[np.isfinite(pulls)]
            of_kind = int(np.isfinite(self.pulls[:, part]).sum())
            if len(known):
                independent = self.fits.independent[:, place].sum() * len(known) / of_kind
                found[name] = Together(known, float(independent))
        return found


def _per_parameter(values: Floats, n_scales: int) -> Floats:
    """Return d value / d parameter: s for ln(s), 1 / (2 sigma) for sigma^2, nan for sigma = 0."""
    smearings = np.where(values[n_scales:] > 0, values[n_scales:], np.nan)
    return np.concatenate([values[:n_scales], 1 / smearings])


def complaints(study: Study, criteria: PullCriteria, labels: Sequence[str]) -> list[str]:
    """Say what is not as it should be, a sentence for each.

    Parameters
    ----------
    study : Study
    criteria : PullCriteria
    labels : sequence of k str
        Names of the parameters.
    """
    return [
        *of_failures(study.fits),
        *_of_parameters(study.statistics, criteria, labels),
        *_of_limits(study.statistics, criteria, labels),
        *_of_all_together(study, criteria),
    ]


def demand(found: Sequence[str]) -> None:
    """Raise if there are complaints.

    Raises
    ------
    InjectionError
        With all of them.
    """
    if found:
        raise InjectionError(f"what was injected is not found: {'; '.join(found)}")


def of_failures(fits: ToyFits) -> Iterator[str]:
    """Say how many fits failed, if any did."""
    if fits.failures:
        number, reason = min(fits.failures.items())
        n = len(fits.failures) + len(fits.numbers)
        yield f"{len(fits.failures)} of {n} fits failed, the first of them in toy {number}: {reason}"


def _of_parameters(
    statistics: PullStatistics, criteria: PullCriteria, labels: Sequence[str]
) -> Iterator[str]:
    for i in np.flatnonzero(statistics.judged).tolist():
        n, mean, rms = int(statistics.n_toys[i]), statistics.mean[i], statistics.rms[i]
        allowed, (low, high) = criteria.tolerance / np.sqrt(n), criteria.rms_range(n)
        if abs(mean) > allowed:
            yield f"mean pull of {labels[i]} is {mean:+.3f} in {n} toys, beyond {allowed:.3f}"
        if not low <= rms <= high:
            yield f"rms pull of {labels[i]} is {rms:.3f} in {n} toys, not {low:.3f} to {high:.3f}"


def _of_limits(
    statistics: PullStatistics, criteria: PullCriteria, labels: Sequence[str]
) -> Iterator[str]:
    limited = statistics.near_zero & (statistics.n_toys >= FEWEST)
    for i in np.flatnonzero(limited).tolist():
        n, share = int(statistics.n_toys[i]), statistics.limit_holds[i]
        spread = np.sqrt(LIMIT_LEVEL * (1 - LIMIT_LEVEL) / n)
        allowed = LIMIT_LEVEL - criteria.tolerance * spread
        if share < allowed:
            yield (
                f"the upper limit of {labels[i]} holds in {share:.3f} of {n} toys, less than "
                f"{allowed:.3f}"
            )


def _of_all_together(study: Study, criteria: PullCriteria) -> Iterator[str]:
    if not study.together:
        yield "no parameter is determined"
    for name, part in study.together.items():
        low, high = criteria.rms_range(part.independent)
        if not low <= part.rms <= high:
            yield (
                f"rms pull of all {name} is {part.rms:.3f} +- {part.rms_error:.3f}, not "
                f"{low:.3f} to {high:.3f}"
            )
