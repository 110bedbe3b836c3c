"""Intervals of numbers of events."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from scalesmear.poisson import poisson_interval


def test_poisson_intervals_leave_the_same_tail_on_both_sides() -> None:
    low, high = poisson_interval(np.array([0.0, 3.0, 400.0]))
    assert low[0] == 0
    tail = stats.norm.sf(1.0)
    # the lower end makes 3 or more, the upper 3 or less, as likely as the tail
    assert stats.poisson.sf(2, 3 - low[1]) == pytest.approx(tail)
    assert stats.poisson.cdf(3, 3 + high[1]) == pytest.approx(tail)
    assert high[0] == pytest.approx(-math.log(tail))  # P(0; mu) = exp(-mu)
    # for large n the ends approach n -+ sqrt(n), the upper one with a correction of 1
    assert (low[2], high[2]) == pytest.approx((20, 1 + math.sqrt(400.75)), rel=0.002)
