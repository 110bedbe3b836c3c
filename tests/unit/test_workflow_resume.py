from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from packtivity import datamodel
from packtivity.statecontexts.posixfs_context import LocalFSState

from scalesmear.workflow import resume
from scalesmear.workflow.resume import fingerprint, kept_result, leaves, named_files, step_key

if TYPE_CHECKING:
    from pathlib import Path

SPEC = {
    "environment": {"image": "a/b", "imagetag": "1"},
    "process": {"script": "cat -n {n} {source}"},
}


@pytest.fixture(autouse=True)
def code(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Let the code be known by a word; files are looked at anew in each test."""
    monkeypatch.setenv("PACKTIVITY_DATAMODEL_IMPL", "purejson")
    word = {"identity": "first"}
    monkeypatch.setattr(resume, "code_identity", lambda *_: word["identity"])
    resume._file_identity.cache_clear()
    return word


def key(folder: Path, spec: Any = SPEC, **parameters: Any) -> str:
    values = {"source": str(folder / "source"), "output": "{workdir}/x", "n": 1} | parameters
    state = LocalFSState([str(folder / "work")])
    return step_key(spec, datamodel.create(values), state, "host")


def test_key_changes_with_spec_parameter_input_and_code(
    tmp_path: Path, code: dict[str, str]
) -> None:
    (tmp_path / "source").write_text("1")
    keys = [key(tmp_path)]
    assert key(tmp_path) == keys[0]
    keys.append(key(tmp_path, n=2))
    keys.append(key(tmp_path, spec=SPEC | {"process": {"script": "tac -n {n} {source}"}}))
    (tmp_path / "source").write_text("2")
    keys.append(key(tmp_path))
    code["identity"] = "second"
    keys.append(key(tmp_path))
    assert len(set(keys)) == len(keys)


def test_a_parameter_that_the_spec_does_not_name_changes_no_key(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("1")
    (tmp_path / "list").write_text("1")
    before = key(tmp_path, inputdata=str(tmp_path / "list"))
    (tmp_path / "list").write_text("2")
    resume._file_identity.cache_clear()
    assert key(tmp_path, inputdata=str(tmp_path / "list")) == before
    assert key(tmp_path) == before


def test_key_knows_the_content_of_a_small_input_not_its_time(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("1")
    before = key(tmp_path)
    os.utime(source, (1, 1))
    assert key(tmp_path) == before


def test_key_knows_a_large_input_by_size_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "READ_UP_TO", 3)
    source = tmp_path / "source"
    source.write_text("1234")
    os.utime(source, (1, 1))
    before = fingerprint(source)
    source.write_text("4321")
    os.utime(source, (1, 1))
    assert fingerprint(source) == before
    os.utime(source, (2, 2))
    assert fingerprint(source) != before


def test_key_does_not_depend_on_what_the_step_left_itself(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("1")
    before = key(tmp_path)
    (tmp_path / "work").mkdir()
    (tmp_path / "work/x").write_text("output of an earlier run")
    assert key(tmp_path) == before


def test_folder_is_known_by_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1").write_text("1")
    before = fingerprint(tmp_path)
    (tmp_path / "a/2").write_text("")
    assert fingerprint(tmp_path) != before


def test_files_that_a_list_names_are_found(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a.root", "sub/b.root"):
        (tmp_path / name).touch()
    text = f'data\tselected\ta.root\n{{"path": "sub/b.root", "x": 1.5, "other": "none.root"}}\n{"z." * 4000}'
    found = named_files(tmp_path / "samples.tsv", text.encode())
    assert found == [tmp_path / "a.root", tmp_path / "sub/b.root"]
    assert named_files(tmp_path / "samples.tsv", b"\xff a.root") == []


def test_record_counts_only_with_its_key_and_its_files(tmp_path: Path) -> None:
    record, output = tmp_path / "kept.json", tmp_path / "x"
    assert kept_result(record, "k") is None
    record.write_text(json.dumps({"key": "k", "result": {"x": [str(output)], "n": "3"}}))
    assert kept_result(record, "k") is None
    output.touch()
    assert kept_result(record, "k") == {"x": [str(output)], "n": "3"}
    assert kept_result(record, "other") is None
    record.write_text('{"key"')
    assert kept_result(record, "k") is None


def test_leaves_are_all_strings_at_any_depth() -> None:
    assert list(leaves({"a": ["b", {"c": "d"}, 1, None], "e": "f"})) == ["b", "d", "f"]


def test_files_that_a_result_notes_are_no_inputs_of_those_who_read_it(tmp_path: Path) -> None:
    # cut_flow ran again because the job files that the summaries note had been written again
    job, summary = tmp_path / "job.txt", tmp_path / "source.json"
    job.write_text("job")
    summary.write_text(json.dumps({"read": str(job)}))
    before = key(tmp_path, source=str(summary))
    os.utime(job, (1, 1))
    resume._file_identity.cache_clear()
    assert key(tmp_path, source=str(summary)) == before
