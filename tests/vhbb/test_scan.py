"""Limits between the points of a scan."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalesmear.errors import FitError
from scalesmear.normalisation import Quantity
from vhbb.scan import Counts, Interpretation, Scan, Spectrum


def scan_of(widths: list[float], n: int = 16) -> Scan:
    """Return a scan with CLs = exp(-(mu / width + (mu / width)^2))."""
    strength = np.linspace(0, 2 * max(widths), n + 1)[1:]
    x = strength[:, None] / np.array(widths)
    cls = np.exp(-(x + x**2))
    return Scan(strength, cls[:, 0], cls[:, 1:])


@given(st.floats(0.4, 1.0), st.lists(st.floats(0.05, 0.3), min_size=5, max_size=5))
def test_limit_is_where_cls_is_one_twentieth(observed: float, steps: list[float]) -> None:
    widths = [observed, *(0.2 + np.cumsum(steps)).tolist()]
    found = scan_of(widths, 40).limit()
    # x + x^2 = log 20
    x = (-1 + np.sqrt(1 + 4 * np.log(20))) / 2
    assert found.observed == pytest.approx(x * widths[0], rel=5e-3)
    assert found.expected == pytest.approx(x * np.array(widths[1:]), rel=5e-3)


def test_points_without_any_cls_left_do_no_harm() -> None:
    scan = scan_of([1.0, 0.5, 0.7, 1.0, 1.4, 1.9], n=64)
    beyond = Scan(scan.strength, np.where(scan.strength > 1.8, 0.0, scan.observed), scan.expected)
    assert beyond.limit().observed == pytest.approx(scan.limit().observed, rel=1e-3)


def test_limits_that_coincide_are_no_limits() -> None:
    with pytest.raises(FitError, match="coincide: fits did not converge"):
        scan_of([1.0] * 6).limit()


def test_limits_on_the_cross_section_are_those_on_the_strength_times_it() -> None:
    spectrum = Spectrum(
        np.array([0.0, 1.0, 2.0]),
        Counts(np.array([2.0, 3.0]), np.zeros(2), 0.1),
        Counts(np.array([20.0, 30.0]), np.zeros(2), 0.03),
        np.array([19.0, 32.0]),
    )
    cross_section = Quantity("cross_section", 44.837, "fb")
    luminosity = Quantity("luminosity", 140.1, "fb-1")
    scan = scan_of([1.0, 0.5, 0.7, 1.0, 1.4, 1.9])
    found = Interpretation(spectrum, scan, cross_section, luminosity).to_json()
    assert found["cross_section"]["observed"] == pytest.approx(
        44.837 * found["signal_strength"]["observed"]
    )
    expected = found["signal_strength"]["expected"]
    assert list(expected) == ["-2", "-1", "0", "+1", "+2"]
    assert found["cross_section"]["expected"]["+1"] == pytest.approx(44.837 * expected["+1"])
    assert found["events"] == {"signal": 5.0, "background": 50.0, "data": 51}
    assert len(found["scan"]["expected"]["-2"]) == 16
