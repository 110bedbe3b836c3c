"""Maps of scales and smearings: cells, numbers and what becomes of ranges without categories."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from scalesmear.cells import Window
from scalesmear.report.category_maps import (
    GAP_WIDTH,
    SCALES,
    SMEARINGS,
    EtaSlots,
    cell_text,
    has_map,
    map_figure,
)
from scalesmear.report.quantity import Quantity
from scalesmear.report.style import styled

ETA = ((0.0, 1.0), (1.0, 1.2), (1.2, 1.4442), (1.566, 2.0), (2.0, 2.5))
R9 = ((0.0, 0.96), (0.96, math.inf))


def quantity(windows: list[Window], first: float, upper: float = math.nan) -> Quantity:
    n = len(windows)
    limits = np.full(n, np.nan)
    limits[0] = upper
    value = first + 1e-3 * np.arange(n)
    return Quantity(tuple(windows), value, np.full(n, 5e-4), limits)


def test_ranges_of_eta_are_equally_wide_and_the_gap_is_narrow() -> None:
    slots = EtaSlots.of([Window(eta, r9) for eta in ETA for r9 in R9])
    assert slots.edges == (0.0, 1.0, 1.2, 1.4442, 1.566, 2.0, 2.5)
    np.testing.assert_allclose(np.diff(slots.places), [1, 1, 1, GAP_WIDTH, 1, 1])
    assert slots.span(Window((1.0, 1.4442))) == (1.0, 3.0)
    assert slots.span(Window(None)) == (0.0, slots.places[-1])


@pytest.mark.parametrize("ets", [(None,), ((0.0, 40.0), (40.0, 50.0), (50.0, math.inf))])
def test_every_category_is_a_cell_of_each_panel_that_it_belongs_to(
    ets: tuple[tuple[float, float] | None, ...],
) -> None:
    windows = [Window(eta, r9, et) for eta in ETA for r9 in R9 for et in ets]
    coarse = [Window(eta, None, None) for eta in ETA]
    with styled():
        figure = map_figure(quantity(windows, 0.995), quantity(coarse, 0.01), label="", era="e")
    panels = [
        axes for axes in figure.axes if axes.get_xticklabels() and len(axes.get_xticks()) == 7
    ]
    cells = [sum(isinstance(p, Rectangle) for p in axes.patches) for axes in panels]
    n_panels = 1 if ets == (None,) else 2  # R9, or Et with a row of panels for each range of R9
    assert len(panels) == 2 * n_panels
    assert sorted(cells) == sorted([len(windows) // n_panels] * n_panels + [5] * n_panels)


def test_the_names_of_both_ends_of_the_gap_stand_apart() -> None:
    # "1.4442" and "1.566" used to lie on each other where five ranges share a panel
    windows = [Window(eta, r9) for eta in ETA for r9 in R9]
    with styled():
        figure = map_figure(quantity(windows, 0.995), quantity(windows, 0.01), label="", era="e")
        figure.canvas.draw()
        boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert len(boxes) == 7
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_cells_hold_per_cent_limits_and_crosses() -> None:
    windows = [Window(eta) for eta in ETA[:3]]
    scales, smearings = quantity(windows, 0.999), quantity(windows, 0.01, upper=0.0042)
    assert cell_text(scales, SCALES, 0, roomy=True) == "-0.10\n\N{PLUS-MINUS SIGN}0.05"
    assert cell_text(scales, SCALES, 1, roomy=False) == "+0.00"  # 1.000 - 1, not -0.00
    assert cell_text(smearings, SMEARINGS, 0, roomy=True) == "< 0.42"
    assert cell_text(smearings, SMEARINGS, 2, roomy=False) == "1.20"
    nothing = np.full(3, np.nan)
    unknown = Quantity(tuple(windows), nothing, nothing, nothing)
    assert cell_text(unknown, SCALES, 0, roomy=True) == "\N{MULTIPLICATION SIGN}"


def test_a_single_row_is_no_map() -> None:
    assert has_map([Window(eta, r9) for eta in ETA for r9 in R9])
    assert not has_map([Window(eta) for eta in ETA])
    assert not has_map([Window((0.0, 2.5), gain=gain) for gain in (12, 6, 1)])
