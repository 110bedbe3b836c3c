"""Plot files: the standard set, files of the earlier framework, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from scalesmear.errors import InputError
from scalesmear.io.plotfile import (
    HEADER,
    read_cells,
    read_plots,
    shipped_plots,
    write_cells,
    write_plots,
)
from scalesmear.validation import N_CELLS, Leg, Plot, PlotCells

EB, EE, ANY = (0.0, 1.4442), (1.566, 2.5), (0.0, math.inf)
ROW = "paper\tEB-EE\tinvMass_ECAL_ele\t(0,1.4442)\t(-1,-1)\t(-1,-1)\t(1.566,2.5)\t(-1,-1)\t(-1,-1)"


def test_the_standard_set_has_its_18_plots() -> None:
    plots = read_plots("standard")
    assert shipped_plots() == ("standard",)
    assert len(plots) == 18
    expected = [(leg, leg, r9) for leg in (EB, EE) for r9 in (ANY, (0.0, 0.96), (0.96, 100.0))]
    for plot, (first, second, r9) in zip(plots[:6], expected, strict=True):
        assert plot.legs == (Leg(first, r9), Leg(second, r9))
    assert plots[6].legs == (Leg(EB), Leg(EE))
    assert plots[7].legs == (Leg(EB, (0.96, 100.0)), Leg(EE, (0.96, 100.0)))
    windows = [(32.0, 40.0), (40.0, 55.0), (55.0, 65.0), (65.0, 90.0), (90.0, 14000.0)]
    assert [plot.legs for plot in plots[8:13]] == [(Leg(et=w), Leg()) for w in windows]
    assert [plot.legs for plot in plots[13:]] == [(Leg(et=w), Leg(et=w)) for w in windows]
    assert {plot.variable for plot in plots} == {"mass"}


@pytest.mark.parametrize("blanks", ["\t", "   "])
def test_a_file_of_the_earlier_framework(tmp_path: Path, blanks: str) -> None:
    text = "\t".join(HEADER) + "\n# a comment\n\n" + ROW.replace("\t", blanks) + "\n"
    (tmp_path / "p.tsv").write_text(text)
    assert read_plots(tmp_path / "p.tsv") == (Plot("EB-EE", "mass", (Leg(EB), Leg(EE))),)


def test_round_trip(tmp_path: Path) -> None:
    write_plots(tmp_path / "p.tsv", read_plots("standard"))
    assert read_plots(tmp_path / "p.tsv") == read_plots("standard")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (ROW.replace("invMass_ECAL_ele", "mas"), "no variable 'mas'"),
        (ROW.replace("(0,1.4442)", "(2,1)"), r"window '\(2,1\)'"),
        (ROW.replace("(0,1.4442)", "0-1.4"), "window '0-1.4'"),
        (ROW.replace("(0,1.4442)", "(a,b)"), r"window '\(a,b\)'"),
        (ROW.replace("EB-EE", "EB/EE"), "name 'EB/EE'"),
        (ROW + "\tx", "10 columns"),
        (ROW + "\n" + ROW, "a second plot EB-EE"),
        ("", "no plots"),
    ],
)
def test_bad_rows_are_refused(tmp_path: Path, row: str, problem: str) -> None:
    (tmp_path / "p.tsv").write_text("\t".join(HEADER) + "\n" + row + "\n")
    with pytest.raises(InputError, match=problem):
        read_plots(tmp_path / "p.tsv")


def test_missing_file_names_the_shipped_sets(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="standard"):
        read_plots(tmp_path / "none.tsv")


def test_cells_round_trip_and_damage(tmp_path: Path) -> None:
    sums = np.arange(2 * N_CELLS, dtype=np.int64).reshape(1, 2, N_CELLS)
    cells = PlotCells("sim", ("a", "b"), ("before",), 3, sums, sums + 1, 7, {"x": 1})
    path = tmp_path / "c.npz"
    write_cells(path, cells)
    back = read_cells(path)
    assert np.array_equal(back.sumw, cells.sumw)
    assert np.array_equal(back.sumw2, cells.sumw2)
    assert (back.kind, back.plots, back.states, back.exponent) == (
        "sim",
        ("a", "b"),
        ("before",),
        3,
    )
    assert (back.n_events, back.dropped) == (7, {"x": 1})
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="not a whole file"):
        read_cells(path)
