"""Histograms in ROOT files: TH1, TH2 and TProfile, in any folder, read and written with uproot."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import uproot
from uproot.writing.identify import (
    to_TAxis,
    to_TH1x,
    to_TH2x,
    to_THashList,
    to_TObjString,
    to_TProfile,
)

from scalesmear.errors import InputError
from scalesmear.io.rootfile import damage_is_an_input_error, open_root
from scalesmear.roothistogram import WRITTEN_AS, Profile, RootAxis, RootHistogram

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from scalesmear.roothistogram import Doubles

ALL = "all"
"""Stands for every histogram of a file."""

SHOWN = 8
"""Names that a message lists at most."""

MOMENTS = ("fTsumw", "fTsumw2", "fTsumwx", "fTsumwx2")
MOMENTS_2D = (*MOMENTS, "fTsumwy", "fTsumwy2", "fTsumwxy")
MOMENTS_PROFILE = (*MOMENTS, "fTsumwy", "fTsumwy2")

LINE = ("fLineColor", "fLineStyle", "fLineWidth")
FILL = ("fFillColor", "fFillStyle")
MARKER = ("fMarkerColor", "fMarkerStyle", "fMarkerSize")
DRAWN = ("fBarOffset", "fBarWidth", "fMaximum", "fMinimum", "fNormFactor", "fOption")
STATISTICS = ("fBinStatErrOpt", "fStatOverflows")
LOOK = (*LINE, *FILL, *MARKER, *DRAWN, *STATISTICS)
LOOK_PROFILE = ("fErrorMode", "fYmin", "fYmax")

TICKS = ("fNdivisions", "fAxisColor", "fTickLength")
AXIS_LABEL = ("fLabelColor", "fLabelFont", "fLabelOffset", "fLabelSize")
AXIS_TITLE = ("fTitleOffset", "fTitleSize", "fTitleColor", "fTitleFont")
RANGE = ("fFirst", "fLast", "fBits2", "fTimeDisplay", "fTimeFormat")
LOOK_AXIS = (*TICKS, *AXIS_LABEL, *AXIS_TITLE, *RANGE)


@dataclass(frozen=True)
class Found:
    """Histograms of a file.

    Attributes
    ----------
    histograms : tuple of RootHistogram
    others : dict
        Name and class of objects that were not read, though all were asked for.
    """

    histograms: tuple[RootHistogram, ...]
    others: Mapping[str, str]


def read_histograms(path: str | os.PathLike[str], names: Sequence[str]) -> Found:
    """Read histograms by name, with their folder if they are in one; `ALL` reads every one.

    Raises
    ------
    InputError
        If the file is damaged, or an object is not there, is no TH1, TH2 or TProfile, or holds a
        number that is not finite.
    """
    found = Path(path)
    with open_root(found, "input file") as file:
        with damage_is_an_input_error(found):
            classes = file.classnames(recursive=True, cycle=False)
        if ALL in names:
            chosen = [name for name, kind in classes.items() if kind in WRITTEN_AS]
        else:
            chosen = [_existing_name(name, classes, found) for name in dict.fromkeys(names)]
        if not chosen:
            raise InputError(found, "holds no histogram", "give a file with TH1, TH2 or TProfile")
        histograms = tuple(_read(file, found, name) for name in chosen)
    known = {histogram.path for histogram in histograms}
    others = {
        name: kind
        for name, kind in classes.items()
        if ALL in names and name not in known and kind != "TDirectory"
    }
    return Found(histograms, others)


def _existing_name(name: str, classes: Mapping[str, str], path: Path) -> str:
    """Return the name of a histogram as the file has it, perhaps with the cycle asked for."""
    plain = name.strip("/")
    bare = plain.partition(";")[0]
    kind = classes.get(bare)
    if kind is None:
        histograms = [key for key, kind in classes.items() if kind in WRITTEN_AS]
        cure = f"it has {nearest_first(bare, histograms)}" if histograms else "it has none at all"
        raise InputError(path, f"there is no histogram {name!r}", cure)
    if kind == "TDirectory":
        inside = [key for key in classes if key.startswith(f"{bare}/")]
        raise InputError(path, f"{name!r} is a folder", f"it has {nearest_first(bare, inside)}")
    if kind not in WRITTEN_AS:
        raise InputError(path, f"{name!r} is a {kind}", "give a TH1, TH2 or TProfile")
    return plain


def nearest_first(name: str, names: Iterable[str]) -> str:
    """List names, those that look most like one first, at most `SHOWN` of them."""

    def likeness(other: str) -> float:
        last = other.rpartition("/")[2]
        return max(SequenceMatcher(None, name, word).ratio() for word in (other, last))

    ordered = sorted(names, key=lambda other: (-likeness(other), other))
    more = f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    return ", ".join(ordered[:SHOWN]) + more


def _read(file: Any, path: Path, name: str) -> RootHistogram:
    with damage_is_an_input_error(f"{path}: {name}"):
        try:
            model = file[name]
        except uproot.KeyInFileError:
            model = None
        histogram = None if model is None else _histogram(model, name.partition(";")[0])
    if histogram is None:
        raise InputError(path, f"there is no cycle {name!r}", "leave the number after ; out")
    _check_numbers(histogram, path)
    return histogram


def _histogram(model: Any, path: str) -> RootHistogram:
    kind = model.classname
    is_profile = kind == "TProfile"
    moments = MOMENTS_PROFILE if is_profile else MOMENTS_2D if kind.startswith("TH2") else MOMENTS
    look = _members(model, LOOK)
    if kind.startswith("TH2"):
        look |= _members(model, ("fScalefactor",))
    contour = _doubles(model.member("fContour"))
    if contour is not None:
        look["fContour"] = contour
    contents = model.base(uproot.models.TArray.Model_TArray)[0]
    return RootHistogram(
        path=path,
        class_name=kind,
        title=str(model.member("fTitle")),
        axes=(
            _axis(model.member("fXaxis")),
            _axis(model.member("fYaxis")),
            _axis(model.member("fZaxis")),
        ),
        contents=np.asarray(contents, np.float64),
        sumw2=_doubles(model.member("fSumw2")),
        entries=float(model.member("fEntries")),
        moments={name: float(model.member(name)) for name in moments},
        profile=_profile(model) if is_profile else None,
        look=look,
        n_functions=len(model.member("fFunctions")),
    )


def _profile(model: Any) -> Profile:
    return Profile(
        sumw=np.asarray(model.member("fBinEntries"), np.float64),
        sumw2=_doubles(model.member("fBinSumw2", none_if_missing=True)),
        look=_members(model, LOOK_PROFILE),
    )


def _axis(model: Any) -> RootAxis:
    labels = model.member("fLabels", none_if_missing=True) or ()
    return RootAxis(
        name=str(model.member("fName")),
        title=str(model.member("fTitle")),
        n_bins=int(model.member("fNbins")),
        low=float(model.member("fXmin")),
        high=float(model.member("fXmax")),
        edges=_doubles(model.member("fXbins")),
        labels={int(label.member("@fUniqueID")): str(label) for label in labels},
        look=_members(model, LOOK_AXIS),
    )


def _members(model: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return plain members; older versions of a class lack some."""
    found = {name: model.member(name, none_if_missing=True) for name in names}
    return {
        name: str(value) if isinstance(value, str) else value
        for name, value in found.items()
        if value is not None
    }


