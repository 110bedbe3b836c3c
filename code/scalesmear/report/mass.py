"""Mass spectra of data and simulation added up over pairs of categories, and how well they agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from scalesmear.histogram import FINE_PER_BIN, pair_categories

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import BoolArray, FloatArray
    from scalesmear.histogram import MassGrid, PairHistograms

MIN_EXPECTED = 5.0
"""Bins with fewer expected events take no part in chi2."""

MIN_MEDIAN = 12.0
"""Bins are merged until half of them hold at least so many events."""


@dataclass(frozen=True)
class Agreement:
    """chi2 of data against simulation over the bins of a spectrum."""

    chi2: float
    ndf: int

    @property
    def p_value(self) -> float | None:
        """Probability of a chi2 at least as large; None without a degree of freedom."""
        return float(stats.chi2.sf(self.chi2, self.ndf)) if self.ndf > 0 else None

    def __str__(self) -> str:
        if self.p_value is None:
            return "too few events"
        return f"chi2/ndf = {self.chi2:.1f}/{self.ndf}, p {format_p_value(self.p_value)}"


def format_p_value(p_value: float) -> str:
    """Return a p-value with its relation sign, as ``= 0.12``, ``= 3e-05`` or ``< 1e-10``."""
    if p_value < 1e-10:
        return "< 1e-10"
    return f"= {p_value:.2f}" if p_value >= 0.01 else f"= {p_value:.0e}"


@dataclass(frozen=True)
class MassSpectrum:
    """Data, and simulation normalised to them in the fit window, in bins of the mass.

    Attributes
    ----------
    title : str
    edges : float array, shape (n + 1,)
        Edges of the bins [GeV].
    data : float array, shape (n,)
        Number of events.
    sim, sim_variance : float arrays, shape (n,)
        Expected number of events, and the statistical variance of this expectation.
    in_window : bool array, shape (n,)
        Which bins lie in the fit window.
    """

    title: str
    edges: FloatArray
    data: FloatArray
    sim: FloatArray
    sim_variance: FloatArray
    in_window: BoolArray

    @property
    def centres(self) -> FloatArray:
        """Centres of the bins [GeV], shape (n,)."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def widths(self) -> FloatArray:
        """Widths of the bins [GeV], shape (n,)."""
        return np.diff(self.edges)

    @property
    def n_data(self) -> int:
        """Number of data events in the fit window."""
        return int(self.data[self.in_window].sum())

    def zoomed(self) -> MassSpectrum:
        """Return the bins in the fit window only."""
        keep = np.flatnonzero(self.in_window)
        return MassSpectrum(
            title=self.title,
            edges=self.edges[keep[0] : keep[-1] + 2],
            data=self.data[keep],
            sim=self.sim[keep],
            sim_variance=self.sim_variance[keep],
            in_window=self.in_window[keep],
        )

    def agreement(self) -> Agreement:
        """Return chi2 = sum (D - S)^2 / (S + Var S) over the window; S fixes one degree of freedom.

        Bins where fewer than `MIN_EXPECTED` events are expected are left out.
        """
        use = self.in_window & (self.sim >= MIN_EXPECTED)
        data, sim, variance = self.data[use], self.sim[use], self.sim_variance[use]
        chi2 = float(np.sum((data - sim) ** 2 / (sim + variance)))
        return Agreement(chi2, max(0, int(use.sum()) - 1))


def membership(pairs: NDArray[np.int32], n_categories: int) -> BoolArray:
    """Tell which pairs contain each category, shape (n_categories, p).

    An event counts for a category if at least one of its legs lies in it, and then once.
    """
    low, high = pair_categories(pairs).T
    category = np.arange(n_categories)[:, None]
    member: BoolArray = (low == category) | (high == category)
    return member


def spectrum(hists: PairHistograms, keep: BoolArray, title: str) -> MassSpectrum:
    """Add up the pairs that `keep`, shape (p,), tells, in bins coarse enough for their population."""
    data = hists.data[keep].sum(axis=0)
    sim = hists.sim[keep].sum(axis=0)
    variance = hists.sim_variance[keep].sum(axis=0)
    bins = hists.grid.bins(FINE_PER_BIN * _merge(data[hists.grid.window_slice], hists.grid))
    data, sim, variance = (bins.add_up(fine)[1:-1] for fine in (data, sim, variance))
    norm = _normalisation(data[bins.in_window].sum(), sim[bins.in_window].sum())
    return MassSpectrum(title, bins.edges, data, norm * sim, norm**2 * variance, bins.in_window)


def _merge(window: NDArray[np.float64], grid: MassGrid) -> int:
    """Return how many bins of the fit (1, 2 or 4) to merge so that most hold enough events."""
    counts = window.reshape(grid.n_bins, FINE_PER_BIN).sum(axis=1)
    choices = [n for n in (1, 2, 4) if grid.n_bins % n == 0]
    for n in choices:
        if np.median(counts.reshape(-1, n).sum(axis=1)) >= MIN_MEDIAN:
            return n
    return choices[-1]


def _normalisation(data: float, sim: float) -> float:
    return float(data / sim) if sim > 0 else 0.0
