"""Tables of scales and smearings: lookup, product, checks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from scalesmear.categories import CategorySet, Window
from scalesmear.corrections import (
    ALL_RUNS,
    ScaleTable,
    SmearingTable,
    multiply,
    refines,
    tables_of_fit,
)
from scalesmear.errors import InputError
from scalesmear.events import Events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BARREL, ENDCAP = Window((0, 1.4442)), Window((1.566, 2.5))
TWO_RUNS = [(10, 19), (30, 39)]


def table(
    runs: Sequence[tuple[int, int]],
    windows: Sequence[Window],
    scale: Sequence[float],
    err: Sequence[float] | None = None,
    where: str = "scales",
) -> ScaleTable:
    """Return a table with a row for each run range x window."""
    rows = [(run, window) for run in runs for window in windows]
    return ScaleTable.of(
        [row[0] for row in rows],
        [row[1] for row in rows],
        scale,
        err or [0.001] * len(rows),
        where,
    )


def by_runs() -> ScaleTable:
    return table(TWO_RUNS, [BARREL, ENDCAP], [1.01, 1.02, 1.03, 1.04])


def scale_at(
    found: ScaleTable, run: int, abs_eta: float, r9: float = 0.9, et: float = 45.0, gain: int = 12
) -> float:
    eta, ratio, energy = (np.array([[x]]) for x in (abs_eta, r9, et))
    looked_up = found.lookup(np.array([run]), eta, ratio, energy, np.array([[gain]]))
    return float(looked_up.scale[0, 0])


def test_runs_are_closed_ranges() -> None:
    found = by_runs()
    assert [scale_at(found, run, 0.5) for run in (10, 19, 30, 39)] == [1.01, 1.01, 1.03, 1.03]


def test_an_electron_without_row_keeps_its_energy_and_is_counted() -> None:
    """Used to get scale 0, and its event disappeared."""
    run = np.array([9, 20, 29, 40, 10], np.uint32)
    abs_eta = np.full((5, 2), 0.5, np.float32)
    abs_eta[4] = [1.5, 2.0]
    looked_up = by_runs().lookup(run, abs_eta, np.full((5, 2), 0.9), np.full((5, 2), 45.0))
    assert looked_up.scale.tolist() == [[1, 1]] * 4 + [[1, 1.02]]
    assert looked_up.found.tolist() == [[False, False]] * 4 + [[False, True]]
    assert looked_up.n_missing == 9


@pytest.mark.parametrize("runs", [(0, 999999), (1, 2), (3, 315256), (1, 1)])
def test_a_table_for_all_runs_or_simulation_applies(runs: tuple[int, int]) -> None:
    """Rows with run limits 1, 2, 3 or 999999 used to be dropped."""
    assert scale_at(table([runs], [BARREL], [0.99]), runs[0], 0.5) == 0.99
    assert scale_at(table([runs], [BARREL], [0.99]), runs[1], 0.5) == 0.99


def test_windows_that_are_not_used_are_those_of_the_files() -> None:
    found = table([ALL_RUNS], [BARREL], [0.99])
    assert found.boxes.low.tolist() == [[0, 0, 0]]
    assert found.boxes.high[0, 1:].tolist() == [10, 14000]
    assert scale_at(found, 1, 0.5, r9=10.0) == 1
    assert scale_at(found, 1, 0.5, et=14000.0) == 1


def test_ranges_of_runs_may_differ_between_windows() -> None:
    found = ScaleTable.of(
        [(0, 999999), (10, 19), (20, 29)], [BARREL, ENDCAP, ENDCAP], [1.1, 1.2, 1.3], [0, 0, 0]
    )
    assert [scale_at(found, run, 0.5) for run in (5, 15, 25, 35)] == [1.1] * 4
    assert [scale_at(found, run, 2.0) for run in (5, 15, 25, 35)] == [1, 1.2, 1.3, 1]


def test_gain_zero_is_any_gain() -> None:
    gains = [Window((0, 1.4442), gain=gain) for gain in (12, 6, 1)]
    found = table([ALL_RUNS], [*gains, ENDCAP], [1.1, 1.2, 1.3, 1.4])
    assert [scale_at(found, 1, 0.5, gain=gain) for gain in (12, 6, 1, 0)] == [1.1, 1.2, 1.3, 1]
    assert [scale_at(found, 1, 2.0, gain=gain) for gain in (12, 6, 1, 0)] == [1.4] * 4


def events(run: Sequence[int], eta_sc: float) -> Events:
    n = len(run)
    return Events(
        run=np.array(run, np.uint32),
        et=np.full((n, 2), 45.0),
        eta_sc=np.full((n, 2), eta_sc),
        r9=np.full((n, 2), 0.9),
        gain=np.full((n, 2), 12),
    )


def test_factors_of_events_use_the_absolute_eta() -> None:
    assert by_runs().factors(events([10, 35], -2.0)).scale.tolist() == [[1.02, 1.02], [1.04, 1.04]]


def test_a_run_in_no_range_stops_the_correction_of_events() -> None:
    with pytest.raises(InputError, match="no row holds run 25; derive"):
        by_runs().factors(events([10, 25], 0.5))


def test_runs_must_match_the_electrons() -> None:
    legs = np.zeros((2, 2))
    with pytest.raises(ValueError, match=r"\(3,\) runs for electrons of shape \(2, 2\)"):
        by_runs().lookup(np.array([1, 2, 3]), legs, legs, legs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"runs": [(19, 10)]}, r"row 1 \(runs 19-10, .*\) has an empty range of runs"),
        ({"scale": [0.0]}, "has no positive scale"),
        ({"scale": [math.nan]}, "has no positive scale"),
        ({"err": [-0.1]}, "has no error >= 0"),
        ({"runs": [], "windows": [], "scale": [], "err": []}, "no rows"),
    ],
)
def test_impossible_rows_are_named(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"runs": [ALL_RUNS], "windows": [BARREL], "scale": [1.0], "err": [0.1]}
    with pytest.raises(InputError, match=message):
        ScaleTable.of(**(good | change), where="a.dat")


def test_overlapping_rows_are_named() -> None:
    bad = ScaleTable.of(
        [(10, 20), (20, 30)], [BARREL, Window((1, 2))], [1.0, 1.0], [0.0, 0.0], "a.dat"
    )
    with pytest.raises(InputError, match=r"a.dat: row 1 \(runs 10-20.* and row 2 .* overlap"):
        bad.validate()


def test_any_gain_beside_a_gain_is_an_overlap() -> None:
    bad = table([ALL_RUNS], [BARREL, Window((0, 1), gain=6)], [1.0, 1.0])
    with pytest.raises(InputError, match="overlap"):
        bad.validate()


def test_a_hole_is_named_with_its_runs() -> None:
    rows = [BARREL, Window((1.566, 2.5), (0, 0.5)), Window((1.566, 2.5), (0.6, 10))]
    by_runs().validate()
    with pytest.raises(InputError, match=r"runs 10-19: no row holds .*r9 \[0.5, 0.6\)"):
        table(TWO_RUNS, rows, [1.0] * 6).validate()


def test_a_product_has_the_scales_of_both() -> None:
    fit = table([ALL_RUNS], [Window((0, 1)), Window((1, 1.4442)), ENDCAP], [1.1, 1.2, 1.3])
    product = multiply(by_runs(), fit)
    assert product.run_min.tolist() == [10] * 3 + [30] * 3
    assert product.run_max.tolist() == [19] * 3 + [39] * 3
    expected = [1.01 * 1.1, 1.01 * 1.2, 1.02 * 1.3, 1.03 * 1.1, 1.03 * 1.2, 1.04 * 1.3]
    assert product.scale.tolist() == pytest.approx(expected)
    assert product.boxes.low[:3, 0].tolist() == [0, 1, np.float32(1.566)]


def test_run_ranges_are_intersected() -> None:
    """Used to drop rows that overlap in part, and to round edges."""
    first = table([(10, 19), (20, 29)], [BARREL, ENDCAP], [1.1, 1.1, 1.2, 1.2])
    second = table([(10, 14), (15, 29)], [BARREL, ENDCAP], [1.3, 1.3, 1.4, 1.4])
    product = multiply(first, second)
    assert [(g.first, g.last) for g in product.groups] == [(10, 14), (15, 19), (20, 29)]
    assert product.scale[::2].tolist() == pytest.approx([1.1 * 1.3, 1.1 * 1.4, 1.2 * 1.4])


def test_relative_errors_add_in_quadrature() -> None:
    first = table([(10, 19)], [BARREL, ENDCAP], [1.1, 1.1], [0.011 * 3, 0.0])
    fit = table([ALL_RUNS], [BARREL, ENDCAP], [2.0, 2.0], [0.02 * 4, 0.02])
    product = multiply(first, fit)
    # relative 3 % and 4 % make 5 %
    assert (product.err / product.scale).tolist() == pytest.approx([0.05, 0.01])


def test_the_error_of_a_refining_fit_replaces_that_of_the_earlier_fit() -> None:
    coarse = table([ALL_RUNS], [BARREL, ENDCAP], [1.1, 1.2], [0.011, 0.012])
    windows = [Window((0, 1)), Window((1, 1.4442)), ENDCAP]
    fine = table([ALL_RUNS], windows, [1.0, 2.0, 1.0], [0.02, 0.02, 0.0])
    assert refines(fine, coarse)
    assert not refines(coarse, fine)
    product = multiply(coarse, fine)
    # the last window was not determined by the later fit: the earlier error, 1 %, stays
    assert (product.err / product.scale).tolist() == pytest.approx([0.02, 0.01, 0.01])


def test_a_table_by_gain_refines_nothing_in_r9() -> None:
    fine = table([ALL_RUNS], [Window((0, 2.5), (0, 0.9)), Window((0, 2.5), (0.9, 10))], [1, 1])
    gain = table([ALL_RUNS], [Window((0, 2.5), gain=g) for g in (12, 6, 1)], [1, 1, 1])
    assert not refines(gain, fine)
    product = multiply(fine, gain)
    assert product.boxes.gain.tolist() == [12, 6, 1] * 2
    assert (product.err / product.scale).tolist() == pytest.approx([0.001 * math.sqrt(2)] * 6)


def test_a_window_that_the_second_table_lacks_is_named() -> None:
    fit = table([ALL_RUNS], [BARREL, Window((1.566, 2))], [1.1, 1.2], where="fine.dat")
    message = r"fine.dat: no row holds runs 10-19, abs_eta \[2, 2.5\).*which scales has"
    with pytest.raises(InputError, match=message):
        multiply(by_runs(), fit)


def test_a_window_that_the_first_table_lacks_is_named() -> None:
    fit = table([ALL_RUNS], [BARREL, ENDCAP], [1.1, 1.2], where="fine.dat")
    with pytest.raises(InputError, match=r"scales: no row holds .*1.566.*which fine.dat has"):
        multiply(table(TWO_RUNS, [BARREL], [1.1, 1.2]), fit)


def test_runs_that_the_second_table_lacks_are_named() -> None:
    fit = table([(0, 35)], [BARREL, ENDCAP], [1.1, 1.2], where="fine.dat")
    with pytest.raises(InputError, match=r"fine.dat: no row holds runs 36-39"):
        multiply(by_runs(), fit)


def test_tables_without_common_runs_do_not_multiply() -> None:
    with pytest.raises(InputError, match="no row holds runs 10-19"):
        multiply(by_runs(), table([(100, 200)], [BARREL, ENDCAP], [1.1, 1.2]))


def test_the_gap_may_be_covered_by_one_table_only() -> None:
    gain = table([ALL_RUNS], [Window((0, 2.5), gain=g) for g in (12, 6, 1)], [1.1, 1.2, 1.3])
    assert len(multiply(by_runs(), gain)) == 12


SMEARINGS = [Window((0, 1.4442), (0, 0.96)), Window((0, 1.4442), (0.96, math.inf)), ENDCAP]


def test_smearing_is_rho() -> None:
    found = SmearingTable.of(SMEARINGS, [0.008, 0.006, 0.02], [1e-4] * 3)
    abs_eta = np.array([[0.5, 0.5], [2.0, 1.5]])
    r9 = np.array([[0.9, 0.97], [0.5, 0.5]])
    looked_up = found.lookup(abs_eta, r9, np.full((2, 2), 45.0))
    assert looked_up.sigma.tolist() == [[0.008, 0.006], [0.02, 0.0]]
    assert looked_up.found.tolist() == [[True, True], [True, False]]
    assert looked_up.n_missing == 1


def test_smearing_with_a_stochastic_term() -> None:
    # sin = cos = sqrt(1/2): sigma^2 = rho^2 / 2 + (rho e_mean)^2 / 2 / Et
    rho, e_mean = np.array([0.01]), np.array([6.0])
    quarter, zero = np.array([math.pi / 4]), np.zeros(1)
    found = SmearingTable(
        SmearingTable.of([BARREL], rho, zero).boxes, rho, zero, quarter, zero, e_mean, zero
    )
    sigma = found.sigma(np.array([0.5, 2.0]), None, np.array([36.0, 36.0]))
    assert sigma.tolist() == pytest.approx([math.sqrt(0.5e-4 + 0.5e-4 * 36 / 36), 0.0])


def test_smearings_of_events() -> None:
    found = SmearingTable.of(SMEARINGS, [0.008, 0.006, 0.02], [1e-4] * 3)
    assert found.sigmas(events([1], -2.0)).sigma.tolist() == [[0.02, 0.02]]


def test_overlapping_smearings_are_named() -> None:
    bad = SmearingTable.of([BARREL, Window((1, 2))], [0.01, 0.02], [0, 0])
    with pytest.raises(InputError, match=r"abs_eta \[0, 1.4442\) and abs_eta \[1, 2\) overlap"):
        bad.sigma(np.zeros(1), None, np.ones(1))


@pytest.mark.parametrize("rho", [-0.01, math.nan])
def test_an_impossible_smearing_is_refused(rho: float) -> None:
    with pytest.raises(InputError, match=r"rho of .* it must be >= 0"):
        SmearingTable.of([BARREL], [rho], [0.0])


@dataclass
class Result:
    scale: NDArray[np.float64]
    scale_error: NDArray[np.float64]
    smearing: NDArray[np.float64]
    smearing_error: NDArray[np.float64]


def test_tables_of_a_fit() -> None:
    categories = CategorySet((BARREL, ENDCAP), (Window((0, 2.5)),))
    result = Result(
        np.array([1.01, 1.0]), np.array([0.001, np.inf]), np.array([0.01]), np.array([0.002])
    )
    scales, smearings = tables_of_fit(result, categories)
    assert (scales.run_min.tolist(), scales.run_max.tolist()) == ([0, 0], [999999, 999999])
    assert scales.scale.tolist() == [1.01, 1.0]
    # what was not determined adds nothing
    assert scales.err.tolist() == [0.001, 0.0]
    assert smearings.rho.tolist() == [0.01]
    assert smearings.err_rho.tolist() == [0.002]
