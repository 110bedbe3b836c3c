r"""Smooth reference shapes of pairs, from the simulation of other pairs.

The weights of the bins in the fit (`scalesmear.equations`) are logarithmic derivatives of an
expected shape. They must not fluctuate together with the simulation that they weigh, else noise
would pass for information; they need not be exact, because an error in them costs precision only
in second order. So the reference of a pair is the sum of **other** pairs with a similar width,
moved to its mean.

Mean and variance of a pair are sums over its two categories, each known from all pairs that the
category takes part in, so that they are known for a pair of a few events, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scalesmear.compiled import compiled
from scalesmear.histogram import pair_categories

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import IntArray
    from scalesmear.histogram import PairHistograms

    Floats = NDArray[np.float64]

CLASS_EVENTS = 1e5
"""Effective simulated events for each class of widths."""

CLASS_PAIRS = 8
"""Pairs for each class of widths; a class of few would lack the others."""

MAX_CLASSES = 8
"""More classes bring nothing: with one, errors are 1.5 % larger than with eight."""

TRUSTED_EVENTS = 100.0
"""Effective events of a category for which half of its deviation from the mean is believed."""

LEAST_REFERENCE = 1000.0
"""With fewer effective events in other pairs, the reference is the pair's own smoothed shape."""

SMOOTHING = 0.008
"""Standard deviation in x by which a pair's own shape is smoothed."""


def reference_shapes(histograms: PairHistograms, rows: IntArray) -> Floats:
    """Return a smooth shape like that of each pair, shape (len(rows), n_fine).

    Only the pairs in `rows` are summed. The normalisation has no meaning.
    """
    sim, variance = histograms.sim[rows], histograms.sim_variance[rows]
    centre, width = _mean_and_variance(histograms, rows)
    shift = np.rint(centre / histograms.grid.width).astype(np.int64)
    window = histograms.grid.window_slice
    weight = np.maximum(sim[:, window].sum(axis=1), 0)
    classes = _classes(width, weight, _n_classes(weight, variance[:, window]))
    out = np.empty_like(sim)
    _sum_others(sim, shift, classes, np.zeros((MAX_CLASSES, sim.shape[1])), out)
    noise = variance[:, window].sum(axis=1)
    of_others = np.bincount(classes, noise)[classes] - noise
    events = _effective(out[:, window].sum(axis=1), of_others)
    for row in np.flatnonzero(events < LEAST_REFERENCE):
        out[row] = _smooth(sim[row], histograms.grid.width)
    return out


def _effective(sum_w: Floats, sum_w2: Floats) -> Floats:
    """Return (sum w)^2 / sum w^2, 0 where sum w is not positive."""
    out = np.zeros_like(sum_w)
    return np.divide(sum_w**2, sum_w2, out=out, where=(sum_w > 0) & (sum_w2 > 0))


def _mean_and_variance(histograms: PairHistograms, rows: IntArray) -> tuple[Floats, Floats]:
    """Return mean and variance of x in the window of each pair, relative to those of all pairs."""
    grid, legs = histograms.grid, pair_categories(histograms.pairs[rows])
    window = grid.window_slice
    x = (grid.edges[:-1] + grid.width / 2)[window]
    sim = histograms.sim[rows, window]
    total = sim.sum(axis=0)
    x = x - total @ x / total.sum()

    def of_categories(values: Floats) -> Floats:
        both = np.bincount(legs.ravel(), np.repeat(values, 2), minlength=histograms.n_categories)
        return np.asarray(both, np.float64)

    sum_w = of_categories(sim.sum(axis=1))
    events = _effective(sum_w, of_categories(histograms.sim_variance[rows, window].sum(axis=1)))
    trust = events / (events + TRUSTED_EVENTS) / np.where(events > 0, sum_w, 1)
    mean = trust * of_categories(sim @ x)
    variance = trust * of_categories(sim @ (x**2 - total @ x**2 / total.sum())) - mean**2
    return mean[legs].sum(axis=1), variance[legs].sum(axis=1)


def _n_classes(weight: Floats, variance: Floats) -> int:
    """Return into how many classes of widths the pairs are divided."""
    events = _effective(weight.sum(keepdims=True), variance.sum(keepdims=True).ravel())[0]
    return int(np.clip(min(events / CLASS_EVENTS, len(weight) / CLASS_PAIRS), 1, MAX_CLASSES))


def _classes(width: Floats, weight: Floats, n_classes: int) -> NDArray[np.int64]:
    """Divide pairs into classes 0 ... n - 1 of rising width and about the same total weight."""
    order = np.argsort(width, kind="stable")
    below = np.cumsum(weight[order]) - weight[order]
    out = np.empty(len(width), np.int64)
    out[order] = np.minimum(n_classes * below / max(weight.sum(), 1e-300), n_classes - 1)
    return out


def _smooth(row: Floats, width: float) -> Floats:
    """Smear bins of `width` by a Gaussian."""
    reach = int(np.ceil(4 * SMOOTHING / width))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * width / SMOOTHING) ** 2)
    return np.convolve(row, kernel / kernel.sum(), mode="same")


@compiled
def _sum_others(
    values: Floats, shift: IntArray, classes: IntArray, sums: Floats, out: Floats
) -> None:
    """Fill each row with the sum of all other rows of its class, moved to its own centre.

    `shift` is the centre of each row in bins; what leaves at one end enters at the other. `sums`
    has a row of zeros for each class.
    """
    n = values.shape[1]
    for p in range(len(values)):
        total, row, split = sums[classes[p]], values[p], shift[p] % n
        head, tail = row[:split], row[split:]
        for f in range(len(tail)):
            total[f] += tail[f]
        ends = total[n - split :]
        for f in range(len(head)):
            ends[f] += head[f]
    for p in range(len(values)):
        total, row, split = sums[classes[p]], values[p], shift[p] % n
        new = out[p]
        new[split:] = total[: n - split]
        new[:split] = total[n - split :]
        for f in range(n):
            new[f] -= row[f]
