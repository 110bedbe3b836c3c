"""Plot files: which validation plots to make, and the cells that a job filled for them.

A plot file is a table with the header ``style name variable eta0 r90 et0 eta1 r91 et1``; 0 is the
harder electron, 1 the softer one; a window is ``(low,high)``, -1 stands for no limit on its side.
Files of the earlier framework load unchanged.
"""

from __future__ import annotations

import math
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.errors import InputError
from scalesmear.io.arrayfile import read_record, write_record
from scalesmear.io.files import write_text
from scalesmear.validation import VARIABLES, Leg, Plot, PlotCells

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from scalesmear.validation import Range

SHIPPED = files("scalesmear") / "data" / "plots"

HEADER = ("style", "name", "variable", "eta0", "r90", "et0", "eta1", "r91", "et1")

EARLIER_NAMES = {
    "invMass_ECAL_ele": "mass",
    "R9Ele[0]": "r9_leading",
    "R9Ele[1]": "r9_subleading",
    "energy_ECAL_ele[0]": "energy_leading",
    "energy_ECAL_ele[1]": "energy_subleading",
    "etaEle[0]": "eta_leading",
    "etaEle[1]": "eta_subleading",
    "phiEle[0]": "phi_leading",
    "phiEle[1]": "phi_subleading",
}
"""Variables as columns of the earlier framework."""

WINDOW = re.compile(r"\((?P<low>[^,()]+),(?P<high>[^,()]+)\)")
NAME = re.compile(r"[\w.+-]+", re.ASCII)

CELLS = {"sumw": np.int64, "sumw2": np.int64}


def shipped_plots() -> tuple[str, ...]:
    """Return the names of the sets of plots that come with the package."""
    return tuple(sorted(f.name.removesuffix(".tsv") for f in SHIPPED.iterdir()))


def read_plots(source: str | os.PathLike[str]) -> tuple[Plot, ...]:
    """Read a plot file, or a set that comes with the package by its name.

    Raises
    ------
    InputError
        If there is neither, or a row is not a plot, or two plots have one name.
    """
    name = str(source)
    if name in shipped_plots():
        return _plots((SHIPPED / f"{name}.tsv").read_text(encoding="utf-8"), name)
    path = Path(source)
    if not path.is_file():
        cure = f"give its path, or one of {', '.join(shipped_plots())}"
        raise InputError(path, "there is no such plot file", cure)
    try:
        return _plots(path.read_text(encoding="utf-8"), name)
    except UnicodeDecodeError as error:
        raise InputError(path, "not a text file", "give a plot file") from error


def _plots(text: str, where: str) -> tuple[Plot, ...]:
    lines = [(n, line.split()) for n, line in enumerate(text.splitlines(), start=1)]
    rows = [(n, fields) for n, fields in lines if fields and not fields[0].startswith("#")]
    if rows and rows[0][1][0] == "style":
        rows = rows[1:]
    if not rows:
        raise InputError(where, "no plots", f"a plot is a row of {' '.join(HEADER)}")
    plots = tuple(_plot(fields, f"{where}:{n}") for n, fields in rows)
    seen: set[str] = set()
    for (n, _), plot in zip(rows, plots, strict=True):
        if plot.name in seen:
            raise InputError(f"{where}:{n}", f"a second plot {plot.name}", "name it otherwise")
        seen.add(plot.name)
    return plots


def _plot(fields: Sequence[str], where: str) -> Plot:
    if len(fields) != len(HEADER):
        problem = f"{len(fields)} columns, a plot has {len(HEADER)}: {' '.join(HEADER)}"
        raise InputError(where, problem, "mend the row")
    _, name, variable, *windows = fields
    if not NAME.fullmatch(name):
        raise InputError(where, f"name {name!r}", "use letters, digits and any of . _ + -")
    known = EARLIER_NAMES.get(variable, variable)
    if known not in VARIABLES:
        raise InputError(where, f"no variable {variable!r}", f"take one of {', '.join(VARIABLES)}")
    ranges = [_range(text, where) for text in windows]
    return Plot(name, known, (Leg(*ranges[:3]), Leg(*ranges[3:])))


def _range(text: str, where: str) -> Range:
    match = WINDOW.fullmatch(text)
    try:
        low, high = (float(match[side]) for side in ("low", "high")) if match else (1.0, 0.0)
    except ValueError:
        low, high = 1.0, 0.0
    low, high = (0.0 if low == -1 else low), (math.inf if high == -1 else high)
    if not 0 <= low < high:
        raise InputError(where, f"window {text!r}", "write (low,high), -1 for no limit")
    return low, high


def write_plots(path: str | os.PathLike[str], plots: Iterable[Plot]) -> None:
    """Write a plot file."""
    rows = ["\t".join(HEADER)]
    for plot in plots:
        windows = [w for leg in plot.legs for w in (leg.abs_eta, leg.r9, leg.et)]
        rows.append("\t".join(["paper", plot.name, plot.variable, *map(_text, windows)]))
    write_text(path, "\n".join(rows) + "\n")


def _text(window: Range) -> str:
    low, high = window
    return f"({'-1' if low == 0 else repr(low)},{'-1' if math.isinf(high) else repr(high)})"


def write_cells(path: str | os.PathLike[str], cells: PlotCells) -> None:
    """Write what a job filled, whole or not at all."""
    write_record(path, cells, CELLS, compress=True)


def read_cells(path: str | os.PathLike[str]) -> PlotCells:
    """Read what a job filled.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds something else.
    """
    cure = "write it again with scalesmear fill-plots"
    return read_record(path, CELLS, PlotCells, "file of filled plots", cure)
