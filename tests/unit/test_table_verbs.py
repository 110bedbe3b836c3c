"""The verbs combine and add-systematics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.published import as_old_dialect, like_ul2017

from scalesmear.cells import Window
from scalesmear.cli import main
from scalesmear.cmssw import EnergyScaleCorrection
from scalesmear.corrections import ALL_RUNS, ScaleTable, SmearingTable
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.tables import read_scales, write_scales, write_smearings

if TYPE_CHECKING:
    from pathlib import Path

GAIN = read_categories("gain").scales


def write_gain_fit(path: Path) -> ScaleTable:
    windows = [Window((0, 5), gain=window.gain) for window in GAIN]
    table = ScaleTable.of([ALL_RUNS] * 3, windows, [1.0, 1.007, 1.02], [1e-4, 1e-3, 1e-2])
    write_scales(path, table)
    return table


def test_a_published_table_is_refined_and_read_by_cmssw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.dat").write_text(as_old_dialect(like_ul2017()))
    fit = write_gain_fit(tmp_path / "gain.dat")
    files = [str(tmp_path / name) for name in ("old.dat", "gain.dat")]
    output = tmp_path / "new_scales.dat"
    twin = tmp_path / "new.json"
    flags = ["--output", str(output), "--decimals", "6", "--json", str(twin)]
    assert main(["combine", "--scales", *files, *flags]) == 0
    assert "10,590 rows, 90 of them for simulation" in capsys.readouterr().out

    smearings = SmearingTable.of([Window((0, 5))], [0.01], [0.001])
    write_smearings(tmp_path / "new_smearings.dat", smearings)
    reader = EnergyScaleCorrection(tmp_path / "new")
    before = like_ul2017()
    for row in np.random.default_rng(1).integers(0, len(before), 200).tolist():
        run, gain = int(before.run_min[row]), int(before.boxes.gain[row])
        eta, r9, et = (float(edge) + 1e-3 for edge in before.boxes.low[row])
        factor = 1 if before.scale[row] == 1 else fit.scale[fit.boxes.gain == gain][0]
        expected = before.scale[row] * factor
        assert reader.scale(run, et, eta, r9, gain) == pytest.approx(expected, abs=1e-6)
    read = read_scales(twin)
    assert len(read) == len(before)


def test_a_part_that_another_table_lacks_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_scales(tmp_path / "a.dat", like_ul2017())
    fit = ScaleTable.of([ALL_RUNS], [Window((0, 2.5))], [1.0], [1e-3])
    write_scales(tmp_path / "b.dat", fit)
    output = tmp_path / "c.dat"
    files = [str(tmp_path / name) for name in ("a.dat", "b.dat")]
    assert main(["combine", "--scales", *files, "--output", str(output)]) == 1
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert "b.dat: no row holds runs" in error[0]
    assert "abs_eta [2.5, 5)" in error[0]
    assert not output.exists()


def test_zero_scales_become_holes_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (
        "10 20 0.0 1.4442 0.0 10.0 0.0 14000.0 0 0.0 0.0\n10 20 1.566 2.5 0 10 0 14000 0 1.1 0.01\n"
    )
    (path := tmp_path / "zero.dat").write_text(lines)
    flags = ["--scales", str(path), "--output", str(tmp_path / "out.dat")]
    assert main(["combine", *flags]) == 1
    assert "zero.dat:1: the row has no positive scale" in capsys.readouterr().err
    assert main(["combine", "--drop-zero", *flags]) == 0
    out = capsys.readouterr().out
    assert "1 rows with scale 0 left out" in out
    assert "no row holds electrons of data in abs_eta [0, 1.4442)" in out


def test_systematics_of_several_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_gain_fit(tmp_path / "gain.dat")
    (tmp_path / "all.tsv").write_text("-1 -1 -1 -1 -1 -1 -1 0.3\n")
    (tmp_path / "gain.tsv").write_text("0 5 -1 -1 -1 -1 12 0.4\n0 5 -1 -1 -1 -1 6 0\n")
    flags = ["--scales", str(tmp_path / "gain.dat"), "--output", str(tmp_path / "out.dat")]
    sources = ["--systematics", str(tmp_path / "all.tsv"), str(tmp_path / "gain.tsv")]
    assert main(["add-systematics", *flags, *sources]) == 1
    assert "gain.tsv: no row holds all of row 3" in capsys.readouterr().err
    assert not (tmp_path / "out.dat").exists()
    assert main(["add-systematics", *flags, *sources, "--keep-unmatched", "--replace-errors"]) == 0
    table = read_scales(tmp_path / "out.dat")
    np.testing.assert_allclose(table.err / table.scale, [0.005, 0.003, 0.003])
    out = capsys.readouterr().out
    assert "gain.tsv: for 2 of 3 rows" in out
    assert "errors 0.3 to 0.5 %" in out
