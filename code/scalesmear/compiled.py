"""The one way in which scalesmear compiles a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import numba
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", bound=np.generic)

OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel with numba: cached on disk, free of the interpreter lock.

    ``error_model="numpy"`` lets a division be vectorised, because it need not raise; ``fastmath``
    stays off, so that the same events give the same bits whatever the length of a batch.

    The cache knows the file of the kernel only: after a change of a kernel that one in another
    file calls, touch that file.
    """
    return cast("Callable[P, R]", numba.njit(**OPTIONS)(function))


def summed(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel like `compiled` whose sums may be made in any order, so as vectors.

    For histograms rather than events: the last bits may depend on the machine, though not on
    anything else.
    """
    return cast(
        "Callable[P, R]", numba.njit(fastmath={"reassoc", "contract", "nsz"}, **OPTIONS)(function)
    )


def read_only(values: NDArray[T]) -> NDArray[T]:
    """Return an array that cannot be written, sharing its memory.

    To numba, arrays that can and that cannot be written are of two types, for each of which it
    compiles a kernel anew. Columns read from files cannot, so what kernels read is made like them.
    """
    view = values.view()
    view.flags.writeable = False
    return view
