"""Minima and roots inside a box by L-BFGS-B of scipy: a check of `scalesmear.solver`.

It sees values and first derivatives only and learns the curvature on its way, with more evaluations
than Newton's method. A root of g is a minimum of the merit g' W^-1 g / 2, with W the information of
g where the search begins. Parameters that press against a bound are held there and their equations
left out, until the others are solved and no held one points inwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import fmin_l_bfgs_b

from scalesmear.solver import (
    Box,
    Minimum,
    Objective,
    Root,
    System,
    held_at_bound,
    steps_to_minimum,
    steps_to_root,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from scalesmear.events import BoolArray

    Floats = NDArray[np.float64]

MAX_ROUNDS = 10
"""Sets of parameters held at bounds that are tried."""

FLAT = 10.0
"""The search ends when values change by less than so many units of rounding."""


class Descent(NamedTuple):
    """Where scipy ended, and why."""

    parameters: Floats
    n_iterations: int
    n_evaluations: int
    reason: str


def minimise(
    objective: Objective,
    start: Floats,
    box: Box,
    *,
    tolerance: float = 1e-4,
    max_iterations: int = 100,
) -> Minimum:
    """Find a minimum of `objective` in a box; see `scalesmear.solver.minimise`."""
    x = box.clip(start)
    first = objective(x)
    if not np.isfinite(first.value):
        return Minimum(x, first, 0, 1, False, "the likelihood at the start is not finite")
    unit = _unit(np.diag(first.fisher))

    def function(at: Floats) -> tuple[float, Floats]:
        now = objective(at)
        return now.value - first.value, now.gradient

    found = _descend(function, x, box, box.free, unit, max_iterations)
    last = objective(found.parameters)
    left = steps_to_minimum(found.parameters, last, box)
    return Minimum(
        parameters=found.parameters,
        evaluation=last,
        n_iterations=found.n_iterations,
        n_evaluations=found.n_evaluations + 2,
        converged=left < tolerance,
        reason=_reason(found, left),
    )


def find_root(
    system: System,
    start: Floats,
    box: Box,
    *,
    tolerance: float = 1e-4,
    max_iterations: int = 100,
) -> Root:
    """Find a root of `system` in a box; see `scalesmear.solver.find_root`."""
    x, iterations, evaluations = box.clip(start), 0, 1
    now = system(x)
    held = held_at_bound(x, now.value, box)
    for _ in range(MAX_ROUNDS):
        active = box.free & ~held
        merit = _Merit(system, active, now.information)
        unit = _unit(np.diag(now.information))
        found = _descend(merit, x, box, active, unit, max_iterations)
        x, now = found.parameters, system(found.parameters)
        iterations += found.n_iterations
        evaluations += found.n_evaluations + 1
        before, held = held, held_at_bound(x, now.value, box)
        if np.array_equal(held, before):
            break
    left = steps_to_root(x, now, box)
    return Root(x, now, iterations, evaluations, left < tolerance, _reason(found, left))


class _Merit:
    """g' W^-1 g / 2 of some of the equations, and its gradient - A' W^-1 g."""

    def __init__(self, system: System, active: BoolArray, information: Floats) -> None:
        self.system = system
        self.active = active
        self.metric = np.linalg.pinv(information[np.ix_(active, active)], hermitian=True)

    def __call__(self, at: Floats) -> tuple[float, Floats]:
        now = self.system(at)
        value = now.value[self.active]
        push = self.metric @ value
        gradient = -now.sensitivity[self.active].T @ push
        return float(value @ push) / 2, gradient


def _unit(diagonal: Floats) -> Floats:
    """Return the size of a step that matters in each parameter, from second derivatives."""
    known = diagonal > 0
    return np.where(known, 1 / np.sqrt(np.where(known, diagonal, 1)), 1.0)


def _descend(
    function: Callable[[Floats], tuple[float, Floats]],
    start: Floats,
    box: Box,
    active: BoolArray,
    unit: Floats,
    max_iterations: int,
) -> Descent:
    """Minimise over the active parameters, in units of `unit`."""
    if not active.any():
        return Descent(start, 0, 0, "no parameter is free")

    def parameters(z: Floats) -> Floats:
        out = start.copy()
        out[active] = unit[active] * z
        return out

    def scaled(z: Floats) -> tuple[float, Floats]:
        value, gradient = function(parameters(z))
        return value, unit[active] * gradient[active]

    lower, upper = (edge[active] / unit[active] for edge in (box.lower, box.upper))
    z, _, report = fmin_l_bfgs_b(
        scaled,
        start[active] / unit[active],
        bounds=list(zip(lower.tolist(), upper.tolist(), strict=True)),
        m=30,
        factr=FLAT,
        pgtol=1e-3,
        maxfun=20 * max_iterations,
        maxiter=10 * max_iterations,
    )
    found = box.clip(parameters(np.asarray(z, np.float64)))
    return Descent(found, int(report["nit"]), int(report["funcalls"]), str(report["task"]))


def _reason(found: Descent, left: float) -> str:
    """Return why the search ended, in the words of scipy, and what Newton's method expects."""
    return f"L-BFGS-B: {found.reason}; a step of Newton's is expected to bring {left:.1e}"
