"""Files of dielectron events: Arrow IPC (feather version 2), compressed with lz4.

A column of an electron is a list of two, leading first; `scalesmear.events.COLUMNS` names columns
and types. All record batches but the last hold ``BATCH_SIZE`` events, whatever the batches were in
which they came, so that equal events make equal files. The schema's metadata holds `kind` and the
provenance.
"""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa

from scalesmear.errors import InputError
from scalesmear.events import COLUMNS, Events
from scalesmear.io.files import existing, whole_file
from scalesmear.provenance import provenance

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from scalesmear.histogram import Kind

BATCH_SIZE = 1 << 17
"""Events in a record batch: 7 MB in memory."""

CURE = "write it again with scalesmear select"


def schema(kind: Kind, made_by: dict[str, Any] | None = None) -> pa.Schema:
    """Return the Arrow schema of an events file of data or simulation."""
    fields = [pa.field(name, _arrow_type(name), nullable=False) for name in COLUMNS]
    return pa.schema(fields, {"kind": kind, "provenance": json.dumps(made_by or {})})


def _arrow_type(name: str) -> pa.DataType:
    value = pa.from_numpy_dtype(COLUMNS[name].dtype)
    if not COLUMNS[name].per_electron:
        return value
    return pa.list_(pa.field("item", value, nullable=False), 2)


class EventWriter:
    """Writes an events file, which appears when the block ends well and not otherwise.

    ::

        with EventWriter("events.arrow", "data") as writer:
            writer.write(events)

    Parameters
    ----------
    path : path
        The file to write.
    kind : {"data", "sim"}
    """

    def __init__(self, path: str | os.PathLike[str], kind: Kind) -> None:
        self._path = path
        self._schema = schema(kind, provenance())
        self._stack = ExitStack()
        self._rooms = _room(), _room()  # one is filled while the other is written
        self._n_waiting = 0

    def __enter__(self) -> Self:
        part = self._stack.enter_context(whole_file(self._path))
        sink = self._stack.enter_context(pa.OSFile(str(part), "wb"))
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        writer = pa.ipc.new_file(sink, self._schema, options=options)
        self._writer = self._stack.enter_context(writer)
        self._pool = self._stack.enter_context(ThreadPoolExecutor(1))
        self._written: Future[None] = self._pool.submit(lambda: None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, trace)
        else:
            with self._stack:
                if self._n_waiting:
                    self._flush()
                self._written.result()

    def write(self, events: Events) -> None:
        """Append events, which must hold all columns; they may change afterwards."""
        if missing := [name for name in COLUMNS if name not in events.columns]:
            raise ValueError(f"column {missing[0]!r} is missing from the events to write")
        first = 0
        while first < len(events):
            end = min(len(events), first + BATCH_SIZE - self._n_waiting)
            filled = slice(self._n_waiting, self._n_waiting + end - first)
            for name in COLUMNS:
                getattr(self._rooms[0], name)[filled] = getattr(events, name)[first:end]
            self._n_waiting, first = filled.stop, end
            if self._n_waiting == BATCH_SIZE:
                self._flush()

    def _flush(self) -> None:
        """Have a thread write the waiting events, once those before are written."""
        self._written.result()
        batch = _record_batch(self._rooms[0].where(slice(self._n_waiting)), self._schema)
        self._written = self._pool.submit(self._writer.write_batch, batch)
        self._rooms, self._n_waiting = self._rooms[::-1], 0


def _room() -> Events:
    """Return room for a record batch; to use it again is much faster than to ask for memory."""
    shape = {True: (BATCH_SIZE, 2), False: (BATCH_SIZE,)}
    return Events(**{n: np.empty(shape[c.per_electron], c.dtype) for n, c in COLUMNS.items()})


def _record_batch(events: Events, layout: pa.Schema) -> pa.RecordBatch:
    """Return a record batch that shares the memory of the events."""
    arrays = []
    for field in layout:
        values = pa.array(getattr(events, field.name).reshape(-1))
        if COLUMNS[field.name].per_electron:
            values = pa.FixedSizeListArray.from_arrays(values, type=field.type)
        arrays.append(values)
    return pa.RecordBatch.from_arrays(arrays, schema=layout)


