"""Failed steps upstream: the same answer as adage's own, on graphs that its own cannot walk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adage import dagstate, nodestate
from adage.graph import AdageDAG
from hypothesis import given
from hypothesis import strategies as st

from scalesmear.workflow.failures import install, upstream_failure

if TYPE_CHECKING:
    from collections.abc import Sequence

ADAGES_OWN = dagstate.upstream_failure


class Step:
    """As much of a node of adage's graph as the question needs."""

    def __init__(self, number: int, *, failed: bool) -> None:
        self.identifier = f"step-{number}"
        self.name = self.identifier
        self.state = nodestate.FAILED if failed else nodestate.SUCCESS


def graph(failed: Sequence[bool], edges: Sequence[tuple[int, int]]) -> tuple[AdageDAG, list[Step]]:
    """Return a graph and its nodes; an edge goes from the lower to the higher number."""
    dag, steps = AdageDAG(), [Step(i, failed=f) for i, f in enumerate(failed)]
    for step in steps:
        dag.addNode(step)
    for a, b in edges:
        dag.addEdge(steps[min(a, b)], steps[max(a, b)])
    return dag, steps


@given(st.data())
def test_same_as_walking_all_paths(data: st.DataObject) -> None:
    failed = data.draw(st.lists(st.booleans(), min_size=2, max_size=8))
    number = st.integers(0, len(failed) - 1)
    edges = data.draw(st.lists(st.tuples(number, number).filter(lambda e: e[0] != e[1])))
    dag, steps = graph(failed, edges)
    for step in steps:
        assert upstream_failure(dag, step) == ADAGES_OWN(dag, step)


@pytest.mark.parametrize("failing", [None, 0])
def test_many_scattered_stages_take_no_time(failing: int | None) -> None:
    # 30 stages of 8 jobs, each waiting for all jobs before: 8^29 paths
    levels, jobs = 30, 8
    edges = [
        (jobs * level + a, jobs * (level + 1) + b)
        for level in range(levels - 1)
        for a in range(jobs)
        for b in range(jobs)
    ]
    dag, steps = graph([i == failing for i in range(levels * jobs)], edges)
    assert upstream_failure(dag, steps[-1]) is (failing is not None)


def test_adage_uses_it_once_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dagstate, "upstream_failure", ADAGES_OWN)
    install()
    assert dagstate.upstream_failure is upstream_failure
