"""Bins of each pair in a fit: equally wide, as wide as its data want, or of equal content.

The fit looks at bins of equal width in x and gives those of one group the same weight, so that a
group counts as one bin, whatever its width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from scalesmear.histogram import FINE_PER_BIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import IntArray
    from scalesmear.histogram import PairHistograms

    Floats = NDArray[np.float64]

Rule = Literal["fixed", "freedman-diaconis", "equal-content"]

FULL_BINS = 2e3
"""Effective simulated events in the window above which a pair keeps all bins; others keep half."""

LEAST_BINS = 4
"""Two parameters of a pair want more than two bins."""


class PairBins(NamedTuple):
    """The bins of p pairs."""

    merge: IntArray  # (p,): narrow bins of the grid in one bin
    group: IntArray  # (p, n_bins of the grid): the group of each bin, rising from 0


def choose_bins(
    rule: Rule, n_groups: int, histograms: PairHistograms, rows: IntArray, n_eff: Floats
) -> PairBins:
    """Return the bins of some rows of the histograms.

    Parameters
    ----------
    rule : {"fixed", "freedman-diaconis", "equal-content"}
        The bins of the grid, two in one where the simulation has fewer than `FULL_BINS` effective
        events; or groups of them, see the functions below.
    n_groups : int
        Bins of each pair, for "equal-content".
    n_eff : float array, shape (len(rows),)
        Effective simulated events of each pair.
    """
    n_bins = histograms.grid.n_bins
    if rule == "fixed":
        group = np.broadcast_to(np.arange(n_bins), (len(rows), n_bins))
        return PairBins(np.where(n_eff > FULL_BINS, 1, 2), group)
    if rule == "freedman-diaconis":
        group = freedman_diaconis(_in_bins(histograms, histograms.data[rows]))
    else:
        group = equal_content(_in_bins(histograms, histograms.sim[rows]), n_groups)
    return PairBins(np.ones(len(rows), np.int64), group)


def _in_bins(histograms: PairHistograms, fine: Floats) -> Floats:
    """Return the contents of the bins of the grid in the window."""
    window = histograms.grid.window_slice
    parts = fine[:, window].reshape(len(fine), histograms.grid.n_bins, FINE_PER_BIN)
    return np.asarray(parts.sum(axis=2), np.float64)


def freedman_diaconis(counts: Floats) -> NDArray[np.int64]:
    """Return groups about 2 IQR / n^(1/3) wide, by the n data of each pair in the window.

    Freedman and Diaconis, Z. Wahrscheinlichkeitstheorie verw. Gebiete 57 (1981) 453. IQR is the
    distance of the quartiles. At least one bin makes a group, at most a quarter of all.

    Parameters
    ----------
    counts : float array, shape (p, n_bins)
    """
    n_bins = counts.shape[1]
    edges = np.arange(n_bins + 1)
    width = np.ones(len(counts))
    for row, line in enumerate(counts):
        below = np.concatenate([[0.0], np.cumsum(line)])
        low, high = np.interp([below[-1] / 4, 3 * below[-1] / 4], below, edges)
        width[row] = 2 * (high - low) / max(below[-1], 1.0) ** (1 / 3)
    size = np.clip(np.rint(width), 1, n_bins // LEAST_BINS).astype(np.int64)
    return np.asarray(np.arange(n_bins) // size[:, None], np.int64)


def equal_content(contents: Floats, n_groups: int) -> NDArray[np.int64]:
    """Return groups with about equal expected contents, by the simulation of each pair.

    It must not be the data of the pair that decide: edges that follow fluctuations bias a fit. A
    bin that holds more than its share is a group of its own, so that there may be fewer groups.

    Parameters
    ----------
    contents : float array, shape (p, n_bins)
    n_groups : int
    """
    positive = np.maximum(contents, 0)
    middle = np.cumsum(positive, axis=1) - positive / 2
    share = middle / np.maximum(positive.sum(axis=1), 1e-300)[:, None]
    place = np.minimum(np.floor(n_groups * share), n_groups - 1).astype(np.int64)
    steps = np.diff(place, axis=1, prepend=place[:, :1]) > 0
    return np.asarray(np.cumsum(steps, axis=1), np.int64)
