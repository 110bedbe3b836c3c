"""A cut flow read from the file that the verb wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scalesmear.cutflow import merge_summaries
from scalesmear.errors import InputError
from scalesmear.io.cutflowfile import read_cut_flow
from scalesmear.io.files import write_json

if TYPE_CHECKING:
    from pathlib import Path


def summary(kind: str, n_events: int) -> dict[str, Any]:
    """Return the summary of a job that kept so many events of one run, with weights of 1."""
    return {
        "kind": kind,
        "files": [{"path": "a", "tree": "b", "entries": 9, "adler32": "0", "bytes": 1}],
        "cuts": [{"name": "entries", "events": n_events, "sum_of_weights": float(n_events)}],
        "runs": {"7": n_events},
        "sum_of_weights": float(n_events),
        "sum_of_squared_weights": float(n_events),
        "largest_weight": 1.0,
        "notes": [],
    }


CUT_FLOW = merge_summaries([("data", summary("data", 3)), ("sim", summary("sim", 5))])


def test_a_cut_flow_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "cut_flow.json"
    write_json(path, CUT_FLOW.to_json() | {"provenance": {"image": "none"}})
    found = read_cut_flow(path)
    assert found == CUT_FLOW
    assert found.data.runs == {7: 3}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: cut flow does not exist"):
        read_cut_flow(tmp_path / "none.json")


def test_a_file_without_simulation_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "cut_flow.json"
    write_json(path, {"data": CUT_FLOW.data.to_json()})
    with pytest.raises(InputError, match=r"cut_flow\.json: no cut flow of sim in it .*cut-flow"):
        read_cut_flow(path)