def _doubles(values: Any) -> Doubles | None:
    """Return an array of ROOT, None if it is empty or missing."""
    return None if values is None or len(values) == 0 else np.asarray(values, np.float64)


def _check_numbers(histogram: RootHistogram, path: Path) -> None:
    """Make sure that all bins hold a finite number and that arrays have one number per bin."""
    where = f"{path}: {histogram.path}"
    n_cells = 1
    for axis in histogram.axes[: histogram.n_dimensions]:
        n_cells *= axis.n_bins + 2
    arrays = {"contents": histogram.contents, "squared weights": histogram.sumw2}
    if histogram.profile is not None:
        arrays |= {"entries": histogram.profile.sumw, "squares": histogram.profile.sumw2}
    for what, values in arrays.items():
        if values is None:
            continue
        if len(values) != n_cells:
            problem = f"has {len(values)} {what} for {n_cells} bins"
            raise InputError(where, problem, "produce the histogram again")
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            problem = f"{what} of bin {bad[0]}: {values[bad[0]]}"
            raise InputError(where, problem, "mend it, or name the histograms that you want")


def write_histograms(path: str | os.PathLike[str], histograms: Iterable[RootHistogram]) -> None:
    """Write histograms into a new ROOT file, each in its folder, its class that of the histogram.

    Raises
    ------
    InputError
        If a number of a TH1F or TH2F is beyond the range of float32.
    """
    with uproot.recreate(path) as file:
        for histogram in histograms:
            file[histogram.path] = _model(histogram)


def _model(histogram: RootHistogram) -> Any:
    axes = [_model_of_axis(axis) for axis in histogram.axes]
    options: dict[str, Any] = {
        "fName": None,
        "fTitle": histogram.title,
        "data": _contents(histogram),
        "fEntries": histogram.entries,
        "fSumw2": histogram.sumw2,
        "fXaxis": axes[0],
        "fYaxis": axes[1],
        "fZaxis": axes[2],
        **histogram.moments,
        **histogram.look,
    }
    profile = histogram.profile
    if profile is not None:
        none: Doubles = np.zeros(0)
        sumw2 = none if profile.sumw2 is None else profile.sumw2
        return to_TProfile(**options, **profile.look, fBinEntries=profile.sumw, fBinSumw2=sumw2)
    return (to_TH2x if histogram.n_dimensions == 2 else to_TH1x)(**options)


def _contents(histogram: RootHistogram) -> Any:
    """Return the contents in the type of the class.

    Raises
    ------
    InputError
        If float32 cannot hold them.
    """
    if not histogram.class_name.endswith("F"):
        return histogram.contents
    with np.errstate(over="ignore", under="ignore"):
        single = histogram.contents.astype(np.float32)
    if np.any(~np.isfinite(single) | ((single == 0) & (histogram.contents != 0))):
        problem = f"contents are beyond the range of a {histogram.class_name}"
        raise InputError(histogram.path, problem, "check the factor, or fill doubles")
    return single


def _model_of_axis(axis: RootAxis) -> Any:
    return to_TAxis(
        fName=axis.name,
        fTitle=axis.title,
        fNbins=axis.n_bins,
        fXmin=axis.low,
        fXmax=axis.high,
        fXbins=axis.edges,
        fLabels=_model_of_labels(axis.labels) if axis.labels else None,
        **axis.look,
    )


def _model_of_labels(labels: Mapping[int, str]) -> Any:
    """Return the list of labels; the bin of each is its unique number, as in TAxis::SetBinLabel."""
    strings = [to_TObjString(text) for text in labels.values()]
    for string, number in zip(strings, labels, strict=True):
        string.bases[0]._members["@fUniqueID"] = number
    return to_THashList(strings)
