"""Minima of a smooth function and roots of equations, inside a box.

A minimum is found with the Fisher matrix, which is positive wherever one stands, a root with
Newton's method. Parameters that press against a bound are held there for a step, and released as
soon as the gradient or the equations point inwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import numpy as np
from scipy.linalg import solve_triangular

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from scalesmear.events import BoolArray

    Floats = NDArray[np.float64]

T = TypeVar("T")

SUFFICIENT = 1e-4
"""Least part of the decrease by the slope that an accepted step must bring (Armijo)."""

MAX_HALVINGS = 12
"""A step is halved this often before it is given up."""

ROUNDING = 1e-2
"""An expected decrease below this may drown in the rounding of the function."""

LEAST_PIVOT = 1e-5
"""A matrix with ones on its diagonal and smaller pivots is taken as singular."""

SMALL = 200.0
"""Values that are larger, in units of the tolerance, are no root though the next step is short."""


class Evaluation(NamedTuple):
    """A function and its derivatives by n parameters."""

    value: float
    gradient: Floats  # (n,)
    fisher: Floats  # (n, n), the expected second derivatives


class Equations(NamedTuple):
    """Values of n equations in n parameters, and what a step needs to know."""

    value: Floats  # (n,); a positive one wants a larger parameter
    sensitivity: Floats  # (n, n), minus the derivatives of the values
    information: Floats  # (n, n), symmetric: what the sensitivity would be without noise
    variance: Floats  # (n, n), of the values, by the statistics of data


class Objective(Protocol):
    """A function with gradient and Fisher matrix."""

    def __call__(self, parameters: Floats, /) -> Evaluation:
        """Evaluate the function."""
        ...


class System(Protocol):
    """Equations whose root is wanted."""

    def __call__(self, parameters: Floats, /) -> Equations:
        """Evaluate the equations."""
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


class Root(NamedTuple):
    """Where the search for a root ended, and why."""

    parameters: Floats
    equations: Equations
    n_iterations: int
    n_evaluations: int
    converged: bool
    reason: str


class Minimiser(Protocol):
    """A way to find a minimum."""

    def __call__(
        self, objective: Objective, start: Floats, box: Box, /, *, tolerance: float,
        max_iterations: int,
    ) -> Minimum:  # fmt: skip
        """Find a minimum of `objective` in a box, beginning at `start`."""
        ...


class RootFinder(Protocol):
    """A way to find a root."""

    def __call__(
        self, system: System, start: Floats, box: Box, /, *, tolerance: float, max_iterations: int
    ) -> Root:
        """Find a root of `system` in a box, beginning at `start`."""
        ...


def minimise(
    objective: Objective,
    start: Floats,
    box: Box,
    *,
    tolerance: float = 1e-4,
    max_iterations: int = 100,
) -> Minimum:
    """Find a minimum of `objective` in a box, beginning at `start`.

    The end is reached when one more step is expected to bring less than `tolerance`.
    """
    x = box.clip(start)
    now = objective(x)
    evaluations = 1
    if not np.isfinite(now.value):
        return Minimum(x, now, 0, 1, False, "the likelihood at the start is not finite")
    for iteration in range(max_iterations):
        change, slope = _downwards(x, now, box)
        if -slope / 2 < tolerance:
            return Minimum(x, now, iteration, evaluations, True, _done(-slope / 2, tolerance))
        new_x, new, tries = _descend(objective, x, now.value, change, slope)
        evaluations += tries
        if new is None:
            reason = (
                f"no decrease along the last step, which was expected to bring {-slope / 2:.1e}"
            )
            return Minimum(x, now, iteration, evaluations, -slope / 2 < ROUNDING, reason)
        x, now = box.clip(new_x), new
    return Minimum(x, now, max_iterations, evaluations, False, _too_many(max_iterations))


def steps_to_minimum(x: Floats, now: Evaluation, box: Box) -> float:
    """Return by how much one more step is expected to lower the function."""
    return -_downwards(x, now, box)[1] / 2


def _downwards(x: Floats, now: Evaluation, box: Box) -> tuple[Floats, float]:
    """Return the next change of the parameters and the slope along it."""
    change, _ = next_step(x, -now.gradient, now.fisher, box)
    if change @ now.gradient > 0:  # parameters held at a bound can turn the rest upwards
        change, _ = next_step(x, -now.gradient, np.diag(np.diag(now.fisher)), box)
    return change, float(change @ now.gradient)


def _descend(
    objective: Objective, x: Floats, value: float, change: Floats, slope: float
) -> tuple[Floats, Evaluation | None, int]:
    """Halve a step until the function decreases; see `_search_line`."""
    return _search_line(
        objective, x, change, lambda new, size: new.value <= value + SUFFICIENT * size * slope
    )


def find_root(
    system: System,
    start: Floats,
    box: Box,
    *,
    tolerance: float = 1e-4,
    max_iterations: int = 100,
) -> Root:
    """Find a root of `system` in a box, beginning near it at `start`.

    At a bound, the equation of a parameter may keep a value that wants to cross it. Steps are
    halved until the values of the others, in the metric of the information, decrease. The end is
    reached when half the squared length of the next step, in that metric, is below `tolerance`.
    Where equations hardly depend on a parameter the next step is long, however small their values
    are; if no step makes these smaller, values below `tolerance` are a root.
    """
    x = box.clip(start)
    now, evaluations = system(x), 1
    if not np.all(np.isfinite(now.value)):
        return Root(x, now, 0, 1, False, "the equations at the start are not finite")
    for iteration in range(max_iterations):
        change, active = next_step(x, now.value, now.sensitivity, box)
        left = float(change @ now.information @ change) / 2
        if left < tolerance and _size(now, now, active) < SMALL * tolerance:
            return Root(x, now, iteration, evaluations, True, _done(left, tolerance))
        new_x, new, tries = _approach(system, x, now, change, active)
        evaluations += tries
        if new is None:
            reason = f"the last step, expected to bring {left:.1e}, does not lead to a root"
            size = _size(now, now, active)
            close = size < tolerance or (left < ROUNDING and size < 2 * ROUNDING)
            return Root(x, now, iteration, evaluations, close, reason)
        x, now = box.clip(new_x), new
    return Root(x, now, max_iterations, evaluations, False, _too_many(max_iterations))


def steps_to_root(x: Floats, now: Equations, box: Box) -> float:
    """Return half the squared length of the next step, in the metric of the information."""
    change, _ = next_step(x, now.value, now.sensitivity, box)
    return float(change @ now.information @ change) / 2


def _approach(
    system: System, x: Floats, now: Equations, change: Floats, active: BoolArray
) -> tuple[Floats, Equations | None, int]:
    """Halve a step until the values that it can change are smaller; see `_search_line`."""
    before = _size(now, now, active)
    return _search_line(
        system,
        x,
        change,
        lambda new, size: _size(new, now, active) <= (1 - SUFFICIENT * size) * before,
    )


def _size(new: Equations, now: Equations, active: BoolArray) -> float:
    """Return the squared length of some values in the metric of the information `now`."""
    value, block = new.value[active], now.information[np.ix_(active, active)]
    unit = _unit(block)
    try:
        lower = np.linalg.cholesky(block * np.outer(unit, unit))
    except np.linalg.LinAlgError:
        lower = np.zeros_like(block)
    if np.diag(lower).min(initial=1.0) < LEAST_PIVOT:
        return float(value @ np.linalg.lstsq(block, value, rcond=None)[0])
    return float(np.sum(solve_triangular(lower, unit * value, lower=True) ** 2))


def _done(left: float, tolerance: float) -> str:
    """Return why a search ended well."""
    return f"the next step is expected to bring {left:.1e}, less than {tolerance:.0e}"


def _too_many(iterations: int) -> str:
    """Return why a search ended without success."""
    return f"{iterations} iterations were not enough"


def _search_line(
    function: Callable[[Floats], T],
    x: Floats,
    change: Floats,
    accept: Callable[[T, float], bool],
) -> tuple[Floats, T | None, int]:
    """Halve a step until it is accepted; return the point, its evaluation, the tries."""
    size = 1.0
    for tries in range(1, MAX_HALVINGS + 1):
        new_x = x + size * change
        new = function(new_x)
        if accept(new, size):
            return new_x, new, tries
        size /= 2
    return x, None, MAX_HALVINGS


def next_step(x: Floats, push: Floats, matrix: Floats, box: Box) -> tuple[Floats, BoolArray]:
    """Return the change that solves matrix x change = push in the box, and which are free in it.

    Parameters that `push` presses against a bound stay; others that would cross one end there.
    """
    down, up = box.lower - x, box.upper - x
    change = np.zeros(len(x))
    active = box.free & ~held_at_bound(x, push, box)
    while active.any():
        rest = push - matrix @ np.where(active, 0.0, change)
        change[active] = _solve(matrix[np.ix_(active, active)], rest[active])
        inside = np.clip(change, down, up)
        beyond = active & (inside != change)
        if not beyond.any():
            break
        change, active = np.where(beyond, inside, change), active & ~beyond
    return change * min(1.0, 1 / np.max(np.abs(change) / box.max_step, initial=1e-300)), active


def held_at_bound(x: Floats, push: Floats, box: Box) -> BoolArray:
    """Tell which parameters `push` presses against a bound."""
    return ((x <= box.lower) & (push < 0)) | ((x >= box.upper) & (push > 0))


def _solve(matrix: Floats, push: Floats) -> Floats:
    """Solve linear equations in units in which the matrix has ones on its diagonal.

    Directions that the matrix does not know are left alone.
    """
    unit = _unit(matrix)
    scaled = matrix * np.outer(unit, unit)
    try:
        step = np.linalg.solve(scaled, unit * push)
    except np.linalg.LinAlgError:
        step = np.linalg.pinv(scaled) @ (unit * push)
    return np.asarray(unit * step, np.float64)


def _unit(matrix: Floats) -> Floats:
    """Return the units in which a matrix has ones on its diagonal."""
    return np.asarray(1 / np.sqrt(np.maximum(np.abs(np.diag(matrix)), np.finfo(float).tiny)))
