"""Files that appear whole or not at all, and the JSON that stages exchange."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import typing
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from scalesmear.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

T = TypeVar("T")

PLAIN_PATH = re.compile(r"[\w./+@%,:=-]+", re.ASCII)


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it there if the block ends well, else remove it."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file with unix line ends, whole or not at all."""
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    """Write a JSON object, whole or not at all.

    Raises
    ------
    ValueError
        If a number in it is not finite: JSON has no word for it, use None.
    """
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def existing(path: str | os.PathLike[str], what: str, cure: str = "check the path") -> Path:
    """Return the path of a file that exists.

    Raises
    ------
    InputError
        If it does not.
    """
    found = Path(path)
    if not found.is_file():
        raise InputError(found, f"{what} does not exist", cure)
    return found


def plain_path(path: str | os.PathLike[str]) -> Path:
    """Return a path that scripts and docker commands can hold without quotes.

    Raises
    ------
    InputError
        If it has a blank or another character that means something to a shell.
    """
    if not PLAIN_PATH.fullmatch(os.fspath(path)):
        raise InputError(
            path,
            "the path has a blank or a special character",
            "use letters, digits and any of . / _ + @ % , : = -",
        )
    return Path(path)


def read_json(path: str | os.PathLike[str], what: str = "JSON file") -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    InputError
        If the file is missing or is not a JSON object.
    """
    found = existing(path, what)
    try:
        content = json.loads(found.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(found, f"not a JSON file ({error})", "write it again") from error
    if not isinstance(content, dict):
        raise InputError(found, f"holds a {type(content).__name__}", "it must be a JSON object")
    return content


def write_settings(path: str | os.PathLike[str], settings: Any) -> None:
    """Write a frozen dataclass of settings as JSON."""
    write_json(path, dataclasses.asdict(settings))


def read_settings(path: str | os.PathLike[str], kind: type[T]) -> T:
    """Read settings of a dataclass, which may hold others; keys that are absent take its defaults.

    Raises
    ------
    InputError
        If the file is missing, or has a key that the dataclass has not, or lacks one.
    """
    content = read_json(path, "settings file")
    try:
        settings: T = _built(kind, content)
    except _UnknownKeyError as error:
        known = ", ".join(error.known)
        raise InputError(path, f"unknown key {error.key!r}", f"known keys are {known}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(path, f"not settings for {kind.__name__} ({error})", "mend it") from error
    return settings


class _UnknownKeyError(ValueError):
    """A key that a dataclass has not."""

    def __init__(self, key: str, known: Mapping[str, Any]) -> None:
        super().__init__(f"unknown key {key!r}")
        self.key, self.known = key, known


def _built(kind: Any, content: Mapping[str, Any]) -> Any:
    """Build a dataclass from what JSON holds."""
    hints = typing.get_type_hints(kind)
    for key in sorted(set(content) - set(hints)):
        raise _UnknownKeyError(key, hints)
    return kind(**{key: _of_type(value, hints[key]) for key, value in content.items()})


def _of_type(value: Any, hint: Any) -> Any:
    """Turn JSON lists into tuples and objects into dataclasses, at any depth."""
    if isinstance(value, list):
        kinds = typing.get_args(hint) or (Any, ...)
        of_each = (
            [kinds[0]] * len(value) if Ellipsis in kinds[1:] else [*kinds, *([Any] * len(value))]
        )
        return tuple(_of_type(item, one) for item, one in zip(value, of_each, strict=False))
    return _built(hint, value) if dataclasses.is_dataclass(hint) else value
