"""Injected against derived: what a toy data set was made with beside what the chain found."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.cells import Window
from scalesmear.report.quantity import ascii_range, plain, range_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from scalesmear.events import BoolArray, FloatArray
    from scalesmear.recovery import Recovery
    from scalesmear.report.inputs import NamedFit
    from scalesmear.runs import RunRange
    from scalesmear.stability import Stability, StabilityCell
    from scalesmear.truth import Truth

WITHIN = 4.0
"""A derived value agrees if it lies within so many of its errors."""

SPANS_SEVERAL = "spans several windows of the truth"
NOT_DETERMINED = "not determined"
SLOPE = "rise per 10 GeV of Et"


@dataclass(frozen=True)
class Comparison:
    """One injected value beside the derived one.

    `pull` is (derived - injected) / error, of squared values for smearings.
    """

    name: str
    injected: float
    derived: float
    error: float
    pull: float

    @classmethod
    def of(cls, name: str, injected: float, derived: float, error: float) -> Comparison:
        """Return the comparison of values whose error is Gaussian and positive."""
        return cls(name, injected, derived, error, (derived - injected) / error)


@dataclass(frozen=True)
class Injection:
    """All comparisons, by kind.

    Attributes
    ----------
    scales, smearings, drift : tuple of Comparison
        Total scales and smearings of the shown fit's categories; the run dependence of each region
        relative to its average.
    et : tuple of Comparison
        What the exported scales have for Et, by its windows, and how it rises.
    gains : tuple of Comparison
        What they have for the gain, relative to gain 12.
    skipped : tuple of str
        What could not be compared, and why.
    """

    scales: tuple[Comparison, ...]
    smearings: tuple[Comparison, ...]
    drift: tuple[Comparison, ...]
    et: tuple[Comparison, ...]
    gains: tuple[Comparison, ...]
    skipped: tuple[str, ...]

    @property
    def kinds(self) -> dict[str, tuple[Comparison, ...]]:
        """The comparisons by their name."""
        return {
            "total scale": self.scales,
            "smearing": self.smearings,
            "run dependence": self.drift,
            "Et": self.et,
            "gain": self.gains,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object, with pulls and their summary."""
        return {
            kind: {
                "comparisons": [asdict(c) for c in comparisons],
                "pulls": asdict(Pulls.of(comparisons)) if comparisons else None,
            }
            for kind, comparisons in self.kinds.items()
        } | {"skipped": list(self.skipped)}


@dataclass(frozen=True)
class Pulls:
    """Number, mean and root mean square of pulls, and the one farthest from 0."""

    n: int
    mean: float
    rms: float
    largest: float

    @classmethod
    def of(cls, comparisons: Iterable[Comparison]) -> Pulls:
        """Return the summary of at least one comparison."""
        pulls = np.array([c.pull for c in comparisons])
        rms = float(np.sqrt(np.mean(pulls**2)))
        return cls(len(pulls), float(pulls.mean()), rms, float(pulls[np.abs(pulls).argmax()]))

    def __str__(self) -> str:
        return (
            f"{self.n} pulls: mean {self.mean:+.2f}, rms {self.rms:.2f}, "
            f"largest {self.largest:+.2f}"
        )


def compare(
    recovery: Recovery,
    stability: Stability,
    fits: Sequence[NamedFit],
    shown: NamedFit,
    runs: Mapping[int, int],
) -> Injection:
    """Return injected against derived values.

    Parameters
    ----------
    recovery : Recovery
        What the data need and get, in the categories of the fits that the result is made of.
    stability : Stability
    fits : sequence of NamedFit
        All fits of the chain.
    shown : NamedFit
        The one in whose categories totals are compared, with its errors.
    runs : mapping of int to int
        Number of data events of each run.
    """
    skipped: list[str] = []
    made = [fit for fit in fits if fit.name in recovery.fits]
    return Injection(
        scales=tuple(_compare_scales(recovery, shown, skipped)),
        smearings=tuple(_compare_smearings(recovery.truth, shown, skipped)),
        drift=tuple(_compare_drift(recovery.truth, stability, runs)),
        et=tuple(c for fit in _last_by("et", made) for c in _compare_et(recovery, fit)),
        gains=tuple(
            c for fit in _last_by("gain", made) for c in _compare_gains(recovery, fit, skipped)
        ),
        skipped=tuple(skipped),
    )


def _last_by(variable: str, fits: Sequence[NamedFit]) -> Sequence[NamedFit]:
    """Return the last fit whose categories use a variable, nothing if none does."""
    return [fit for fit in fits if variable in fit.categories.variables][-1:]


def _relative_error(fit: NamedFit) -> NDArray[np.float64]:
    """Return the relative errors of scales, infinite where one is not determined."""
    error = fit.result.scale_error / fit.result.scale
    return np.where(error > 0, error, np.inf)


def _compare_scales(recovery: Recovery, fit: NamedFit, skipped: list[str]) -> Iterable[Comparison]:
    """Compare the exported scales with those that are needed, in the categories of a fit."""
    means = recovery.fits[fit.name]
    for i, (window, error) in enumerate(
        zip(fit.categories.scales, _relative_error(fit), strict=True)
    ):
        if math.isfinite(error) and means.electrons[i]:
            got = float(means.got[i])
            yield Comparison.of(plain(window), float(means.needed[i]), got, float(error) * got)
        else:
            skipped.append(f"scale of {plain(window)}: {NOT_DETERMINED}")


def _events_in(runs: Mapping[int, int], within: RunRange) -> int:
    return sum(n for run, n in runs.items() if within[0] <= run <= within[1])


