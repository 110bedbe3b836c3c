"""Injected against derived: what a toy data set was made with beside what the chain found."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.cells import Window
from scalesmear.report.quantity import ascii_range, plain, range_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scalesmear.cells import Range
    from scalesmear.events import FloatArray
    from scalesmear.report.inputs import NamedFit
    from scalesmear.runs import RunRange
    from scalesmear.stability import Stability, StabilityCell

WITHIN = 4.0
"""A derived value agrees if it lies within so many of its errors."""


@dataclass(frozen=True)
class Truth:
    """What toy data need to be calibrated: scale x drift.

    Attributes
    ----------
    scales, smearings : tuple of (Window, float)
    regions : tuple of (float, float)
        Ranges of |eta| with a drift of their own.
    drift : dict
        Factors of all regions by run.
    """

    scales: tuple[tuple[Window, float], ...]
    smearings: tuple[tuple[Window, float], ...]
    regions: tuple[Range, ...]
    drift: Mapping[int, tuple[float, ...]]

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
        )

    def mean_drift(self, region: int, runs: Mapping[int, int], within: RunRange) -> float:
        """Return the drift of a region, averaged over the events of the runs in a range."""
        inside = {run: n for run, n in runs.items() if within[0] <= run <= within[1]}
        total = sum(inside.values())
        return sum(n * self.drift[run][region] for run, n in inside.items()) / total


@dataclass(frozen=True)
class Comparison:
    """One injected value beside the derived one; an infinite error leaves it without a pull."""

    name: str
    injected: float
    derived: float
    error: float

    @property
    def pull(self) -> float:
        """(derived - injected) / error."""
        return (self.derived - self.injected) / self.error if self.error > 0 else math.nan


@dataclass(frozen=True)
class Injection:
    """All comparisons, by kind.

    Attributes
    ----------
    scales, smearings, drift : tuple of Comparison
        Total scales and smearings of the last fit's categories; the run dependence of each region
        relative to its average.
    skipped : tuple of str
        What could not be compared, and why.
    """

    scales: tuple[Comparison, ...]
    smearings: tuple[Comparison, ...]
    drift: tuple[Comparison, ...]
    skipped: tuple[str, ...]

    @property
    def kinds(self) -> dict[str, tuple[Comparison, ...]]:
        """The comparisons by their name."""
        return {
            "total scale": self.scales,
            "smearing": self.smearings,
            "run dependence": self.drift,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object, with pulls and their summary."""
        return {
            kind: {
                "comparisons": [asdict(c) | {"pull": c.pull} for c in comparisons],
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
    truth: Truth, stability: Stability, fits: Sequence[NamedFit], runs: Mapping[int, int]
) -> Injection:
    """Return injected against derived values; `runs` holds the number of data events per run."""
    skipped: list[str] = []
    return Injection(
        scales=tuple(_compare_scales(truth, stability, fits, runs, skipped)),
        smearings=tuple(_compare_smearings(truth, fits[-1], skipped)),
        drift=tuple(_compare_drift(truth, stability, runs)),
        skipped=tuple(skipped),
    )


def _compare_scales(
    truth: Truth,
    stability: Stability,
    fits: Sequence[NamedFit],
    runs: Mapping[int, int],
    skipped: list[str],
) -> Iterable[Comparison]:
    """Compare the product of all steps, averaged over data events, in the last fit's categories."""
    everything = (min(runs), max(runs))
    last = fits[-1]
    for i, window in enumerate(last.categories.scales):
        value, why = _injected(truth.scales, window)
        region = _only_region(truth.regions, window)
        factor = total_scale(window, stability, fits, runs)
        error = float(last.result.scale_error[i])
        if value is None or region is None or factor is None or not 0 < error < math.inf:
            skipped.append(f"scale of {plain(window)}: {why or 'not determined'}")
            continue
        yield Comparison(
            name=plain(window),
            injected=value * truth.mean_drift(region, runs, everything),
            derived=factor,
            error=error * factor / float(last.result.scale[i]),
        )


def total_scale(
    window: Window, stability: Stability, fits: Sequence[NamedFit], runs: Mapping[int, int]
) -> float | None:
    """Return stability x all fits in a category, averaged over the data events of all runs.

    None if the category lies in several regions of the stability, or several categories of a fit.
    """
    region = _only_region([target.region for target in stability.targets], window)
    if region is None:
        return None
    cells = [c for c in stability.cells if c.region == stability.targets[region].region]
    events = [_events_in(runs, cell.runs) for cell in cells]
    factor = float(np.average([cell.scale for cell in cells], weights=events))
    for fit in fits:
        inside = [i for i, w in enumerate(fit.categories.scales) if w.encloses(window)]
        if len(inside) != 1:
            return None
        factor *= float(fit.result.scale[inside[0]])
    return factor


def _events_in(runs: Mapping[int, int], within: RunRange) -> int:
    return sum(n for run, n in runs.items() if within[0] <= run <= within[1])


def _compare_smearings(truth: Truth, last: NamedFit, skipped: list[str]) -> Iterable[Comparison]:
    result = last.result
    for i, window in enumerate(last.categories.smearings):
        value, why = _injected(truth.smearings, window)
        error = float(result.smearing_error[i])
        if not why and result.smearing_at_bound[i]:
            why = "at its bound, where only an upper limit is known"
        if value is None or why or not 0 < error < math.inf:
            skipped.append(f"smearing of {plain(window)}: {why or 'not determined'}")
            continue
        yield Comparison(plain(window), value, float(result.smearing[i]), error)


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
            yield Comparison(
                f"|eta| {ascii_range(range_text(target))}, "
                f"runs {cell.merged_runs[0]}-{cell.merged_runs[1]}",
                float(injected[i] / (weight @ injected)),
                float(derived[i] / (weight @ derived)),
                float(error[i]),
            )


def _distinct(cells: Sequence[StabilityCell]) -> list[StabilityCell]:
    """Return one of the cells that share their events."""
    return list({cell.merged_runs: cell for cell in cells}.values())


def relative_errors(error: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the errors of independent values near 1 relative to their weighted mean.

    Var(x_i - sum_j w_j x_j) = e_i^2 (1 - 2 w_i) + sum_j w_j^2 e_j^2.
    """
    variance = error**2 * (1 - 2 * weight) + np.sum((weight * error) ** 2)
    return np.asarray(np.sqrt(np.maximum(variance, 0)))


def _injected(cells: Sequence[tuple[Window, float]], window: Window) -> tuple[float | None, str]:
    """Return what was injected in a category that lies in one cell of the truth, else why not."""
    found = [value for cell, value in cells if cell.encloses(window)]
    return (found[0], "") if found else (None, "spans several windows of the truth")


def _only_region(regions: Sequence[Range], window: Window) -> int | None:
    low, high = window.abs_eta or (0.0, math.inf)
    found = [i for i, (first, last) in enumerate(regions) if first <= low and high <= last]
    return found[0] if found else None
