"""The three ways to write scales read the same; the JSON twin."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.published import as_old_dialect, like_ul2017

from scalesmear.cells import Window
from scalesmear.corrections import ScaleTable
from scalesmear.errors import InputError
from scalesmear.io.tables import read_scale_rows, read_scales, write_scales, write_scales_json

if TYPE_CHECKING:
    from pathlib import Path

TWIN = {
    "run:[315647,317051]": {
        "eta:[0.0,1.0]": {
            "r9:[0.0,0.96]": {
                "pt:[0.0,14000.0]": {
                    "gain:0": {
                        "runMin": 315647, "runMax": 317051, "etaMin": 0.0, "etaMax": 1.0,
                        "r9Min": 0.0, "r9Max": 0.96, "ptMin": 0.0, "ptMax": 14000.0,
                        "gain": 0, "scale": 0.99696, "scaleErr": 5e-05,
                    }
                }
            }
        }
    }
}  # fmt: skip


def assert_same(one: ScaleTable, other: ScaleTable, tolerance: float = 0.0) -> None:
    for name in ("run_min", "run_max", "scale"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    for name in ("low", "high", "gain"):
        assert np.array_equal(getattr(one.boxes, name), getattr(other.boxes, name)), name
    np.testing.assert_allclose(one.err, other.err, rtol=tolerance)


def test_the_twin_has_the_names_and_nesting_of_the_field(tmp_path: Path) -> None:
    table = ScaleTable.of([(315647, 317051)], [Window((0, 1), (0, 0.96))], [0.99696], [5e-5])
    write_scales_json(path := tmp_path / "scales.json", table)
    assert json.loads(path.read_text()) == TWIN
    assert path.read_text().startswith('{\n\t"run:[315647,317051]": {\n\t\t"eta:[0.0,1.0]"')
    assert_same(read_scales(path), table)


def test_text_and_twin_hold_the_same(tmp_path: Path) -> None:
    table = like_ul2017().sorted()
    write_scales(tmp_path / "a.dat", table)
    write_scales_json(tmp_path / "a.json", table)
    assert_same(read_scales(tmp_path / "a.json"), read_scales(tmp_path / "a.dat"))


def test_the_older_dialect_reads_the_same(tmp_path: Path) -> None:
    table = like_ul2017()
    (tmp_path / "old.dat").write_text(as_old_dialect(table))
    # the error is the sum of its parts, 0.6 and 0.8 of it, in quadrature
    assert_same(read_scales(tmp_path / "old.dat"), table, tolerance=1e-12)


def test_rows_can_be_left_out_before_they_are_judged(tmp_path: Path) -> None:
    path = tmp_path / "zero.dat"
    path.write_text("1 2 0 1 0 10 0 14000 0 0.0 0.0\n1 2 1 2.5 0 10 0 14000 0 1.0 0.1\n")
    with pytest.raises(
        InputError, match=r"zero.dat:1: the row has no positive scale; mend the row"
    ):
        read_scales(path)
    rows = read_scale_rows(path)
    table = rows.take(rows.scale != 0).table()
    assert (len(table), table.scale[0]) == (1, 1.0)


OLD = "absEta_0.0_1.0-R9_0.0_0.96-gainEle_6\trunNumber\t10\t20\t1.01\t9\t0.001\t0.002\t0.002\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (OLD + OLD.replace("\t0.002\n", "\n"), r"dat:2: 8 columns .*, table of scales of the older"),
        (OLD.replace("R9", "r9"), r"dat:1: 'absEta_0.0_1.0-r9_0.0_0.96-gainEle_6' is no name of a w"),
        (OLD.replace("gainEle_6", "gainEle_7"), r"dat:1: .* is no name of a window \(there is no gain"),
        (OLD.replace("10", "10.0"), r"dat:1: runMin is '10.0', expected a whole number"),
        (OLD.replace("0.001", "x"), r"dat:1: errStat is 'x', expected a number"),
        ('{"run:[1,2]": ', r"dat: not a JSON file \(.*\); write it again"),
        ("{}", r"dat: table of scales has no rows"),
        ('{"run:[1,2]": 5}', r"dat: not the JSON twin of scales"),
        ('{"run:[1,2]": {"runMin": 1}}', r"dat: not the JSON twin of scales \(KeyError\('runMax'\)\)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_scales(path)


def leaf(**changes: Any) -> dict[str, Any]:
    inner = TWIN["run:[315647,317051]"]["eta:[0.0,1.0]"]["r9:[0.0,0.96]"]["pt:[0.0,14000.0]"]
    return {"run:[1,2]": inner["gain:0"] | changes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gain": 3}, r"run:\[1,2\]: runs or gain make no sense"),
        ({"runMin": 1.5}, r"run:\[1,2\]: runs or gain make no sense"),
        ({"scale": -1.0}, r"run:\[1,2\]: the row has no positive scale"),
        ({"scale": "much"}, r"not the JSON twin"),
    ],
)
def test_a_wrong_twin_is_named(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(leaf(**changes)))
    with pytest.raises(InputError, match=message):
        read_scales(path)