def _compare_smearings(truth: Truth, last: NamedFit, skipped: list[str]) -> Iterable[Comparison]:
    result = last.result
    n_scales = len(result.scale)
    for i, window in enumerate(last.categories.smearings):
        value = _injected(truth.smearings, window)
        error = float(result.smearing_error[i])
        if value is None:
            skipped.append(f"smearing of {plain(window)}: {SPANS_SEVERAL}")
        elif result.smearing_at_bound[i]:
            limit = float(result.smearing_upper[i])
            skipped.append(
                f"smearing of {plain(window)}: at its bound, only an upper limit of {limit:.5f} "
                f"is known; injected {value:.5f}"
            )
        elif not 0 < error < math.inf:
            skipped.append(f"smearing of {plain(window)}: {NOT_DETERMINED}")
        else:
            variance_error = math.sqrt(result.covariance[n_scales + i, n_scales + i])
            derived = float(result.smearing[i])
            pull = (derived**2 - value**2) / variance_error
            yield Comparison(plain(window), value, derived, error, pull)


def _compare_drift(
    truth: Truth, stability: Stability, runs: Mapping[int, int]
) -> Iterable[Comparison]:
    """Compare the run dependence of each region relative to its average over events."""
    for target in (t.region for t in stability.targets):
        if target not in truth.regions:
            continue
        cells = _distinct([c for c in stability.cells if c.region == target])
        weight = np.array([float(_events_in(runs, c.merged_runs)) for c in cells])
        weight /= weight.sum()
        injected = np.array(
            [truth.mean_drift(truth.regions.index(target), runs, c.merged_runs) for c in cells]
        )
        derived = np.array([c.scale for c in cells])
        error = relative_errors(np.array([c.error for c in cells]), weight)
        if len(cells) < 2:
            continue
        for i, cell in enumerate(cells):
            yield Comparison.of(
                f"|eta| {ascii_range(range_text(target))}, "
                f"runs {cell.merged_runs[0]}-{cell.merged_runs[1]}",
                float(injected[i] / (weight @ injected)),
                float(derived[i] / (weight @ derived)),
                float(error[i]),
            )


def _compare_et(recovery: Recovery, fit: NamedFit) -> Iterable[Comparison]:
    """Compare the factor by Et in each of its windows, all else averaged, and its slope."""
    line, means = recovery.truth.et, recovery.fits[fit.name]
    usable = np.isfinite(_relative_error(fit)) & (means.electrons > 0)
    covariance = _relative_covariance(fit)
    windows = fit.categories.scales
    for et in dict.fromkeys(window.et for window in windows if window.et is not None):
        chosen = usable & np.array([window.et == et for window in windows])
        if not chosen.any():
            continue
        share = np.where(chosen, means.electrons, 0) / means.electrons[chosen].sum()
        injected = 1 + line.slope * float(share[chosen] @ means.tens[chosen])
        derived = float(share[chosen] @ means.by_et[chosen])
        error = derived * math.sqrt(share @ covariance @ share)
        yield Comparison.of(plain(Window(et=et)), injected, derived, error)
    share = _slope_shares(means.tens, _relative_error(fit), usable)
    derived = float(share[usable] @ means.by_et[usable])
    error = math.sqrt(share @ covariance @ share)
    yield Comparison.of(SLOPE, line.slope, derived, error)


def _relative_covariance(fit: NamedFit) -> NDArray[np.float64]:
    """Return the covariance of relative scales, 0 for those that are not determined."""
    n, usable = len(fit.result.scale), np.isfinite(_relative_error(fit))
    relative = fit.result.covariance[:n, :n] / np.outer(fit.result.scale, fit.result.scale)
    return np.where(np.outer(usable, usable), relative, 0)


def _slope_shares(x: FloatArray, error: FloatArray, usable: BoolArray) -> NDArray[np.float64]:
    """Return what each value y counts in the slope of the straight line y(x) of least squares."""
    weight = np.where(usable, 1 / error**2, 0)
    distance = np.where(usable, x - np.average(x[usable], weights=weight[usable]), 0)
    return np.asarray(weight * distance / (weight @ distance**2))


def _compare_gains(recovery: Recovery, fit: NamedFit, skipped: list[str]) -> Iterable[Comparison]:
    """Compare what the scales have for a gain, relative to gain 12 in the same window."""
    by_gain, error = recovery.fits[fit.name].by_gain, _relative_error(fit)
    windows = fit.categories.scales
    for i, window in enumerate(windows):
        twelve = replace(window, gain=12)
        if window.gain in {None, 12} or twelve not in windows:
            continue
        j = windows.index(twelve)
        ratio, relative = float(by_gain[i] / by_gain[j]), math.hypot(error[i], error[j])
        if math.isfinite(ratio) and math.isfinite(relative):
            injected = recovery.truth.gain.get(window.gain, 1.0)
            yield Comparison.of(plain(window), injected, ratio, ratio * relative)
        else:
            skipped.append(f"{plain(window)}: {NOT_DETERMINED}")


def _distinct(cells: Sequence[StabilityCell]) -> list[StabilityCell]:
    """Return one of the cells that share their events."""
    return list({cell.merged_runs: cell for cell in cells}.values())


def relative_errors(error: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the errors of independent values near 1 relative to their weighted mean.

    Var(x_i - sum_j w_j x_j) = e_i^2 (1 - 2 w_i) + sum_j w_j^2 e_j^2.
    """
    variance = error**2 * (1 - 2 * weight) + np.sum((weight * error) ** 2)
    return np.asarray(np.sqrt(np.maximum(variance, 0)))


def _injected(cells: Sequence[tuple[Window, float]], window: Window) -> float | None:
    """Return what was injected in a category, None unless it lies in one cell of the truth."""
    return next((value for cell, value in cells if cell.encloses(window)), None)
