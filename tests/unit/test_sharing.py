"""Items shared by threads."""

import threading
from collections.abc import Iterable, Iterator

import pytest

from scalesmear.sharing import in_threads


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_each_item_goes_to_one_thread(threads: int) -> None:
    parts = in_threads(list, iter(range(100)), threads)
    assert len(parts) == threads
    assert sorted(item for part in parts for item in part) == list(range(100))


def test_one_thread_is_the_callers() -> None:
    def names(items: Iterable[int]) -> set[str]:
        return {threading.current_thread().name for _ in items}

    assert in_threads(names, range(3), 1) == [{threading.current_thread().name}]
    others = set().union(*in_threads(names, range(3), 2))
    assert threading.current_thread().name not in others


def test_threads_work_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=30)  # is broken if one thread waits for the other

    def meet(items: Iterable[int]) -> int:
        return sum(both.wait() >= 0 for _ in items)

    assert in_threads(meet, range(2), 2) == [1, 1]


@pytest.mark.parametrize("threads", [1, 2])
def test_errors_of_the_source_reach_the_caller(threads: int) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        in_threads(list, broken(), threads)
