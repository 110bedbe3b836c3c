"""L-BFGS-B ends where the default solver ends."""

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.mass_toys import random_toy

from scalesmear import solver
from scalesmear.fit import fit_pairs
from scalesmear.fitsettings import FitSettings
from scalesmear.quasinewton import find_root, minimise
from scalesmear.solver import Box, Equations, Evaluation

Floats = NDArray[np.float64]


def box(lower: float, upper: float) -> Box:
    return Box(np.full(2, lower), np.full(2, upper), np.ones(2, bool), np.full(2, np.inf))


def valley(x: Floats) -> Evaluation:
    """(x0^2 - 1)^2 + (x1 - x0)^2: minima at (1, 1) and (-1, -1)."""
    value = float((x[0] ** 2 - 1) ** 2 + (x[1] - x[0]) ** 2)
    gradient = np.array([4 * x[0] * (x[0] ** 2 - 1) - 2 * (x[1] - x[0]), 2 * (x[1] - x[0])])
    return Evaluation(value, gradient, np.array([[10.0, -2.0], [-2.0, 2.0]]))


def circle(x: Floats) -> Equations:
    """x0^2 + x1^2 = 2 and x0 = x1, as equations that want larger parameters below."""
    value = np.array([2 - x @ x, 3 * (x[0] - x[1])])
    sensitivity = np.array([2 * x, [-3.0, 3.0]])
    return Equations(value, sensitivity, np.diag([3.0, 3.0]), np.eye(2))


def test_a_minimum_is_found() -> None:
    found = minimise(valley, np.array([0.3, 3.0]), box(-9, 9), tolerance=1e-6)
    assert found.converged
    assert found.parameters == pytest.approx([1, 1], abs=1e-3)


def test_a_minimum_at_the_bound_is_that_of_the_default_solver() -> None:
    walls = box(0.2, 0.6)
    mine = minimise(valley, np.array([0.3, 0.3]), walls)
    other = solver.minimise(valley, np.array([0.3, 0.3]), walls)
    assert mine.converged
    assert mine.parameters == pytest.approx(other.parameters, abs=1e-6)
    assert mine.parameters == pytest.approx([0.6, 0.6])


def test_a_root_is_found() -> None:
    found = find_root(circle, np.array([2.0, 0.5]), box(-9, 9))
    assert found.converged
    assert found.parameters == pytest.approx([1, 1], abs=0.02)


def test_an_equation_at_the_bound_keeps_its_value() -> None:
    # x0 cannot reach 1, so that the second equation alone holds: x1 = x0
    found = find_root(circle, np.array([0.1, 0.5]), box(0.0, 0.7))
    assert found.parameters == pytest.approx([0.7, 0.7], abs=0.02)
    assert found.equations.value[0] > 0


def test_a_start_that_is_not_finite_has_a_reason() -> None:
    def nothing(x: Floats) -> Evaluation:
        return Evaluation(np.inf, x, np.eye(2))

    found = minimise(nothing, np.zeros(2), box(-1, 1))
    assert not found.converged
    assert "not finite" in found.reason


@pytest.mark.parametrize("smearings", [(0.008, 0.025), (0.0, 0.004)])
def test_a_fit_has_the_same_solution_also_at_bounds(smearings: tuple[float, float]) -> None:
    toy = random_toy(4, 8, 5, largest_shift=0.02, smearings=smearings)
    h = toy.draw(np.random.default_rng(5), 100_000, 100_000)
    a = fit_pairs(h, toy.smearing_of)
    b = fit_pairs(h, toy.smearing_of, FitSettings(minimiser="L-BFGS-B"))
    sigma = np.sqrt(np.diag(a.covariance))
    assert np.log(b.scale / a.scale) / sigma[:8] == pytest.approx(np.zeros(8), abs=0.03)
    assert (b.smearing**2 - a.smearing**2) / sigma[8:] == pytest.approx(np.zeros(5), abs=0.03)
    assert np.array_equal(a.smearing_at_bound, b.smearing_at_bound)
    assert b.covariance == pytest.approx(a.covariance, rel=1e-2, abs=1e-3 * a.covariance.max())
    assert b.reason.startswith("L-BFGS-B")
