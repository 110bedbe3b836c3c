"""Laws of categories, for any set that tiles."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalesmear.categories import CategorySet, Window
from scalesmear.errors import InputError

relaxed = settings(deadline=None, max_examples=40)  # the first call compiles

decimals = st.integers(1, 1999).map(lambda n: n / 2000)


def edges(low: float, high: float) -> st.SearchStrategy[list[float]]:
    """Edges from `low` to `high` or to infinity with some between."""
    top = high if math.isfinite(high) else 1.0
    between = st.lists(decimals, max_size=2, unique=True)
    return between.map(lambda xs: [low, *sorted(low + x * (top - low) for x in xs), high])


@st.composite
def category_sets(draw: st.DrawFn) -> CategorySet:
    """Barrel and endcap, each divided in its own way in some variables."""
    blocks = []
    for low, high in [(0.0, 1.4442), (1.566, 2.5)]:
        block: dict[str, Any] = {"abs_eta": draw(edges(low, high))}
        if draw(st.booleans()):
            block["r9"] = draw(edges(0.0, math.inf))
        if draw(st.booleans()):
            block["et"] = [100 * edge for edge in draw(edges(0.0, math.inf))]
        if draw(st.booleans()):
            block["gain"] = draw(st.permutations([12, 6, 1]))
        blocks.append(block)
    whole = [{"abs_eta": [0.0, 2.5]}]
    return CategorySet.from_blocks({"scales": blocks, "smearings": whole})


def electrons(categories: CategorySet, seed: int, n: int = 300) -> dict[str, Any]:
    """Electrons many of which lie on an edge, or one float32 beside it."""
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {"gain": rng.choice(np.array([12, 6, 1, 0], np.uint8), n)}
    for name, top in (("abs_eta", 2.6), ("r9", 1.1), ("et", 120.0)):
        used = [edge for w in categories.scales for edge in getattr(w, name) or (0.0,)]
        on = rng.choice(np.array(used, np.float32), n)
        towards = rng.choice(np.array([-np.inf, np.inf], np.float32), n)
        uniform = rng.uniform(0, top, n).astype(np.float32)
        found[name] = np.choose(
            rng.integers(0, 4, n), [on, np.nextafter(on, towards), uniform, uniform]
        )
    return found


def holds(window: Window, electron: dict[str, Any]) -> Any:
    """Apply the rule low <= x < high, in plain numpy."""
    inside = np.ones(len(electron["abs_eta"]), bool)
    for name in ("abs_eta", "r9", "et"):
        if (pair := getattr(window, name)) is not None:
            inside &= np.float32(pair[0]) <= electron[name]
            inside &= electron[name] < np.float32(pair[1])
    return inside & (electron["gain"] == window.gain) if window.gain else inside


@relaxed
@given(category_sets(), st.integers(0, 1000))
def test_the_category_is_the_only_window_that_holds_the_electron(
    categories: CategorySet, seed: int
) -> None:
    legs = electrons(categories, seed)
    inside = np.array([holds(window, legs) for window in categories.scales])
    assert inside.sum(axis=0).max() <= 1
    expected = np.where(inside.any(axis=0), inside.argmax(axis=0), -1)
    assert np.array_equal(categories.category_of(**legs), expected)


@relaxed
@given(category_sets(), st.integers(0, 1000))
def test_every_electron_of_barrel_and_endcap_has_a_category(
    categories: CategorySet, seed: int
) -> None:
    legs = electrons(categories, seed)
    fiducial = holds(Window((0, 1.4442)), legs) | holds(Window((1.566, 2.5)), legs)
    fiducial &= legs["gain"] > 0
    for name in ("r9", "et"):
        fiducial &= (legs[name] >= 0) & np.isfinite(legs[name])
    assert np.all(categories.category_of(**legs)[fiducial] >= 0)


@relaxed
@given(category_sets(), st.integers(0, 1000), st.integers(0, 300))
def test_shape_order_and_grouping_change_nothing(
    categories: CategorySet, seed: int, cut: int
) -> None:
    legs = electrons(categories, seed)
    whole = categories.category_of(**legs)
    parts = [
        categories.category_of(**{name: values[part] for name, values in legs.items()})
        for part in (slice(None, cut), slice(cut, None))
    ]
    assert np.array_equal(np.concatenate(parts), whole)
    pairs = {name: values.reshape(-1, 2)[:, ::-1] for name, values in legs.items()}
    assert np.array_equal(categories.category_of(**pairs)[:, ::-1].ravel(), whole)


@relaxed
@given(category_sets())
def test_json_changes_nothing(categories: CategorySet) -> None:
    assert CategorySet.from_json(categories.to_json()) == categories


@relaxed
@given(category_sets())
def test_labels_are_unique(categories: CategorySet) -> None:
    labels = [window.label for window in categories.scales]
    assert len(set(labels)) == len(labels)


@relaxed
@given(edges(0.0, 1.4442), st.integers(0, 3))
def test_leaving_out_a_window_is_noticed(cuts: list[float], number: int) -> None:
    windows = [Window(pair) for pair in pairwise(cuts)]
    gone = windows.pop(number % len(windows))
    low, high = (re.escape(f"{edge:g}") for edge in gone.abs_eta or ())
    with pytest.raises(InputError, match=rf"no category holds abs_eta \[{low}, {high}\)"):
        CategorySet((*windows, Window((1.566, 2.5))), (Window((0, 2.5)),))
