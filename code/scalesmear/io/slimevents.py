"""Slim events of earlier calibrations: a text table of selected pairs, columns separated by TAB.

Columns are found by their names; others are ignored. What such a file lacks is the sign of eta, so
that the rapidity of the Z is not known, and the mass cannot be computed but is that of the file; the
position of the supercluster, for which that of the electron is taken; charges, weights and event
numbers.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from scalesmear.errors import InputError
from scalesmear.events import Events
from scalesmear.io.ahead import one_ahead
from scalesmear.io.files import whole_file
from scalesmear.io.ntuples import (
    check_gain,
    code_of_gain,
    energy,
    gain_of_code,
    leading_first,
    numbered,
)
from scalesmear.io.samples import NO_TREE
from scalesmear.kinematics import transverse_energy
from scalesmear.selection import Candidates

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from scalesmear.histogram import Kind

BLOCK = 1 << 23
"""Bytes that are parsed at a time: some 80,000 events."""

FLOAT, CODE, RUN, MASK = (np.dtype(t) for t in (np.float32, np.int16, np.int32, np.uint32))
COLUMNS = {
    **{f"{name}[{i}]": FLOAT for name in ("R9Ele", "energy_ECAL_ele", "etaEle") for i in (0, 1)},
    **{f"phiEle[{i}]": FLOAT for i in (0, 1)},
    **{f"gainSeedSC[{i}]": CODE for i in (0, 1)},
    "invMass_ECAL_ele": FLOAT,
    "runNumber": RUN,
    **{f"eleID[{i}]": MASK for i in (0, 1)},
}
"""Names of the columns in the order in which they are written, and their types."""

CURE = "write the table again"


@dataclass
class SlimEvents:
    """A table of slim events, see `open_slim`.

    Attributes
    ----------
    path : pathlib.Path
    listed_as : str
        How the sample list calls the file.
    kind : {"data", "sim"}
    n_entries : int
        Rows that were read so far.
    """

    path: Path
    listed_as: str
    kind: Kind
    n_entries: int = field(default=0, init=False)

    name = NO_TREE

    @property
    def where(self) -> str:
        """The file, for messages."""
        return str(self.path)

    @property
    def notes(self) -> list[str]:
        """What is missing, and what is done without it."""
        lacks = {
            "sign of eta": "the rapidity of the Z is not known",
            "position of the supercluster": "categories use abs(eta) of the electron",
            "event number": "events are numbered by file and row",
        }
        if self.kind == "sim":
            lacks["generator weight"] = "all weights are 1"
        return [f"{self.listed_as}: no {what}, so {result}" for what, result in lacks.items()]

    def candidates(self) -> Iterator[Candidates]:
        """Return the pairs of electrons, leading first, in blocks; a thread reads ahead.

        Raises
        ------
        InputError
            If a row has another number of columns than the header, a value is no number of its
            type, a run is negative, or there is no row.
        """
        return one_ahead(self._all_candidates())

    def _all_candidates(self) -> Iterator[Candidates]:
        for batch in self._batches():
            yield self._candidates(batch)
            self.n_entries += batch.num_rows
        if not self.n_entries:
            raise InputError(self.where, "has no events", "remove it from the sample list")

    def _batches(self) -> Iterator[pa.RecordBatch]:
        convert = pc.ConvertOptions(
            column_types={name: pa.from_numpy_dtype(dtype) for name, dtype in COLUMNS.items()},
            include_columns=list(COLUMNS),
        )
        parse = pc.ParseOptions(delimiter="\t", quote_char=False)
        read = pc.ReadOptions(block_size=BLOCK)
        try:
            yield from pc.open_csv(self.path, read, parse, convert)
        except pa.ArrowInvalid as error:
            reason = str(error).partition("\n")[0]
            if "Empty CSV" not in reason:
                raise InputError(self.where, f"cannot be read ({reason})", CURE) from error

    def _candidates(self, batch: pa.RecordBatch) -> Candidates:
        values = {name: self._values(batch, name) for name in COLUMNS}
        eta = _pair(values, "etaEle")
        with np.errstate(over="ignore", invalid="ignore"):
            et = transverse_energy(_pair(values, "energy_ECAL_ele"), eta)
        swapped = np.flatnonzero(et[:, 1] > et[:, 0])

        def ordered(pair: NDArray[Any]) -> NDArray[Any]:
            return leading_first(pair, swapped)

        n = batch.num_rows
        events = Events(
            run=values["runNumber"].astype(np.uint32),
            event=numbered(self.listed_as, self.n_entries, n),
            weight=np.ones(n, np.float32),
            mass=values["invMass_ECAL_ele"],
            et=ordered(et),
            eta=ordered(eta),
            phi=ordered(_pair(values, "phiEle")),
            eta_sc=ordered(eta),
            r9=ordered(_pair(values, "R9Ele")),
            identification=ordered(_pair(values, "eleID")),
            gain=gain_of_code(ordered(_pair(values, "gainSeedSC"))),
        )
        return Candidates(events, charge=None)

    def _values(self, batch: pa.RecordBatch, name: str) -> NDArray[Any]:
        """Return a column; a missing float is NaN, a missing integer an error."""
        column = batch.column(name)
        whole = COLUMNS[name] != FLOAT
        if whole and column.null_count:
            raise InputError(self.where, f"{column.null_count} rows have no {name}", CURE)
        values = cast("NDArray[Any]", column.to_numpy(zero_copy_only=False))
        if COLUMNS[name] == RUN and len(values) and values.min() < 0:
            raise InputError(self.where, f"{name} is {values.min()}", CURE)
        return values

    def check_gain(self, selected: Events) -> None:
        """Make sure that the gain of selected events was a known code.

        Raises
        ------
        InputError
            If a code was neither 0, 1, 2 nor 3.
        """
        check_gain(selected, self.where, "column 'gainSeedSC'")


def _pair(values: dict[str, NDArray[Any]], name: str) -> NDArray[Any]:
    """Return a variable of both electrons, shape (n, 2)."""
    return np.stack([values[f"{name}[0]"], values[f"{name}[1]"]], axis=1)


def open_slim(path: Path, kind: Kind, listed_as: str | None = None) -> SlimEvents:
    """Open a table of slim events.

    Raises
    ------
    InputError
        If its first line is not a header with all columns, each once, separated by TAB.
    """
    with path.open("rb") as file:
        line = file.readline(1 << 16)
    try:
        names = line.decode("utf-8").rstrip("\r\n").split("\t")
    except UnicodeDecodeError as error:
        cure = "write the tree of a ROOT file into the sample list"
        raise InputError(path, f"is no text, but has the tree {NO_TREE!r}", cure) from error
    for name in COLUMNS:
        if names.count(name) != 1:
            times = "no column" if name not in names else "several columns"
            cure = "give a header line with names separated by TAB"
            raise InputError(path, f"has {times} {name!r}", cure)
    return SlimEvents(path, listed_as or str(path), kind)


class SlimWriter:
    """Writes a table of slim events, which appears when the block ends well and not otherwise."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        part = self._stack.enter_context(whole_file(self._path))
        self._sink = self._stack.enter_context(part.open("wb"))
        self._sink.write(("\t".join(COLUMNS) + "\n").encode())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, events: Events) -> None:
        """Append events; the sign of eta is lost."""
        electrons = {
            "R9Ele": events.r9,
            "energy_ECAL_ele": energy(events.et, events.eta),
            "etaEle": np.abs(events.eta),
            "phiEle": events.phi,
            "gainSeedSC": code_of_gain(events.gain),
            "eleID": events.identification,
        }
        columns = {f"{name}[{i}]": pair[:, i] for name, pair in electrons.items() for i in (0, 1)}
        columns |= {"invMass_ECAL_ele": events.mass, "runNumber": events.run}
        arrays = [np.ascontiguousarray(columns[name], dtype) for name, dtype in COLUMNS.items()]
        table = pa.RecordBatch.from_arrays([pa.array(a) for a in arrays], names=list(COLUMNS))
        options = pc.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
        pc.write_csv(table, self._sink, options)
