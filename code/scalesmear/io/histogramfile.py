"""Files of mass histograms: what the fill of one job leaves for the fit (.npz, not compressed).

Equal histograms make equal files, byte by byte: no date is stored.
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.errors import InputError
from scalesmear.histogram import MassGrid, MassHistograms
from scalesmear.io.files import existing, whole_file

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import NDArray

ARRAYS = {"pairs": np.int32, "sumw": np.int64, "sumw2": np.int64}
CURE = "write it again with scalesmear fill"


def write_histograms(path: str | os.PathLike[str], histograms: MassHistograms) -> None:
    """Write histograms, whole or not at all."""
    arrays = {name: getattr(histograms, name) for name in ARRAYS}
    header = {
        field.name: getattr(histograms, field.name)
        for field in dataclasses.fields(histograms)
        if field.name not in ARRAYS
    }
    header["grid"] = dataclasses.asdict(histograms.grid)
    with whole_file(path) as part, part.open("wb") as stream:
        np.savez(stream, header=np.array(json.dumps(header)), **arrays)


def read_histograms(path: str | os.PathLike[str]) -> MassHistograms:
    """Read histograms.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds something else.
    """
    found = existing(path, "histogram file")
    try:
        with found.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            return _histograms(content)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(found, f"not a whole histogram file ({error})", CURE) from error


def _histograms(content: Mapping[str, NDArray[Any]]) -> MassHistograms:
    header: dict[str, Any] = json.loads(str(content["header"]))
    grid = MassGrid(**{key: _tuple(value) for key, value in header.pop("grid").items()})
    arrays: dict[str, Any] = {name: content[name] for name in ARRAYS}
    for name, dtype in ARRAYS.items():
        if arrays[name].dtype != dtype:
            raise ValueError(f"{name} is of type {arrays[name].dtype}, expected {dtype.__name__}")
    expected = (len(arrays["pairs"]), grid.n_fine)
    if arrays["sumw"].shape != expected:
        raise ValueError(f"sumw has shape {arrays['sumw'].shape}, expected {expected}")
    return MassHistograms(grid=grid, **header, **arrays)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
