from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.errors import InputError
from scalesmear.events import Events
from scalesmear.kinematics import z_momentum
from scalesmear.zweights import ABS_Y, P_T, WeightTable, ZGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL = ZGrid((0.0, 1.0, 2.0), (0.0, 10.0, 50.0, 100.0))


def event_at(y: float, p_t: float) -> Events:
    """Return an event of that rapidity and pT: two electrons of one eta, at right angles."""
    # pT^2 = 2 et^2 for electrons at right angles
    et = p_t / np.sqrt(2)
    columns = {"et": [[et, et]], "eta": [[y, y]], "phi": [[3.0, 3.0 - np.pi / 2]]}
    return Events(**{name: np.array(values, np.float32) for name, values in columns.items()})


def numbered(grid: ZGrid) -> WeightTable:
    return WeightTable(grid, 2.0 + np.arange(grid.size, dtype=float).reshape(grid.shape))


def test_standard_table_has_460_cells() -> None:
    grid = ZGrid()
    assert grid.shape == (10, 46)
    assert grid.size == 460
    # 0 to 27 by 1, no edge at 28, 29 to 40 by 1, then wider
    assert 28.0 not in P_T
    assert P_T[-7:] == (45.0, 50.0, 55.0, 60.0, 80.0, 100.0, 14000.0)
    assert ABS_Y[5:8] == (1.5, 1.7, 1.9)


def test_cells_are_those_of_numpy() -> None:
    rng = np.random.default_rng(1)
    n = 20_000
    et = rng.exponential(40.0, (n, 2)).astype(np.float32) + 5
    eta = rng.uniform(-2.8, 2.8, (n, 2)).astype(np.float32)
    phi = rng.uniform(-4, 4, (n, 2)).astype(np.float32)
    p_t, y = z_momentum(*(values.astype(float) for values in (et, eta, phi)))
    grid = ZGrid()
    row = np.searchsorted(grid.abs_y, np.abs(y), side="right") - 1
    column = np.searchsorted(grid.p_t, p_t, side="right") - 1
    expected = np.where((row < 10) & (column < 46), row * 46 + column, -1)
    assert np.count_nonzero(expected == -1) > 10
    np.testing.assert_array_equal(grid.cell_of(et, eta, phi), expected)


@pytest.mark.parametrize(
    ("y", "p_t", "expected"),
    [(0.5, 5.0, 2.0), (-0.5, 20.0, 3.0), (1.5, 5.0, 5.0), (-1.5, 99.0, 7.0)],
)
def test_an_event_has_the_weight_of_its_cell(y: float, p_t: float, expected: float) -> None:
    assert numbered(SMALL).of(event_at(y, p_t)).tolist() == [expected]


@pytest.mark.parametrize(("y", "p_t"), [(2.5, 20.0), (-2.5, 20.0), (0.5, 150.0)])
def test_f14_an_event_outside_the_table_stays_as_it_is(y: float, p_t: float) -> None:
    # it used to get weight 0, that is, to vanish without a word
    assert numbered(SMALL).of(event_at(y, p_t)).tolist() == [1.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.5])
def test_f13_weights_that_are_no_weights_are_refused(bad: float) -> None:
    weight = np.ones(SMALL.shape)
    weight[1, 2] = bad
    with pytest.raises(InputError, match=r"abs\(y\) \[1, 2\), pT \[50, 100\) GeV"):
        WeightTable(SMALL, weight)


def test_f13_weights_that_are_all_zero_are_refused() -> None:
    with pytest.raises(InputError, match="all weights are 0"):
        WeightTable(SMALL, np.zeros(SMALL.shape))


@pytest.mark.parametrize("edges", [(0.0,), (0.0, 0.0), (1.0, 0.5), (-1.0, 2.0), (0.0, np.inf)])
def test_edges_must_rise_from_zero(edges: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="must rise"):
        ZGrid(edges, (0.0, 1.0))


def test_exponent_bounds_the_product_of_weights() -> None:
    # the largest weight of the table is 7, that of the sample 3: 21 <= 2^5
    assert numbered(SMALL).exponent(3.0) == 5
    # events outside keep theirs: 3 <= 2^2 although all weights of the table are small
    small: NDArray[np.float64] = np.full(SMALL.shape, 0.1)
    assert WeightTable(SMALL, small).exponent(3.0) == 2


def test_a_table_of_ones_is_known_as_such() -> None:
    assert WeightTable(SMALL, np.ones(SMALL.shape)).is_one
    assert not numbered(SMALL).is_one
