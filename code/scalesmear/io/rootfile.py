"""Opening a ROOT file: what is damaged, missing or cut short becomes one clear error."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uproot

from scalesmear.errors import InputError
from scalesmear.io.files import existing

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

CURE = "copy or produce the file again"


@contextmanager
def damage_is_an_input_error(where: object) -> Iterator[None]:
    """Turn what uproot and its decompressors raise for a damaged file into one line.

    They have no error in common; nothing but calls of uproot may stand in the block.
    """
    try:
        yield
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        problem = f"is damaged or not a ROOT file ({reason})"
        raise InputError(where, problem, CURE) from error


@contextmanager
def open_root(path: str | os.PathLike[str], what: str = "ROOT file") -> Iterator[Any]:
    """Open a ROOT file for reading.

    Raises
    ------
    InputError
        If it does not exist, is not a ROOT file, or is shorter than its header says.
    """
    found = existing(path, what)
    with damage_is_an_input_error(found):
        file = uproot.open(found, handler=uproot.MemmapSource)
    with file:
        _check_size(found, file.file.fEND)
        yield file


def _check_size(path: Path, expected: int) -> None:
    size = path.stat().st_size
    if size < expected:
        raise InputError(path, f"is truncated: it has {size} of {expected} bytes", CURE)


def tree_of(file: Any, path: Path, name: str) -> Any:
    """Return a tree of an open file.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    with damage_is_an_input_error(path):
        found = file.get(name)
        classes = file.classnames(cycle=False)
    if not isinstance(found, uproot.TTree):
        trees = sorted(key for key, kind in classes.items() if kind == "TTree")
        have = f"it has {', '.join(trees)}" if trees else "it has no tree at all"
        raise InputError(path, f"there is no tree {name!r}", have)
    return found
