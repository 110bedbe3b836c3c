"""Our minimiser beside MIGRAD and L-BFGS-B, on the same likelihood.

python benchmarks/bench_migrad.py

The function is the likelihood that leads a fit near its solution, `scalesmear.likelihood`, in the
bins of the fit. All start at scales 1 and smearings of 1 %, and end where one more step is expected
to bring less than 1e-4 (ours), an estimated distance to the minimum of 2e-4 (MIGRAD), or where the
function does not change any more (L-BFGS-B). `above` is how much higher than the lowest the
function ended; a half is one standard deviation of a parameter. An evaluation returns value, gradient and
Fisher matrix to all of them, so `evaluations` compares minimisers without what they do in between.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from _common import print_table
from bench_fit import CASES, toy
from iminuit import Minuit
from scipy.optimize import minimize

from scalesmear import solver
from scalesmear.fitsettings import FitSettings
from scalesmear.likelihood import Likelihood
from scalesmear.problem import pose
from scalesmear.template import arrange

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from scalesmear.solver import Box, Evaluation

    Floats = NDArray[np.float64]

SCALE = 1e-4
"""Unit of the parameters that minimisers without Fisher matrix are given."""

TOLERANCE = 1e-4


@dataclass
class Counted:
    """A likelihood that counts how often it is asked."""

    likelihood: Likelihood
    box: Box
    start: Floats
    n: int = 0
    last: tuple[Floats, Evaluation] | None = None

    def __call__(self, parameters: Floats) -> Evaluation:
        """Evaluate it, once where value and gradient are asked for apart."""
        if self.last is None or not np.array_equal(self.last[0], parameters):
            self.n += 1
            self.last = parameters.copy(), self.likelihood(parameters)
        return self.last[1]

    def value(self, parameters: Floats) -> float:
        """Return the function of parameters in units of `SCALE`."""
        return self(SCALE * parameters).value

    def slope(self, parameters: Floats) -> Floats:
        """Return the gradient by them."""
        return SCALE * self(SCALE * parameters).gradient

    def both(self, parameters: Floats) -> tuple[float, Floats]:
        """Return function and gradient."""
        evaluation = self(SCALE * parameters)
        return evaluation.value, SCALE * evaluation.gradient

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """Return the box in units of `SCALE`."""
        return list(zip(self.box.lower / SCALE, self.box.upper / SCALE, strict=True))


class Minimum(NamedTuple):
    """Where a minimiser ended."""

    parameters: Floats
    ended_well: bool


def ours(f: Counted) -> Minimum:
    """Minimise with the Fisher matrix."""
    found = solver.minimise(f, f.start, f.box, tolerance=TOLERANCE, max_iterations=100)
    return Minimum(found.parameters, found.converged)


def migrad(f: Counted, *, gradient: bool) -> Minimum:
    """Minimise with MIGRAD."""
    minuit = Minuit(f.value, f.start / SCALE, grad=f.slope if gradient else None)
    minuit.errordef, minuit.limits = Minuit.LIKELIHOOD, f.bounds
    minuit.errors = np.full(len(f.start), 5.0)
    minuit.migrad(ncall=1_000_000)
    return Minimum(SCALE * np.array(minuit.values), minuit.valid)


def quasi_newton(f: Counted, *, gradient: bool) -> Minimum:
    """Minimise with scipy's L-BFGS-B."""
    function, jac = (f.both, True) if gradient else (f.value, None)
    limits = {"maxiter": 10_000, "maxfun": 1_000_000, "ftol": 1e-12, "gtol": 1e-6}
    found = minimize(
        function, f.start / SCALE, jac=jac, bounds=f.bounds, method="L-BFGS-B", options=limits
    )
    return Minimum(SCALE * found.x, bool(found.success))


MINIMISERS: dict[str, Callable[[Counted], Minimum]] = {
    "ours, Fisher matrix": ours,
    "MIGRAD, gradient": lambda f: migrad(f, gradient=True),
    "MIGRAD": lambda f: migrad(f, gradient=False),
    "L-BFGS-B, gradient": lambda f: quasi_newton(f, gradient=True),
    "L-BFGS-B": lambda f: quasi_newton(f, gradient=False),
}


def problem(n: int, m: int) -> Counted:
    """Return the likelihood of toy histograms, in the bins of a fit."""
    histograms, smearing_of = toy(n, m)
    posed, start = pose(histograms, smearing_of, FitSettings(), None)
    rows, group = posed.choice.rows, posed.bins.group
    level = np.zeros_like(rows)
    templates = arrange(posed.histograms, rows, posed.bins.merge, level, posed.reference, group)
    return Counted(Likelihood(templates, posed.mapping), posed.box, start)


def compare(name: str, n: int, m: int) -> None:
    """Print a line for each minimiser."""
    f = problem(n, m)
    f(f.start)  # compiles
    found = []
    for minimise in MINIMISERS.values():
        f.n, f.last, begin = 0, None, time.process_time()
        minimum = minimise(f)
        taken = time.process_time() - begin
        found.append((taken, f.n, minimum, f(minimum.parameters).value))
    best = min(value for *_, value in found)
    fastest = found[0][0]
    rows = [
        (label, evaluations, f"{1e3 * taken:.0f}", f"{value - best:.1e}",
         "yes" if minimum.ended_well else "no", f"{taken / fastest:.1f}")
        for label, (taken, evaluations, minimum, value) in zip(MINIMISERS, found, strict=True)
    ]  # fmt: skip
    head = ("", "evaluations", "ms", "above", "converged", "ratio")
    print_table(f"minimisers: {name}, {n + m} parameters", head, rows)


def main(names: list[str]) -> None:
    """Compare for some sets of categories."""
    for name in names:
        compare(name, *CASES[name])


if __name__ == "__main__":
    main(sys.argv[1:] or ["coarse", "24 categories", "fine"])
