"""Do the errors of the fit cover? Pulls, convergence, limits and goodness of fit, from toys.

python benchmarks/fit_coverage.py [--toys N]

Contents of histograms are Poisson numbers around exact expectations (`scalesmear.pseudo`), 20 truths of
random scales, smearings and resolutions after each other. Pulls are those of ln(scale) and
smearing^2. Errors of the numbers are given beside them; pulls of one toy are correlated by a few
per cent, which these leave out.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from _common import print_table

from scalesmear.errors import FitError
from scalesmear.fit import fit_pairs
from scalesmear.fitresult import FitResult
from scalesmear.histogram import MassGrid, n_pairs, pair_categories
from scalesmear.pseudo import Expectation, Truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

N_TRUTHS = 20
RATIOS = (0.5, 1, 2, 5, 10)
NEGATIVE = (0.0, 0.16)
N_DATA = 300_000
FAR = (0.03, (0.0, 0.05))
"""Largest shift of a scale and range of smearings, in the toys of convergence."""


class Case(NamedTuple):
    """What toys are drawn from."""

    size: tuple[int, int]  # scales and smearings
    n_data: float
    n_sim: float
    negative: float = 0.0
    shift: float = 0.01
    smearings: tuple[float, float] = (0.008, 0.025)
    skew: float = 0.0


def random_truth(seed: int, case: Case) -> Truth:
    """Draw scales, smearings, resolutions and populations; an event's electrons do not know of each other."""
    rng, (n, m) = np.random.default_rng(seed), case.size
    scale = 1 + rng.uniform(-case.shift, case.shift, n)
    smearing, resolution = rng.uniform(*case.smearings, m), rng.uniform(0.008, 0.02, n)
    population = rng.dirichlet(np.full(n, 5.0))
    low, high = pair_categories(np.arange(n_pairs(n))).T
    return Truth(
        scale=scale,
        smearing=smearing,
        smearing_of=np.arange(n) * m // n,
        resolution=resolution,
        share=population[low] * population[high] * np.where(low == high, 1, 2),
        skew=case.skew,
    )


