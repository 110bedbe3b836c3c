"""Sample lists and the jobs that they are split into."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scalesmear.errors import InputError
from scalesmear.io.samples import (
    Job,
    JobFile,
    Sample,
    read_job,
    read_samples,
    split_jobs,
    write_job,
)

if TYPE_CHECKING:
    from scalesmear.histogram import Kind


def write_list(folder: Path, text: str, *files: str) -> Path:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    path = folder / "samples.tsv"
    path.write_bytes(text.encode())
    return path


def test_lines_are_type_tree_and_path(tmp_path: Path) -> None:
    path = write_list(
        tmp_path,
        "# era 2018\n\ndata\tselected\tn/d.root\r\nsim\tdemo/selected\tm c.root\nmc\tselected\tm.root",
        "n/d.root",
        "m c.root",
        "m.root",
    )
    assert read_samples(path) == (
        Sample("data", "selected", "n/d.root"),
        Sample("sim", "demo/selected", "m c.root"),
        Sample("sim", "selected", "m.root"),
    )


def test_another_simulation_is_simulation_beside_the_nominal_one(tmp_path: Path) -> None:
    text = "sim\tselected\ts.root\nother\tselected\to.root\n"
    path = write_list(tmp_path, text, "s.root", "o.root")
    assert read_samples(path) == (
        Sample("sim", "selected", "s.root"),
        Sample("sim", "selected", "o.root", other=True),
    )


def test_the_type_is_not_guessed_from_the_path(tmp_path: Path) -> None:
    path = write_list(tmp_path, "sim\tselected\tdata.root\n", "data.root")
    assert read_samples(path)[0].kind == "sim"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data\tselected\n", r"tsv:1: has 2 columns separated by TAB: .*; write type<TAB>"),
        ("#\ndata selected d.root\n", r"tsv:2: has 1 columns"),
        ("data\t\td.root\n", r"tsv:1: has 3 columns"),
        ("signal\tselected\td.root\n", r"tsv:1: type is 'signal'; write data, sim or other"),
        (
            "data\tselected\tnone.root\n",
            r"tsv:1: input file .*none\.root does not exist; .*in cont",
        ),
        ("data\tt\td.root\nsim\tt\td.root\n", r"tsv:2: d\.root is listed twice"),
        ("# nothing\n", r"tsv: lists no file"),
    ],
)
def test_a_bad_line_is_refused_with_its_number(tmp_path: Path, text: str, message: str) -> None:
    path = write_list(tmp_path, text, "d.root")
    with pytest.raises(InputError, match=message):
        read_samples(path)


def test_a_list_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "samples.tsv"
    path.write_bytes(b"root\xff\xfe")
    with pytest.raises(InputError, match="not a text file"):
        read_samples(path)


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"samples\.tsv: sample list does not exist"):
        read_samples(tmp_path / "samples.tsv")


def test_jobs_hold_each_file_once_and_one_kind() -> None:
    samples = [Sample("sim" if i % 3 else "data", "t", f"{i}.root") for i in range(10)]
    jobs = split_jobs(samples, 3, Path("/in"))
    # 4 data files: 3 + 1; 6 of simulation: 3 + 3; by the places 0, 1, 5 and 9 of their first files
    assert [(job.kind, len(job.files)) for job in jobs] == [
        ("data", 3), ("sim", 3), ("sim", 3), ("data", 1),
    ]  # fmt: skip
    listed = [(job.kind, file.listed_as) for job in jobs for file in job.files]
    assert sorted(listed) == sorted((s.kind, s.path) for s in samples)
    assert jobs[0].files[1] == ("t", "3.root", Path("/in/3.root"))


@pytest.mark.parametrize("kind", ["data", "sim"])
def test_a_line_more_changes_no_job_but_the_last_of_its_kind(kind: Kind) -> None:
    samples = [Sample("sim" if i % 2 else "data", "t", f"{i}.root") for i in range(8)]
    before = split_jobs(samples, 3, Path("/in"))
    after = split_jobs([*samples, Sample(kind, "t", "8.root")], 3, Path("/in"))
    changed = [old for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [[job for job in before if job.kind == kind][-1]]
    full = split_jobs(samples[:6], 3, Path("/in"))
    assert split_jobs([*samples[:6], Sample(kind, "t", "8.root")], 3, Path("/in"))[:-1] == full


def test_a_job_needs_room_for_a_file() -> None:
    with pytest.raises(ValueError, match="files_per_job is 0"):
        split_jobs([Sample("data", "t", "d.root")], 0, Path())


def test_a_job_read_back_is_the_one_written(tmp_path: Path) -> None:
    files = (
        JobFile("selected", "a/b.root", Path("/x/a/b.root")),
        JobFile("t", "c d", Path("/c d")),
    )
    write_job(tmp_path / "job.tsv", Job("sim", files))
    assert read_job(tmp_path / "job.tsv") == Job("sim", files)


@pytest.mark.parametrize(
    "text",
    ["", "mc\tt\tp\t/p\n", "sim\tt\tp\n", "sim\tt\tp\t/p\ndata\tt\tq\t/q\n", '{"kind": "sim"}'],
)
def test_what_is_no_job_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "job.tsv").write_text(text)
    with pytest.raises(InputError, match=r"job\.tsv: not a job.*scalesmear check"):
        read_job(tmp_path / "job.tsv")
