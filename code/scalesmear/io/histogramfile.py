"""Files of mass histograms: what the fill of one job leaves for the fit (.npz, not compressed)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.histogram import MassHistograms
from scalesmear.io.arrayfile import read_record, write_record

if TYPE_CHECKING:
    import os

ARRAYS = {"pairs": np.int32, "sumw": np.int64, "sumw2": np.int64}
CURE = "write it again with scalesmear fill"


def write_histograms(path: str | os.PathLike[str], histograms: MassHistograms) -> None:
    """Write histograms, whole or not at all."""
    write_record(path, histograms, ARRAYS)


def read_histograms(path: str | os.PathLike[str]) -> MassHistograms:
    """Read histograms.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds something else.
    """
    return read_record(path, ARRAYS, _histograms, "histogram file", CURE)


def _histograms(**content: Any) -> MassHistograms:
    expected = (len(content["pairs"]), content["grid"].n_fine)
    if content["sumw"].shape != expected:
        raise ValueError(f"sumw has shape {content['sumw'].shape}, expected {expected}")
    return MassHistograms(**content)
