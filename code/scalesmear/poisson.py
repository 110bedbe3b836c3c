"""Errors of numbers of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import FloatArray


def poisson_interval(counts: FloatArray) -> NDArray[np.float64]:
    """Return the lengths of the central 68.3 % intervals below and above counts, shape (2, n).

    Garwood (1936): chi2 quantiles; the lower end is 0 for an empty bin.
    """
    tail = stats.norm.sf(1.0)
    safe = np.maximum(counts, 0.5)
    low = np.where(counts > 0, stats.chi2.ppf(tail, 2 * safe) / 2, 0.0)
    high = stats.chi2.isf(tail, 2 * (counts + 1)) / 2
    return np.stack([counts - low, high - counts])
