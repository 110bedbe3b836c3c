"""Reading and writing the events and histograms of this analysis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import uproot
from uproot.writing.identify import to_TAxis, to_TH1x, to_THashList, to_TObjString

from scalesmear.errors import InputError
from scalesmear.io.files import read_json, whole_file
from scalesmear.io.rootfile import damage_is_an_input_error, open_root, tree_of
from scalesmear.io.roothistograms import read_histograms
from scalesmear.normalisation import Quantity
from vhbb.scan import Counts, Spectrum

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from vhbb.generate import Doubles, Objects, SignalEvents

TREE = "CollectionTree"
BOOKKEEPER = "CutBookkeeper"
FIELDS = {"jet": ("pt", "eta", "phi", "btag"), "lepton": ("pt", "eta", "phi")}
"""Lists of the tree, each branch called like ``jet_pt``."""


def histogram(
    edges: Doubles, contents: Doubles, variances: Doubles | None, titles: tuple[str, str, str]
) -> Any:
    """Return a TH1D without under- and overflow.

    Parameters
    ----------
    edges : float array, shape (n + 1,)
        Equally spaced.
    contents, variances : float arrays, shape (n,)
        Variances may be left out for numbers of events.
    titles : (str, str, str)
        Of the histogram, and of its axes.
    """
    centres = (edges[1:] + edges[:-1]) / 2
    squares = contents if variances is None else variances
    return to_TH1x(
        None,
        titles[0],
        np.pad(contents, 1),
        float(len(contents)),
        float(contents.sum()),
        float(squares.sum()),
        float((contents * centres).sum()),
        float((contents * centres**2).sum()),
        None if variances is None else np.pad(variances, 1),
        to_TAxis("xaxis", titles[1], len(contents), edges[0], edges[-1]),
        fYaxis=to_TAxis("yaxis", titles[2], 1, 0.0, 1.0),
    )


def bookkeeper(n_generated: int, sum_of_weights: float) -> Any:
    """Return a histogram with labelled bins that tells what was generated before any selection."""
    labels = ("events", "sum of weights")
    strings = [to_TObjString(label) for label in labels]
    for number, string in enumerate(strings, start=1):
        string.bases[0]._members["@fUniqueID"] = number
    axis = to_TAxis("xaxis", "", 2, 0.0, 2.0, fLabels=to_THashList(strings))
    contents = np.array([0.0, n_generated, sum_of_weights, 0.0])
    total = float(contents.sum())
    title = "all generated events"
    return to_TH1x(None, title, contents, 2.0, total, total, total, total, None, axis)


def write_signal(path: str | os.PathLike[str], events: SignalEvents) -> None:
    """Write events and bookkeeping into a new ROOT file."""
    arrays = {"weight": events.weight}
    lists = {"jet": _as_lists(events.jets, "jet"), "lepton": _as_lists(events.leptons, "lepton")}
    with whole_file(path) as part, uproot.recreate(part) as file:
        types = {"weight": "f8"} | {name: str(ak.type(a[0:0]).content) for name, a in lists.items()}
        tree = file.mktree(TREE, types)
        tree.extend(arrays | lists)
        file[BOOKKEEPER] = bookkeeper(events.n_generated, events.sum_of_weights)


def _as_lists(objects: Objects, name: str) -> ak.Array:
    """Return what was seen in each event as lists of records."""
    counts = objects.seen.sum(axis=1)
    values = {"btag": objects.tagged} | vars(objects)
    return ak.zip(
        {
            field: ak.unflatten(_stored(values[field][objects.seen]), counts)
            for field in FIELDS[name]
        }
    )


def _stored(values: Any) -> Any:
    return values if values.dtype == bool else values.astype(np.float32)


def read_events(path: str | os.PathLike[str]) -> ak.Array:
    """Read events: ``weight``, and the lists ``jet`` and ``lepton``, in double precision.

    Raises
    ------
    InputError
        If the file is missing or damaged, or lacks the tree or one of its branches.
    """
    names = [f"{name}_{field}" for name, fields in FIELDS.items() for field in fields]
    with open_root(path, "file of events") as file:
        tree = tree_of(file, Path(path), TREE)
        for name in ("weight", *names):
            if name not in tree:
                problem = f"tree {TREE!r} has no branch {name!r}"
                raise InputError(path, problem, "give events as `vhbb generate` writes them")
        with damage_is_an_input_error(path):
            arrays = tree.arrays(["weight", *names])
    lists = {
        name: ak.zip({field: _doubles(arrays[f"{name}_{field}"]) for field in fields})
        for name, fields in FIELDS.items()
    }
    return ak.zip({"weight": arrays["weight"], **lists}, depth_limit=1)


def _doubles(values: ak.Array) -> ak.Array:
    return values if "bool" in str(ak.type(values)) else ak.values_astype(values, np.float64)


def write_histograms(path: str | os.PathLike[str], histograms: Mapping[str, Any]) -> None:
    """Write histograms under their names into a new ROOT file."""
    with whole_file(path) as part, uproot.recreate(part) as file:
        for name, content in histograms.items():
            file[name] = content


def read_counts(path: str, name: str, uncertainty: float = 0.0) -> tuple[Doubles, Counts]:
    """Read a histogram of one dimension: its edges, and its bins without under- and overflow.

    Raises
    ------
    InputError
        If there is no such histogram in the file, or the uncertainty is not one.
    """
    if not 0 <= uncertainty < 1:
        problem = f"its relative uncertainty is {uncertainty:g}"
        raise InputError(f"{path}: {name}", problem, "give a number from 0 to 1")
    (found,) = read_histograms(path, [name]).histograms
    if found.n_dimensions != 1 or found.profile is not None:
        raise InputError(path, f"{name} is a {found.class_name}", "give a TH1")
    contents, variances = (found.as_grid(cells) for cells in (found.contents, found.variances()))
    return found.axes[0].all_edges(), Counts(contents, variances, uncertainty)


def read_data(path: str, name: str) -> tuple[Doubles, Doubles]:
    """Read numbers of events: edges and contents.

    Raises
    ------
    InputError
        If there is no such histogram, or it does not hold numbers of events.
    """
    edges, counts = read_counts(path, name)
    if np.any((counts.contents < 0) | (counts.contents != np.rint(counts.contents))):
        raise InputError(f"{path}: {name}", "does not hold numbers of events", "do not scale data")
    return edges, counts.contents


def read_factor(path: str) -> tuple[Quantity, Quantity]:
    """Read cross section and luminosity from the factor.json of `scalesmear scale-histogram`.

    Raises
    ------
    InputError
        If the file is missing or has not both.
    """
    record = read_json(path, "record of the factor")
    try:
        found = {name: record["ingredients"][name] for name in ("cross_section", "luminosity")}
    except KeyError as error:
        cure = "give the factor.json of scalesmear scale-histogram"
        raise InputError(path, f"has no {error}", cure) from error
    cross_section, luminosity = (
        Quantity(name, one["value"], one["unit"], path) for name, one in found.items()
    )
    return cross_section, luminosity


def read_spectrum(
    data: tuple[str, str],
    background: tuple[str, str, float],
    signal: tuple[str, str, float],
) -> Spectrum:
    """Read data, background and signal in the same bins.

    Parameters
    ----------
    data : (str, str)
        File and name of a histogram.
    background, signal : (str, str, float)
        File, name, and the relative uncertainty of the normalisation.

    Raises
    ------
    InputError
        If a file or a histogram is missing, or the bins differ.
    """
    edges, events = read_data(*data)
    parts = {name: read_counts(*one) for name, one in (("s", signal), ("b", background))}
    for (path, name, _), (own, _) in zip((signal, background), parts.values(), strict=True):
        if len(own) != len(edges) or not np.allclose(own, edges):
            raise InputError(f"{path}: {name}", "has other bins than the data", "use the same bins")
    return Spectrum(edges, parts["s"][1], parts["b"][1], events)
