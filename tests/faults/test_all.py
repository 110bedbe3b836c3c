"""Each fault of earlier frameworks that is known has a test that bears its number."""

from __future__ import annotations

import ast
from pathlib import Path

FAULTS = range(1, 44)


def test_every_fault_has_a_test() -> None:
    found = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_f"):
                found.add(int(node.name[6:8]))
    assert found == set(FAULTS)
