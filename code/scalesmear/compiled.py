"""The one way in which scalesmear compiles a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel with numba: cached on disk, free of the interpreter lock.

    ``error_model="numpy"`` lets a division be vectorised, because it need not raise; ``fastmath``
    stays off, so that the same events give the same bits whatever the length of a batch.
    """
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
    return cast("Callable[P, R]", numba.njit(**options)(function))