def fits(case: Case, n_toys: int) -> Iterator[tuple[Truth, FitResult | None]]:
    """Yield truth and fit of each toy, None where it did not converge."""
    for toy in range(n_toys):
        if toy % max(1, n_toys // N_TRUTHS) == 0:
            truth = random_truth(toy, case)
            expectation = Expectation(truth=truth, grid=MassGrid())
        rng = np.random.default_rng([toy, 1])
        histograms = expectation.draw(rng, case.n_data, case.n_sim, case.negative)
        try:
            yield truth, fit_pairs(histograms, truth.smearing_of)
        except FitError:
            yield truth, None


def pulls(truth: Truth, result: FitResult) -> tuple[Floats, Floats]:
    """Return the pulls of scales and of squared smearings, of what is determined."""
    sigma = np.sqrt(np.diag(result.covariance))
    found = np.concatenate([np.log(result.scale), result.smearing**2])
    known = np.concatenate([result.scale_determined, result.smearing_determined])
    out = np.where(known, (found - truth.parameters) / np.where(known, sigma, 1), np.nan)
    return out[: len(truth.scale)], out[len(truth.scale) :]


def moments(values: list[Floats]) -> tuple[str, str]:
    """Return mean and standard deviation with their errors."""
    all_values = np.concatenate(values)
    known = all_values[np.isfinite(all_values)]
    n = len(known)
    mean, width = known.mean(), known.std()
    return f"{mean:+.3f} +- {1 / np.sqrt(n):.3f}", f"{width:.3f} +- {1 / np.sqrt(2 * n):.3f}"


def coverage(n_toys: int) -> None:
    """Print the pulls for each number of simulated events, with and without negative weights."""
    rows = []
    for negative in NEGATIVE:
        for ratio in RATIOS:
            case = Case((24, 24), N_DATA, ratio * N_DATA, negative)
            done = [(t, r) for t, r in fits(case, n_toys) if r is not None]
            scale, smearing = zip(*(pulls(t, r) for t, r in done), strict=True)
            p_values = np.array([r.goodness.total_p_value for _, r in done])
            rows.append((
                f"{ratio:g}", f"{negative:.0%}", *moments(list(scale)), *moments(list(smearing)),
                f"{np.mean(p_values < 0.05):.2f}", f"{n_toys - len(done)}",
            ))  # fmt: skip
    head = (
        "sim/data",
        "negative",
        "scale mean",
        "rms",
        "smearing^2 mean",
        "rms",
        "p < 5 %",
        "failed",
    )
    print_table(f"pulls: 24 categories, {N_DATA} data, {n_toys} toys in each row", head, rows)


def convergence(n_toys: int) -> None:
    """Print how many fits converge from far, and in how many evaluations."""
    rows = []
    for size in ((8, 4), (24, 24)):
        case = Case(size, N_DATA, N_DATA, 0.0, *FAR)
        done = [r for _, r in fits(case, n_toys) if r is not None]
        numbers = np.array([r.n_evaluations for r in done])
        rows.append((
            f"{size[0]} + {size[1]}", n_toys, len(done), f"{numbers.mean():.1f}",
            f"{np.percentile(numbers, 99):.0f}", numbers.max(),
        ))  # fmt: skip
    head = ("scales + smearings", "toys", "converged", "mean evaluations", "99 %", "most")
    print_table("convergence: scales within 3 % of 1, smearings 0 to 5 %", head, rows)


def limits(n_toys: int) -> None:
    """Print how often limits and intervals hold smearings of 0 to 0.4 %."""
    rows = []
    for largest in (0.0, 0.001, 0.002, 0.004):
        case = Case((6, 6), 50_000, 100_000, 0.0, 0.01, (largest, largest))
        upper, inside, at_bound, scale = [], [], [], []
        for truth, r in fits(case, n_toys):
            if r is None:
                continue
            upper.append(r.smearing_upper >= truth.smearing)
            within = (r.smearing_low <= truth.smearing) & (truth.smearing <= r.smearing_high)
            inside.append(within)
            at_bound.append(r.smearing_at_bound)
            scale.append(pulls(truth, r)[0])
        shares = [f"{np.mean(part):.3f}" for part in (at_bound, upper, inside)]
        rows.append((f"{largest:.1%}", len(upper), *shares, *moments(scale)))
    head = (
        "true smearing",
        "fits",
        "at 0",
        "95 % limit holds",
        "68 % interval holds",
        "scale mean",
        "rms",
    )
    print_table("limits: 6 categories, 50000 data, 100000 simulated", head, rows)


def wrong_model(n_toys: int) -> None:
    """Print p-values where data have a tail that no smearing describes."""
    rows = []
    for skew in (0.0, 0.02, 0.05, 0.1):
        case = Case((6, 6), N_DATA, 2 * N_DATA, skew=skew)
        done = [r for _, r in fits(case, n_toys) if r is not None]
        total = np.array([r.goodness.total_p_value for r in done])
        single = np.concatenate([r.goodness.p_value[r.goodness.ndf > 0] for r in done])
        rows.append((
            f"{skew:.0%}", f"{np.median(total):.2g}", f"{np.mean(total < 0.01):.2f}",
            f"{np.mean(single < 0.01):.3f}",
        ))  # fmt: skip
    head = ("electrons in the tail", "median p", "p < 1 %", "pairs with p < 1 %")
    print_table(f"goodness of fit: {N_DATA} data, an exponential tail of 4 %", head, rows)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--toys", type=int, default=200, help="in each row; convergence: 5 times")
    n_toys = parser.parse_args().toys
    coverage(n_toys)
    convergence(5 * n_toys)
    limits(n_toys)
    wrong_model(max(10, n_toys // 5))


if __name__ == "__main__":
    main()