class EventFile:
    """An events file open for reading, see `open_events`.

    Attributes
    ----------
    path : pathlib.Path
    kind : {"data", "sim"}
    n_events : int
    provenance : dict
        What made the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        reader = self._reader()
        if reader.schema.names != list(COLUMNS):
            found = ", ".join(reader.schema.names)
            raise InputError(path, f"not an events file, its columns are {found}", CURE)
        metadata = reader.schema.metadata or {}
        kind = metadata.get(b"kind", b"").decode()
        if kind not in ("data", "sim"):
            raise InputError(path, f"kind is {kind!r}, it must be data or sim", CURE)
        self.kind: Kind = cast("Kind", kind)
        self.provenance: dict[str, Any] = json.loads(metadata.get(b"provenance", b"{}"))
        self.n_events = self._count()

    def _reader(self, columns: Sequence[str] | None = None) -> pa.ipc.RecordBatchFileReader:
        """Open the file for some columns; the others are neither read nor decompressed.

        A batch is decompressed by who asks for it: jobs and threads share the cores already.
        """
        names = list(COLUMNS)
        fields = None if columns is None else [names.index(name) for name in columns]
        try:
            options = pa.ipc.IpcReadOptions(included_fields=fields, use_threads=False)
            return pa.ipc.open_file(pa.memory_map(str(self.path)), options=options)
        except (pa.ArrowInvalid, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise InputError(self.path, f"not a whole events file ({reason})", CURE) from error

    def _count(self) -> int:
        """Return the number of events: all batches but the last are of one size."""
        reader = self._reader(["run"])
        full = reader.num_record_batches - 1
        return full * BATCH_SIZE + self._batch(reader, full).num_rows if full >= 0 else 0

    def _batch(self, reader: pa.ipc.RecordBatchFileReader, number: int) -> pa.RecordBatch:
        try:
            return reader.get_batch(number)
        except (pa.ArrowInvalid, OSError) as error:
            problem = f"record batch {number} is damaged ({error})"
            raise InputError(self.path, problem, CURE) from error

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Events]:
        """Yield the events batch by batch, with the asked columns only (default: all).

        Who lets go of a batch before asking for the next has it in memory that the cache holds.

        Raises
        ------
        ValueError
            If a column is unknown.
        InputError
            If a batch is damaged.
        """
        names = list(COLUMNS) if columns is None else list(columns)
        reader = self._reader(names)
        for number in range(reader.num_record_batches):
            yield self._events(reader, number, names)

    def _events(
        self, reader: pa.ipc.RecordBatchFileReader, number: int, names: Sequence[str]
    ) -> Events:
        batch = self._batch(reader, number)
        return Events(**{name: _values(batch.column(name)) for name in names})

    def read(self, columns: Sequence[str] | None = None) -> Events:
        """Return all events at once; for files that are known to be small."""
        return Events.concatenate(self.batches(columns)) if self.n_events else _no_events(columns)


def _values(array: pa.Array) -> np.ndarray[Any, Any]:
    """Return the values of a column without copying them, shape (n,) or (n, 2)."""
    if pa.types.is_fixed_size_list(array.type):
        # `flatten` would do, but imports all of pyarrow's functions
        values: np.ndarray[Any, Any] = array.values.to_numpy().reshape(-1, 2)
        return values[array.offset : array.offset + len(array)]
    return cast("np.ndarray[Any, Any]", array.to_numpy())


def _no_events(columns: Sequence[str] | None) -> Events:
    shape = {True: (0, 2), False: (0,)}
    names = list(COLUMNS) if columns is None else columns
    return Events(**{n: np.zeros(shape[COLUMNS[n].per_electron]) for n in names})


def open_events(path: str | os.PathLike[str]) -> EventFile:
    """Open an events file.

    Raises
    ------
    InputError
        If the file is missing, truncated, or not an events file.
    """
    return EventFile(existing(path, "events file"))
