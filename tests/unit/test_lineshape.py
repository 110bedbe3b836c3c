"""The line shape: against direct sampling of its two parts, and its fit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate
from scipy.stats import crystalball, rel_breitwigner

from scalesmear.kinematics import Z_MASS
from scalesmear.lineshape import Z_WIDTH, LineShape, fit_line_shape, shape_cdf

EDGES = np.linspace(80.0, 100.0, 81)
TRUTH = LineShape(91.0, 0.0, 1.6, 0.0, 1.2, 3.0, 0.0, 0, True)


def density(mass: float, shift: float, sigma: float, alpha: float, n: float) -> float:
    """Integrate the convolution at one mass by quadrature."""

    def product(response: float) -> float:
        line = rel_breitwigner.pdf(mass - response, Z_MASS / Z_WIDTH, scale=Z_WIDTH)
        return float(line * crystalball.pdf(response, alpha, n, loc=shift, scale=sigma))

    points = [shift - alpha * sigma, shift, mass - Z_MASS]
    value, _ = integrate.quad(product, -30, 15, points=points, limit=400)
    return float(value)


def test_bins_hold_the_integral_of_the_convolution() -> None:
    parameters = (-0.4, 1.5, 1.3, 3.0)
    bins = np.diff(shape_cdf(EDGES, *parameters))
    centres = (EDGES[1:] + EDGES[:-1])[[4, 40, 44, 70]] / 2
    expected = np.array([density(float(mass), *parameters) for mass in centres])
    # a common normalisation; a bin of 0.25 GeV differs from its centre by its curvature, < 0.2 %
    ratio = bins[[4, 40, 44, 70]] / expected
    assert ratio / ratio[0] == pytest.approx(np.ones(4), rel=3e-3)


def test_cdf_rises_from_0_to_1() -> None:
    cumulative = shape_cdf(EDGES, 0.0, 2.0, 1.0, 2.0)
    assert (cumulative[0], cumulative[-1]) == pytest.approx((0, 1))
    assert np.all(np.diff(cumulative) > 0)


def test_fit_of_the_exact_shape_returns_it() -> None:
    found = fit_line_shape(EDGES, TRUTH.expected(EDGES, 1e6))
    assert found is not None
    assert found.valid
    assert (found.peak, found.resolution) == pytest.approx((91.0, 1.6), abs=1e-3)
    assert found.chi2 < 0.1


def test_fit_errors_are_those_of_repeated_fits() -> None:
    rng = np.random.default_rng(5)
    expected = TRUTH.expected(EDGES, 20_000)
    fits = [fit_line_shape(EDGES, rng.poisson(expected).astype(float)) for _ in range(40)]
    pulls = np.array([(f.peak - 91.0) / f.peak_error for f in fits if f is not None])
    assert len(pulls) == 40
    # the rms of 40 normal numbers lies within 0.66-1.35 in 999 of 1000 cases
    assert abs(pulls.mean()) < 0.55
    assert 0.66 < np.sqrt(np.mean(pulls**2)) < 1.4


def test_weights_widen_the_errors() -> None:
    expected = TRUTH.expected(EDGES, 50_000)
    plain = fit_line_shape(EDGES, expected)
    weighted = fit_line_shape(EDGES, expected, 4 * expected)
    assert plain is not None
    assert weighted is not None
    assert weighted.peak == pytest.approx(plain.peak, abs=0.01)
    assert weighted.peak_error == pytest.approx(2 * plain.peak_error, rel=0.1)


def test_too_few_events_are_not_fitted() -> None:
    assert fit_line_shape(EDGES, TRUTH.expected(EDGES, 150)) is None
    assert fit_line_shape(EDGES, np.zeros(80)) is None


def test_json_round_trip() -> None:
    assert LineShape.from_json(TRUTH.to_json()) == TRUTH
