"""Histograms as ROOT would write them, made with uproot's own builders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import uproot
from numpy.typing import ArrayLike
from uproot.writing.identify import (
    to_TAxis,
    to_TH1x,
    to_TH2x,
    to_THashList,
    to_TObjString,
    to_TProfile,
)


def axis(
    n: int, low: float, high: float, title: str = "", name: str = "xaxis", **options: Any
) -> Any:
    """Return an axis; `edges` and `labels` are optional."""
    labels = options.pop("labels", None)
    if labels is not None:
        strings = [to_TObjString(label) for label in labels]
        for number, string in enumerate(strings, start=1):
            string.bases[0]._members["@fUniqueID"] = number
        labels = to_THashList(strings)
    edges = options.pop("edges", None)
    edges = None if edges is None else np.asarray(edges, np.float64)
    return to_TAxis(name, title, n, low, high, edges, fLabels=labels, **options)


def th1(
    cells: ArrayLike,
    sumw2: ArrayLike | None = None,
    dtype: str = "f8",
    x: Any = None,
    y_title: str = "events",
    **options: Any,
) -> Any:
    """Return a TH1 of cells with under- and overflow; bins of width 1 from 0 unless `x` is given."""
    data = np.asarray(cells, dtype)
    inside = np.asarray(cells, float)[1:-1]
    centres = np.arange(len(inside)) + 0.5
    squares = inside if sumw2 is None else np.asarray(sumw2, float)[1:-1]
    return to_TH1x(
        **{"fName": None, "fTitle": "a title"} | options,
        data=data,
        fEntries=float(len(inside)),
        fTsumw=float(inside.sum()),
        fTsumw2=float(squares.sum()),
        fTsumwx=float((inside * centres).sum()),
        fTsumwx2=float((inside * centres**2).sum()),
        fSumw2=None if sumw2 is None else np.asarray(sumw2, np.float64),
        fXaxis=x or axis(len(inside), 0, len(inside), "mass [GeV]"),
        fYaxis=axis(1, 0, 1, y_title, "yaxis"),
    )


def th2(cells: ArrayLike, x: Any, y: Any, dtype: str = "f8") -> Any:
    """Return a TH2 of flat cells, ``x + (nx + 2) y``."""
    return to_TH2x(
        None, "a map", np.asarray(cells, dtype), 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.5, None, x, y
    )


def profile(x: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None, n: int = 3) -> Any:
    """Return a TProfile filled with numbers, bins of width 1 from 0, as TProfile::Fill does."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    w = np.ones(len(x)) if weights is None else np.asarray(weights, float)
    edges = np.arange(n + 1)

    def sums(values: Any) -> Any:
        return np.pad(np.histogram(x, edges, weights=values)[0].astype(float), 1)

    return to_TProfile(
        None,
        "a profile",
        data=sums(w * y),
        fEntries=float(len(x)),
        fTsumw=float(w.sum()),
        fTsumw2=float((w**2).sum()),
        fTsumwx=float((w * x).sum()),
        fTsumwx2=float((w * x**2).sum()),
        fTsumwy=float((w * y).sum()),
        fTsumwy2=float((w * y**2).sum()),
        fSumw2=sums(w * y**2),
        fBinEntries=sums(w),
        fBinSumw2=np.zeros(0) if weights is None else sums(w**2),
        fXaxis=axis(n, 0, n, "run"),
        fYaxis=axis(1, 0, 1, "mean mass", "yaxis"),
        fYmin=-5.0,
        fYmax=500.0,
    )


def write(path: Path, **objects: Any) -> Path:
    """Write objects under their names; ``__`` stands for the / after a folder."""
    with uproot.recreate(path) as file:
        for name, content in objects.items():
            file[name.replace("__", "/")] = content
    return path
