"""Events with known scales and smearings, the same for our fit and for what it is compared with.

Data are simulated events of another stream, whose energies are smeared and divided by the scale of
their category. Both are cut before that, and no thresholds are cut afterwards, so that none of the
programs has to know about migration: what a fit finds can be compared with the truth.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from _common import seconds

from scalesmear.categories import CategorySet
from scalesmear.events import Events
from scalesmear.fill import Corrections, FillSettings, fill_masses
from scalesmear.fit import fit_pairs
from scalesmear.fitresult import FitResult
from scalesmear.histogram import PairHistograms
from scalesmear.io.eventfile import BATCH_SIZE
from scalesmear.toys import generate, make_truth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from scalesmear.histogram import Kind

    Floats = NDArray[np.float64]

SETTINGS = FillSettings(et_min=(0.0, 0.0))
"""No thresholds: the events are cut already."""

COLUMNS = ("weight", "mass", "et", "eta_sc", "r9", "gain")


@dataclass(frozen=True, eq=False)
class Sample:
    """Events of both kinds, and what was put into data.

    Attributes
    ----------
    categories : CategorySet
    data, sim : Events
        All weights are 1.
    scale : float array, shape (n,)
    smearing : float array, shape (m,)
    """

    categories: CategorySet
    data: Events
    sim: Events
    scale: Floats
    smearing: Floats

    def category(self, kind: Kind) -> NDArray[np.int16]:
        """Return the scale category of each electron of `data` or `sim`, shape (n_events, 2)."""
        events = self.data if kind == "data" else self.sim
        return self.categories.category_of(events.abs_eta, events.r9, events.et, events.gain)

    def first(self, n_data: int, n_sim: int) -> Sample:
        """Return the same with fewer events."""
        data, sim = self.data.where(slice(n_data)), self.sim.where(slice(n_sim))
        return Sample(self.categories, data, sim, self.scale, self.smearing)


def category_set(n_eta: int, n_r9: int, n_et: int = 1) -> CategorySet:
    """Return the product of windows in abs(eta), R9 and Et: as many scales as smearings.

    Half of the windows in abs(eta) lie in the barrel.
    """
    half = n_eta // 2
    regions = np.linspace(0, 1.4442, half + 1), np.linspace(1.566, 2.5, n_eta - half + 1)
    r9 = [0.0, *np.linspace(0.97, 0.9, n_r9 - 1)[::-1].tolist(), np.inf]
    et = [0.0, *np.linspace(35, 55, n_et - 1).tolist(), np.inf]
    variables = {"r9": r9} | ({"et": et} if n_et > 1 else {})
    blocks = [{"abs_eta": region.tolist(), **variables} for region in regions]
    return CategorySet.from_blocks({"scales": blocks, "smearings": blocks})


def make_sample(categories: CategorySet, n_data: int, n_sim: int, seed: int = 1) -> Sample:
    """Generate events; scales are within 1 % of 1, smearings between 0.8 and 2 %."""
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.99, 1.01, len(categories.scales))
    smearing = rng.uniform(0.008, 0.02, len(categories.smearings))
    toys = make_truth(seed, n_runs=1, negative_fraction=0.0, weight=1.0)
    sim, data = (generate(toys, "sim", n, stream) for stream, n in enumerate((n_sim, n_data)))
    category = categories.category_of(data.abs_eta, data.r9, data.et, data.gain)
    known = category >= 0
    sigma = np.where(known, smearing[categories.smearing_of[category]], 0.0)
    factor = 1 + sigma * rng.standard_normal(category.shape)
    factor /= np.where(known, scale[category], 1.0)
    columns = {name: getattr(data, name) for name in COLUMNS}
    columns["mass"] = columns["mass"] * np.sqrt(factor.prod(axis=1))
    columns["et"] = columns["et"] * factor
    few = Events(**{name: getattr(sim, name) for name in COLUMNS})
    return Sample(categories, Events(**columns), few, scale, smearing)


def in_batches(events: Events) -> list[Events]:
    """Return events in the batches in which a file would give them."""
    starts = range(0, len(events), BATCH_SIZE)
    return [events.where(slice(start, start + BATCH_SIZE)) for start in starts]


class Timed(NamedTuple):
    """Our fit of a sample: processor time of the parts in one thread [s], and the result."""

    fill: float
    fit: float
    histograms: PairHistograms
    result: FitResult


def fill_sample(sample: Sample) -> PairHistograms:
    """Fill the histograms of a sample, in one thread."""
    filled = [
        fill_masses(in_batches(events), kind, sample.categories, SETTINGS, Corrections())
        for kind, events in (("data", sample.data), ("sim", sample.sim))
    ]
    return PairHistograms.of(*filled)


def fit_sample(
    sample: Sample, repeat: int = 3, clock: Callable[[], float] = time.process_time
) -> Timed:
    """Fill the histograms of a sample and fit them, with covariance and goodness of fit."""
    histograms = fill_sample(sample)
    smearing_of = sample.categories.smearing_of
    result = fit_pairs(histograms, smearing_of)
    fill = seconds(lambda: fill_sample(sample), repeat, clock=clock)
    fit = seconds(lambda: fit_pairs(histograms, smearing_of), repeat, clock=clock)
    return Timed(fill, fit, histograms, result)


def errors(sample: Sample, scale: Sequence[float], smearing: Sequence[float]) -> tuple[str, ...]:
    """Return mean and rms of the errors of scales, and rms of those of smearings, times 10000."""
    of_scale = np.asarray(scale) / sample.scale - 1
    of_smearing = np.asarray(smearing) - sample.smearing
    numbers = of_scale.mean(), rms(of_scale), rms(of_smearing)
    return tuple(f"{1e4 * number:.2f}" for number in numbers)


def pull_widths(
    sample: Sample,
    scale: Sequence[float],
    scale_error: Sequence[float],
    smearing: Sequence[float],
    smearing_error: Sequence[float],
) -> tuple[str, str]:
    """Return the rms of errors in units of the errors that a fit gives: scales and smearings."""
    of_scale = (np.asarray(scale) - sample.scale) / np.asarray(scale_error)
    of_smearing = (np.asarray(smearing) - sample.smearing) / np.asarray(smearing_error)
    return f"{rms(of_scale):.2f}", f"{rms(of_smearing):.2f}"


def rms(values: Floats, axis: int | tuple[int, ...] | None = None) -> Floats:
    """Return the root of the mean square, of all values or along some axes."""
    return np.asarray(np.sqrt(np.mean(values**2, axis=axis)))
