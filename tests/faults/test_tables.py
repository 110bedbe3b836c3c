"""Faults of earlier frameworks that concern tables of corrections, and what happens here instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.cells import Boxes, Window
from scalesmear.cli import main
from scalesmear.combining import Systematics, add_systematics, combine
from scalesmear.corrected import correct_events
from scalesmear.corrections import ALL_RUNS, ScaleTable, multiply
from scalesmear.fill import Corrections
from scalesmear.io.tables import read_scales, write_scales
from scalesmear.toys import generate, make_truth
from scalesmear.uncorrected import in_uncorrected_et

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING = Window((0, 2.5))


def test_f29_an_electron_without_a_row_is_counted_and_keeps_its_energy() -> None:
    # it used to get scale 0, so that its event disappeared
    table = ScaleTable.of([(1, 9)], [Window((0, 1))], [1.1], [0.1])
    electrons = np.array([[0.5, 1.5]])
    found = table.lookup(np.array([5]), electrons, np.ones((1, 2)), np.full((1, 2), 40.0))
    assert found.scale.tolist() == [[1.1, 1.0]]
    assert found.n_missing == 1


def test_f29_a_scale_of_zero_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path := tmp_path / "zero.dat").write_text("1 9 0 2.5 0 10 0 14000 0 0.0 0.0\n")
    assert main(["combine", "--scales", str(path), "--output", str(tmp_path / "o.dat")]) == 1
    assert "zero.dat:1: the row has no positive scale" in capsys.readouterr().err


@pytest.mark.parametrize("runs", [ALL_RUNS, (1, 2), (3, 999999)])
def test_f30_run_limits_are_plain_numbers(runs: tuple[int, int], tmp_path: Path) -> None:
    # rows with limits 1, 2, 3 or 999999 used to be left out, so that a table of all runs did nothing
    write_scales(path := tmp_path / "a.dat", ScaleTable.of([runs], [EVERYTHING], [1.1], [0.1]))
    r9, et = np.ones((1, 2)), np.full((1, 2), 40.0)
    found = read_scales(path).lookup(np.array([runs[1]]), np.full((1, 2), 0.5), r9, et)
    assert found.scale.tolist() == [[1.1, 1.1]]


def test_f31_the_exported_table_is_looked_up_with_raw_et() -> None:
    # categories were fitted on scaled Et, and the table was read with unscaled Et
    base = ScaleTable.of([(1, 9)], [EVERYTHING], [1.02], [0.0])
    soft, hard = Window((0, 2.5), et=(0, 45)), Window((0, 2.5), et=(45, 14000))
    fit = ScaleTable.of([ALL_RUNS] * 2, [soft, hard], [0.99, 1.01], [0.0, 0.0])
    product = multiply(base, in_uncorrected_et(fit, base))
    # 44.5 GeV is 45.39 GeV after the scale of 1.02, where the fit found 1.01
    et, ones = np.array([[44.0, 44.5]]), np.ones((1, 2))
    found = product.lookup(np.array([5]), ones, ones, et)
    assert found.scale.tolist() == [[1.02 * 0.99, 1.02 * 1.01]]


def test_f32_rows_that_overlap_in_part_are_cut_and_edges_are_kept() -> None:
    # such rows used to be dropped without a word, and edges rounded to four digits
    first = ScaleTable.of(
        [(1, 10)] * 2, [Window((0, 1.23456)), Window((1.23456, 2.5))], [2, 3], [0, 0]
    )
    second = ScaleTable.of([(1, 5), (6, 10)], [EVERYTHING] * 2, [1.5, 2.5], [0, 0])
    product = combine([first, second])
    assert product.scale.tolist() == [3.0, 4.5, 5.0, 7.5]
    assert set(product.boxes.high[:, 0]) == {np.float32(1.23456), np.float32(2.5)}


def test_f33_every_variable_that_a_systematic_error_uses_must_match() -> None:
    # R9 used to be looked at only together with Et, so that high R9 overwrote low R9
    low, high = Window((0, 1), (0, 0.96)), Window((0, 1), (0.96, 10))
    scales = ScaleTable.of([(1, 9)] * 2, [low, high], [1, 1], [0, 0])
    source = Systematics(Boxes.of([low, high]), np.array([0.1, 0.3]), ("1", "2"))
    np.testing.assert_allclose(add_systematics(scales, [source]).table.err, [0.001, 0.003])


def test_f35_no_term_is_added_that_no_file_holds() -> None:
    # an undocumented error of 1e-4 above 80 GeV and 5e-4 below used to be added
    windows = [Window((0, 2.5), et=edges) for edges in ((0, 80), (80, 14000))]
    one = ScaleTable.of([(1, 9)] * 2, windows, [1.01, 1.01], [2e-3, 2e-3])
    two = ScaleTable.of([ALL_RUNS], [EVERYTHING], [1.0], [1e-3])
    np.testing.assert_allclose(combine([one, two]).err / 1.01, np.hypot(2e-3 / 1.01, 1e-3))
    events = generate(make_truth(1), "data", 2000)
    table = ScaleTable.of([ALL_RUNS], [Window((0, 10))], [1.01], [0.0])
    found = correct_events(events, "data", Corrections(table)).events
    np.testing.assert_allclose(found.et / events.et, 1.01, rtol=1e-6)


def test_f37_a_missing_table_is_an_error_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # it used to be "skipped", with exit status 0
    output = tmp_path / "out.dat"
    assert main(["combine", "--scales", str(tmp_path / "no.dat"), "--output", str(output)]) == 1
    assert "no.dat: table of scales does not exist" in capsys.readouterr().err
    assert not output.exists()


def test_f39_the_name_of_a_table_says_nothing(tmp_path: Path) -> None:
    # kinds of files and numbers of steps used to be taken from names
    table = ScaleTable.of([(1, 9)], [EVERYTHING], [1.1], [0.1])
    write_scales(path := tmp_path / "step2_mc_smearings.json", table)
    assert read_scales(path).scale.tolist() == [1.1]
    assert main(["validate-table", str(path)]) == 0
