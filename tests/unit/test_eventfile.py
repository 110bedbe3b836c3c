"""Events written and read back; what is wrong with a file is said in one line."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from scalesmear.errors import InputError
from scalesmear.events import COLUMNS, Events
from scalesmear.io import eventfile
from scalesmear.io.eventfile import EventWriter, open_events

if TYPE_CHECKING:
    from pathlib import Path


def make_events(n: int, seed: int = 1) -> Events:
    rng = np.random.default_rng(seed)
    return Events(
        **{
            name: rng.integers(0, 13, (n, 2) if column.per_electron else n).astype(column.dtype)
            for name, column in COLUMNS.items()
        }
    )


def assert_same(found: Events, expected: Events) -> None:
    assert found.columns == expected.columns
    for name in expected.columns:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def write(path: Path, *batches: Events) -> Path:
    with EventWriter(path, "data") as writer:
        for batch in batches:
            writer.write(batch)
    return path


def test_events_read_back_are_those_written(tmp_path: Path) -> None:
    events = make_events(1000)
    file = open_events(write(tmp_path / "e.arrow", events))
    assert (file.kind, file.n_events) == ("data", 1000)
    assert_same(file.read(), events)
    assert file.read().et.dtype == np.float32


def test_provenance_travels_with_the_events(tmp_path: Path) -> None:
    file = open_events(write(tmp_path / "e.arrow", make_events(3)))
    assert file.provenance["versions"]["numpy"] == np.__version__


def test_batches_hold_only_the_asked_columns(tmp_path: Path) -> None:
    events = make_events(10)
    (batch,) = open_events(write(tmp_path / "e.arrow", events)).batches(["r9", "mass"])
    assert batch.columns == ("mass", "r9")
    np.testing.assert_array_equal(batch.r9, events.r9)


def test_the_file_does_not_depend_on_how_events_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventfile, "BATCH_SIZE", 100)
    events = make_events(1234)
    cuts = [0, 1, 99, 100, 101, 550, 550, 1234]
    pieces = [events.where(slice(a, b)) for a, b in pairwise(cuts)]
    whole = write(tmp_path / "whole.arrow", events)
    split = write(tmp_path / "split.arrow", *pieces)
    assert split.read_bytes() == whole.read_bytes()
    assert [len(batch) for batch in open_events(split).batches()] == [100] * 12 + [34]
    assert open_events(split).n_events == 1234


def test_a_file_without_events_can_be_read(tmp_path: Path) -> None:
    file = open_events(write(tmp_path / "e.arrow"))
    assert file.n_events == 0
    assert list(file.batches()) == []
    assert file.read(["et"]).et.shape == (0, 2)


def test_events_that_lack_a_column_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="'event' is missing"),
        EventWriter(tmp_path / "e.arrow", "sim") as writer,
    ):
        writer.write(Events(run=np.ones(2, np.uint32)))
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_fails_leaves_the_former_file(tmp_path: Path) -> None:
    path = write(tmp_path / "e.arrow", make_events(5))

    def fail() -> None:
        with EventWriter(path, "data") as writer:
            writer.write(make_events(7))
            raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError, match="fire"):
        fail()
    assert open_events(path).n_events == 5
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.arrow: events file does not exist"):
        open_events(tmp_path / "none.arrow")


@pytest.mark.parametrize("part", [0.0, 0.3, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, part: float) -> None:
    path = write(tmp_path / "e.arrow", make_events(5000))
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(InputError, match=r"e\.arrow: not a whole events file .*; write it again"):
        open_events(path)


def test_a_foreign_arrow_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.arrow"
    table = pa.table({"pt": [1.0]})
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(InputError, match="not an events file, its columns are pt"):
        open_events(path)


def test_a_file_of_unknown_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.arrow"
    layout = eventfile.schema("data").with_metadata({"kind": "mc"})
    with pa.ipc.new_file(path, layout):
        pass
    with pytest.raises(InputError, match="kind is 'mc', it must be data or sim"):
        open_events(path)
