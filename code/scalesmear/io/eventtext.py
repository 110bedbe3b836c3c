"""Events as text, for programs that read no Arrow: a line per event, columns separated by TAB.

The header has the names of `scalesmear.events.COLUMNS`; a column of the electrons is two, ``et[0]`` of
the harder and ``et[1]`` of the softer one. Numbers are the shortest that are read back as they were.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from scalesmear.events import COLUMNS
from scalesmear.io.files import whole_file

if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Self

    from scalesmear.events import Events

OPTIONS = pc.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")


def header() -> list[str]:
    """Return the names of the columns of the text."""
    return [part for name in COLUMNS for part in _names(name)]


def _names(name: str) -> list[str]:
    return [f"{name}[0]", f"{name}[1]"] if COLUMNS[name].per_electron else [name]


class EventTextWriter:
    """Writes events with all columns, in a file that appears when the block ends well."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        part = self._stack.enter_context(whole_file(self._path))
        self._sink = self._stack.enter_context(part.open("wb"))
        self._sink.write(("\t".join(header()) + "\n").encode())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, events: Events) -> None:
        """Append events."""
        pc.write_csv(_record_batch(events), self._sink, OPTIONS)


def _record_batch(events: Events) -> pa.RecordBatch:
    columns = [getattr(events, name).reshape(len(events), -1) for name in COLUMNS]
    arrays = [pa.array(np.ascontiguousarray(part)) for values in columns for part in values.T]
    return pa.RecordBatch.from_arrays(arrays, names=header())
