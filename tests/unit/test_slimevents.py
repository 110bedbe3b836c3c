"""Slim events of earlier calibrations: read, written, and honest about what they lack."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from scalesmear.cli import main
from scalesmear.errors import InputError
from scalesmear.events import Events
from scalesmear.io.eventfile import open_events
from scalesmear.io.files import write_settings
from scalesmear.io.ntuples import ntuple_branches, write_ntuple
from scalesmear.io.samples import Job, JobFile, write_job
from scalesmear.io.slimevents import COLUMNS, open_slim
from scalesmear.selection import SelectSettings
from scalesmear.toys import generate, make_truth, other_branches

if TYPE_CHECKING:
    from pathlib import Path

    from scalesmear.histogram import Kind
    from scalesmear.selection import Candidates

TRUTH = make_truth(1)
HEADER = "\t".join(COLUMNS)
ROW = (
    "0.9752516\t0.9797676\t51.42652\t41.54801\t0.06771432\t0.3408532\t2.940552\t-0.3555424\t"
    "0\t0\t90.32092\t323859\t28\t28"
)


def write(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "slim.csv"
    path.write_text("".join(line + "\n" for line in lines))
    return path


def read(path: Path, kind: Kind = "data") -> list[Candidates]:
    return list(open_slim(path, kind, path.name).candidates())


def test_a_row_of_the_field(tmp_path: Path) -> None:
    (candidates,) = read(write(tmp_path, HEADER, ROW))
    events = candidates.events
    assert events.run.tolist() == [323859]
    assert events.mass[0] == np.float32(90.32092)
    expected = [51.42652 / math.cosh(0.06771432), 41.54801 / math.cosh(0.3408532)]
    np.testing.assert_allclose(events.et[0], expected, rtol=1e-6)
    assert np.array_equal(events.eta, events.eta_sc)
    assert events.gain.tolist() == [[12, 12]]
    assert candidates.events.identification.tolist() == [[28, 28]]
    assert candidates.charge is None
    assert events.weight.tolist() == [1]


def test_order_of_columns_does_not_matter_and_others_are_ignored(tmp_path: Path) -> None:
    names, values = [*HEADER.split("\t"), "nPV"], [*ROW.split("\t"), "x"]
    lines = ("\t".join(reversed(part)) for part in (names, values))
    (candidates,) = read(write(tmp_path, *lines))
    (expected,) = read(write(tmp_path, HEADER, ROW))
    for name in expected.events.columns:
        assert np.array_equal(getattr(candidates.events, name), getattr(expected.events, name)), (
            name
        )


def changed(**values: str) -> str:
    row = dict(zip(COLUMNS, ROW.split("\t"), strict=True))
    return "\t".join((row | values).values())


def test_the_electron_of_larger_et_comes_first_with_all_that_is_its_own(tmp_path: Path) -> None:
    row = changed(**{"energy_ECAL_ele[1]": "91.5", "gainSeedSC[1]": "1", "eleID[1]": "4"})
    (candidates,) = read(write(tmp_path, HEADER, row))
    assert candidates.events.et[0, 0] > candidates.events.et[0, 1]
    assert candidates.events.gain.tolist() == [[6, 12]]
    assert candidates.events.identification.tolist() == [[4, 28]]
    assert candidates.events.phi[0].tolist() == [np.float32(-0.3555424), np.float32(2.940552)]


@pytest.mark.parametrize(("code", "gain"), [(0, 12), (1, 6), (2, 1), (3, 1)])
def test_gains_are_decoded(code: int, gain: int, tmp_path: Path) -> None:
    (candidates,) = read(write(tmp_path, HEADER, changed(**{"gainSeedSC[0]": str(code)})))
    assert candidates.events.gain[0, 0] == gain


def test_a_missing_float_is_no_finite_value(tmp_path: Path) -> None:
    (candidates,) = read(write(tmp_path, HEADER, ROW, changed(**{"R9Ele[1]": ""})))
    assert np.isnan(candidates.events.r9).tolist() == [[False, False], [False, True]]


def select(
    tmp_path: Path, files: list[tuple[str, str]], kind: Kind = "data", **settings: Any
) -> int:
    write_job(
        tmp_path / "job.json",
        Job(kind, tuple(JobFile(*file, tmp_path / file[1]) for file in files)),
    )
    write_settings(tmp_path / "settings.json", SelectSettings(**settings))
    names = ("job.json", "settings.json", "events.arrow", "summary.json")
    flags = ("--job", "--settings", "--output", "--summary")
    pairs = zip(flags, (str(tmp_path / name) for name in names), strict=True)
    return main(["select", *(word for pair in pairs for word in pair)])


@pytest.mark.parametrize("kind", ["data", "sim"])
def test_selected_events_survive_the_text(tmp_path: Path, kind: Kind) -> None:
    events = generate(TRUTH, kind, 3000)
    branches = ntuple_branches(events, **other_branches(TRUTH, kind, 3000, 0, 0))
    write_ntuple(tmp_path / "n.root", [branches])
    assert select(tmp_path, [("selected", "n.root")], kind, charge="any", write_tsv=True) == 0
    first = open_events(tmp_path / "events.arrow").read()
    identification = branches["eleID"][:, :2]
    (tmp_path / "events.tsv").rename(tmp_path / "slim.csv")

    # eta of the electron now stands for that of the supercluster, so the cuts on it stay out
    everywhere = {"abs_eta_max": 5.0, "gap": (0.0, 0.0)}
    files = [("-", "slim.csv")]
    assert select(tmp_path, files, kind, charge="any", write_tsv=True, **everywhere) == 0
    again = open_events(tmp_path / "events.arrow").read()
    assert len(again) == len(first) > 1000
    for name in ("run", "mass", "phi", "r9", "gain"):
        assert np.array_equal(getattr(again, name), getattr(first, name)), name
    assert np.array_equal(again.eta, np.abs(first.eta))
    np.testing.assert_allclose(again.et, first.et, rtol=3e-7)
    kept = np.isin(events.event, first.event)
    (slim,) = read(tmp_path / "slim.csv", kind)
    assert np.array_equal(slim.events.identification, identification[kept])
    # what was written from text is the text, but for the rounding of energies
    one, two = (np.loadtxt(tmp_path / n, skiprows=1) for n in ("slim.csv", "events.tsv"))
    np.testing.assert_allclose(two, one, rtol=3e-7)


def test_the_summary_says_what_is_missing(tmp_path: Path) -> None:
    write(tmp_path, HEADER, ROW)
    assert select(tmp_path, [("-", "slim.csv")], "sim", charge="any") == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["files"][0]["entries"] == 1
    assert summary["files"][0]["tree"] == "-"
    assert [note.partition(": ")[2] for note in summary["notes"]] == [
        "no sign of eta, so the rapidity of the Z is not known",
        "no position of the supercluster, so categories use abs(eta) of the electron",
        "no event number, so events are numbered by file and row",
        "no generator weight, so all weights are 1",
    ]


def test_nothing_but_events_arrow_is_written_unless_asked(tmp_path: Path) -> None:
    write(tmp_path, HEADER, ROW)
    assert select(tmp_path, [("-", "slim.csv")], charge="any") == 0
    assert not (tmp_path / "events.tsv").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "slim.csv: slim events have no charge, but charge is 'opposite'; write charge: any"),
        (
            {"charge": "any", "pileup_weights": (1.0,)},
            "slim.csv: slim events have no number of pile-up interactions",
        ),
    ],
)
def test_what_cannot_be_selected_by_is_refused(
    settings: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, HEADER, ROW)
    assert select(tmp_path, [("-", "slim.csv")], "sim", **settings) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "events.arrow").exists()


def test_check_refuses_it_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, HEADER, ROW)
    (tmp_path / "samples.tsv").write_text("data\t-\tslim.csv\nmc\t-\tother.csv\n")
    (tmp_path / "other.csv").touch()
    values = {"samples": str(tmp_path / "samples.tsv"), "era": "e"}
    flags = ["--inputs", str(tmp_path / "inputs.yml"), "--output", str(tmp_path / "check")]
    good = {"charge": "any", "reweight": False}
    for more, message in (
        (good, r"other\.csv: has no column 'R9Ele\[0\]'; give a header line"),
        ({}, "slim.csv: slim events have no charge, but charge is 'opposite'; write charge: any"),
        ({"charge": "any"}, "slim.csv: slim events have no sign of eta, .*; write reweight: false"),
    ):
        (tmp_path / "inputs.yml").write_text(yaml.safe_dump(values | more))
        assert main(["check", *flags]) == 1
        assert re.search(message, capsys.readouterr().err)
    (tmp_path / "other.csv").write_text(f"{HEADER}\n{ROW}\n")
    (tmp_path / "inputs.yml").write_text(yaml.safe_dump(values | good))
    assert main(["check", *flags]) == 0


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([HEADER], r"slim.csv: has no events; remove it from the sample list"),
        ([], r"slim.csv: has no column 'R9Ele\[0\]'; give a header line"),
        ([HEADER.replace("\t", ","), ROW.replace("\t", ",")], r"has no column 'R9Ele\[0\]'; .* TAB"),
        ([HEADER.replace("phiEle[1]", "phi[1]"), ROW], r"has no column 'phiEle\[1\]'"),
        ([HEADER.replace("phiEle[1]", "phiEle[0]"), ROW], r"has several columns 'phiEle\[0\]'"),
        ([HEADER, ROW, ROW.rpartition("\t")[0]], r"cannot be read \(CSV parse error: Expected 14 col"),
        ([HEADER, changed(runNumber="x")], r"cannot be read \(In CSV column .*'x'"),
        ([HEADER, changed(runNumber="")], r"1 rows have no runNumber"),
        ([HEADER, changed(runNumber="-5")], r"runNumber is -5"),
    ],
)  # fmt: skip
def test_a_bad_table_is_one_line(lines: list[str], message: str, tmp_path: Path) -> None:
    path = write(tmp_path, *lines)
    with pytest.raises(InputError, match=message) as error:
        read(path)
    assert "\n" not in str(error.value)


def test_an_unknown_gain_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, HEADER, changed(**{"gainSeedSC[0]": "256"}))
    assert select(tmp_path, [("-", "slim.csv")], charge="any") == 1
    assert "column 'gainSeedSC' holds other codes than 0, 1, 2 and 3" in capsys.readouterr().err


def test_a_root_file_without_its_tree_is_refused(tmp_path: Path) -> None:
    events = generate(TRUTH, "data", 10)
    branches = ntuple_branches(events, **other_branches(TRUTH, "data", 10, 0, 0))
    write_ntuple(tmp_path / "n.root", [branches])
    with pytest.raises(InputError, match=r"n.root: (is no text|has no column)"):
        read(tmp_path / "n.root")


def test_blocks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, HEADER, *[changed(runNumber=str(i)) for i in range(300)])
    (whole,) = read(path)
    monkeypatch.setattr("scalesmear.io.slimevents.BLOCK", 2000)
    parts = read(path)
    assert len(parts) > 3
    joined = Events.concatenate(part.events for part in parts)
    for name in whole.events.columns:
        assert np.array_equal(getattr(joined, name), getattr(whole.events, name)), name
