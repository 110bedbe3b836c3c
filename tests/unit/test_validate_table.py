"""What is found in tables, ours and others'."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.published import as_old_dialect, like_ul2016, like_ul2017

from scalesmear.cells import Window
from scalesmear.cli import main
from scalesmear.corrections import ScaleTable, SmearingTable
from scalesmear.inspection import Finding, inspect_scales, inspect_smearings, run_gaps, summary
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.tables import write_scales, write_smearings
from scalesmear.io.tablescan import scan_table

if TYPE_CHECKING:
    from pathlib import Path

BARREL, ENDCAP = Window((0, 1.4442)), Window((1.566, 2.5))
ROW = "{runs} {eta} 0.0 10.0 0.0 14000.0 {gain} {scale} 0.0005"


def rows(*changes: dict[str, str]) -> list[str]:
    """Return rows for simulation, barrel and endcap of one run range, changed one by one."""
    base = [
        {"runs": "1 2", "eta": "0.0 2.5", "scale": "1.0"},
        {"runs": "10 20", "eta": "0.0 1.4442", "scale": "1.01"},
        {"runs": "10 20", "eta": "1.566 2.5", "scale": "0.99"},
    ]
    return [
        ROW.format(**({"gain": "0"} | b | c))
        for b, c in zip(base, changes or [{}] * 3, strict=True)
    ]


def write(tmp_path: Path, lines: list[str], end: str = "\n") -> Path:
    path = tmp_path / "a.dat"
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


def findings(path: Path) -> list[Finding]:
    scan = scan_table(path)
    found = list(scan.findings)
    if isinstance(scan.table, ScaleTable):
        found += inspect_scales(scan.table)
    elif scan.table is not None:
        found += inspect_smearings(scan.table)
    return found


FAULTS = [
    (lambda r: ["runMin runMax", *r], "warning", "a header, which the CMSSW reader skips"),
    (lambda r: [r[0], "# c", *r[1:]], "error", "a comment, at which the CMSSW reader stops"),
    (lambda r: [r[0], "# c", *r[1:]], "error", "the CMSSW reader loses rows"),
    (lambda r: [r[0], r[1].rpartition(" ")[0], r[2]], "error", "columns are missing"),
    (lambda r: [r[0], r[1] + " more", r[2]], "warning", "text after column 11 is ignored"),
    (lambda r: [r[0], r[1].replace(" 0 1.01", " 12.0 1.01"), r[2]], "error",
     "gain is no whole number: the CMSSW reader takes 12.0 for scale 0"),
    (lambda r: [r[0], r[1].replace(" 0 1.01", " 2 1.01"), r[2]], "error", "gain is none of 0"),
    (lambda r: [r[0], r[1].replace("10 20", "10.0 20"), r[2]], "error", "runMin is no whole"),
    (lambda r: [*r[:2], r[2].replace("0.99", "zero")], "error", "scale is no number"),
    (lambda r: [*r[:2], r[2].replace("0.99", "0.0")], "error", "a row has no positive scale"),
    (lambda r: [*r[:2], r[2].replace("1.566", "2.566")], "error", "a row has edges that do not"),
    (lambda r: [*r[:2], r[2].replace("1.566", "1.4")], "error", "rows share electrons"),
    (lambda r: [*r, r[2]], "error", "rows share electrons"),
    (lambda r: [*r, r[2]], "error", "the CMSSW reader throws an exception"),
    (lambda r: [*r, r[2].replace(" 0 0.99", " 12 0.99")], "error", "rows share electrons"),
    (lambda r: [*r, r[2].replace("10 20", "15 30")], "error", "rows share electrons"),
    (lambda r: [r[0].replace("1.0 0.0005", "1.1 0.0005"), *r[1:]], "error", "simulation would be"),
    (lambda r: r[1:], "warning", "no row for run 1"),
    (lambda r: [*r[:2], r[2].replace("1.566", "1.6")], "warning",
     "no row holds electrons of data in abs_eta [1.566, 1.6)"),
    (lambda r: [*r, *(x.replace("10 20", "30 40") for x in r[1:])], "warning", "gaps between run"),
    (lambda r: [*r, r[1].replace("10 20", "21 40")], "warning", "run ranges have 2 different"),
    (lambda r: [*r[:2], r[2].replace("0.99", "1.2")], "warning", "scales differ from 1 by more"),
    (lambda r: [*r[:2], r[2].replace("0.0005", "0")], "warning", "scales have error 0"),
    (lambda r: [*r[:2], r[2].replace("0.0005", "0.5")], "warning", "errors are more than 10%"),
]  # fmt: skip


def test_a_good_table_has_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, rows())
    assert findings(path) == []
    assert main(["validate-table", str(path), "--strict"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"{path}: 3 rows, 1 of them for simulation"
    assert out[-1] == "no error, 0 warnings"


@pytest.mark.parametrize(("change", "severity", "what"), FAULTS, ids=map(str, range(len(FAULTS))))
def test_each_fault_is_found(change, severity: str, what: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = findings(write(tmp_path, change(rows())))
    assert any(f.severity == severity and f.what.startswith(what) for f in found), found


def test_scales_that_jump_are_found() -> None:
    runs = [(i, i) for i in range(10, 40)]
    windows = [BARREL, ENDCAP]
    scale = np.random.default_rng(1).normal(1, 0.001, (30, 2))
    scale[7, 1] += 0.02
    table = ScaleTable.of(
        [r for r in runs for _ in windows], windows * 30, scale.ravel(), [1e-3] * 60
    )
    (jump,) = [f for f in inspect_scales(table) if "jump" in f.what]
    assert jump.count == 1
    assert jump.example.startswith("row 16 (runs 17-17, abs_eta [1.566, 2.5)")


def test_runs_of_the_data_must_be_held() -> None:
    table = ScaleTable.of([(10, 20)] * 2, [BARREL, ENDCAP], [1, 1], [1e-3] * 2)
    (missing,) = [f for f in inspect_scales(table, [10, 21, 22]) if f.severity == "error"]
    assert (missing.example, missing.count) == ("run 21", 2)


def test_a_bad_table_ends_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, [*rows(), "# end"])
    assert main(["validate-table", str(path)]) == 1
    captured = capsys.readouterr()
    what = f"a comment, at which the CMSSW reader stops ({path}:4)"
    assert captured.err == f"scalesmear validate-table: {path}: {what}; mend the table\n"
    assert "error: a comment" in captured.out


@pytest.mark.parametrize("old", [False, True])
def test_tables_like_the_published_ones_load(
    old: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = like_ul2016()
    path = tmp_path / "a.dat"
    if old:
        path.write_text(as_old_dialect(table))
    else:
        write_scales(path, table)
    assert main(["validate-table", str(path)]) == 0
    out = capsys.readouterr().out
    assert "21,402 rows, 369 of them for simulation" in out
    assert "171 run ranges from 273158 to " in out
    assert "90 gaps between them" in out
    hole = "no row holds electrons of data in abs_eta [1.566, 2.5), r9 [0.5, 0.6), et [0, 14000)"
    assert f"{hole}: readers leave them as they are (171 times)" in out


def test_the_summary_of_a_table_like_ul2017() -> None:
    numbers = summary(like_ul2017())
    assert (numbers.rows, numbers.run_ranges, numbers.simulation_rows) == (10_590, 350, 90)
    assert (numbers.windows, numbers.gains, len(numbers.gaps)) == (30, (12, 6, 1), 130)


def test_gaps_are_between_ranges_that_do_not_touch() -> None:
    runs = [(1, 5), (6, 9), (12, 20), (15, 30), (32, 32)]
    table = ScaleTable.of(runs, [BARREL] * 5, [1] * 5, [1] * 5)
    assert run_gaps(table) == ((10, 11), (31, 31))


def smearing_lines(tmp_path: Path) -> list[str]:
    windows = read_categories("coarse").smearings
    write_smearings(path := tmp_path / "s.dat", SmearingTable.of(windows, [0.01] * 8, [1e-4] * 8))
    return path.read_text().splitlines()


def test_good_smearings_have_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, smearing_lines(tmp_path))
    assert main(["validate-table", str(path), "--strict"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{path}: smearings, 8 of 8 rows make sense"


@pytest.mark.parametrize(
    ("change", "severity", "what"),
    [
        (lambda r: [*r[:-1], r[-1].replace("absEta_2.0000_2.5000", "absEta_2_2.5")], "warning",
         "a name with absEta_2_2.5: to the CMSSW reader abs(eta) is 2-3"),
        (lambda r: [*r[:-1], r[-1] + " "], "error", "the CMSSW reader throws an exception"),
        (lambda r: [*r[:-1], r[-1].replace("absEta", "eta")], "error", "a row is none of smearings"),
        (lambda r: [*r[:-1], r[-1].replace("0.01", "-0.01")], "error", "a row is none of"),
        (lambda r: [*r, r[-1]], "error", "rows share electrons"),
        (lambda r: r[:-1], "warning", "electrons in no row"),
        (lambda r: [*r[:-1], r[-1].replace("0.01", "0.2")], "warning", "smearings above 0.1"),
        (lambda r: [*r[:-1], r[-1].replace("0.01", "0.0")], "warning", "smearings of 0"),
        (lambda r: [*r[:-1], r[-1].replace("0.0001", "0.1")], "warning", "errors larger than"),
    ],
)  # fmt: skip
def test_each_fault_of_smearings_is_found(change, severity: str, what: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = findings(write(tmp_path, change(smearing_lines(tmp_path))))
    assert any(f.severity == severity and f.what.startswith(what) for f in found), found


def test_windows_line_ends_are_found(tmp_path: Path) -> None:
    found = findings(write(tmp_path, smearing_lines(tmp_path), end="\r\n"))
    assert any(f.what.startswith("line ends of Windows") for f in found)


@pytest.mark.parametrize("text", ["", "# nothing\n", "1 2 3\n"])
def test_what_is_no_table_is_refused(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.dat").write_text(text)
    assert main(["validate-table", str(tmp_path / "a.dat")]) == 1
    assert "give scales (11 or 9 columns, or JSON) or smearings" in capsys.readouterr().err
