"""The position of the mass peak: a median inside a window that moves with the scale.

A scale s multiplies all masses. It is chosen such that the median of the scaled masses inside the
window is the target::

    median{ s m : low <= s m < high } = target

The window cuts on the *scaled* mass. (Cutting before scaling leaves the median short of the target,
because the peak moves inside a window that does not.)

All functions take masses in rising order, so that nothing depends on the order of the events.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.errors import FitError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MassWindow = tuple[float, float]
"""Half-open range of masses [GeV]."""

MAX_ITERATIONS = 100

MAX_CHANGE = 0.1
"""A scale farther from 1 is not a residual one: the window would leave the peak."""

MIN_HALF_WIDTH = 0.25
"""Least half width of the box in which masses are counted for a density [GeV]."""


@dataclass(frozen=True)
class Peak:
    """Median, mean and sample standard deviation of the masses in the window [GeV]."""

    median: float
    mean: float
    sigma: float
    events: int

    @classmethod
    def of(cls, masses: NDArray[np.float32], scale: float = 1.0) -> Peak:
        """Describe rising masses times a scale."""
        sigma = float(np.std(masses, ddof=1, dtype=float)) if len(masses) > 1 else 0.0
        mean = float(np.mean(masses, dtype=float))
        return cls(scale * median(masses), scale * mean, scale * sigma, len(masses))


def median(masses: NDArray[np.float32]) -> float:
    """Return the median of rising masses in double precision."""
    return 0.5 * (float(masses[(len(masses) - 1) // 2]) + float(masses[len(masses) // 2]))


def weighted_median(masses: NDArray[np.float32], weights: NDArray[np.float32]) -> float:
    """Return the median of rising masses with weights, some of which may be negative.

    The sum of weights from the lowest mass on crosses half of the total between the first mass at
    which it reaches the half and the last one before which it did not exceed it; the median is
    half-way between the two. For equal weights these are the middle mass, or the middle two.
    """
    sums = np.cumsum(weights, dtype=np.float64)
    half = sums[-1] / 2
    first = np.flatnonzero(sums >= half)[0]
    last = np.flatnonzero(np.append(0.0, sums[:-1]) <= half)[-1]
    return 0.5 * (float(masses[first]) + float(masses[last]))


def inside_window(masses: NDArray[np.float32], window: MassWindow, scale: float = 1.0) -> slice:
    """Return which of the rising masses have low <= scale m < high."""
    first, last = np.searchsorted(masses, np.array(window) / scale)
    return slice(int(first), int(last))


def solve_scale(masses: NDArray[np.float32], window: MassWindow, target: float) -> float:
    """Return the scale at which window and median agree exactly.

    Iterates s -> target / median{m : low <= s m < high} from 1 until the same masses stay inside.
    A larger s moves the window down in m and with it the median, so that the step never turns
    round: it ends at a solution, after few iterations, as few masses lie at the edges.

    Parameters
    ----------
    masses : float32 array, shape (n,)
        Rising [GeV].
    window : (float, float)
        [GeV]
    target : float
        [GeV]

    Raises
    ------
    FitError
        If the scale differs from 1 by more than `MAX_CHANGE`, the window becomes empty, or
        `MAX_ITERATIONS` are not enough, because the masses have no peak.
    """
    limits = f"between {window[0]:g} and {window[1]:g} GeV"
    scale, before = 1.0, slice(0)
    for _ in range(MAX_ITERATIONS):
        inside = inside_window(masses, window, scale)
        if inside == before:
            return scale
        if inside.start == inside.stop:
            raise FitError(f"no mass lies {limits} at the scale {scale:.5f}")
        scale, before = target / median(masses[inside]), inside
        if abs(scale - 1) > MAX_CHANGE:
            break
    raise FitError(
        f"no scale within {MAX_CHANGE:.0%} of 1 brings the median {limits} to {target:.3f} GeV, "
        f"the last one tried is {scale:.5f}"
    )


def scale_error(
    masses: NDArray[np.float32], window: MassWindow, target: float, scale: float
) -> float:
    """Return the statistical error of the scale.

    With C(x) the number of masses below x, the scale solves ::

        G(s) = C(t/s) - (C(a/s) + C(b/s)) / 2 = 0

    for target t and window [a, b). An event adds +1/2 to G if it is in the lower half of the
    window, -1/2 in the upper half, 0 outside, so that Var G = N/4 with N the expected number of
    events in the window, and Var s = Var G / G'^2. With densities c = dC/dx ::

        G'(s) = -( t c(t/s) - (a c(a/s) + b c(b/s)) / 2 ) / s^2

    The target counts as exactly known.

    Parameters
    ----------
    masses : float32 array, shape (n,)
        Rising [GeV].
    window : (float, float)
        [GeV]
    target : float
        [GeV]
    scale : float

    Raises
    ------
    FitError
        If the masses are not denser at the target than at the edges of the window.
    """
    inside = masses[inside_window(masses, window, scale)]
    points = np.array([target, *window])
    at_target, at_low, at_high = points * density(masses, points / scale, half_width(inside))
    slope = float(at_target - (at_low + at_high) / 2) / scale**2
    if slope <= 0:
        raise FitError(f"the {len(inside)} masses do not peak at {target / scale:.2f} GeV")
    return math.sqrt(len(inside)) / 2 / slope


def weighted_median_error(
    masses: NDArray[np.float32], weights: NDArray[np.float32], centre: float
) -> float:
    """Return the statistical error of the weighted median `centre` of rising masses [GeV].

    An event adds +-w/2 to the sum of weights below the median less half of the total; the slope of
    that is the density of weights at the median.

    Raises
    ------
    FitError
        If the weights near the median do not add up to something positive.
    """
    width = half_width(masses)
    near = inside_window(masses, (centre - width, centre + width))
    per_gev = float(np.sum(weights[near], dtype=float)) / (2 * width)
    if per_gev <= 0:
        raise FitError(f"the weights near {centre:.2f} GeV add up to nothing positive")
    return math.sqrt(float(np.sum(weights.astype(float) ** 2))) / 2 / per_gev


def density(
    masses: NDArray[np.float32], at: NDArray[np.float64], width: float
) -> NDArray[np.float64]:
    """Return the number of rising masses per GeV, counted in `at` +- `width`, shape of `at`."""
    counts = np.searchsorted(masses, at + width) - np.searchsorted(masses, at - width)
    return counts / (2 * width)


def half_width(masses: NDArray[np.float32]) -> float:
    """Return half the width of a box in which to count rising masses for a density [GeV].

    Silverman's rule of thumb for the standard deviation of a box, 0.9 min(sigma, IQR / 1.349)
    n^(-1/5) (Density Estimation, 1986, eq. 3.31), is best on average over a normal distribution.
    Where that is most curved, at its peak, the best box is narrower by
    (f(0) integral f''^2 / f''(0)^2)^(1/5) = 0.88, which makes 0.79 of the 0.9. Half the width of a
    box is sqrt(3) standard deviations.
    """
    low, high = np.percentile(masses, [25, 75])
    spread = min(float(np.std(masses, dtype=float)), float(high - low) / 1.349)
    return max(MIN_HALF_WIDTH, math.sqrt(3) * 0.79 * spread / math.pow(len(masses), 0.2))
