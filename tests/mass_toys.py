"""Toy mass histograms with known scales and smearings, filled event by event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.histogram import MassFiller, MassGrid, MassHistograms, PairHistograms, pair_number
from scalesmear.kinematics import Z_MASS

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

HALF_WIDTH = 1.2476  # of the Z boson [GeV]
WEIGHT_EXPONENT = 3


@dataclass(frozen=True, kw_only=True)
class MassToy:
    """Truth of a toy: n scale and m smearing categories.

    Simulated weights are exp(`spread` g) with a Gaussian g, a share `negative` of them negated.
    """

    scale: Floats
    smearing: Floats
    smearing_of: Ints
    resolution: Floats  # (n,), of data and simulation alike
    population: Floats  # (n,), share of electrons
    negative: float = 0.0
    spread: float = 0.0
    grid: MassGrid = field(default_factory=MassGrid)

    def draw(self, rng: Generator, n_data: int, n_sim: int) -> PairHistograms:
        """Return histograms of independent data and simulation."""
        return PairHistograms.of(self.data(rng, n_data), self.sim(rng, n_sim))

    def data(self, rng: Generator, n: int) -> MassHistograms:
        """Fill data: smeared, and too low by the scale."""
        category = self._categories(rng, n)
        x = true_log_mass(rng, n) + log_smear(rng, self.resolution[category])
        x += log_smear(rng, self.smearing[self.smearing_of[category]])
        x -= np.log(self.scale[category]).sum(axis=1) / 2
        filler = MassFiller("data", self.grid, len(self.scale))
        filler.add(x, pair_number(category))
        return filler.finish()

    def sim(self, rng: Generator, n: int) -> MassHistograms:
        """Fill simulation."""
        category = self._categories(rng, n)
        x = true_log_mass(rng, n) + log_smear(rng, self.resolution[category])
        sign = np.where(rng.random(n) < self.negative, -1.0, 1.0)
        weight = sign * np.minimum(np.exp(self.spread * rng.standard_normal(n)), 8.0)
        filler = MassFiller("sim", self.grid, len(self.scale), WEIGHT_EXPONENT)
        filler.add(x, pair_number(category), weight)
        return filler.finish()

    def _categories(self, rng: Generator, n: int) -> Ints:
        return rng.choice(len(self.scale), size=(n, 2), p=self.population)


def true_log_mass(rng: Generator, n: int) -> Floats:
    """Draw ln(m / m_Z): a Breit-Wigner, a quarter of it with radiation lost."""
    low, high = np.arctan((np.array([50.0, 140.0]) - Z_MASS) / HALF_WIDTH)
    mass = Z_MASS + HALF_WIDTH * np.tan(rng.uniform(low, high, n))
    lost = np.minimum(rng.exponential(0.04, n), 0.5) * (rng.random(n) < 0.25)
    return np.asarray(np.log(mass * (1 - lost) / Z_MASS), np.float64)


def log_smear(rng: Generator, sigma: Floats) -> Floats:
    """Return the change of ln(m) when both energies, shape (n, 2), are smeared."""
    return np.asarray(np.log1p(sigma * rng.standard_normal(sigma.shape)).sum(axis=1) / 2)


def random_toy(
    seed: int,
    n: int,
    m: int,
    *,
    largest_shift: float = 0.01,
    smearings: tuple[float, float] = (0.008, 0.025),
    negative: float = 0.0,
    spread: float = 0.0,
) -> MassToy:
    """Draw a truth: scales within `largest_shift` of 1, smearings within their range."""
    rng = np.random.default_rng(seed)
    return MassToy(
        scale=1 + rng.uniform(-largest_shift, largest_shift, n),
        smearing=rng.uniform(*smearings, m),
        smearing_of=np.arange(n) * m // n,
        resolution=rng.uniform(0.008, 0.02, n),
        population=rng.dirichlet(np.full(n, 5.0)),
        negative=negative,
        spread=spread,
    )
