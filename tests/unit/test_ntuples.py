"""Ntuples of several shapes; what is wrong with a file is said in one line."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import pytest
import uproot

from scalesmear.cli import main
from scalesmear.errors import InputError
from scalesmear.events import Events
from scalesmear.io import ntuples
from scalesmear.io.eventfile import open_events
from scalesmear.io.files import write_settings
from scalesmear.io.ntuples import ntuple_branches, open_ntuple, write_ntuple
from scalesmear.io.samples import Job, JobFile, write_job
from scalesmear.kinematics import pair_mass
from scalesmear.provenance import adler32
from scalesmear.selection import SelectSettings
from scalesmear.toys import generate, make_truth, other_branches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.histogram import Kind
    from scalesmear.selection import Candidates

    Branches = dict[str, NDArray[Any]]

TRUTH = make_truth(1)
N = 400


def branches(kind: Kind = "data", n: int = N) -> Branches:
    events = generate(TRUTH, kind, n)
    return ntuple_branches(events, **other_branches(TRUTH, kind, n, 0, 0))


def write(path: Path, content: Branches, tree: str = "selected", pieces: int = 1) -> Path:
    n = len(content["phiEle" if "phiEle" in content else "etaEle"])
    cuts = np.linspace(0, n, pieces + 1).astype(int)
    parts = ({k: v[a:b] for k, v in content.items()} for a, b in pairwise(cuts))
    write_ntuple(path, parts, tree)
    return path


def read(path: Path, kind: Kind = "data", tree: str = "selected") -> list[Candidates]:
    with open_ntuple(path, tree, kind, path.name) as ntuple:
        return list(ntuple.candidates())


def read_events(path: Path, kind: Kind = "data") -> Events:
    return Events.concatenate(batch.events for batch in read(path, kind))


def assert_same(found: Events, expected: Events, but: tuple[str, ...] = ()) -> None:
    for name in expected.columns:
        if name not in but:
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)


@pytest.mark.parametrize("kind", ["data", "sim"])
def test_events_survive_the_ntuple(tmp_path: Path, kind: Kind) -> None:
    events = generate(TRUTH, kind, N)
    found = read_events(write(tmp_path / "n.root", branches(kind)), kind)
    assert_same(found, events, but=("et", "identification"))
    # Et is written as an energy, rounded to float32
    np.testing.assert_allclose(found.et, events.et, rtol=3e-7)


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd", "zlib", "lzma"])
def test_compression_changes_nothing(tmp_path: Path, compression: str) -> None:
    content = branches()
    write_ntuple(tmp_path / "n.root", [content], compression=compression)
    with uproot.open(tmp_path / "n.root") as file:
        branch = file["selected"]["phiEle"]
        assert (branch.compressed_bytes < branch.uncompressed_bytes) == (compression != "none")
    np.testing.assert_array_equal(
        read_events(tmp_path / "n.root").mass, content["invMass_ECAL_ele"]
    )


def test_baskets_and_chunks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = branches()
    whole = read_events(write(tmp_path / "whole.root", content))
    path = write(tmp_path / "pieces.root", content, pieces=7)
    monkeypatch.setattr(ntuples, "CHUNK_SIZE", 37)
    assert [len(batch.events) for batch in read(path)] == [37] * 10 + [30]
    assert_same(read_events(path), whole)


def test_the_leading_electron_comes_first_whatever_the_file_says(tmp_path: Path) -> None:
    content = branches()
    expected = read(write(tmp_path / "a.root", content))[0]
    swapped = {k: v if v.ndim == 1 else v.copy() for k, v in content.items()}
    for values in swapped.values():
        if values.ndim == 2:
            values[::2, :2] = values[::2, 1::-1]
    (found,) = read(write(tmp_path / "b.root", swapped))
    assert_same(found.events, expected.events)
    assert np.all(found.events.et[:, 0] >= found.events.et[:, 1])
    np.testing.assert_array_equal(found.events.identification, expected.events.identification)
    assert found.charge is not None
    np.testing.assert_array_equal(found.charge, expected.charge)


def test_the_third_slot_is_not_read(tmp_path: Path) -> None:
    content = branches()
    expected = read_events(write(tmp_path / "a.root", content))
    for values in content.values():
        if values.ndim == 2:
            values[:, 2] = 77
    assert_same(read_events(write(tmp_path / "b.root", content)), expected)


def test_the_gain_is_decoded_as_a_bit_mask(tmp_path: Path) -> None:
    content = branches(n=4)
    content["gainSeedSC"][:, :2] = [[0, 0], [1, 1], [2, 2], [3, 3]]
    found = read_events(write(tmp_path / "n.root", content))
    assert found.gain.tolist() == [[12, 12], [6, 6], [1, 1], [1, 1]]


def test_wider_types_are_read(tmp_path: Path) -> None:
    content = branches("sim")
    expected = read_events(write(tmp_path / "a.root", content), "sim")
    wider = {"f": np.float64, "u": np.int64, "i": np.int32}
    cast = {k: v.astype(wider[v.dtype.kind]) for k, v in content.items()}
    assert_same(read_events(write(tmp_path / "b.root", cast), "sim"), expected)


def test_the_et_is_energy_over_cosh_of_eta(tmp_path: Path) -> None:
    content = branches(n=1)
    content["energy_ECAL_ele"][0, :2] = 100.0, 50.0
    content["etaEle"][0, :2] = 1.0, -0.5
    found = read_events(write(tmp_path / "n.root", content))
    assert found.et[0].tolist() == pytest.approx([100 / np.cosh(1.0), 50 / np.cosh(0.5)], rel=1e-6)


def test_weights_are_those_of_simulation_and_one_in_data(tmp_path: Path) -> None:
    content = branches("sim")
    path = write(tmp_path / "n.root", content)
    assert np.all(read_events(path, "data").weight == 1)
    np.testing.assert_array_equal(read_events(path, "sim").weight, content["mcGenWeight"])
    del content["mcGenWeight"]
    path = write(tmp_path / "n.root", content)
    assert np.all(read_events(path, "sim").weight == 1)
    with open_ntuple(path, "selected", "sim", "n.root") as ntuple:
        assert ntuple.notes == ["n.root: no branch mcGenWeight, so all weights are 1"]


def test_without_event_numbers_entries_are_numbered_apart_for_each_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = branches()
    del content["eventNumber"], content["chargeEle"]
    monkeypatch.setattr(ntuples, "CHUNK_SIZE", 100)
    first, second = (read_events(write(tmp_path / name, content)) for name in ("a.root", "b.root"))
    assert np.all(np.diff(first.event.astype(np.int64)) == 1)
    assert len(np.unique([first.event, second.event])) == 2 * N
    (batch, *_) = read(tmp_path / "a.root")
    assert batch.charge is None
    with open_ntuple(tmp_path / "a.root", "selected", "data", "a.root") as ntuple:
        assert [note.partition(",")[0] for note in ntuple.notes] == [
            "a.root: no branch chargeEle",
            "a.root: no branch eventNumber",
        ]


@pytest.mark.parametrize(
    "branch",
    ["runNumber", "R9Ele", "etaEle", "etaSCEle", "phiEle", "energy_ECAL_ele",
     "invMass_ECAL_ele", "gainSeedSC", "eleID"],
)  # fmt: skip
def test_a_missing_branch_is_named(tmp_path: Path, branch: str) -> None:
    content = branches(n=3)
    del content[branch]
    path = write(tmp_path / "n.root", content)
    with pytest.raises(InputError, match=rf"n\.root: tree 'selected': no branch '{branch}'; "):
        read(path)


def test_a_branch_of_the_wrong_shape_is_refused(tmp_path: Path) -> None:
    content = branches(n=3)
    path = write(tmp_path / "n.root", content | {"R9Ele": content["R9Ele"][:, 0]})
    with pytest.raises(InputError, match=r"branch 'R9Ele' is of type float; .* 2 or 3 numbers"):
        read(path)
    path = write(tmp_path / "n.root", content | {"R9Ele": content["R9Ele"][:, :1]})
    with pytest.raises(InputError, match=r"branch 'R9Ele' is of type float\[1\]"):
        read(path)
    path = write(tmp_path / "n.root", content | {"runNumber": content["eleID"]})
    with pytest.raises(InputError, match=r"branch 'runNumber' .*it must be a number per entry"):
        read(path)


def test_arrays_of_varying_length_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "n.root"
    content = branches(n=3)
    del content["R9Ele"]
    with uproot.recreate(path) as file:
        types = {k: np.dtype((v.dtype, v.shape[1:])) for k, v in content.items()}
        tree = file.mktree("selected", types | {"R9Ele": "var * float32"})
        tree.extend(content | {"R9Ele": ak.values_astype(ak.Array([[0.9, 0.8], [0.7], []]), "f4")})
    with pytest.raises(InputError, match="branch 'R9Ele' is of type"):
        read(path)


def test_arrays_of_two_are_enough(tmp_path: Path) -> None:
    content = branches()
    expected = read_events(write(tmp_path / "a.root", content))
    two = {k: v if v.ndim == 1 else v[:, :2] for k, v in content.items()}
    assert_same(read_events(write(tmp_path / "b.root", two)), expected)


def test_a_tree_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    path = write(tmp_path / "n.root", branches(n=3), tree="extra")
    with pytest.raises(
        InputError, match=r"n\.root: there is no tree 'selected'; it has extra; mend"
    ):
        read(path)


def test_what_is_no_tree_is_refused(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "n.root") as file:
        file["selected"] = np.histogram([1.0, 2.0])
    with pytest.raises(InputError, match=r"n\.root: 'selected' is a TH1D; it has no tree at all"):
        read(tmp_path / "n.root")


def test_a_tree_in_a_folder_is_found(tmp_path: Path) -> None:
    path = tmp_path / "n.root"
    with uproot.recreate(path) as file:
        content = branches(n=3)
        types = {k: np.dtype((v.dtype, v.shape[1:])) for k, v in content.items()}
        tree = file.mktree("demo/selected", types)
        tree.extend(content)
    assert sum(len(batch.events) for batch in read(path, tree="demo/selected")) == 3


def test_an_empty_tree_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "n.root", {k: v[:0] for k, v in branches(n=3).items()})
    with pytest.raises(InputError, match=r"n\.root: tree 'selected' is empty; remove the file"):
        read(path)


@pytest.mark.parametrize("part", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path: Path, part: float) -> None:
    path = write(tmp_path / "n.root", branches(n=5000), pieces=3)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(InputError, match=r"n\.root: is (truncated|damaged).*; copy or produce"):
        read(path)


def test_a_file_with_holes_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "n.root", branches(n=5000))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle - 20000 : middle + 20000] = bytes(40000)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"n\.root: tree 'selected': is damaged"):
        read(path)


def test_f7_pileup_weights_multiply_signed_weights_of_the_generator(tmp_path: Path) -> None:
    content = branches("sim") | {"nPU": np.arange(N, dtype=np.uint8) % 3}
    path = write(tmp_path / "n.root", content)
    expected = content["mcGenWeight"] * np.array([2.0, 0.0, 0.5], np.float32)[content["nPU"]]
    assert expected.min() < 0 < expected.max()
    for kind, weight in (("sim", expected), ("data", np.ones(N))):
        with open_ntuple(path, "selected", kind, "n.root", (2.0, 0.0, 0.5)) as ntuple:  # type: ignore[arg-type]
            found = Events.concatenate(part.events for part in ntuple.candidates())
        np.testing.assert_array_equal(found.weight, weight.astype(np.float32))


def test_pileup_that_the_table_does_not_know_is_refused(tmp_path: Path) -> None:
    content = branches("sim") | {"nPU": np.arange(N, dtype=np.uint8) % 4}
    path = write(tmp_path / "n.root", content)
    with (
        pytest.raises(InputError, match=r"'nPU' is 3 in entry 3, .* ends at 2"),
        open_ntuple(path, "selected", "sim", "n.root", (1.0, 1.0, 1.0)) as ntuple,
    ):
        list(ntuple.candidates())
    without = write(tmp_path / "m.root", {k: v for k, v in content.items() if k != "nPU"})
    with (
        pytest.raises(InputError, match="no branch 'nPU'"),
        open_ntuple(without, "selected", "sim", "m.root", (1.0, 1.0)),
    ):
        pass


def test_a_weight_that_is_not_a_number_is_refused(tmp_path: Path) -> None:
    content = branches("sim")
    content["mcGenWeight"][123] = np.nan
    path = write(tmp_path / "n.root", content)
    with pytest.raises(InputError, match=r"branch 'mcGenWeight' is nan in entry 123; remove"):
        read(path, "sim")


def test_a_writer_that_fails_leaves_no_file(tmp_path: Path) -> None:
    def chunks() -> Any:
        yield branches(n=3)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write_ntuple(tmp_path / "n.root", chunks())
    assert list(tmp_path.iterdir()) == []


# The verb


def select(
    folder: Path, kind: Kind, *files: str, settings: SelectSettings | None = None, tag: str = "job"
) -> int:
    job = Job(kind, tuple(JobFile("selected", name, folder / name) for name in files))
    write_job(folder / f"{tag}.json", job)
    write_settings(folder / "settings.json", settings or SelectSettings(id_bit=8))
    return main(
        ["select", "--job", str(folder / f"{tag}.json"),
         "--settings", str(folder / "settings.json"), "--output", str(folder / f"{tag}.arrow"),
         "--summary", str(folder / f"{tag}-summary.json")]
    )  # fmt: skip


def test_the_verb_writes_events_and_summary(tmp_path: Path) -> None:
    content = branches("sim")
    path = write(tmp_path / "n.root", content)
    assert select(tmp_path, "sim", "n.root") == 0
    file = open_events(tmp_path / "job.arrow")
    events = file.read()
    summary = json.loads((tmp_path / "job-summary.json").read_text())
    assert file.kind == summary["kind"] == "sim"
    assert summary["files"] == [
        {
            "path": "n.root",
            "tree": "selected",
            "entries": N,
            "bytes": path.stat().st_size,
            "adler32": adler32(path),
        }
    ]
    assert summary["cuts"][0] == {
        "name": "all",
        "events": N,
        "sum_of_weights": float(content["mcGenWeight"].sum(dtype=float)),
    }
    assert summary["cuts"][-1]["events"] == file.n_events > N / 2
    assert summary["sum_of_weights"] == events.weight.sum(dtype=float)
    assert summary["largest_weight"] == np.abs(events.weight).max()
    assert summary["runs"] == {}
    assert summary["notes"] == []
    assert "versions" in summary["provenance"]


def test_the_selected_events_are_those_that_pass_by_hand(tmp_path: Path) -> None:
    content = branches()
    write(tmp_path / "n.root", content)
    assert select(tmp_path, "data", "n.root") == 0
    energy, eta, eta_sc, identification, charge = (
        content[name][:, :2].astype(float)
        for name in ("energy_ECAL_ele", "etaEle", "etaSCEle", "eleID", "chargeEle")
    )
    et, abs_eta = energy / np.cosh(eta), np.abs(eta_sc)
    mass = content["invMass_ECAL_ele"]
    keep = (mass >= 60) & (mass < 120) & (et.max(axis=1) >= 30.4) & (et.min(axis=1) >= 19)
    keep &= np.all((abs_eta < 1.4442) | ((abs_eta >= 1.566) & (abs_eta < 2.5)), axis=1)
    keep &= np.all(identification.astype(int) & 8 == 8, axis=1) & (charge.prod(axis=1) == -1)
    events = open_events(tmp_path / "job.arrow").read()
    np.testing.assert_array_equal(events.event, content["eventNumber"][keep])
    np.testing.assert_allclose(pair_mass(events.et, events.eta, events.phi), mass[keep], rtol=1e-5)
    runs, counts = np.unique(content["runNumber"][keep], return_counts=True)
    summary = json.loads((tmp_path / "job-summary.json").read_text())
    assert summary["runs"] == {str(r): n for r, n in zip(runs, counts, strict=True)}


def test_files_of_a_job_and_jobs_of_a_file_give_the_same_events(tmp_path: Path) -> None:
    content = branches()
    half = (
        {k: v[: N // 2] for k, v in content.items()},
        {k: v[N // 2 :] for k, v in content.items()},
    )
    for name, part in zip(("a.root", "b.root"), half, strict=True):
        write(tmp_path / name, part)
    write(tmp_path / "whole.root", content)
    assert select(tmp_path, "data", "whole.root", tag="whole") == 0
    assert select(tmp_path, "data", "a.root", "b.root", tag="both") == 0
    whole, both = (
        json.loads((tmp_path / f"{t}-summary.json").read_text()) for t in ("whole", "both")
    )
    for key in ("cuts", "runs", "sum_of_weights"):
        assert whole[key] == both[key]
    events = [open_events(tmp_path / f"{tag}.arrow").read() for tag in ("whole", "both")]
    assert_same(events[0], events[1])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"mcGenWeight": 0.0}, "the weights of its 400 entries add up to 0"),
        ({"mcGenWeight": np.inf}, "branch 'mcGenWeight' is inf in entry 0"),
        ({"gainSeedSC": 12}, "branch 'gainSeedSC' holds other codes than 0, 1, 2 and 3"),
    ],
)
def test_bad_values_end_the_verb_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: dict[str, Any], message: str
) -> None:
    content = branches("sim")
    for name, value in damage.items():
        content[name][:] = value
    write(tmp_path / "n.root", content)
    assert select(tmp_path, "sim", "n.root") == 1
    (line,) = [e for e in capsys.readouterr().err.splitlines() if not e.startswith("progress")]
    assert line.startswith("scalesmear select: ")
    assert message in line
    assert not list(tmp_path.glob("*.arrow"))
    assert not list(tmp_path.glob(".*"))


def test_a_file_that_is_not_visible_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert select(tmp_path, "data", "none.root") == 1
    error = capsys.readouterr().err
    assert "none.root does not exist" in error
    assert "in containers only files below the input folder are visible" in error


def test_an_unknown_setting_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "n.root", branches(n=3))
    select(tmp_path, "data", "n.root")
    (tmp_path / "settings.json").write_text('{"pt_min": 3}')
    words = ["select", "--job", str(tmp_path / "job.json"), "--output", "x"]
    words += ["--summary", "y", "--settings", str(tmp_path / "settings.json")]
    assert main(words) == 1
    assert "unknown key 'pt_min'" in capsys.readouterr().err
