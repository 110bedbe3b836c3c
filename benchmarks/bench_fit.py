"""Time of fits of toy histograms: coarse (8 + 8), fine (55 + 10), 24 and 160 categories.

OPENBLAS_NUM_THREADS=1 python benchmarks/bench_fit.py

Linear algebra has one thread, as in the steps: others would wait for each other more than they work.

Contents of fine bins are Poisson numbers around smooth shapes, since the time does not depend on
the number of events.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from _common import print_table, seconds

from scalesmear.fit import fit_pairs
from scalesmear.histogram import MassGrid, PairHistograms, n_pairs, pair_categories
from scalesmear.kinematics import Z_MASS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CASES = {
    "coarse": (8, 8),
    "24 categories": (24, 24),
    "fine": (55, 10),
    "160 categories": (160, 160),
}
N_EVENTS = 10_000_000
Z_WIDTH = 2.495


def peak(grid: MassGrid, shift: float, variance: float) -> Floats:
    """Return a Breit-Wigner shape with a Gaussian resolution in the fine bins, sum 1."""
    centres = (grid.edges[:-1] + grid.edges[1:]) / 2 + shift
    mass = Z_MASS * np.exp(centres)
    natural = mass / ((mass - Z_MASS) ** 2 + Z_WIDTH**2 / 4)
    reach = int(5 * np.sqrt(variance) / grid.width) + 1
    steps = grid.width * np.arange(-reach, reach + 1)
    smeared = np.convolve(natural, np.exp(-(steps**2) / (2 * variance)), mode="same")
    return np.asarray(smeared / smeared.sum(), np.float64)


def toy(n: int, m: int, seed: int = 1) -> tuple[PairHistograms, NDArray[np.int64]]:
    """Return histograms of `n` scale and `m` smearing categories, and the map between them."""
    rng, grid = np.random.default_rng(seed), MassGrid()
    smearing_of = np.arange(n) * m // n
    u, q = rng.uniform(-0.01, 0.01, n), rng.uniform(0.008, 0.025, m)[smearing_of] ** 2
    resolution, population = rng.uniform(0.008, 0.02, n) ** 2, rng.dirichlet(np.full(n, 5.0))
    pairs = np.arange(n_pairs(n), dtype=np.int32)
    data, sim = np.zeros((2, len(pairs), grid.n_fine))
    for row, (i, j) in enumerate(pair_categories(pairs)):
        events = N_EVENTS * population[i] * population[j] * (1 if i == j else 2)
        base, more = (resolution[i] + resolution[j]) / 4, (q[i] + q[j]) / 4
        shift = (u[i] + u[j]) / 2 + more
        sim[row] = rng.poisson(events * peak(grid, 0.0, base))
        data[row] = rng.poisson(events * peak(grid, shift, base + more))
    return PairHistograms(grid, n, pairs, data, sim, sim.copy()), smearing_of


def main() -> None:
    """Print the time of each fit."""
    rows = []
    for case, sizes in CASES.items():
        histograms, smearing_of = toy(*sizes)
        result = fit_pairs(histograms, smearing_of)
        taken = seconds(partial(fit_pairs, histograms, smearing_of), 7)
        pairs, evaluations = len(result.goodness.pairs), result.n_evaluations
        rows.append((case, *sizes, pairs, evaluations, f"{1e3 * taken:.1f}"))
    head = ("", "scales", "smearings", "pairs", "evaluations", "ms")
    print_table(f"fit: {N_EVENTS / 1e6:g} M events of data and of simulation", head, rows)


if __name__ == "__main__":
    main()
