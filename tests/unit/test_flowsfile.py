"""Flows written and read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.errors import InputError
from scalesmear.flows import FlowSums
from scalesmear.histogram import MassGrid
from scalesmear.io.flowsfile import read_flows, write_flows

if TYPE_CHECKING:
    from pathlib import Path

FLOWS = FlowSums(
    MassGrid(n_bins=4), 2, 3, (0.01, 0.0, 1e-4), (0.002, 0.002, 1e-4),
    np.array([0, 2], np.int32), np.array([-1, 1], np.int32),
    np.array([[1, -2, 3, 1 << 60], [5, 6, 7, 8]]), n_events=9,
)  # fmt: skip


def test_flows_read_back_are_those_written(tmp_path: Path) -> None:
    write_flows(tmp_path / "flows.npz", FLOWS)
    found = read_flows(tmp_path / "flows.npz")
    for name in ("grid", "n_categories", "exponent", "parameters", "steps", "n_events"):
        assert getattr(found, name) == getattr(FLOWS, name)
    for name in ("pairs", "sources", "sums"):
        np.testing.assert_array_equal(getattr(found, name), getattr(FLOWS, name))
    assert (found + FLOWS).n_events == 18


def test_equal_flows_make_equal_files(tmp_path: Path) -> None:
    write_flows(tmp_path / "a.npz", FLOWS)
    write_flows(tmp_path / "b.npz", FLOWS)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, part: float) -> None:
    path = tmp_path / "flows.npz"
    write_flows(path, FLOWS)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(InputError, match=r"flows\.npz: not a whole file of flows .*migration"):
        read_flows(path)


def test_arrays_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "flows.npz"
    write_flows(path, FLOWS)
    with np.load(path) as content:
        arrays = dict(content)
    np.savez(path, **(arrays | {"sums": arrays["sums"][:, :3]}))
    with pytest.raises(InputError, match="shape"):
        read_flows(path)
    np.savez(path, **(arrays | {"sums": arrays["sums"].astype(float)}))
    with pytest.raises(InputError, match="type float64"):
        read_flows(path)
