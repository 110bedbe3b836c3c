"""Windows, their names, and the grid that finds the window of an electron."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scalesmear.cells import (
    FIDUCIAL,
    Boxes,
    CellGrid,
    OverlapError,
    Window,
    float32_decimal,
    holes,
    uncovered,
)


def test_edges_are_rounded_to_float32_and_stay_readable() -> None:
    window = Window((float(np.float32(1.566)), 2.5), (0, math.inf))
    assert window.abs_eta == (1.566, 2.5)
    assert window == Window((1.566, 2.5), (0.0, math.inf), origin="elsewhere")
    assert np.float32(float32_decimal(0.1 + 0.2)) == np.float32(0.3)


@pytest.mark.parametrize(
    ("window", "label"),
    [
        (Window((0, 1), (0, 0.96)), "absEta_0.0000_1.0000-R9_0.0000_0.9600"),
        (Window((1.566, 2), (0.96, math.inf)), "absEta_1.5660_2.0000-R9_0.9600_10.0000"),
        (Window((2, 2.5), None, (65, math.inf)), "absEta_2.0000_2.5000-Et_65.0000_14000.0000"),
        (Window((0, 2.5), gain=12), "absEta_0.0000_2.5000-gainEle_12"),
        (Window(r9=(0, 0.9)), "absEta_0.0000_10.0000-R9_0.0000_0.9000"),
        # four decimals would move this edge
        (Window((0, 1), (0.97251, 1)), "absEta_0.0000_1.0000-R9_0.97251_1.0000"),
    ],
)
def test_label_has_four_decimals_and_loses_nothing(window: Window, label: str) -> None:
    assert window.label == label


@pytest.mark.parametrize(
    "window",
    [
        Window((0, 1)),
        Window(r9=(0.96, math.inf), et=(20, 40)),
        Window((0, 2.5), gain=6),
    ],
)
def test_a_window_survives_json(window: Window) -> None:
    assert Window.from_json(window.to_json()) == window


def test_json_writes_infinity_as_null() -> None:
    content = Window((0, 1), (0.96, math.inf)).to_json()
    assert content == {"abs_eta": [0.0, 1.0], "r9": [0.96, None], "et": None, "gain": None}


@pytest.mark.parametrize("edges", [(1, 1), (2, 1), (math.nan, 1), (0, math.nan), (-math.inf, 0)])
def test_edges_that_do_not_rise_are_refused(edges: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="abs_eta"):
        Window(edges)


def test_an_unknown_gain_is_refused() -> None:
    with pytest.raises(ValueError, match="no gain 2"):
        Window(gain=2)


def test_boxes_give_their_windows_back() -> None:
    windows = [Window((0, 1), (0.96, math.inf)), Window(et=(20, 40), gain=12)]
    boxes = Boxes.of(windows)
    assert [boxes.window(row) for row in range(boxes.size)] == windows


def test_enclosing_compares_what_is_used() -> None:
    assert Window((0, 2)).encloses(Window((0, 1), (0, 0.9), gain=6))
    assert not Window((0, 2), (0, math.inf)).encloses(Window((0, 1)))
    assert not Window((0, 1)).encloses(Window((0, 1.2)))


def test_bins_are_half_open_in_float32() -> None:
    grid = CellGrid.of(Boxes.of([Window((0, 1.4442))]))
    edge = np.float32(1.4442)
    below, above = (np.nextafter(edge, np.float32(to)) for to in (0, 2))
    # the float64 1.4442 is not the float32 one, but rounds to it
    found = grid.cell_of(np.array([below, edge, 1.4442, above, 0.0, -1e-9, np.nan]))
    assert found.tolist() == [1, 2, 2, 2, 1, 0, 0]


def test_an_infinite_value_is_in_no_bin() -> None:
    grid = CellGrid.of(Boxes.of([Window((0, 1), (0.96, math.inf))]))
    painted = grid.paint(Boxes.of([Window((0, 1), (0.96, math.inf))])).ravel()
    cells = grid.cell_of(np.zeros(3), np.array([0.96, 3e38, np.inf]))
    assert painted[cells].tolist() == [0, 0, -1]


def test_a_variable_that_no_window_uses_is_not_read() -> None:
    boxes = Boxes.of([Window((0, 1))])
    grid = CellGrid.of(boxes)
    assert grid.used == (True, False, False, False)
    assert grid.cell_of(np.array([[0.5, 1.5]], np.float32)).shape == (1, 2)


def test_a_variable_that_a_window_uses_must_be_given() -> None:
    grid = CellGrid.of(Boxes.of([Window((0, 1), (0, 1), gain=12)]))
    eta = np.zeros((2, 2))
    with pytest.raises(ValueError, match=r"r9 is used.*got nothing"):
        grid.cell_of(eta)
    with pytest.raises(ValueError, match=r"gain is used.*got shape \(2,\)"):
        grid.cell_of(eta, eta, None, np.array([12, 12]))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64])
def test_what_is_no_gain_is_in_no_window_of_a_gain(dtype: type[np.integer]) -> None:
    boxes = Boxes.of([Window((0, 1), gain=gain) for gain in (12, 6, 1)])
    grid = CellGrid.of(boxes)
    gain = np.array([12, 6, 1, 0, 2, 255], dtype)
    found = grid.paint(boxes).ravel()[grid.cell_of(np.zeros(6), None, None, gain)]
    assert found.tolist() == [0, 1, 2, -1, -1, -1]


def test_a_gain_beyond_a_byte_does_not_wrap_around() -> None:
    grid = CellGrid.of(boxes := Boxes.of([Window(gain=12)]))
    found = grid.paint(boxes).ravel()[grid.cell_of(np.zeros(2), None, None, np.array([268, -244]))]
    assert found.tolist() == [-1, -1]


def test_more_electrons_than_a_block_are_all_found() -> None:
    grid = CellGrid.of(Boxes.of([Window((0, 1)), Window((1, 2.5))]))
    eta = np.linspace(0, 2.4, 70_001)
    assert np.array_equal(grid.cell_of(eta), np.where(eta.astype(np.float32) < 1, 1, 2))


def test_overlapping_windows_are_named() -> None:
    boxes = Boxes.of([Window((0, 1)), Window((1, 2)), Window((1.5, 3), (0, 1))])
    with pytest.raises(OverlapError) as caught:
        CellGrid.of(boxes).paint(boxes)
    assert caught.value.rows == (1, 2)


def test_an_uncovered_part_is_found() -> None:
    whole = Boxes.of([Window((0, 2))])
    assert uncovered(whole, Boxes.of([Window((0, 1)), Window((1, 2))])) is None
    assert uncovered(whole, Boxes.of([Window((0, 1)), Window((1.5, 3))])) == Window((1, 1.5))
    assert uncovered(whole, Boxes.of([Window((0, 2), gain=12), Window((0, 2), gain=1)])) == Window(
        (0, 2), gain=6
    )


def test_the_gap_between_barrel_and_endcap_is_not_fiducial() -> None:
    assert uncovered(FIDUCIAL, Boxes.of([Window((0, 1.4442)), Window((1.566, 2.5))])) is None
    assert uncovered(FIDUCIAL, Boxes.of([Window((0, 1.44)), Window((1.566, 2.5))])) is not None


def test_holes_are_few_windows() -> None:
    # of eta 0-1 the corner R9 0.5-1, Et 40-50 and 50-60 is missing, and gain 6 of eta 1-1.4442
    region = Boxes.of([Window((0, 1.4442), (0, 1), (0, 60))])
    rows = [
        Window((0, 1), (0, 0.5)),
        Window((0, 1), (0.5, 1), (0, 40)),
        Window((1, 1.4442), gain=12),
        Window((1, 1.4442), (0, 1), (50, 60), gain=6),
        Window((1, 1.4442), gain=1),
    ]
    assert holes(region, Boxes.of(rows)) == [
        Window((0, 1), (0.5, 1), (40, 60)),
        Window((1, 1.4442), (0, 1), (0, 50), gain=6),
    ]
    assert holes(region, region) == []


def test_a_double_switch_is_missed_nowhere() -> None:
    rows = Boxes.of([Window((0, 1), gain=g) for g in (12, 6, 1)])
    double = Boxes(rows.low[:1], rows.high[:1], np.array([61], np.int16))
    elsewhere = Boxes.of([Window((1, 1.4442))])
    region = Boxes.of([Window((0, 1.4442))])
    assert uncovered(region, rows.join(double).join(elsewhere)) is None
