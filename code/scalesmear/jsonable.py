"""Results as what JSON can hold, and back."""

from __future__ import annotations

import dataclasses
import math
from enum import Enum
from typing import Any

import numpy as np


def jsonable(value: Any) -> Any:
    """Turn a result into what JSON holds, at any depth.

    Dataclasses become objects, arrays and tuples lists, members of an enumeration their values, keys
    strings; a number that is not finite, for which JSON has no word, becomes None.
    """
    if dataclasses.is_dataclass(value):
        return {f.name: jsonable(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def tupled(value: Any) -> Any:
    """Turn a list that JSON gave, of values that settings hold as a tuple, back into one."""
    return tuple(value) if isinstance(value, list) else value
