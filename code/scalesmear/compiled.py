"""The one way in which scalesmear compiles a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

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


def _prefetch(_typing: Any, array: Any, place: Any) -> Any:
    """Generate LLVM's ``prefetch`` of an element, to be written (1) and kept nearest (3)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        address = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", (address.type,), kind)
        builder.call(function, [address, number(1), number(3), number(1)])
        return context.get_dummy_value()

    return numba.types.void(array, place), generate


prefetch = cast("Callable[[NDArray[Any], Any], None]", intrinsic(_prefetch))
"""Have an element of a flat array brought to the nearest cache, in a kernel that adds to it soon.

It takes time only from a kernel that would wait for memory, and never changes a value.
"""
