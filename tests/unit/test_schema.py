"""Values of keys against a schema: defaults, types, and properties of another schema."""

from __future__ import annotations

from typing import Any

import pytest

from scalesmear.errors import InputError
from scalesmear.schema import complete, load, table_of_keys

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"description": "Who it is.", "type": "string"},
        "n": {"description": "How <many>.", "type": "integer", "minimum": 1, "default": 3},
        "edges": {
            "description": "Where.",
            "type": "array",
            "items": {"type": "number"},
            "default": [0, 1],
        },
    },
}


def test_absent_keys_take_defaults_in_their_types() -> None:
    values = complete({"name": "a"}, SCHEMA, "f.yml")
    assert values == {"name": "a", "n": 3, "edges": (0.0, 1.0)}
    assert all(isinstance(edge, float) for edge in values["edges"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "f.yml: key 'name' is missing; Who it is."),
        ({"name": "a", "m": 1}, "f.yml: unknown key 'm'; "),
        ({"name": "a", "n": 0}, "f.yml: n: 0 is not allowed; it must be a whole number >= 1"),
        ({"name": "a", "edges": [float("inf")]}, "is not finite; write a number"),
    ],
)
def test_wrong_values_are_told(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        complete(values, SCHEMA, "f.yml")
    assert message in str(caught.value)


def test_the_table_has_a_line_for_each_key() -> None:
    head, rule, name, n, edges = table_of_keys(SCHEMA)
    assert head.count("|") == rule.count("|") == 5
    assert name == "| `name` | Who it is. | `text` | required |"
    assert n == "| `n` | How &lt;many&gt;. | `a whole number >= 1` | `3` |"
    assert edges == "| `edges` | Where. | `a list, each a number` | `[0, 1]` |"


def test_a_property_may_be_that_of_another_schema() -> None:
    own, other = load("injection")["properties"], load("inputs")["properties"]
    assert own["minimiser"] == other["minimiser"]
    assert "$ref" not in str(own)
