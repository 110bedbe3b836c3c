from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scalesmear.errors import InputError
from scalesmear.io.pileupfile import read_pileup

if TYPE_CHECKING:
    from pathlib import Path


def test_weights_stand_by_number_of_interactions(tmp_path: Path) -> None:
    path = tmp_path / "pileup.tsv"
    path.write_text("# n weight\n0 0.5\n\n2\t1.5\n1\t1\n")
    assert read_pileup(path) == (0.5, 1.0, 1.5)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no weight of 0 interactions"),
        ("0 1\n2 1\n", "no weight of 1 interactions"),
        ("0 1\n0 2\n", ":2: 0 interactions a second time"),
        ("0 1 2\n", ":1: '0 1 2' is not a whole number and a weight"),
        ("0.5 1\n", "is not a whole number"),
        ("0 -1\n", "below 0"),
        ("0 nan\n", "none at all"),
        ("-1 1\n", "below 0"),
        ("0 0\n1 0\n", "all weights are 0"),
    ],
)
def test_what_is_no_table_of_pileup_weights_is_refused(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "pileup.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=problem):
        read_pileup(path)
