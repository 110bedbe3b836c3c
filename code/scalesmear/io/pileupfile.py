"""Tables of pile-up weights: a number of pile-up interactions and its weight in each line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scalesmear.errors import InputError
from scalesmear.io.files import existing

if TYPE_CHECKING:
    import os

CURE = "write a line of number and weight for each number of interactions from 0 on"


def read_pileup(path: str | os.PathLike[str]) -> tuple[float, ...]:
    """Return the weight of 0, 1, 2 ... pile-up interactions; lines that begin with # are skipped.

    Raises
    ------
    InputError
        If the file is missing, a line is not two numbers, a number of interactions is missing or
        written twice, or a weight is negative or not a number.
    """
    found = existing(path, "table of pile-up weights", "put it into the input folder (initdir)")
    weights: dict[int, float] = {}
    for number, line in enumerate(found.read_text(errors="replace").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            n_pu, weight = _row(f"{path}:{number}", line)
            if n_pu in weights:
                raise InputError(f"{path}:{number}", f"{n_pu} interactions a second time", CURE)
            weights[n_pu] = weight
    missing = sorted({*range(max(weights, default=0) + 1)} - {*weights})
    if missing:
        raise InputError(path, f"no weight of {missing[0]} interactions", CURE)
    if not any(weights.values()):
        raise InputError(path, "all weights are 0", CURE)
    return tuple(weights[n_pu] for n_pu in sorted(weights))


def _row(where: str, line: str) -> tuple[int, float]:
    try:
        first, second = line.split()
        n_pu, weight = int(first), float(second)
    except ValueError as error:
        raise InputError(where, f"{line!r} is not a whole number and a weight", CURE) from error
    if n_pu < 0 or not (math.isfinite(weight) and weight >= 0):
        raise InputError(where, f"{line!r} holds a number below 0 or none at all", CURE)
    return n_pu, weight
