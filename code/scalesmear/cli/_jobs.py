"""Add up what the jobs of a stage left, data and simulation apart."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from scalesmear.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalesmear.histogram import Kind


class Part(Protocol):
    """What one job left: sums over events of one kind, which `+` adds to those of another job."""

    @property
    def kind(self) -> Kind: ...

    def __add__(self, other: Self, /) -> Self: ...


P = TypeVar("P", bound=Part)


def sum_of(kind: Kind, parts: Sequence[P], paths: Sequence[str], what: str) -> P:
    """Return the sum of the parts of one kind.

    Parameters
    ----------
    kind : {"data", "sim"}
    parts : sequence
        Of all jobs.
    paths : sequence of str
        Their files.
    what : str
        What they are, for messages.

    Raises
    ------
    InputError
        If none is of that kind, or they do not add up.
    """
    of_kind = [part for part in parts if part.kind == kind]
    where = " ".join(paths)
    if not of_kind:
        raise InputError(where, f"no {what} of {kind} among them", "give data and simulation")
    try:
        return reduce(add, of_kind)
    except ValueError as error:
        raise InputError(where, str(error), "fill all with one setting") from error


def sum_of_each(parts: Sequence[P], paths: Sequence[str], what: str) -> tuple[P, P]:
    """Return the sums of data and of simulation, see `sum_of`."""
    return sum_of("data", parts, paths, what), sum_of("sim", parts, paths, what)
