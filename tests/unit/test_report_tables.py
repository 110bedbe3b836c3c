"""Words, tables and the summary of injected against derived values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scalesmear.cells import Boxes, Window
from scalesmear.report.combined import CombinedScales
from scalesmear.report.quantity import Quantity, mathematical, plain, region
from scalesmear.report.tables import Table, comparison_table, quantity_table
from scalesmear.report.truth import Comparison, Pulls, relative_errors


@pytest.mark.parametrize(
    ("window", "text", "part"),
    [
        (Window((0, 1), (0, 0.96)), "|eta| < 1, R9 < 0.96", "EB"),
        (Window((1, 1.4442), (0.96, math.inf)), "|eta| 1-1.4442, R9 >= 0.96", "EB"),
        (Window((1.566, 2), (0.96, 10)), "|eta| 1.566-2, R9 >= 0.96", "EE"),
        (Window((0, 2.5), None, (33, 39), 6), "|eta| < 2.5, Et 33-39 GeV, gain 6", ""),
        (Window(), "all", ""),
    ],
)
def test_windows_have_names_and_parts_of_the_detector(window: Window, text: str, part: str) -> None:
    assert plain(window) == text
    assert region(window) == part
    assert plain(window).isascii()


def test_figures_write_symbols() -> None:
    assert mathematical(Window((1, 2), (0.96, math.inf))) == (
        "|$\\eta$| 1\N{EN DASH}2, $R_9$ \N{GREATER-THAN OR EQUAL TO} 0.96"
    )


def test_text_of_a_table_is_aligned_and_never_too_wide() -> None:
    table = Table("", ("name", "value"), (("a" * 200, "1.0"), ("b", "22.0")))
    lines = table.text(60).splitlines()
    assert max(map(len, lines)) == 60
    assert [line[-4:] for line in lines[2:]] == [" 1.0", "22.0"]


def test_quantities_show_limits_and_what_is_not_determined() -> None:
    nan = math.nan
    quantity = Quantity(
        windows=(Window((0, 1)), Window((1, 2)), Window((2, 2.5))),
        value=np.array([0.01, 0.0, nan]),
        error=np.array([0.001, 0.002, nan]),
        upper=np.array([nan, 0.004, nan]),
    )
    assert quantity.measured.tolist() == [True, False, False]
    assert [row[1:] for row in quantity_table(quantity, "smearing", "").rows] == [
        ("0.01000", "0.00100"),
        ("< 0.00400", "95 % limit"),
        ("-", "-"),
    ]


def test_combined_scales_are_averaged_over_events() -> None:
    scales = CombinedScales(
        runs=np.array([[1, 9], [10, 19], [1, 19]]),
        boxes=Boxes.of([Window((0, 1), (0, 10), (0, 14000))] * 2 + [Window((1, 2))]),
        scale=np.array([1.01, 0.99, 2.0]),
    )
    events = {5: 100, 11: 200, 12: 100}
    # 100 events with 1.01, 300 with 0.99
    assert scales.average(Window((0, 1)), events) == pytest.approx((1.01 + 3 * 0.99) / 4)
    assert scales.average(Window((2, 3)), events) is None  # no row has its middle
    assert scales.average(Window((0, 1)), {25: 1}) is None  # no row has the run


def test_errors_relative_to_the_mean_are_those_of_a_simulation() -> None:
    error, weight = np.array([1.0, 2.0, 0.5]), np.array([0.5, 0.2, 0.3])
    draws = np.random.default_rng(1).normal(size=(200_000, 3)) * error
    spread = (draws - (draws @ weight)[:, None]).std(axis=0)
    assert relative_errors(error, weight) == pytest.approx(spread, rel=0.01)


def test_pulls_are_summed_up_and_disagreement_is_marked() -> None:
    comparisons = [Comparison.of("a", 1.0, 1.3, 0.1), Comparison.of("b", 1.0, 0.5, 0.1)]
    pulls = Pulls.of(comparisons)
    # pulls 3 and -5
    assert (pulls.n, pulls.mean, pulls.largest) == pytest.approx((2, -1, -5))
    assert pulls.rms == pytest.approx(math.sqrt((9 + 25) / 2))
    assert [row[-1] for row in comparison_table("", comparisons).rows] == ["+3.00", "-5.00*"]
