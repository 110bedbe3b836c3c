"""Pulls of fits in bins of Et, with and without what migrates between them, and the time it takes.

python benchmarks/bench_migration.py [events] [toys] [largest]

Toys have so many events (default 1 M) of data and of simulation each, in 3 regions of eta x 7 bins of Et, all
with a scale and a smearing of their own. Scales differ from 1 by up to `largest` (default 0), at random.
"relative" has categories in Et m_Z / m in place of Et, which does not change with the mass to first order.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from _common import print_table, seconds

from scalesmear.categories import CategorySet
from scalesmear.fill import Corrections, FillSettings, fill_masses
from scalesmear.fit import fit_pairs
from scalesmear.histogram import MassFiller, PairHistograms, pair_number, weight_exponent
from scalesmear.injection import calm_world
from scalesmear.kinematics import Z_MASS
from scalesmear.migration import Expected, migrate
from scalesmear.toys import generate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import Events
    from scalesmear.fitresult import FitResult
    from scalesmear.flows import FlowSums
    from scalesmear.histogram import Kind, MassHistograms

    Floats = NDArray[np.float64]

REGIONS = ((0, 1), (1, 1.4442), (1.566, 2.5))
BINS = [{"abs_eta": list(eta), "et": [0, 32, 37, 41, 45, 50, 60, np.inf]} for eta in REGIONS]
CATEGORIES = CategorySet.from_blocks({"scales": BINS, "smearings": BINS})
SMEARINGS = np.array([0.008, 0.012, 0.018])  # by region
WINDOWS = [0, 1, 1, 2, 2]  # region of each window of the toys
ROUNDS = 3
SETTINGS = FillSettings()


@dataclass(frozen=True)
class Toy:
    """Events and the scales that the data need."""

    data: Events
    sim: Events
    scale: Floats

    @property
    def exponent(self) -> int:
        """Power of two above the weights."""
        return weight_exponent(float(np.abs(self.sim.weight).max()))

    def fill(self, kind: Kind) -> MassHistograms:
        """Fill by Et."""
        events, exponent = (self.data, 0) if kind == "data" else (self.sim, self.exponent)
        return fill_masses([events], kind, CATEGORIES, SETTINGS, Corrections(), exponent)

    def fill_relative(self, kind: Kind) -> MassHistograms:
        """Fill by Et m_Z / m; thresholds are on Et."""
        events, exponent = (self.data, 0) if kind == "data" else (self.sim, self.exponent)
        relative = (events.et * (Z_MASS / events.mass[:, None])).astype(np.float32)
        category = CATEGORIES.category_of(events.abs_eta, events.r9, relative, events.gain)
        hard = (events.et >= SETTINGS.et_min[1]).all(axis=1)
        hard &= (events.et >= SETTINGS.et_min[0]).any(axis=1)
        x = np.log(events.mass.astype(np.float64) / Z_MASS)
        filler = MassFiller(kind, SETTINGS.grid, len(CATEGORIES.scales), exponent)
        weight = events.weight if kind == "sim" else None
        filler.add(x, np.where(hard, pair_number(category), np.int32(-1)), weight)
        return filler.finish()

    def migrate(self, fit: FitResult) -> FlowSums:
        """Return the flows with the scales and smearings of a fit."""
        at = Expected(fit.scale, fit.smearing)
        return migrate([self.sim], CATEGORIES, SETTINGS, Corrections(), at, self.exponent)

    def fits(self) -> dict[str, FitResult]:
        """Return all fits."""
        smearing_of = CATEGORIES.smearing_of
        relative = PairHistograms.of(self.fill_relative("data"), self.fill_relative("sim"))
        histograms = PairHistograms.of(self.fill("data"), self.fill("sim"))
        fit = fit_pairs(histograms, smearing_of)
        found = {"naive": fit, "relative": fit_pairs(relative, smearing_of)}
        for number in range(1, ROUNDS + 1):
            flows = self.migrate(fit).flows
            fit = fit_pairs(replace(histograms, flows=flows), smearing_of)
            found[f"migration, round {number}"] = fit
        return found


def make_toy(seed: int, n_events: int, largest: float) -> Toy:
    """Generate events; data energies are divided by a scale for each bin."""
    smearings = np.repeat(SMEARINGS[WINDOWS], 2).reshape(5, 2)
    world = replace(calm_world(seed, negative_fraction=0.12), smearings=smearings)
    data, sim = (generate(world, kind, n_events) for kind in ("data", "sim"))
    scale = 1 + largest * np.random.default_rng(seed).uniform(-1, 1, len(CATEGORIES.scales))
    category = CATEGORIES.category_of(data.abs_eta, data.r9, data.et, data.gain)
    factor = np.where(category < 0, 1, scale[category])
    data.et[:] = data.et / factor
    data.mass[:] = data.mass / np.sqrt(factor.prod(axis=1))
    return Toy(data, sim, scale)


def pulls(toy: Toy, fit: FitResult) -> tuple[Floats, Floats]:
    """Return the pulls of scales and of smearings^2."""
    error = np.sqrt(np.diag(fit.covariance)[len(toy.scale) :])
    true = np.repeat(SMEARINGS, len(toy.scale) // len(SMEARINGS))
    of_scales = (fit.scale - toy.scale) / fit.scale_error
    return of_scales, (fit.smearing**2 - true**2) / error


def rms(values: list[Floats]) -> str:
    """Return the root of the mean square, as text."""
    return f"{np.sqrt(np.mean(np.square(values))):.2f}"


def main(n_events: int = 1_000_000, n_toys: int = 3, largest: float = 0.0) -> None:
    """Print the pulls of some toys, and the time of a round."""
    found: dict[str, list[tuple[Floats, Floats, FitResult]]] = {}
    for seed in range(21, 21 + n_toys):
        toy = make_toy(seed, n_events, largest)
        for name, fit in toy.fits().items():
            found.setdefault(name, []).append((*pulls(toy, fit), fit))
    rows = []
    for name, fits in found.items():
        scales, smearings = [f[0] for f in fits], [f[1] for f in fits]
        chi2 = np.mean([f[2].goodness.total_chi2 / f[2].goodness.total_ndf for f in fits])
        largest_pull = f"{np.abs(scales).max():.1f}"
        rows.append((name, rms(scales), largest_pull, rms(smearings), f"{chi2:.2f}"))
    title = f"pulls of {n_toys} toys of {n_events / 1e6:g} M + {n_events / 1e6:g} M events"
    if largest:
        title += f", scales within {largest:g} of 1"
    print_table(title, ("", "scales: rms", "largest", "smearings^2: rms", "chi2/ndf"), rows)
    naive = found["naive"][-1][2]
    times = (seconds(partial(toy.fill, "sim"), 3), seconds(partial(toy.migrate, naive), 3))
    fill, moved = (f"{1e9 * taken / n_events:.0f}" for taken in times)
    print_table(
        "ns per simulated event", ("", "fill", "migration"), [("3 eta x 7 Et", fill, moved)]
    )


if __name__ == "__main__":
    main(*(kind(word) for kind, word in zip((int, int, float), sys.argv[1:], strict=False)))
