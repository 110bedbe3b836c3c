"""The windows of a fit in uncorrected Et, with which the files of scales are looked up.

A fit finds the category of a data electron from its Et after the scales that it builds on, while a
reader of a file knows only the Et as reconstructed. Multiplied as they stand, every electron within
abs(scale - 1) Et of an edge would get the scale of the wrong bin: 0.3 GeV at 45 GeV, where bins are
2 GeV wide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scalesmear.cells import Boxes
from scalesmear.corrections import ALL_RUNS, UPPER_LIMITS, ScaleTable, overlap, overlapping

if TYPE_CHECKING:
    from numpy.typing import NDArray

ET = 2
"""Column of Et in `Boxes`."""

NEIGHBOURS = 4
"""An edge moves by at most so many float32 numbers when it is made exact."""


def in_uncorrected_et(fit: ScaleTable, base: ScaleTable) -> ScaleTable:
    """Return the scales of a fit in windows of Et before the scales that it builds on.

    In each window of `base` an edge at Et = e goes to e / s, where s is the scale of the base in that
    window, averaged over its ranges of runs. With one range of runs this is exact; else electrons
    next to an edge still go to the wrong side where s differs in their run, in both directions alike.

    Parameters
    ----------
    fit : ScaleTable
        For all runs; a table that does not use Et is returned as it is.
    base : ScaleTable
        All scales that the data carried in this fit, looked up in uncorrected Et.
    """
    if not np.any(_splits_et(fit.boxes)):
        return fit
    windows, scale = _mean_scales(base)
    i, j = overlapping(windows, _any_et(fit.boxes))
    moved = _moved(fit.boxes.take(j), scale[i])
    boxes = overlap(windows.take(i), moved)
    kept = boxes.low[:, ET] < boxes.high[:, ET]
    size = int(np.count_nonzero(kept))
    return ScaleTable(
        run_min=np.full(size, ALL_RUNS[0], np.int64),
        run_max=np.full(size, ALL_RUNS[1], np.int64),
        boxes=boxes.take(np.flatnonzero(kept)),
        scale=fit.scale[j][kept],
        err=fit.err[j][kept],
        where=fit.where,
    )


def before_own_scales(fit: ScaleTable) -> ScaleTable:
    """Return the scales of a fit with edges that electrons pass once they have these scales.

    A fit gives an electron the scale of the window in which it is found **after** it was scaled (see
    `scalesmear.migration`). Between neighbours in Et with scales s1 and s2, an edge at e goes to
    e / sqrt(s1 s2); edges that are not common to two windows stay.

    Parameters
    ----------
    fit : ScaleTable
        With one range of runs.
    """
    low, high = fit.boxes.low.copy(), fit.boxes.high.copy()
    others = np.column_stack([np.delete(low, ET, 1), np.delete(high, ET, 1), fit.boxes.gain])
    _, column = np.unique(others, axis=0, return_inverse=True)
    order = np.lexsort((low[:, ET], column.ravel()))
    below, above = order[:-1], order[1:]
    same = column.ravel()[below] == column.ravel()[above]
    meet = same & (fit.boxes.high[below, ET] == fit.boxes.low[above, ET])
    below, above = below[meet], above[meet]
    scale = np.sqrt(fit.scale[below] * fit.scale[above])
    edge = before_scaling(fit.boxes.low[above, ET], scale)
    high[below, ET], low[above, ET] = edge, edge
    boxes = Boxes(low, high, fit.boxes.gain)
    return ScaleTable(fit.run_min, fit.run_max, boxes, fit.scale, fit.err, fit.where)


def _splits_et(boxes: Boxes) -> NDArray[np.bool_]:
    """Tell which windows do not hold every Et."""
    split: NDArray[np.bool_] = (boxes.low[:, ET] > 0) | (boxes.high[:, ET] < UPPER_LIMITS[ET])
    return split


def _any_et(boxes: Boxes) -> Boxes:
    """Return the windows without their limits in Et."""
    low, high = boxes.low.copy(), boxes.high.copy()
    low[:, ET], high[:, ET] = 0, UPPER_LIMITS[ET]
    return Boxes(low, high, boxes.gain)


def _mean_scales(table: ScaleTable) -> tuple[Boxes, NDArray[np.float64]]:
    """Return the distinct windows of a table, and the mean scale in each over the ranges of runs."""
    columns = np.column_stack([table.boxes.low, table.boxes.high, table.boxes.gain])
    _, first, window = np.unique(columns, axis=0, return_index=True, return_inverse=True)
    total = np.bincount(window.ravel(), table.scale)
    return table.boxes.take(first), total / np.bincount(window.ravel())


def _moved(boxes: Boxes, scale: NDArray[np.float64]) -> Boxes:
    """Return windows of corrected Et in uncorrected Et; no limit stays none."""
    low, high = boxes.low.copy(), boxes.high.copy()
    low[:, ET] = np.where(low[:, ET] > 0, before_scaling(low[:, ET], scale), 0)
    finite = high[:, ET] < UPPER_LIMITS[ET]
    high[:, ET] = np.where(finite, before_scaling(high[:, ET], scale), high[:, ET])
    return Boxes(low, high, boxes.gain)


def before_scaling(edge: NDArray[np.float32], scale: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the least float32 x of which scale x, rounded to float32, is at least `edge`."""
    x = (edge / scale).astype(np.float32)
    for _ in range(NEIGHBOURS):
        lower = np.nextafter(x, np.float32(-np.inf))
        x = np.where((lower * scale).astype(np.float32) >= edge, lower, x)
    for _ in range(NEIGHBOURS):
        upper = np.nextafter(x, np.float32(np.inf))
        x = np.where((x * scale).astype(np.float32) < edge, upper, x)
    return x
