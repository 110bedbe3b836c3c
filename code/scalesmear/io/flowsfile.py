"""Files of flows between pairs of categories: what the migration of one job leaves for the fit (.npz)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.flows import FlowSums
from scalesmear.io.arrayfile import read_record, write_record

if TYPE_CHECKING:
    import os

ARRAYS = {"pairs": np.int32, "sources": np.int32, "sums": np.int64}
CURE = "write it again with scalesmear migration"


def write_flows(path: str | os.PathLike[str], flows: FlowSums) -> None:
    """Write flows, whole or not at all."""
    write_record(path, flows, ARRAYS)


def read_flows(path: str | os.PathLike[str]) -> FlowSums:
    """Read flows.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds something else.
    """
    return read_record(path, ARRAYS, _flows, "file of flows", CURE)


def _flows(**content: Any) -> FlowSums:
    expected = (len(content["pairs"]), content["grid"].n_bins)
    if content["sums"].shape != expected or len(content["sources"]) != expected[0]:
        raise ValueError(f"sums have shape {content['sums'].shape}, expected {expected}")
    return FlowSums(**content)
