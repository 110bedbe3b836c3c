"""Threads that share the batches of a job."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
R = TypeVar("R")


def in_threads(work: Callable[[Iterable[T]], R], items: Iterable[T], threads: int) -> list[R]:
    """Return what `work` makes in each thread of the items that it gets there.

    Each item goes to one thread, to whichever asks first, so that results must not depend on how
    the items are shared. One thread is the caller's own.
    """
    if threads == 1:
        return [work(items)]
    shared = _Shared(items)
    with ThreadPoolExecutor(threads) as pool:
        parts = [pool.submit(work, shared) for _ in range(threads)]
        return [part.result() for part in parts]


class _Shared(Generic[T]):
    """An iterator from which several threads take turns."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)
        self._lock = Lock()

    def __iter__(self) -> _Shared[T]:
        return self

    def __next__(self) -> T:
        with self._lock:
            return next(self._items)
