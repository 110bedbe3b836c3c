r"""The expected mass shape of a pair, from its simulation, for any scale and smearing.

Nothing is smeared with random numbers and no event is looked at twice. With x = ln(m / m_Z), a pair
of electrons whose scales are s and smearings sigma has x(data) = x(simulation) + eta - t, where
t = ln(s1 s2) / 2 and eta = ln((1 + sigma1 g1) (1 + sigma2 g2)) / 2 with Gaussian g. To fourth order
in sigma, eta has the cumulants (per electron, q = sigma^2; both electrons add)

    mean = -q/4 - 3/8 q^2,   variance v = q/4 + 5/8 q^2,   third k = -3/8 q^2,

so that a pair has three effective parameters: tau = t - mean, v and k. The expected content of a
bin is the sum over the cells of the simulation of their share in it,

    T_b = sum_f W_f [A(upper_b - x_f + tau) - A(lower_b - x_f + tau)],   A = P - k/6 P''',

with P the Gaussian distribution function of variance v (Gram-Charlier series, first term). All
derivatives of T follow from those of P in tau, because 2 dP/dv = P''.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.compiled import compiled
from scalesmear.flows import Flows
from scalesmear.histogram import FINE_PER_BIN
from scalesmear.shape_kernels import LEAST_SPREAD, SPREAD_PER_CELL, Layout, PairFlows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import IntArray
    from scalesmear.histogram import PairHistograms

    Floats = NDArray[np.float64]

MAX_MERGE = 4
"""Sparse pairs merge up to this many of the narrow bins of the grid."""

MAX_LEVEL = 2
"""How often the fine bins of the simulation may be halved in number; 2^2 = FINE_PER_BIN."""

BLOCK = MAX_MERGE * FINE_PER_BIN
"""Fine bins in the widest bin; the simulation is padded to blocks of this size."""


@dataclass(frozen=True)
class Templates:
    """Data and simulation of the pairs in a fit, binned as the likelihood reads them.

    Attributes
    ----------
    layout : Layout
    pairs : int array, shape (p,)
        Pair numbers, rising.
    merge : int array, shape (p,)
        Narrow bins of the grid in one bin of the pair: 1, 2 or 4.
    level : int array, shape (p,)
        Cells of the simulation are 2^level fine bins wide.
    counts : float array, shape (p, n_bins of the grid)
        Data in the window; the first n_bins / merge are used.
    sim, sim_variance : float arrays, shape (p, n_cells)
        Sums of weights and of squared weights in cells; the first layout.size / 2^level are used.
    reference : float array, shape (p, n_cells)
        Shapes from which the weights of bins follow, in the same cells.
    flows : PairFlows
        What migrates into the pairs.
    group : int array, shape (p, n_bins of the grid)
        Bins of one group, which are neighbours, have the same weight.
    """

    layout: Layout
    pairs: IntArray
    merge: IntArray
    level: IntArray
    counts: Floats
    sim: Floats
    sim_variance: Floats
    reference: Floats
    flows: PairFlows
    group: IntArray

    @property
    def n_bins(self) -> NDArray[np.int64]:
        """Number of bins of each pair, shape (p,)."""
        return np.asarray(self.layout.window // (FINE_PER_BIN * self.merge), np.int64)


def arrange(
    histograms: PairHistograms,
    rows: IntArray,
    merge: IntArray,
    level: IntArray,
    reference: Floats | None = None,
    group: IntArray | None = None,
    *,
    reference_only: bool = False,
) -> Templates:
    """Bin some rows of the histograms for the fit; see `Templates`.

    `reference` has shape (len(rows), n_fine); by default it is the simulation itself. By default
    each bin is a group of its own. With `reference_only`, which is enough for a likelihood, the
    simulation has no cells.
    """
    grid = histograms.grid
    below, above = (BLOCK * (n // BLOCK + 2) for n in (grid.n_below, grid.n_above))
    window = grid.n_bins * FINE_PER_BIN
    layout = Layout(grid.width, below, window, below + window + above)

    def in_cells(fine: Floats, which: IntArray) -> Floats:
        cells = np.empty((len(rows), layout.size >> int(level.min(initial=MAX_LEVEL))))
        _arrange_cells(fine, which, below - grid.n_below, level, layout.size, cells)
        return cells

    none = np.empty((len(rows), 0))
    sim = none if reference_only else in_cells(histograms.sim, rows)
    variance = none if reference_only else in_cells(histograms.sim_variance, rows)
    smooth = sim if reference is None else in_cells(reference, np.arange(len(rows)))
    counts, flows = _in_bins(histograms, rows, merge)
    pairs = histograms.pairs[rows]
    if group is None:
        group = np.broadcast_to(np.arange(grid.n_bins), counts.shape)
    return Templates(layout, pairs, merge, level, counts, sim, variance, smooth, flows, group)


def rebin(
    templates: Templates, histograms: PairHistograms, rows: IntArray, merge: IntArray
) -> Templates:
    """Return what `arrange` has made of the same rows of the histograms, in other bins."""
    counts, flows = _in_bins(histograms, rows, merge)
    return replace(templates, merge=merge, counts=counts, flows=flows)


def _in_bins(
    histograms: PairHistograms, rows: IntArray, merge: IntArray
) -> tuple[Floats, PairFlows]:
    """Return data and flows of some rows in bins of `merge` narrow ones each."""
    grid = histograms.grid
    counts = np.zeros((len(rows), grid.n_bins))
    _sum_bins(histograms.data, rows, grid.n_below, merge, counts)
    flows = histograms.flows or Flows.none(grid.n_bins)
    return counts, arrange_flows(flows, histograms.pairs[rows], merge)


def arrange_flows(flows: Flows, pairs: IntArray, merge: IntArray) -> PairFlows:
    """Return the flows into some pairs, rising, in bins of `merge` narrow ones each."""
    used = np.isin(flows.pairs, pairs)
    start = np.searchsorted(flows.pairs[used], np.append(pairs, np.iinfo(np.int32).max))
    wide = np.repeat(merge, np.diff(start))
    contents = np.zeros_like(flows.contents[used])
    for size in np.unique(wide):
        parts = flows.contents[used][wide == size]
        joined = parts.reshape(len(parts), -1, size).sum(axis=2)
        contents[wide == size, : joined.shape[1]] = joined
    return PairFlows(start, flows.sources[used].astype(np.int64), contents)


def coarsest_level(variance: Floats, width: float) -> NDArray[np.int64]:
    """Return how often cells of `width` can double for a smearing of `variance` in x."""
    spread = np.sqrt(np.maximum(variance, LEAST_SPREAD**2))
    level = np.floor(np.log2(spread / (SPREAD_PER_CELL * width)))
    return np.clip(level, 0, MAX_LEVEL).astype(np.int64)


@compiled
def _sum_bins(data: Floats, rows: IntArray, first: int, merge: IntArray, counts: Floats) -> None:
    """Sum the fine bins of each bin in the window."""
    for p in range(len(rows)):
        size = FINE_PER_BIN * merge[p]
        fine, row = data[rows[p]][first:], counts[p]
        for b in range(len(row) // merge[p]):
            total = 0.0
            for f in range(b * size, (b + 1) * size):
                total += fine[f]
            row[b] = total


@compiled
def _arrange_cells(
    fine: Floats, rows: IntArray, shift: int, level: IntArray, size: int, cells: Floats
) -> None:
    """Copy rows of fine bins, halving their number `level` times.

    Before that they are moved by `shift` into `size` cells, the first and last of which stay empty.
    """
    wide, narrow = np.zeros(size), np.zeros(size)
    for p in range(len(rows)):
        n_cells = size
        wide[:shift] = 0
        wide[shift : shift + fine.shape[1]] = fine[rows[p]]
        wide[shift + fine.shape[1] :] = 0
        for _ in range(level[p]):
            n_cells //= 2
            _halve(wide, n_cells, narrow)
            wide, narrow = narrow, wide
        cells[p, :n_cells] = wide[:n_cells]


@compiled
def _halve(cells: Floats, n_new: int, out: Floats) -> None:
    """Share 2 `n_new` cells linearly between the `n_new` cells of twice the width.

    The outermost are empty before and after.
    """
    out[0] = out[n_new - 1] = 0
    for j in range(1, n_new - 1):
        near, far = cells[2 * j] + cells[2 * j + 1], cells[2 * j - 1] + cells[2 * j + 2]
        out[j] = 0.75 * near + 0.25 * far
