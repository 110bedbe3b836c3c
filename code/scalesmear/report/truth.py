"""Injected against derived: what a toy data set was made with beside what the chain found."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.cells import Window
from scalesmear.report.quantity import ascii_range, plain, range_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scalesmear.cells import Range
    from scalesmear.events import FloatArray
    from scalesmear.report.combined import CombinedScales
    from scalesmear.report.inputs import NamedFit
    from scalesmear.runs import RunRange
    from scalesmear.stability import Stability, StabilityCell

WITHIN = 4.0
"""A derived value agrees if it lies within so many of its errors."""

SPANS_SEVERAL = "spans several windows of the truth"
NOT_DETERMINED = "not determined"


@dataclass(frozen=True)
class Truth:
    """What toy data need to be calibrated: scale x drift x factor of the gain.

    Attributes
    ----------
    scales, smearings : tuple of (Window, float)
    regions : tuple of (float, float)
        Ranges of |eta| with a drift of their own.
    drift : dict
        Factors of all regions by run.
    gain : dict
        Factors by gain, relative to gain 12.
    et_slope : float
        By how much the factor rises per 10 GeV of Et.
    """

    scales: tuple[tuple[Window, float], ...]
    smearings: tuple[tuple[Window, float], ...]
    regions: tuple[Range, ...]
    drift: Mapping[int, tuple[float, ...]]
    gain: Mapping[int, float] = field(default_factory=dict)
    et_slope: float = 0.0

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Truth:
        """Read the truth that ``scalesmear toys`` writes.

        Raises
        ------
        KeyError, TypeError, ValueError
            If something is missing or of another type.
        """
        drift = content["drift"]
        return cls(
            scales=tuple((Window.from_json(c), float(c["scale"])) for c in content["scales"]),
            smearings=tuple(
                (Window.from_json(c), float(c["smearing"])) for c in content["smearings"]
            ),
            regions=tuple((float(low), float(high)) for low, high in drift["regions"]),
            drift={
                int(run): tuple(map(float, factors))
                for run, factors in zip(drift["runs"], drift["factor"], strict=True)
            },
            gain={int(gain): float(factor) for gain, factor in content["gain"].items()},
            et_slope=float(content.get("et_slope", 0.0)),
        )

    def mean_drift(self, region: int, runs: Mapping[int, int], within: RunRange) -> float:
        """Return the drift of a region, averaged over the events of the runs in a range."""
        inside = {run: n for run, n in runs.items() if within[0] <= run <= within[1]}
        total = sum(inside.values())
        return sum(n * self.drift[run][region] for run, n in inside.items()) / total


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
    gains : tuple of Comparison
        Scales of fits by gain relative to gain 12.
    skipped : tuple of str
        What could not be compared, and why.
    """

    scales: tuple[Comparison, ...]
    smearings: tuple[Comparison, ...]
    drift: tuple[Comparison, ...]
    gains: tuple[Comparison, ...]
    skipped: tuple[str, ...]

    @property
    def kinds(self) -> dict[str, tuple[Comparison, ...]]:
        """The comparisons by their name."""
        return {
            "total scale": self.scales,
            "smearing": self.smearings,
            "run dependence": self.drift,
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
    truth: Truth,
    combined: CombinedScales,
    stability: Stability,
    fits: Sequence[NamedFit],
    shown: NamedFit,
    runs: Mapping[int, int],
) -> Injection:
    """Return injected against derived values.

    Parameters
    ----------
    truth : Truth
    combined : CombinedScales
        Product of all steps.
    stability : Stability
    fits : sequence of NamedFit
        All fits of the chain.
    shown : NamedFit
        The one in whose categories totals are compared, with its errors.
    runs : mapping of int to int
        Number of data events of each run.
    """
    skipped: list[str] = []
    return Injection(
        scales=tuple(_compare_scales(truth, combined, shown, runs, skipped)),
        smearings=tuple(_compare_smearings(truth, shown, skipped)),
        drift=tuple(_compare_drift(truth, stability, runs)),
        gains=tuple(compare_gains(truth, fits, skipped)),
        skipped=tuple(skipped),
    )


def _compare_scales(
    truth: Truth,
    combined: CombinedScales,
    last: NamedFit,
    runs: Mapping[int, int],
    skipped: list[str],
) -> Iterable[Comparison]:
    """Compare the product of all steps, averaged over data events, in the last fit's categories."""
    everything = (min(runs), max(runs))
    for i, window in enumerate(last.categories.scales):
        value = _injected(truth.scales, window)
        region = _only_region(truth.regions, window)
        factor = combined.average(window, runs)
        error = float(last.result.scale_error[i])
        if value is None or region is None:
            skipped.append(f"scale of {plain(window)}: {SPANS_SEVERAL}")
        elif factor is None or not 0 < error < math.inf:
            skipped.append(f"scale of {plain(window)}: {NOT_DETERMINED}")
        else:
            yield Comparison.of(
                name=plain(window),
                injected=value * truth.mean_drift(region, runs, everything),
                derived=factor,
                error=error * factor / float(last.result.scale[i]),
            )


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


def compare_gains(
    truth: Truth, fits: Sequence[NamedFit], skipped: list[str]
) -> Iterable[Comparison]:
    """Compare each scale of a fit for one gain with that for gain 12 in the same window."""
    for place, fit in enumerate(fits):
        et_is_left = truth.et_slope and not any(
            "et" in f.categories.variables for f in fits[:place]
        )
        scale, error = fit.result.scale, fit.result.scale_error / fit.result.scale
        windows = fit.categories.scales
        for i, window in enumerate(windows):
            twelve = replace(window, gain=12)
            if window.gain in {None, 12} or twelve not in windows:
                continue
            j, name = windows.index(twelve), f"{fit.name}: {plain(window)}"
            relative = math.hypot(error[i], error[j])
            if et_is_left:
                skipped.append(f"{name}: depends on Et, too, which no fit before it looked at")
            elif not 0 < relative < math.inf:
                skipped.append(f"{name}: {NOT_DETERMINED}")
            else:
                ratio = float(scale[i] / scale[j])
                yield Comparison.of(name, truth.gain[window.gain], ratio, ratio * relative)


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


def _only_region(regions: Sequence[Range], window: Window) -> int | None:
    low, high = window.abs_eta or (0.0, math.inf)
    found = [i for i, (first, last) in enumerate(regions) if first <= low and high <= last]
    return found[0] if found else None
