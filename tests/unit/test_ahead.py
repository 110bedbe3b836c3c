"""Items made ahead come in order, and errors come through."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from scalesmear.io.ahead import one_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_items_come_in_order() -> None:
    assert list(one_ahead(range(100))) == list(range(100))
    assert list(one_ahead([])) == []
    assert list(one_ahead([None, 0, ""])) == [None, 0, ""]


def test_the_next_item_is_made_before_it_is_asked_for() -> None:
    made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    ahead = one_ahead(items())
    assert next(ahead) == 1
    assert made.wait(timeout=10)
    assert list(ahead) == [2]


def test_an_error_comes_where_the_item_would() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise RuntimeError("no second")

    ahead = one_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(RuntimeError, match="no second"):
        next(ahead)
