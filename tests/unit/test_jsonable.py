"""Results as JSON can hold them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from scalesmear.jsonable import jsonable, tupled

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Verdict(Enum):
    """How it went."""

    FINE = "as it should be"


class Measured(NamedTuple):
    """A value and its error."""

    value: float
    error: float


@dataclass(frozen=True)
class Part:
    """Arrays and what has a number."""

    values: NDArray[np.float64]
    used: NDArray[np.bool_]
    reasons: dict[int, str]


@dataclass(frozen=True)
class Result:
    """A part inside, and the rest."""

    part: Part
    verdict: Verdict
    measured: tuple[Measured, ...]
    nothing: None = None


RESULT = Result(
    Part(np.array([[1.0, np.inf], [np.nan, -0.5]]), np.array([True, False]), {7: "few"}),
    Verdict.FINE,
    (Measured(0.1, math.inf),),
)


def test_a_result_becomes_what_json_holds_at_any_depth() -> None:
    found = jsonable(RESULT)
    assert found == {
        "part": {
            "values": [[1.0, None], [None, -0.5]],
            "used": [True, False],
            "reasons": {"7": "few"},
        },
        "verdict": "as it should be",
        "measured": [[0.1, None]],
        "nothing": None,
    }
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize("value", [1, "word", True, None, 0.1 + 0.2, 5e-324])
def test_what_json_holds_stays_as_it_is(value: object) -> None:
    assert jsonable(value) is value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_none(value: float) -> None:
    assert jsonable(value) is None


def test_a_list_that_json_gave_is_a_tuple_again() -> None:
    assert tupled([80.0, 100.0]) == (80.0, 100.0)
    assert tupled("word") == "word"
