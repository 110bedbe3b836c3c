"""Rows of text tables: columns split on white space, values read with the line in messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scalesmear.errors import InputError
from scalesmear.io.files import existing

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray


class Row(NamedTuple):
    """The fields of one line, and which line it is, as file:line."""

    where: str
    fields: list[str]


def read_table_text(path: str | os.PathLike[str], what: str) -> str:
    """Return the text of a file, line ends as they are.

    Raises
    ------
    InputError
        If it is missing or not text.
    """
    found = existing(path, what)
    try:
        return found.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(found, "not a text file", "check the path") from error


def rows_of(text: str, where: object, comment: str = "") -> list[Row]:
    """Return the rows of a table; blank lines, and those that begin with `comment`, are skipped."""
    return [
        Row(f"{where}:{line}", fields)
        for line, content in enumerate(text.splitlines(), start=1)
        if (fields := content.split()) and not (comment and content.startswith(comment))
    ]


def demand_columns(rows: Sequence[Row], columns: int, what: str, where: object) -> None:
    """Refuse a table without rows, or a row with another number of columns.

    Raises
    ------
    InputError
    """
    if not rows:
        raise InputError(where, f"{what} has no rows", "make it again")
    for row in rows:
        if len(row.fields) != columns:
            raise InputError(
                row.where,
                f"{len(row.fields)} columns ({' '.join(row.fields)[:60]!r}), {what} has {columns}",
                "mend the row",
            )


def read_rows(
    path: str | os.PathLike[str], what: str, columns: int, comment: str = ""
) -> list[Row]:
    """Return the rows of a table with this many columns.

    Raises
    ------
    InputError
        If the file is missing, has no row, or a row has another number of columns.
    """
    rows = rows_of(read_table_text(path, what), path, comment)
    demand_columns(rows, columns, what, path)
    return rows


def column(rows: Sequence[Row], index: int, name: str) -> NDArray[np.float64]:
    """Return a column of numbers.

    Raises
    ------
    InputError
        Naming the line whose value is no number.
    """
    texts = [row.fields[index] for row in rows]
    try:
        return np.array(texts, np.float64)
    except ValueError:
        return np.array([value_of(row, index, name, float) for row in rows])


def integers(rows: Sequence[Row], index: int, name: str) -> NDArray[np.int64]:
    """Return a column of digits.

    Raises
    ------
    InputError
        Naming the line whose value has another character than a digit.
    """
    return np.array([value_of(row, index, name, digits) for row in rows], np.int64)


def digits(text: str) -> int:
    """Return a number that is written with digits only, at most 18.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise ValueError(text)
    return int(text)


def value_of(row: Row, index: int, name: str, kind: Callable[[str], Any]) -> Any:
    """Return one value of a row, as `kind` reads it.

    Raises
    ------
    InputError
        If it cannot.
    """
    try:
        return kind(row.fields[index])
    except ValueError as error:
        wanted = "a whole number" if kind is digits else "a number"
        raise InputError(
            row.where, f"{name} is {row.fields[index]!r}, expected {wanted}", "mend the value"
        ) from error


def text_of(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as text, one TAB between columns."""
    return "".join("\t".join(row) + "\n" for row in rows)
