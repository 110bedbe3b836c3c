"""The sample list of a derivation, and the jobs that its files are split into.

A line of the list is ``type<TAB>tree<TAB>path``, where type is ``data``, ``sim`` (``mc`` means the
same) or ``other``, another simulation for systematic errors, and the path starts at the folder of the
list. Blank lines and lines that start with ``#`` are skipped. In place of the tree, ``-`` says that the
file is a table of slim events.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from scalesmear.errors import InputError
from scalesmear.io.files import existing, write_text

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from scalesmear.histogram import Kind
    from scalesmear.selection import SelectSettings

OTHER = "other"
"""Type of the files of another simulation."""

KINDS: dict[str, Literal["data", "sim"]] = {"data": "data", "sim": "sim", "mc": "sim", OTHER: "sim"}

NO_TREE = "-"
"""What a line has in place of the tree, if its file is a table of slim events."""


@dataclass(frozen=True)
class Sample:
    """One line of a sample list."""

    kind: Kind
    tree: str
    path: str  # as listed
    other: bool = False  # simulation that only a variation takes, in place of the nominal one


class JobFile(NamedTuple):
    """A file of a job: its tree, its path as listed, and where it is."""

    tree: str
    listed_as: str
    place: Path


@dataclass(frozen=True)
class Job:
    """The files that one job selects events from, all of one kind."""

    kind: Kind
    files: tuple[JobFile, ...]


def read_samples(path: str | os.PathLike[str]) -> tuple[Sample, ...]:
    """Read a sample list, and make sure that its files exist.

    Raises
    ------
    InputError
        If a line has not three columns or an unknown type, a file is missing or listed twice, or
        nothing is listed.
    """
    found = existing(path, "sample list")
    samples: dict[tuple[str, str], Sample] = {}
    for number, line in enumerate(_lines(found), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"{found}:{number}"
        sample = _sample(line, where)
        existing_input(found.parent / sample.path, where)
        if (sample.tree, sample.path) in samples:
            raise InputError(where, f"{sample.path} is listed twice", "remove one of the lines")
        samples[sample.tree, sample.path] = sample
    if not samples:
        raise InputError(found, "lists no file", "write type<TAB>tree<TAB>path lines")
    return tuple(samples.values())


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(path, f"not a text file ({error})", "give a sample list") from error


def _sample(line: str, where: str) -> Sample:
    columns = [column.strip() for column in line.split("\t")]
    if len(columns) != 3 or not all(columns):
        problem = f"has {len(columns)} columns separated by TAB: {line.strip()!r}"
        raise InputError(where, problem, "write type<TAB>tree<TAB>path")
    kind, tree, path = columns
    if kind not in KINDS:
        raise InputError(where, f"type is {kind!r}", "write data, sim or other")
    return Sample(KINDS[kind], tree, path, kind == OTHER)


def existing_input(path: Path, where: str) -> Path:
    """Return the place of an input file.

    Raises
    ------
    InputError
        If it is not there.
    """
    if not path.is_file():
        cure = (
            "paths start at the folder of the sample list; "
            "in containers only files below the input folder are visible"
        )
        raise InputError(where, f"input file {path} does not exist", cure)
    return path


def check_slim(settings: SelectSettings, kind: Kind, where: str) -> None:
    """Refuse to select slim events by what they do not have.

    Raises
    ------
    InputError
        If charges or the number of pile-up interactions are asked for.
    """
    if settings.charge != "any":
        problem = f"slim events have no charge, but charge is {settings.charge!r}"
        raise InputError(where, problem, "write charge: any")
    if settings.pileup_weights and kind == "sim":
        problem = "slim events have no number of pile-up interactions, but pileup_weights is given"
        raise InputError(where, problem, "leave pileup_weights out, or give ROOT files")


def split_jobs(samples: Iterable[Sample], files_per_job: int, folder: Path) -> tuple[Job, ...]:
    """Return jobs of at most `files_per_job` files of one kind, in the order of their first files.

    So a line at the end of the list changes no job before it, but the last of its kind if that has
    room. Paths of the list start at `folder`.
    """
    if files_per_job < 1:
        raise ValueError(f"files_per_job is {files_per_job}, it must be at least 1")
    jobs: list[tuple[Kind, list[JobFile]]] = []
    last: dict[Kind, list[JobFile]] = {}
    for sample in samples:
        if len(last.get(sample.kind, ())) % files_per_job == 0:
            last[sample.kind] = []
            jobs.append((sample.kind, last[sample.kind]))
        last[sample.kind].append(JobFile(sample.tree, sample.path, folder / sample.path))
    return tuple(Job(kind, tuple(files)) for kind, files in jobs)


def write_job(path: str | os.PathLike[str], job: Job) -> None:
    """Write a job: its lines of the sample list, each with the place of its file."""
    lines = ("\t".join([job.kind, *map(str, file)]) + "\n" for file in job.files)
    write_text(path, "".join(lines))


def read_job(path: str | os.PathLike[str]) -> Job:
    """Read a job.

    Raises
    ------
    InputError
        If the file is missing or does not describe a job.
    """
    cure = "write it again with scalesmear check"
    lines = [line.split("\t") for line in _lines(existing(path, "job"))]
    kinds = {line[0] for line in lines}
    if len(kinds) != 1 or not kinds <= {"data", "sim"} or any(len(line) != 4 for line in lines):
        raise InputError(path, "not a job, lines of one kind with tree, path and place", cure)
    files = tuple(JobFile(tree, listed_as, Path(place)) for _, tree, listed_as, place in lines)
    return Job(KINDS[kinds.pop()], files)
