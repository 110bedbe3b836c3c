"""Arrays with a header (.npz), as the jobs of a stage leave them for the stage that adds them up.

Equal content makes equal files, byte by byte: no date is stored.
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from scalesmear.errors import InputError
from scalesmear.histogram import MassGrid
from scalesmear.io.files import existing, whole_file
from scalesmear.jsonable import tupled

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

T = TypeVar("T")


def write_record(
    path: str | os.PathLike[str], record: Any, arrays: Mapping[str, type], *, compress: bool = False
) -> None:
    """Write a dataclass, whole or not at all: the named arrays as such, all else as the header."""
    names = [field.name for field in dataclasses.fields(record) if field.name not in arrays]
    header = {name: getattr(record, name) for name in names}
    if "grid" in header:
        header["grid"] = dataclasses.asdict(header["grid"])
    content: dict[str, Any] = {"header": np.array(json.dumps(header))}
    content |= {name: getattr(record, name) for name in arrays}
    with whole_file(path) as part, part.open("wb") as stream:
        (np.savez_compressed if compress else np.savez)(stream, **content)


def read_record(
    path: str | os.PathLike[str],
    arrays: Mapping[str, type],
    build: Callable[..., T],
    what: str,
    cure: str,
) -> T:
    """Read what `write_record` wrote, and build it from its fields.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds something else than `what`.
    """
    found = existing(path, what)
    try:
        with found.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            return build(**_header(content), **_typed(content, arrays))
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(found, f"not a whole {what} ({error})", cure) from error


def _header(content: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    header: dict[str, Any] = {k: tupled(v) for k, v in json.loads(str(content["header"])).items()}
    if "grid" in header:
        header["grid"] = MassGrid(**{k: tupled(v) for k, v in header["grid"].items()})
    return header


def _typed(
    content: Mapping[str, NDArray[Any]], arrays: Mapping[str, type]
) -> dict[str, NDArray[Any]]:
    found = {name: content[name] for name in arrays}
    for name, dtype in arrays.items():
        if found[name].dtype != dtype:
            raise ValueError(f"{name} is of type {found[name].dtype}, expected {dtype.__name__}")
    return found
