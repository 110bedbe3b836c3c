"""Flows between pairs: exact sums, and linear functions of the parameters."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from scalesmear.flows import NO_SOURCE, Flows, FlowSums, add_up, collect
from scalesmear.histogram import UNIT_BITS, MassGrid, pair_number

GRID = MassGrid(n_bins=4)
PARAMETERS, STEPS = (0.01, -0.02, 1e-4), (0.002, 0.002, 1e-4)


def flow_sums(seed: int, n: int = 8) -> FlowSums:
    rng = np.random.default_rng(seed)
    places = rng.integers(0, 3, n), rng.integers(NO_SOURCE, 3, n)
    flows = collect(*places, rng.integers(-1000, 1000, (n, 4)))
    return FlowSums(GRID, 2, 3, PARAMETERS, STEPS, *flows, n_events=n)


def value(flows: Flows, pair: int, parameters: tuple[float, ...]) -> np.ndarray:
    """Sum the flows of a pair, each times its parameter."""
    drivers = np.append(parameters, 1.0)  # NO_SOURCE, -1, is the last
    rows = flows.pairs == pair
    return np.asarray((drivers[flows.sources[rows], None] * flows.contents[rows]).sum(axis=0))


def test_the_grouping_of_jobs_changes_no_bit() -> None:
    a, b, c = map(flow_sums, (1, 2, 3))
    one, other = (a + b) + c, add_up([c, a, b])
    for name in ("pairs", "sources", "sums", "n_events"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.sums.sum(axis=0), sum(s.sums.sum(axis=0) for s in (a, b, c)))


def test_flows_for_other_parameters_do_not_add_up() -> None:
    other = dataclasses.replace(flow_sums(2), parameters=(0.0, 0.0, 1e-4))
    with pytest.raises(ValueError, match="do not add up"):
        flow_sums(1) + other


def test_flows_have_their_value_and_slopes_where_they_were_computed() -> None:
    sums = FlowSums(
        GRID, 2, 3, PARAMETERS, STEPS,
        np.array([1, 1, 1], np.int32), np.array([NO_SOURCE, 0, 2], np.int32),
        np.array([[8, 0, 0, 0], [0, 2, 0, 0], [4, 0, 0, -6]]) << UNIT_BITS, 1,
    )  # fmt: skip
    flows = sums.flows
    # in units of 2^3: value 64; by parameter 0, 16 for a change of 0.002; by parameter 2 (32, -48) for 1e-4
    assert value(flows, 1, PARAMETERS) == pytest.approx([64, 0, 0, 0], abs=1e-9)
    moved = (PARAMETERS[0] + 0.001, 0.5, PARAMETERS[2] + 2e-4)
    assert value(flows, 1, moved) == pytest.approx([64 + 64, 8, 0, -96], abs=1e-9)


def test_merging_categories_adds_their_flows() -> None:
    flows = flow_sums(4, 30).flows
    merged = flows.merged(np.array([1, 1]))  # category 0 joins 1: all pairs become (1, 1)
    expected = sum(value(flows, pair, PARAMETERS) for pair in range(3))
    assert set(merged.pairs.tolist()) == {int(pair_number(np.array([[1, 1]]))[0])}
    assert value(merged, 2, PARAMETERS) == pytest.approx(expected)
