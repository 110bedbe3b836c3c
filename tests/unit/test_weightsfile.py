from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.errors import InputError
from scalesmear.io.weightsfile import HEADER, read_weights, write_weights
from scalesmear.zweights import WeightTable, ZGrid

if TYPE_CHECKING:
    from pathlib import Path

SMALL = ZGrid((0.0, 0.3, 2.5), (0.0, 1.0, 14000.0))


def table(grid: ZGrid) -> WeightTable:
    return WeightTable(grid, np.random.default_rng(1).uniform(0.5, 2.0, grid.shape))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    written = table(ZGrid())
    write_weights(tmp_path / "weights.tsv", written)
    found = read_weights(tmp_path / "weights.tsv")
    assert found.grid == written.grid
    assert (found.weight == written.weight).all()
    lines = (tmp_path / "weights.tsv").read_text().splitlines()
    assert len(lines) == 461
    assert lines[0] == "y_min\ty_max\tpt_min\tpt_max\tweight"
    assert lines[1].startswith("0\t0.3\t0\t1\t")
    assert lines[-1].startswith("2.3\t2.5\t100\t14000\t")


def test_rows_may_stand_in_any_order(tmp_path: Path) -> None:
    write_weights(tmp_path / "weights.tsv", table(SMALL))
    first, *rows = (tmp_path / "weights.tsv").read_text().splitlines()
    (tmp_path / "turned.tsv").write_text("\n".join([first, *reversed(rows)]) + "\n")
    found = read_weights(tmp_path / "turned.tsv")
    assert (found.weight == table(SMALL).weight).all()


HEAD = "\t".join(HEADER)
ROWS = ["0 0.3 0 1 1.5", "0 0.3 1 14000 1.25", "0.3 2.5 0 1 0.5", "0.3 2.5 1 14000 1"]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (ROWS, "does not begin with y_min"),
        ([HEAD], "has no rows"),
        ([HEAD, *ROWS[:3]], "3 rows do not fill a grid"),
        ([HEAD, *ROWS[:3], ROWS[0]], "4 rows do not fill a grid"),
        ([HEAD, *ROWS[:3], "0 2.5 1 14000 1"], "4 rows do not fill a grid"),
        ([HEAD, *ROWS[:3], "0.3 2.5 1 14000"], ":5: .* not five numbers"),
        ([HEAD, *ROWS[:3], "0.3 2.5 1 14000 one"], ":5: .* not five numbers"),
        ([HEAD, *ROWS[:3], "0.3 2.5 1 14000 nan"], "weight nan in abs"),
        ([HEAD, *ROWS[:3], "0.3 2.5 1 14000 -1"], "weight -1 in abs"),
        ([HEAD, *(f"{row.rpartition(' ')[0]} 0" for row in ROWS)], "all weights are 0"),
    ],
)
def test_what_is_no_table_of_weights_is_refused(
    tmp_path: Path, lines: list[str], problem: str
) -> None:
    (tmp_path / "weights.tsv").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=problem):
        read_weights(tmp_path / "weights.tsv")
