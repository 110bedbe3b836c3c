"""Does a step that failed stand upstream of another one: adage's question, answered without all paths.

In its main loop adage asks this of every step, many times a second, and walks each path to the start
of the workflow, whose number is multiplied by the number of jobs in every scattered stage: with eight
jobs and three fits a run stood still for minutes (adage 0.11.0, `adage.dagstate`). Looking for failed
steps first, and for the way to them only if there are any, costs next to nothing.
"""

from __future__ import annotations

from typing import Any

import networkx as nx
from adage import dagstate


def upstream_failure(dag: Any, node: Any) -> bool:
    """Tell whether any ancestor of a node of adage's graph has failed."""
    failed = {name for name in dag.nodes() if dagstate.node_ran_and_failed(dag.getNode(name))}
    return bool(failed) and not failed.isdisjoint(nx.ancestors(dag, node.identifier))


def install() -> None:
    """Let adage use `upstream_failure` of this module in this process."""
    dagstate.upstream_failure = upstream_failure
