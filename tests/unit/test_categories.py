"""Category sets: from blocks to windows, their checks, and who is in which."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from scalesmear.categories import CategorySet, Window, windows_of_blocks
from scalesmear.errors import InputError

FIVE = [{"abs_eta": [0, 1, 1.2, 1.4442]}, {"abs_eta": [1.566, 2, 2.5]}]
ALL = [{"abs_eta": [0, 2.5]}]


def category_set(scales: Any, smearings: Any = ALL) -> CategorySet:
    return CategorySet.from_blocks({"scales": scales, "smearings": smearings}, "fine.yml")


def test_blocks_multiply_out_with_the_last_variable_fastest() -> None:
    windows = windows_of_blocks(
        [{"gain": [12, 6], "r9": [0, 0.9, math.inf], "abs_eta": [0, 1, 2]}], "fine.yml"
    )
    assert windows == tuple(
        Window(eta, r9, None, gain)
        for eta in [(0, 1), (1, 2)]
        for r9 in [(0, 0.9), (0.9, math.inf)]
        for gain in (12, 6)
    )


def test_categories_by_hand() -> None:
    categories = category_set(FIVE)
    abs_eta = np.array([[0.0, 0.999], [1.0, 1.2], [1.4442, 1.5], [1.566, 2.499], [2.5, np.nan]])
    expected = [[0, 0], [1, 2], [-1, -1], [3, 4], [-1, -1]]
    assert categories.category_of(abs_eta).tolist() == expected
    assert categories.category_of(abs_eta).dtype == np.int16
    assert categories.variables == ("abs_eta",)


def test_a_variable_is_judged_by_window_not_by_the_first_one() -> None:
    """Used to be judged from the first row, so that later windows lost a variable."""
    categories = category_set(
        [{"abs_eta": [0, 1.4442]}, {"abs_eta": [1.566, 2.5], "et": [0, 40, math.inf]}]
    )
    assert categories.variables == ("abs_eta", "et")
    found = categories.category_of(
        np.array([0.5, 0.5, 2.0, 2.0]), None, np.array([np.nan, 50.0, 39.9, 40.0])
    )
    assert found.tolist() == [0, 0, 1, 2]


def test_gain_is_a_value_not_a_code() -> None:
    categories = category_set([{"abs_eta": [0, 2.5], "gain": [12, 6, 1]}])
    found = categories.category_of(np.zeros(5), gain=np.array([12, 6, 1, 0, 2], np.uint8))
    assert found.tolist() == [0, 1, 2, -1, -1]


def test_a_scale_has_the_smearing_that_encloses_it() -> None:
    smearings = [{"abs_eta": [0, 1.4442]}, {"abs_eta": [1.566, 2.5]}]
    assert category_set(FIVE, smearings).smearing_of.tolist() == [0, 0, 0, 1, 1]


def test_gain_is_not_compared_when_a_smearing_is_looked_for() -> None:
    categories = category_set([{"abs_eta": [0, 2.5], "gain": [12, 6, 1]}])
    assert categories.smearing_of.tolist() == [0, 0, 0]


def test_categories_survive_json() -> None:
    categories = category_set(FIVE)
    assert CategorySet.from_json(categories.to_json()) == categories


def test_content_that_is_no_json_of_categories_is_refused() -> None:
    with pytest.raises(InputError, match=r"fit.json: not categories"):
        CategorySet.from_json({"scales": [{"abs_eta": [1]}], "smearings": []}, "fit.json")


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        (
            [{"abs_eta": [0, 1.4442]}, {"abs_eta": [1.566, 2.5]}, {"abs_eta": [1, 1.2]}],
            r"fine.yml: scales: block 1 .*\[0, 1.4442\)\) and block 3 .*\[1, 1.2\)\) overlap; make",
        ),
        (
            [{"abs_eta": [0, 1.4442], "et": [0, 1000]}, {"abs_eta": [1.566, 2.5]}],
            r"fine.yml: scales: no category holds abs_eta \[0, 1.4442\), .*et \[1000, inf\)",
        ),
        (
            [
                {"abs_eta": [0, 1.4442]},
                {"abs_eta": [1.566, 2.5], "r9": [0, 0.5]},
                {"abs_eta": [1.566, 2.5], "r9": [0.6, math.inf]},
            ],
            r"no category holds abs_eta \[1.566, 2.5\), r9 \[0.5, 0.6\)",
        ),
        (
            [{"abs_eta": [0, 2.5], "gain": [12, 1]}],
            r"no category holds .*gain 6",
        ),
        (
            [{"abs_eta": [0, 1.4442], "gain": [12, 12, 6, 1]}, {"abs_eta": [1.566, 2.5]}],
            r"block 1 .*gain 12\) and block 1 .*gain 12\) overlap",
        ),
        ([{"abs_eta": [0, 1, 1, 2.5]}], r"block 1: the edges of abs_eta \[1, 1\] do not rise"),
        ([{"abs_eta": [0, math.nan, 2.5]}], r"block 1: the edges of abs_eta .* do not rise"),
        ([{"abs_eta": [0, 2.5], "gain": [2]}], r"block 1: there is no gain 2"),
        ([{"eta": [0, 2.5]}], r"block 1: unknown variable 'eta'; variables are abs_eta, r9"),
        (
            [{"abs_eta": [0]}],
            r"block 1: abs_eta: expected a list of 2 or more numbers, found \[0\]",
        ),
        ([{"abs_eta": 2.5}], r"block 1: abs_eta: expected a list"),
        ([{"abs_eta": ["0", "1"]}], r"block 1: abs_eta: expected a list of 2 or more numbers"),
        ([{"abs_eta": [True, 2.5]}], r"block 1: abs_eta: expected a list of 2 or more numbers"),
        ([[0, 1]], r"block 1: expected edges by variable, found \[0, 1\]"),
        ({"abs_eta": [0, 1]}, r"scales: expected a list of blocks"),
        ([], r"scales: expected a list of blocks"),
    ],
)
def test_a_wrong_block_is_named(scales: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        category_set(scales)


@pytest.mark.parametrize("content", [None, [], {"scales": FIVE}, {"scales": FIVE, "smears": ALL}])
def test_wrong_keys_are_named(content: Any) -> None:
    with pytest.raises(InputError, match="expected the keys scales and smearings"):
        CategorySet.from_blocks(content)


def test_a_scale_without_smearing_is_named() -> None:
    """Used to end in an index error."""
    smearings = [{"abs_eta": [0, 1.1]}, {"abs_eta": [1.1, 2.5]}]
    with pytest.raises(InputError, match=r"block 1 \(abs_eta \[1, 1.2\)\) lies inside 0 smearing"):
        category_set(FIVE, smearings)


def test_smearings_may_not_use_the_gain() -> None:
    """Used to be ignored in the lookup and never written."""
    smearings = [{"abs_eta": [0, 2.5], "gain": [12, 6, 1]}]
    with pytest.raises(InputError, match=r"smearings: block 1 .*gain 12\) uses the gain"):
        category_set(FIVE, smearings)
