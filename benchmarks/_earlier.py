"""The objective of the earlier framework, made anew from its description.

Simulated masses of each pair of categories are smeared with drawn normal numbers, the same at every
call, data masses are scaled, and both are binned again, 80 bins from 80 to 100 GeV. The minimiser
is L-BFGS-B with finite differences, from where a scan of each parameter ended. A call looks only at
pairs whose parameters changed since the last one.

Simulation is copied until a pair has 50000 events and 50 times those of data, or a million: so it
was, and that is where the time goes. What harmed only the results is left out: an event is in one pair, all pairs
weigh the same, and the loss is the deviance of the multinomial likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import xlogy

from scalesmear.histogram import n_pairs, pair_categories, pair_number

if TYPE_CHECKING:
    from _samples import Sample
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

WINDOW, N_BINS = (80.0, 100.0), 80
SEED = 3
COPIES, ENOUGH, MANY = 50, 50_000, 1_000_000
"""Simulation is doubled until a pair has so many times the events of data and so many events, or many."""

FEW = 100, 10
"""Pairs with no more simulation, or data, are not copied."""

LEAST_EVENTS = 10
"""Of data and of simulation in a pair that is used."""

SCALES = np.arange(0.98, 1.02, 0.001)
SMEARINGS = np.arange(0.0, 0.025, 0.00025)
"""Values of the scans."""

BOUNDS = (0.96, 1.04), (0.0, 0.05)
STEP = 1e-5
"""Of the finite differences."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Masses of one pair of categories, and the places of its four parameters."""

    data: NDArray[np.float32]
    sim: NDArray[np.float32]
    parameters: tuple[int, int, int, int]

    def deviance(self, values: Floats) -> float:
        """Return -2 ln of the likelihood ratio of simulation and of data themselves."""
        first, second, sigma, tau = values[list(self.parameters)]
        counts = _binned(self.data * np.sqrt(first * second))
        rng, n = np.random.default_rng(SEED), len(self.sim)
        factor = np.sqrt(rng.normal(1, sigma, n) * rng.normal(1, tau, n))
        expected = np.maximum(_binned(self.sim * factor), 1e-15)
        shares = counts / max(counts.sum(), 1), expected / expected.sum()
        return float(2 * (xlogy(counts, shares[0]) - xlogy(counts, shares[1])).sum())


def _binned(masses: Floats) -> Floats:
    return np.histogram(masses, N_BINS, WINDOW)[0].astype(np.float64)


def n_doublings(n_data: int, n_sim: int) -> int:
    """Return how often the simulation of a pair is doubled."""
    if n_sim <= FEW[0] or n_data <= FEW[1]:
        return 0
    wanted = min(max(COPIES * n_data, ENOUGH), MANY)
    return max(0, int(np.ceil(np.log2(wanted / n_sim))))


@dataclass(eq=False)
class Objective:
    """The sum over pairs as a function of scales and smearings; it counts its calls."""

    pairs: list[Pair]
    n_scales: int
    n_smearings: int
    n_calls: int = 0
    n_smeared: int = 0
    _last: Floats | None = None
    _terms: Floats = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of(cls, sample: Sample, *, copies: bool) -> Objective:
        """Sort the masses of a sample by pair."""
        smearing_of = len(sample.scale) + sample.categories.smearing_of.astype(int)
        data, sim = _masses(sample, "data"), _masses(sample, "sim")
        out = []
        for number, (i, j) in enumerate(pair_categories(np.arange(n_pairs(len(sample.scale))))):
            if min(len(data[number]), len(sim[number])) >= LEAST_EVENTS:
                n = n_doublings(len(data[number]), len(sim[number])) if copies else 0
                many = np.tile(sim[number], 1 << n)
                out.append(Pair(data[number], many, (i, j, smearing_of[i], smearing_of[j])))
        return cls(out, len(sample.scale), len(sample.smearing))

    def __call__(self, values: Floats) -> float:
        """Evaluate the pairs whose parameters changed."""
        self.n_calls += 1
        if self._last is None:
            self._last, self._terms = np.full(len(values), np.nan), np.empty(len(self.pairs))
        changed = values != self._last
        for place, pair in enumerate(self.pairs):
            if changed[list(pair.parameters)].any():
                self._terms[place] = pair.deviance(values)
                self.n_smeared += len(pair.sim)
        self._last = values.copy()
        return float(self._terms.sum())

    @property
    def start(self) -> Floats:
        """Scales 1, smearings 0."""
        return np.repeat([1.0, 0.0], [self.n_scales, self.n_smearings])


class Workload(NamedTuple):
    """How many events each pair has, which decides what a fit costs."""

    data: NDArray[np.int64]
    sim: NDArray[np.int64]  # before they are copied
    parameters: NDArray[np.int64]  # shape (p, 4)

    @classmethod
    def of(cls, sample: Sample, factor: float = 1.0) -> Workload:
        """Return the numbers of a sample, or of one that is larger by a factor."""
        pairs = Objective.of(sample, copies=False).pairs
        numbers = np.array([(len(pair.data), len(pair.sim)) for pair in pairs])
        data, sim = np.round(factor * numbers).astype(np.int64).T
        return cls(data, sim, np.array([pair.parameters for pair in pairs]))

    @property
    def per_call(self) -> NDArray[np.int64]:
        """Events that a call smears in each pair, copies of one another included."""
        doublings = [n_doublings(*pair) for pair in zip(self.data, self.sim, strict=True)]
        return self.sim << np.array(doublings)

    def of_fit(self, n_gradients: int) -> int:
        """Return how many events the scan and so many gradients smear.

        A finite difference moves a parameter and puts the one before it back: it smears twice.
        """
        n, two = self.per_call, 1 + (np.diff(self.parameters.reshape(-1, 2, 2)) != 0)[..., 0]
        scales, smearings = (n * two.T).sum(axis=1)
        scans = len(SCALES) * scales + len(SMEARINGS) * smearings
        return int(scans + 2 * n_gradients * (scales + smearings))


def _masses(sample: Sample, kind: str) -> list[NDArray[np.float32]]:
    """Return the masses of each pair of categories."""
    events = sample.data if kind == "data" else sample.sim
    pair = pair_number(sample.category(kind))
    order = np.argsort(pair, kind="stable")
    edges = np.searchsorted(pair[order], np.arange(n_pairs(len(sample.scale)) + 1))
    return np.split(events.mass[order], edges)[1:-1]


class Found(NamedTuple):
    """Result of the scan and of the minimiser after it."""

    values: Floats
    scan_calls: int
    n_gradients: int
    message: str


def scan(objective: Objective, values: Floats) -> Floats:
    """Return the best point of a grid for each parameter in turn."""
    values = values.copy()
    for place in range(len(values)):
        grid = SCALES if place < objective.n_scales else SMEARINGS
        found = []
        for value in grid:
            values[place] = value
            found.append(objective(values))
        values[place] = grid[int(np.argmin(found))]
    return values


def fit(objective: Objective) -> Found:
    """Scan, then minimise."""
    start = scan(objective, objective.start)
    calls = objective.n_calls
    bounds = [BOUNDS[0]] * objective.n_scales + [BOUNDS[1]] * objective.n_smearings
    found = minimize(objective, start, method="L-BFGS-B", bounds=bounds, options={"eps": STEP})
    gradients = (objective.n_calls - calls) // (len(start) + 1)
    return Found(found.x, calls, gradients, str(found.message))
