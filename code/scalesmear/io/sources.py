"""Where events come from: one interface to all kinds of input files."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from scalesmear.io.ntuples import open_ntuple
from scalesmear.io.samples import NO_TREE, check_slim
from scalesmear.io.slimevents import open_slim

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scalesmear.events import Events
    from scalesmear.histogram import Kind
    from scalesmear.selection import Candidates, SelectSettings


class Source(Protocol):
    """An open file of pairs of electrons."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def listed_as(self) -> str:
        """How the sample list calls it."""

    @property
    def name(self) -> str:
        """Tree in it, or what stands for none."""

    @property
    def where(self) -> str:
        """The file, for messages."""

    @property
    def n_entries(self) -> int:
        """Number of pairs, after all were read."""

    @property
    def notes(self) -> list[str]:
        """What is missing, and what is done without it."""

    def candidates(self) -> Iterator[Candidates]:
        """Return the pairs in chunks."""

    def check_gain(self, selected: Events) -> None:
        """Refuse selected events whose gain is not known."""


@contextmanager
def open_source(
    path: Path, tree: str, kind: Kind, listed_as: str, settings: SelectSettings
) -> Iterator[Source]:
    """Open an ntuple, or a table of slim events.

    Raises
    ------
    InputError
        If the file is not what the tree says, lacks something, or has not what is selected by.
    """
    if tree == NO_TREE:
        check_slim(settings, kind, str(path))
        yield open_slim(path, kind, listed_as)
    else:
        with open_ntuple(path, tree, kind, listed_as, settings.pileup_weights) as ntuple:
            yield ntuple
