"""Minimisation of a smooth function with known derivatives inside a box.

Far from the minimum a step uses the Fisher matrix, which is positive wherever one stands; near it
the exact second derivatives, which shorten the end of the way. Parameters that press against a
bound are held there for a step, and released as soon as the gradient points inwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import BoolArray

    Floats = NDArray[np.float64]

SUFFICIENT = 1e-4
"""Least part of the decrease by the slope that an accepted step must bring (Armijo)."""

MAX_HALVINGS = 12
"""A step is halved this often before it is given up."""

ROUNDING = 1e-2
"""An expected decrease below this may drown in the rounding of the function."""

LAST = 0.1
"""An exact step that is expected to bring less is most likely the last: after it, the Fisher matrix
will do."""

LEAST_CURVATURE = 0.05
"""In units of the Fisher matrix; directions that curve less are taken to curve so much."""


class Evaluation(NamedTuple):
    """A function and its derivatives by n parameters."""

    value: float
    gradient: Floats  # (n,)
    fisher: Floats  # (n, n), the expected second derivatives
    hessian: Floats | None  # (n, n), the exact ones, where asked for

    @property
    def curvature(self) -> Floats:
        """The best second derivatives at hand."""
        return self.fisher if self.hessian is None else self.hessian


class Objective(Protocol):
    """A function with gradient, Fisher matrix and, if `exact`, second derivatives."""

    def __call__(self, parameters: Floats, /, *, exact: bool) -> Evaluation:
        """Evaluate the function."""
        ...


@dataclass(frozen=True)
class Box:
    """Where the parameters may go; all arrays have shape (n,).

    Attributes
    ----------
    lower, upper : float arrays
    free : bool array
        The others keep their start values.
    max_step : float array
        Largest change in one iteration.
    """

    lower: Floats
    upper: Floats
    free: BoolArray
    max_step: Floats

    def clip(self, parameters: Floats) -> Floats:
        """Move the free parameters into the box."""
        inside = np.clip(parameters, self.lower, self.upper)
        return np.where(self.free, inside, parameters)


class Minimum(NamedTuple):
    """Where a minimisation ended, and why."""

    parameters: Floats
    evaluation: Evaluation
    n_iterations: int
    n_evaluations: int
    converged: bool
    reason: str


def minimise(
    objective: Objective,
    start: Floats,
    box: Box,
    *,
    near: float,
    tolerance: float = 1e-4,
    max_iterations: int = 100,
) -> Minimum:
    """Find a minimum of `objective` in a box, beginning at `start`.

    Exact second derivatives are used once a step is expected to bring less than `near`. The end is
    reached when one more step is expected to bring less than `tolerance`.
    """
    x = box.clip(start)
    now = objective(x, exact=False)
    evaluations, reason = 1, f"{max_iterations} iterations were not enough"
    if not np.isfinite(now.value):
        return Minimum(x, now, 0, 1, False, "the likelihood at the start is not finite")
    for iteration in range(max_iterations):
        change = next_step(x, now, box)
        expected = -float(change @ now.gradient) / 2
        if expected < tolerance:
            reason = f"the next step is expected to bring {expected:.1e}, less than {tolerance:.0e}"
            return Minimum(x, now, iteration, evaluations, True, reason)
        exact = expected < near and (expected > LAST or now.hessian is None)
        new_x, new, tries = search_line(objective, x, now, change, exact=exact)
        evaluations += tries
        if new is None and now.hessian is None:
            reason = f"no decrease along the last step, which was expected to bring {expected:.1e}"
            return Minimum(x, now, iteration, evaluations, expected < ROUNDING, reason)
        # without success, try the Fisher matrix from the same place
        x, now = (x, now._replace(hessian=None)) if new is None else (box.clip(new_x), new)
    return Minimum(x, now, max_iterations, evaluations, False, reason)


def search_line(
    objective: Objective, x: Floats, now: Evaluation, change: Floats, *, exact: bool
) -> tuple[Floats, Evaluation | None, int]:
    """Halve a step until the function decreases; return the point, its evaluation, the tries."""
    slope = change @ now.gradient
    size = 1.0
    for tries in range(1, MAX_HALVINGS + 1):
        new_x = x + size * change
        new = objective(new_x, exact=exact)
        if new.value <= now.value + SUFFICIENT * size * slope:
            return new_x, new, tries
        size /= 2
    return x, None, MAX_HALVINGS


def next_step(x: Floats, now: Evaluation, box: Box) -> Floats:
    """Return the change that the curvature suggests, inside the box; it points downwards."""
    down, up = box.lower - x, box.upper - x
    pressed = ((down >= 0) & (now.gradient > 0)) | ((up <= 0) & (now.gradient < 0))
    change = np.zeros(len(x))
    active = box.free & ~pressed
    while active.any():
        push = -(now.gradient + now.curvature @ np.where(active, 0.0, change))
        change[active] = solve(now, active, push[active])
        inside = np.clip(change, down, up)
        beyond = active & (inside != change)
        if not beyond.any():
            break
        change, active = np.where(beyond, inside, change), active & ~beyond
    if change @ now.gradient > 0:  # parameters held at a bound can turn the rest upwards
        alone = -now.gradient / np.maximum(np.diag(now.fisher), np.finfo(float).tiny)
        change = np.where(box.free & ~pressed, np.clip(alone, down, up), 0.0)
    return change * min(1.0, 1 / np.max(np.abs(change) / box.max_step, initial=1e-300))


def solve(now: Evaluation, active: BoolArray, push: Floats) -> Floats:
    """Solve curvature x step = push for the active parameters, in units of the Fisher matrix.

    Where the curvature is not positive, its eigenvalues are replaced by their absolute values.
    """
    unit = 1 / np.sqrt(np.diag(now.fisher)[active])
    matrix = now.curvature[np.ix_(active, active)] * np.outer(unit, unit)
    try:
        step = cho_solve(cho_factor(matrix, check_finite=False), unit * push, check_finite=False)
    except LinAlgError:
        eigenvalues, vectors = np.linalg.eigh(matrix)
        lengths = np.maximum(np.abs(eigenvalues), LEAST_CURVATURE)
        step = vectors @ ((vectors.T @ (unit * push)) / lengths)
    return np.asarray(unit * step, np.float64)
