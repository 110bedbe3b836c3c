"""Category files of earlier calibrations, as rows, beside the sets of this package."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import pytest

from scalesmear.cells import Window
from scalesmear.errors import InputError
from scalesmear.io.categoryfile import read_categories, write_categories

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from scalesmear.categories import CategorySet

A, B, C, BC, D, E = ("0. 1.", "1. 1.2", "1.2 1.4442", "1. 1.4442", "1.566 2.", "2. 2.5")
NONE = "-1 -1"
HEADER = "#type etaMin etaMax r9Min r9Max gain etMin etMax\n"


def bins(*edges: float) -> list[str]:
    return [f"{low:g} {high:g}" for low, high in itertools.pairwise(edges)]


def line(
    kind: str, eta: str = NONE, r9: str = NONE, et: str = NONE, *, gain: int = -1, end: str = ""
) -> str:
    return "\t".join([kind, *eta.split(), *r9.split(), str(gain), *et.split()]) + f"{end}\n"


def r9_by_eta(kind: str, etas: Iterable[str], r9: Iterable[str]) -> list[str]:
    return [line(kind, eta, window) for window in r9 for eta in etas]


def eta_by_r9(kind: str, etas: Iterable[str], r9: Iterable[str]) -> list[str]:
    return [line(kind, eta, window) for eta in etas for window in r9]


def eta_by_et(kind: str, etas: Iterable[str], et: Iterable[str]) -> list[str]:
    return [line(kind, eta, et=window) for eta in etas for window in et]


R9 = bins(0, 0.96, 10)
FIVE, FOUR = (A, B, C, D, E), (A, BC, D, E)
COARSE_ET = bins(0, 39, 50, 65, 1000)
EARLIER = {
    "coarse": [*r9_by_eta("scale", FOUR, R9), *r9_by_eta("smear", FOUR, R9)],
    "fine": [
        *eta_by_r9("scale", (A, B, C), bins(0, 0.4, 0.6, 0.7, 0.8, 0.9, 0.92, 0.94, 0.96, 10)),
        *eta_by_r9(
            "scale",
            [D],
            bins(
                *(0, 0.5, 0.6, 0.65, 0.7, 0.74, 0.77, 0.82, 0.84),
                *(0.86, 0.88, 0.9, 0.92, 0.94, 0.96, 0.98, 10),
            ),
        ),
        *eta_by_r9(
            "scale",
            [E],
            bins(0, 0.5, 0.6, 0.7, 0.8, 0.833, 0.867, 0.9, 0.92, 0.94, 0.96, 0.98, 10),
        ),
        *r9_by_eta("smear", FIVE, R9),
    ],
    "fine-ul2016": [
        *eta_by_r9("scale", (A, B, C), bins(0, 0.675, 0.775, 0.85, 0.9, 0.94, 0.96, 0.9725, 0.9825, 10)),
        *eta_by_r9("scale", (D, E), bins(0, 0.5, 0.6, 0.8, 0.9, 0.94, 0.96, 0.98, 10)),
        *r9_by_eta("smear", FIVE, R9),
    ],
    "et": [
        *eta_by_et("scale", [A], bins(0, 33, 39, 42, 44, 46, 50, 55, 65, 80, 1000)),
        *eta_by_et("scale", (B, C, D, E), COARSE_ET),
        *eta_by_et("smear", FOUR, COARSE_ET),
    ],
    "gain": [
        *(line("scale", "0. 2.5", gain=gain) for gain in (12, 6, 1)),
        line("smear", "0. 2.5", gain=12),
    ],
    "stochastic": [
        line(kind, eta, r9, et)
        for kind in ("scale", "smear")
        for eta in FOUR
        for r9 in R9
        for et in bins(0, 39, 50, 65, 14000)
    ],
}  # fmt: skip


def read(tmp_path: Path, rows: Iterable[str], header: str = HEADER) -> CategorySet:
    path = tmp_path / "categories.tsv"
    path.write_text(header + "".join(rows))
    return read_categories(path)


@pytest.mark.parametrize("name", EARLIER)
def test_an_earlier_file_holds_the_categories_of_the_set_that_ships(
    name: str, tmp_path: Path
) -> None:
    earlier, ours = read(tmp_path, EARLIER[name]), read_categories(name)
    assert set(earlier.scales) == set(ours.scales)
    assert set(earlier.smearings) == set(ours.smearings)
    # a scale has the smearing of one and the same window, wherever they stand
    assert {w: earlier.smearings[n] for w, n in zip(earlier.scales, earlier.smearing_of, strict=True)} == {
        w: ours.smearings[n] for w, n in zip(ours.scales, ours.smearing_of, strict=True)
    }  # fmt: skip


@pytest.mark.parametrize("name", ["fine", "fine-ul2016", "et", "gain", "stochastic"])
def test_scales_are_in_the_earlier_order(name: str, tmp_path: Path) -> None:
    assert read(tmp_path, EARLIER[name]).scales == read_categories(name).scales


def test_rows_keep_their_order(tmp_path: Path) -> None:
    coarse = read(tmp_path, EARLIER["coarse"])
    assert [w.abs_eta for w in coarse.scales[:4]] == [(0, 1), (1, 1.4442), (1.566, 2), (2, 2.5)]
    assert [w.r9 for w in coarse.scales] == [(0, 0.96)] * 4 + [(0.96, math.inf)] * 4


def test_blanks_trailing_tabs_comments_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    rows = [
        "\n",
        line("scale", "0. 2.5", end="\t\t"),
        "# the end of the scales\n",
        line("smear", "0. 2.5").replace("\t", "  "),
    ]
    categories = read(tmp_path, rows, header=HEADER.replace(" ", "   "))
    assert categories.scales == categories.smearings == (Window((0, 2.5)),)


def test_what_is_used_is_decided_row_by_row(tmp_path: Path) -> None:
    rows = [
        line("scale", "0. 1."),
        line("scale", "1. 1.4442", "0 0.96"),
        line("scale", "1. 1.4442", "0.96 10", "0 40"),
        line("scale", "1. 1.4442", "0.96 10", "40 14000"),
        line("scale", "1.566 2.5", gain=12),
        line("scale", "1.566 2.5", gain=6),
        line("scale", "1.566 2.5", gain=1),
        line("smear", "0. 2.5"),
    ]
    categories = read(tmp_path, rows)
    used = [window.variables for window in categories.scales]
    assert used == [
        ("abs_eta",),
        ("abs_eta", "r9"),
        ("abs_eta", "r9", "et"),
        ("abs_eta", "r9", "et"),
        *[("abs_eta", "gain")] * 3,
    ]


def test_they_are_written_as_blocks(tmp_path: Path) -> None:
    categories = read(tmp_path, EARLIER["et"])
    write_categories(path := tmp_path / "et.yml", categories)
    assert read_categories(path) == categories


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["scale\t0\t1\n"], r"tsv:2: 'scale 0 1' is no row of 8 columns; write type etaMin"),
        ([line("scale", "0 2.5"), line("both", "0 2.5")], r"tsv:3: 'both 0 2.5 .* type scale or"),
        ([line("scale", "0 x")], r"tsv:2: etaMax is 'x', expected a number; mend the row"),
        ([line("scale", "0 -1")], r"tsv:2: etaMin 0 and etaMax -1: only one of them is -1"),
        ([line("scale", "1 0")], r"tsv:2: the edges of abs_eta \[1.0, 0.0\] do not rise"),
        ([line("scale", "0 1", gain=3)], r"tsv:2: there is no gain 3, only 12, 6 and 1"),
        (["scale 0 1 -1 -1 1.5 -1 -1\n"], r"tsv:2: there is no gain 1.5, only 12, 6 and 1"),
    ],
)
def test_a_wrong_row_is_named(rows: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, rows)


SMEAR = line("smear", "0 2.5")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [line("scale", "0 2.5", "0 0.5"), line("scale", "0 2.5", "0.6 10"), SMEAR],
            r"tsv: scales: no category holds abs_eta .*r9 \[0.5, 0.6\)",
        ),
        (
            [line("scale", "0 2.5", et="0 900"), SMEAR],
            r"tsv: scales: no category holds .*et \[900, inf\)",
        ),
        (
            [line("scale", "0 1.3"), line("scale", "1.2 2.5"), SMEAR],
            r"scales: line 2 \(abs_eta \[0, 1.3\)\) and line 3 \(abs_eta \[1.2, 2.5\)\) overlap",
        ),
        (
            [line("scale", "0 2.5"), line("smear", "0 1"), line("smear", "1 2.5")],
            r"scales: line 2 \(abs_eta \[0, 2.5\)\) lies inside 0 smearing categories",
        ),
        (
            [line("scale", "0 2.5"), line("smear", "0 2.5", gain=12), line("smear", "0 2.5", gain=6)],
            r"smearings: line 3 \(abs_eta \[0, 2.5\), gain 12\) uses the gain, which the smearings f",
        ),
        ([line("scale", "0 2.5")], r"tsv: smearings: no category holds"),
    ],
)  # fmt: skip
def test_a_bad_set_is_refused_as_one_of_blocks_is(
    rows: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, rows)
