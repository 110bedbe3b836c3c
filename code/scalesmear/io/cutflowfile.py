"""The cut flow of all jobs, as the verb cut-flow leaves it for the other stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.cutflow import CutFlow
from scalesmear.io.files import read_json

if TYPE_CHECKING:
    import os


def read_cut_flow(path: str | os.PathLike[str]) -> CutFlow:
    """Read a cut flow.

    Raises
    ------
    InputError
        If the file is missing or is not a cut flow.
    """
    return CutFlow.from_json(read_json(path, "cut flow"), path)
