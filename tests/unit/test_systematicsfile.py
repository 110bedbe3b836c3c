"""Tables of systematic errors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.cells import Window
from scalesmear.errors import InputError
from scalesmear.io.systematicsfile import read_systematics, write_systematics

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
0	1	0.96	10	-1	-1	-1	0.018
1	1.4442	-1	-1	50	14000	-1	0.343

-1	-1	-1	-1	-1	-1	6	0.5
"""


def test_minus_one_is_not_used(tmp_path: Path) -> None:
    (path := tmp_path / "syst.tsv").write_text("# percent\n" + TEXT)
    source = read_systematics(path)
    assert [source.boxes.window(row) for row in range(3)] == [
        Window((0, 1), (0.96, math.inf)),
        Window((1, 1.4442), None, (50, math.inf)),
        Window(gain=6),
    ]
    assert source.percent.tolist() == [0.018, 0.343, 0.5]
    assert [line.rpartition(":")[2] for line in source.lines] == ["2", "3", "5"]


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    (path := tmp_path / "syst.tsv").write_text(TEXT)
    source = read_systematics(path)
    write_systematics(tmp_path / "again.tsv", source)
    assert (tmp_path / "again.tsv").read_text() == TEXT.replace("\n\n", "\n")
    again = read_systematics(tmp_path / "again.tsv")
    for name in ("low", "high", "gain"):
        assert np.array_equal(getattr(again.boxes, name), getattr(source.boxes, name)), name


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0 1 -1 -1 -1 -1 0.1", r"tsv:1: 7 columns"),
        ("0 1 -1 -1 -1 -1 -1 x", r"tsv:1: percent is 'x', expected a number"),
        ("0 1 -1 -1 -1 -1 -1 -0.1", r"tsv:1: percent is -0.1; it must be >= 0"),
        ("0 1 -1 -1 -1 -1 -1 nan", r"tsv:1: percent is nan"),
        ("1 0 -1 -1 -1 -1 -1 0.1", r"tsv:1: the edges of abs_eta \[1.0, 0.0\] do not rise"),
        ("0 -1 -1 -1 -1 -1 -1 0.1", r"tsv:1: etaMin is 0, but the upper edge -1"),
        ("0 1 -1 -1 -1 -1 5 0.1", r"tsv:1: there is no gain 5"),
        ("0 1 -1 -1 -1 -1 1.5 0.1", r"tsv:1: there is no gain 1.5"),
    ],
)
def test_a_wrong_row_is_named(row: str, message: str, tmp_path: Path) -> None:
    (path := tmp_path / "syst.tsv").write_text(row + "\n")
    with pytest.raises(InputError, match=message):
        read_systematics(path)
