"""Files of flows between pairs of categories: what the migration of one job leaves for the fit (.npz).

Equal flows make equal files, byte by byte: no date is stored.
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.errors import InputError
from scalesmear.flows import FlowSums
from scalesmear.histogram import MassGrid
from scalesmear.io.files import existing, whole_file

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import NDArray

ARRAYS = {"pairs": np.int32, "sources": np.int32, "sums": np.int64}
CURE = "write it again with scalesmear migration"


def write_flows(path: str | os.PathLike[str], flows: FlowSums) -> None:
    """Write flows, whole or not at all."""
    arrays = {name: getattr(flows, name) for name in ARRAYS}
    names = [f.name for f in dataclasses.fields(flows) if f.name not in ARRAYS]
    header = {name: getattr(flows, name) for name in names}
    header["grid"] = dataclasses.asdict(flows.grid)
    with whole_file(path) as part, part.open("wb") as stream:
        np.savez(stream, header=np.array(json.dumps(header)), **arrays)


def read_flows(path: str | os.PathLike[str]) -> FlowSums:
    """Read flows.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds something else.
    """
    found = existing(path, "file of flows")
    try:
        with found.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            return _flows(content)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(found, f"not a whole file of flows ({error})", CURE) from error


def _flows(content: Mapping[str, NDArray[Any]]) -> FlowSums:
    header: dict[str, Any] = {k: _tuple(v) for k, v in json.loads(str(content["header"])).items()}
    grid = MassGrid(**{key: _tuple(value) for key, value in header.pop("grid").items()})
    arrays: dict[str, Any] = {name: content[name] for name in ARRAYS}
    for name, dtype in ARRAYS.items():
        if arrays[name].dtype != dtype:
            raise ValueError(f"{name} is of type {arrays[name].dtype}, expected {dtype.__name__}")
    expected = (len(arrays["pairs"]), grid.n_bins)
    if arrays["sums"].shape != expected or len(arrays["sources"]) != expected[0]:
        raise ValueError(f"sums have shape {arrays['sums'].shape}, expected {expected}")
    return FlowSums(grid=grid, **header, **arrays)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
