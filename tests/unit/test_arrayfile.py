"""A dataclass of arrays and plain fields, written and read back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from scalesmear.errors import InputError
from scalesmear.io.arrayfile import read_record, write_record

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ARRAYS = {"sums": np.int64, "share": np.float32}


@dataclass(frozen=True)
class Record:
    """Two arrays, and what stands in the header."""

    name: str
    limits: tuple[float, float]
    dropped: dict[str, int]
    sums: NDArray[np.int64]
    share: NDArray[np.float32]


RECORD = Record(
    name="µ, a name",
    limits=(0.1 + 0.2, -1e300),
    dropped={"too low": 3},
    sums=np.array([[1, -(1 << 62)], [0, 5]]),
    share=np.zeros((0, 3), np.float32),
)


def read(path: Path) -> Record:
    return read_record(path, ARRAYS, Record, "file of counts", "count again")


@pytest.mark.parametrize("compress", [False, True])
def test_a_record_comes_back_to_the_last_bit(tmp_path: Path, *, compress: bool) -> None:
    write_record(tmp_path / "r.npz", RECORD, ARRAYS, compress=compress)
    found = read(tmp_path / "r.npz")
    for name in ("name", "limits", "dropped"):
        assert getattr(found, name) == getattr(RECORD, name)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), getattr(RECORD, name), strict=True)


def test_compression_makes_a_file_smaller(tmp_path: Path) -> None:
    record = replace(RECORD, sums=np.zeros((100, 100), np.int64))
    for compress in (False, True):
        write_record(tmp_path / f"{compress}.npz", record, ARRAYS, compress=compress)
    plain, small = ((tmp_path / f"{name}.npz").stat().st_size for name in (False, True))
    assert plain > record.sums.nbytes
    assert small < plain / 20


def test_a_header_that_json_cannot_hold_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_record(tmp_path / "r.npz", replace(RECORD, dropped={"n": {1}}), ARRAYS)  # type: ignore[dict-item]
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.npz: file of counts does not exist"):
        read(tmp_path / "none.npz")


@pytest.mark.parametrize("part", [0.0, 0.3, 0.99])
def test_a_truncated_file_is_refused_with_a_cure(tmp_path: Path, part: float) -> None:
    path = tmp_path / "r.npz"
    write_record(path, RECORD, ARRAYS)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(InputError, match=r"r\.npz: not a whole file of counts .*count again"):
        read(path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"sums": np.zeros((2, 2))}, "sums is of type float64, expected int64"),
        ({"header": np.array("{}")}, "missing 3 required"),
        ({"header": np.array('{"name": 1, "other": 2}')}, "unexpected keyword argument 'other'"),
        ({"share": np.array([None])}, "pickle"),
    ],
)
def test_content_of_something_else_is_refused(
    tmp_path: Path, change: dict[str, NDArray[Any]], problem: str
) -> None:
    path = tmp_path / "r.npz"
    write_record(path, RECORD, ARRAYS)
    with np.load(path) as content:
        changed = dict(content) | change
    np.savez(path, **changed)
    with pytest.raises(InputError, match=problem):
        read(path)
