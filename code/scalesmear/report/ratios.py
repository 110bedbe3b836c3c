"""The panel of data / simulation below a spectrum: its range, and what lies outside of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.report.style import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

HALF_RANGES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Half widths that the axis of a ratio panel may have."""


def half_range(*ratios: Floats) -> float:
    """Return the half width of an axis around 1 that shows nine of ten finite ratios."""
    far = np.abs(np.concatenate([np.ravel(ratio) for ratio in ratios]) - 1)
    far = far[np.isfinite(far)]
    if not len(far):
        return HALF_RANGES[-1]
    reach = 1.15 * float(np.quantile(far, 0.9))
    return next((half for half in HALF_RANGES if half >= reach), HALF_RANGES[-1])


def scale_ratio(axes: Axes, half: float) -> None:
    """Let a ratio panel reach `half` to both sides of 1, with three ticks."""
    axes.set_ylim(1 - half, 1 + half)
    axes.set_yticks([1 - half / 2, 1, 1 + half / 2])


def mark_outside(axes: Axes, x: Floats, ratio: Floats, half: float, color: str = INK) -> None:
    """Mark ratios that the axis does not reach with a triangle at its end."""
    for marker, outside, y in (("^", ratio > 1 + half, 0.93), ("v", ratio < 1 - half, 0.07)):
        if outside.any():
            at = np.full(int(outside.sum()), 1 + half * (2 * y - 1))
            axes.plot(x[outside], at, marker, color=color, markersize=3, linestyle="none")


def inside(ratio: Floats, half: float) -> Floats:
    """Return ratios, not a number where the axis does not reach them."""
    return np.where(np.abs(ratio - 1) <= half, ratio, np.nan)
