"""Which pairs of categories take part in a fit, and which parameters they determine.

Both are decided once, from numbers of events only, so that nothing drops out on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from scalesmear.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from scalesmear.events import BoolArray, IntArray
    from scalesmear.histogram import PairHistograms

    Floats = NDArray[np.float64]


class PairChoice(NamedTuple):
    """The pairs of a fit and what they determine."""

    rows: IntArray  # of the histograms, rising
    n_eff_sim: Floats  # effective simulated events in the window, of these rows
    dropped: dict[int, str]  # reason by pair number
    flagged: dict[int, str]  # few events of pairs in use, by pair number
    determined: BoolArray  # of the parameters; fixed ones count as determined


def choose_pairs(
    histograms: PairHistograms,
    index: IntArray,
    fixed: BoolArray,
    *,
    min_sim_events: float,
    min_data_events: float,
    keep_sparse: bool = False,
    excluded: Mapping[int, str] | None = None,
) -> PairChoice:
    """Choose pairs with enough events, whose parameters can be told apart.

    Parameters
    ----------
    index : int array, shape (p, 4)
        Parameters of each pair, see `scalesmear.effective.ScaleSmearingMap`.
    fixed : bool array, shape (n_parameters,)
    min_sim_events, min_data_events : float
        See `scalesmear.fitsettings.FitSettings`.
    keep_sparse : bool
        Whether pairs with fewer events are used and flagged, as long as there is one event.
    excluded : dict, optional
        Reason by row, of pairs that are not to be used.

    Raises
    ------
    FitError
        If no pair is left.
    """
    n_eff, reasons = _count_events(histograms, min_sim_events, min_data_events)
    few, numbers = dict(enumerate(reasons)), histograms.pairs.tolist()
    if keep_sparse:
        n_eff, reasons = _count_events(histograms, 1.0, 1.0)
    for row, reason in (excluded or {}).items():
        reasons[row] = reason
    used = np.array([not reason for reason in reasons], dtype=bool)
    determined = _determined(index[used], fixed)
    lost = used & ~determined[index].all(axis=1)
    while lost.any():
        used &= ~lost
        for row in np.flatnonzero(lost).tolist():
            reasons[row] = "the pairs in use do not determine its scales or smearings"
        determined = _determined(index[used], fixed)
        lost = used & ~determined[index].all(axis=1)
    dropped = {p: r for p, r in zip(numbers, reasons, strict=True) if r}
    if not used.any():
        raise FitError(f"no pair can be used: {_summary(dropped)}")
    rows = np.flatnonzero(used)
    flagged = {numbers[row]: few[row] for row in rows.tolist() if few[row]}
    return PairChoice(rows, n_eff[rows], dropped, flagged, determined)


def effective_events(histograms: PairHistograms) -> Floats:
    """Return (sum w)^2 / sum w^2 of the simulation in the window, 0 if sum w is not positive."""
    window = histograms.grid.window_slice
    sum_w = np.maximum(histograms.sim[:, window].sum(axis=1), 0.0)
    sum_w2 = histograms.sim_variance[:, window].sum(axis=1)
    out: Floats = np.divide(sum_w**2, sum_w2, out=np.zeros_like(sum_w), where=sum_w2 > 0)
    return out


def _count_events(
    histograms: PairHistograms, min_sim_events: float, min_data_events: float
) -> tuple[Floats, list[str]]:
    """Return effective simulated events and why each pair cannot be used; "" if it can."""
    n_eff = effective_events(histograms)
    n_data = histograms.data[:, histograms.grid.window_slice].sum(axis=1)
    reasons = [""] * len(n_eff)
    for row in np.flatnonzero(n_data < max(min_data_events, 1.0)):
        reasons[row] = f"{n_data[row]:.0f} data events, {min_data_events:.0f} are needed"
    for row in np.flatnonzero(n_eff < max(min_sim_events, 1.0)):
        reasons[row] = (
            f"{n_eff[row]:.0f} effective simulated events, {min_sim_events:.0f} are needed"
        )
    return n_eff, reasons


def _determined(index: IntArray, fixed: BoolArray) -> BoolArray:
    """Tell which parameters the pairs determine, given those that are fixed."""
    return _follow(index[:, :2], fixed) | _follow(index[:, 2:], fixed)


def _follow(legs: IntArray, fixed: BoolArray) -> BoolArray:
    """Tell which parameters follow from their sums over the two legs of each pair.

    A sum turns a change of one leg into the opposite change of the other. In a graph of parameters
    "up" and "down" whose edges are these links, a parameter follows if its "up" is linked to its
    "down": then no change is free. Fixed parameters are linked so from the start.
    """
    n, held = len(fixed), np.flatnonzero(fixed)
    up = np.concatenate([legs[:, 0], legs[:, 1], held])
    down = n + np.concatenate([legs[:, 1], legs[:, 0], held])
    graph = coo_array((np.ones(len(up)), (up, down)), shape=(2 * n, 2 * n))
    component = connected_components(graph, directed=False)[1]
    return np.asarray(component[:n] == component[n:], bool)


def _summary(dropped: dict[int, str]) -> str:
    """Return the first reasons."""
    shown = [f"pair {pair}: {reason}" for pair, reason in list(dropped.items())[:3]]
    return "; ".join(shown) + ("; ..." if len(dropped) > 3 else "") if shown else "there is none"
