"""Text tables of run bins, scales and smearings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.cells import Window
from scalesmear.corrections import ScaleTable, SmearingTable
from scalesmear.errors import InputError
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.tables import (
    read_run_bins,
    read_scales,
    read_smearings,
    write_run_bins,
    write_scales,
    write_smearings,
)

if TYPE_CHECKING:
    from pathlib import Path

ROW = "273158\t273158\t0.0\t1.0\t0.0\t0.675\t0.0\t14000.0\t12\t1.008323\t0.000504162\n"


def scales() -> ScaleTable:
    windows = read_categories("fine").scales
    rng = np.random.default_rng(1)
    scale = rng.uniform(0.97, 1.05, len(windows))
    return ScaleTable.of([(315257, 315300)] * len(windows), windows, scale, scale / 3e4)


def test_a_row_reads_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a_scales.dat"
    path.write_text(ROW)
    table = read_scales(path)
    assert (table.run_min[0], table.run_max[0]) == (273158, 273158)
    assert table.boxes.window(0) == Window((0, 1), (0, 0.675), (0, 14000), gain=12)
    assert (table.scale[0], table.err[0]) == (1.008323, 0.000504162)
    write_scales(path, table)
    assert path.read_text() == ROW


def test_scales_round_trip_to_the_last_bit(tmp_path: Path) -> None:
    table = scales()
    write_scales(path := tmp_path / "a_scales.dat", table)
    back = read_scales(path)
    for name in ("run_min", "run_max", "scale", "err"):
        assert np.array_equal(getattr(back, name), getattr(table, name)), name
    for name in ("low", "high", "gain"):
        assert np.array_equal(getattr(back.boxes, name), getattr(table.boxes, name)), name


def test_scales_have_eleven_columns_and_no_header(tmp_path: Path) -> None:
    write_scales(path := tmp_path / "a_scales.dat", scales())
    text = path.read_bytes().decode("ascii")
    assert text.endswith("\n")
    assert "\r" not in text
    for line in text.splitlines():
        assert line == line.strip()
        fields = line.split("\t")
        assert len(fields) == 11
        assert fields[0].isdecimal()
        assert fields[1].isdecimal()
        assert fields[8] in {"0", "12", "6", "1"}
        assert not any("e" in field for field in fields)


def test_shared_edges_are_written_identically(tmp_path: Path) -> None:
    write_scales(path := tmp_path / "a_scales.dat", scales())
    edges = {f for line in path.read_text().splitlines() for f in line.split("\t")[2:6]}
    assert len(edges) == len({np.float32(edge) for edge in edges})
    assert "1.4442" in edges
    assert "0.833" in edges


def test_scales_can_be_rounded(tmp_path: Path) -> None:
    table = ScaleTable.of([(1, 2)], [Window((0, 2.5))], [1.00123456], [0.000123456])
    write_scales(path := tmp_path / "a_scales.dat", table, decimals=6)
    assert path.read_text().split()[9:] == ["1.001235", "0.00012346"]


def test_scales_split_on_any_white_space_and_may_have_a_header(tmp_path: Path) -> None:
    path = tmp_path / "a_scales.dat"
    path.write_text("runMin runMax a b c d e f g h i\n" + ROW.replace("\t", "  \t ") + "\n")
    assert len(read_scales(path)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            ROW + ROW.replace("273158", "273158.0", 1),
            r"dat:2: runMin is '273158.0', expected a who",
        ),
        (ROW.replace("\t12\t", "\t12.0\t"), r"dat:1: gain is '12.0', expected a whole number"),
        (ROW.replace("\t12\t", "\t2\t"), r"dat:1: gain is 2; it must be one of 0, 1, 6, 12, 61"),
        (ROW.replace("0.675", "x"), r"dat:1: r9Max is 'x', expected a number; mend the value"),
        (ROW.replace("\t0.000504162", ""), r"dat:1: 10 columns .*, table of scales has 11"),
        (ROW + "\n# a b c d e f g h i j\n", r"dat:3: a comment, at which readers of scales stop"),
        (ROW.replace("0.675", "-1"), r"dat:1: the row has edges that do not rise"),
        (ROW.replace("0.675", "nan"), r"dat:1: the row has an edge that is not finite"),
        ("", r"a_scales.dat: table of scales has no rows"),
        ("runMin runMax a b c d e f g h i\n", r"a_scales.dat: table of scales has no rows"),
    ],
)
def test_a_wrong_scale_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a_scales.dat"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_scales(path)


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.dat: table of scales does not exist"):
        read_scales(tmp_path / "none.dat")
    (tmp_path / "binary.dat").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"binary.dat: not a text file"):
        read_scales(tmp_path / "binary.dat")


@pytest.mark.parametrize("name", ["coarse", "fine", "et", "stochastic", "eta"])
def test_smearings_round_trip(name: str, tmp_path: Path) -> None:
    windows = read_categories(name).smearings
    rho = np.random.default_rng(1).uniform(0, 0.03, len(windows))
    table = SmearingTable.of(windows, rho, rho / 200)
    write_smearings(path := tmp_path / "a_smearings.dat", table)
    back = read_smearings(path)
    for column in ("rho", "err_rho", "phi", "err_phi", "e_mean", "err_e_mean"):
        assert np.array_equal(getattr(back, column), getattr(table, column)), column
    assert np.array_equal(back.boxes.low, table.boxes.low)
    # no upper limit of Et is written as 14000
    assert np.array_equal(np.minimum(back.boxes.high, 14000), np.minimum(table.boxes.high, 14000))


def test_smearings_are_written_as_the_reader_wants_them(tmp_path: Path) -> None:
    table = SmearingTable.of([Window((0, 1), (0, 0.96))], [0.00962], [0.00005])
    write_smearings(path := tmp_path / "a_smearings.dat", table)
    assert path.read_bytes().decode("ascii") == (
        "#category\tEmean\terr_Emean\trho\terr_rho\tphi\terr_phi\n"
        "absEta_0.0000_1.0000-R9_0.0000_0.9600\t6.6\t0.0\t0.00962\t0.00005\tM_PI_2\tM_PI_2\n"
    )


@pytest.mark.parametrize(
    ("name", "window"),
    [
        ("absEta_0_1-R9_0.94", Window((0, 1), (0.94, math.inf))),
        ("absEta_1.566_2.0-R9_0.94_1.00", Window((1.566, 2), (0.94, math.inf))),
        ("absEta_0.0_1.0-R9_0_10-Et_39_50", Window((0, 1), (0, math.inf), (39, 50))),
        ("EBlowEta-bad", Window((0, 1), (-1, 0.94))),
        ("EEhighEta-gold-gainEle_6", Window((2, 7), (0.94, math.inf), gain=6)),
    ],
)
def test_names_of_windows(name: str, window: Window, tmp_path: Path) -> None:
    path = tmp_path / "a_smearings.dat"
    path.write_text(f"#c\n\n{name} \t 6.6 0.1\t\t0.01 0.001 0.5 0.1\n")
    table = read_smearings(path)
    assert table.boxes.window(0) == window
    assert (table.phi[0], table.err_phi[0]) == (0.5, 0.1)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("absEta_0_1 6.6 0 x 0 0 0", r"dat:2: rho is 'x', expected a number"),
        ("absEta_0_1 6.6 0 0.01 0 M_PI 0", r"dat:2: phi is 'M_PI', expected a number"),
        ("absEta_0_1 6.6 0 0.01 0 0", r"dat:2: 6 columns"),
        ("absEta_0 6.6 0 0.01 0 0 0", r"dat:2: 'absEta_0' is no name of a window .*upper edge"),
        ("eta_0_1 6.6 0 0.01 0 0 0", r"dat:2: 'eta_0_1' is no name of a window"),
        ("absEta_1_0 6.6 0 0.01 0 0 0", r"dat:2: 'absEta_1_0' .* do not rise"),
        ("absEta_0_1e-1 6.6 0 0.01 0 0 0", r"dat:2: 'absEta_0_1e-1' is no name"),
        ("absEta_0_1 6.6 0 -0.01 0 0 0", r"a_smearings.dat: rho of .* is -0.01"),
    ],
)
def test_a_wrong_smearing_is_named(row: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a_smearings.dat"
    path.write_text(f"#category\n{row}\n")
    with pytest.raises(InputError, match=message):
        read_smearings(path)


def test_run_bins_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "run_bins.dat"
    write_run_bins(path, [(315647, 317051), (317100, 317100)])
    assert path.read_text() == "315647\t317051\n317100\t317100\n"
    assert read_run_bins(path) == ((315647, 317051), (317100, 317100))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 5\n5 9\n", r"dat:2: runs 5-9 do not follow run 5; sort"),
        ("5 1\n", r"dat:1: runs 5-1 do not follow"),
        ("1 5 9\n", r"dat:1: 3 columns"),
        ("1 five\n", r"dat:1: runMax is 'five', expected a whole number"),
    ],
)
def test_wrong_run_bins_are_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run_bins.dat"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_run_bins(path)
