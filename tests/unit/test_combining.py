"""Products of tables, rows for simulation, systematic errors."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from tests.published import like_ul2016, like_ul2017

from scalesmear.cells import Boxes, Window
from scalesmear.combining import Systematics, add_systematics, combine, split_simulation
from scalesmear.corrections import ALL_RUNS, ScaleTable
from scalesmear.errors import InputError
from scalesmear.inspection import run_gaps, summary
from scalesmear.io.categoryfile import read_categories

BARREL, ENDCAP = Window((0, 1.4442)), Window((1.566, 2.5))


def table(
    runs: list[tuple[int, int]], windows: list[Window], scale: list[float], err: float = 1e-3
) -> ScaleTable:
    rows = [(r, w) for r in runs for w in windows]
    return ScaleTable.of(
        [r for r, _ in rows], [w for _, w in rows], scale, np.full(len(rows), err), "t"
    )


def electrons(n: int, runs: list[int]) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(3)
    gain = rng.choice([12, 6, 1], (n, 2))
    r9, et = rng.uniform(0, 1.1, (n, 2)), rng.uniform(20, 200, (n, 2))
    return rng.choice(runs, n), rng.uniform(0, 2.6, (n, 2)), r9, et, gain


def test_partly_overlapping_ranges_are_cut() -> None:
    first = table([(10, 20), (21, 40)], [Window((0, 2.5))], [1.1, 1.2])
    second = table([(5, 30), (31, 50)], [Window((0, 2.5))], [2.0, 3.0])
    product = combine([first, second])
    assert list(zip(product.run_min, product.run_max, strict=True)) == [
        (10, 20),
        (21, 30),
        (31, 40),
    ]
    np.testing.assert_allclose(product.scale, [2.2, 2.4, 3.6])


def test_a_published_table_times_a_fit_covers_what_it_did() -> None:
    first = like_ul2016()
    windows = read_categories("et").scales
    rng = np.random.default_rng(1)
    fit = ScaleTable.of(
        [ALL_RUNS] * len(windows), windows, rng.uniform(0.99, 1.01, len(windows)), [1e-4] * len(windows)
    )  # fmt: skip
    product = combine([first, fit])
    gap = run_gaps(split_simulation(first).data)[0][0]
    run, *rest = electrons(20_000, [*first.run_min.tolist(), gap])
    before, factor = first.lookup(run, *rest), fit.lookup(run, *rest)
    after = product.lookup(run, *rest)
    fiducial = rest[0] < 2.5
    assert np.array_equal(after.found, before.found)
    assert np.count_nonzero(~before.found & fiducial & (run != gap)[:, None]) > 0  # the hole in R9
    assert not after.found[run == gap].any()
    data = after.found & ~np.isin(run, split_simulation(first).data.run_min, invert=True)[:, None]
    expected = before.scale * factor.scale
    np.testing.assert_allclose(after.scale[data], expected[data], rtol=1e-12)


def test_simulation_keeps_scale_one_and_gets_all_errors() -> None:
    first = like_ul2017()
    fit = table([ALL_RUNS], [Window((0, 5))], [1.01], err=3e-3)
    product = combine([first, fit])
    simulation = split_simulation(product).simulation
    assert simulation is not None
    assert np.all(simulation.scale == 1)
    before = split_simulation(first).simulation
    assert before is not None
    expected = np.hypot(before.sorted().err, 3e-3 / 1.01)
    np.testing.assert_allclose(simulation.sorted().err, expected)
    numbers = summary(product)
    assert (numbers.rows, numbers.run_ranges, len(numbers.gaps)) == (10_590, 350, 130)
    # one range before and one beyond the data
    assert product.run_max.max() == 999999
    assert product.run_min[np.flatnonzero(product.run_max == 297049)].tolist() == [3] * 30


def test_a_run_range_of_simulation_that_reaches_into_the_data_is_mended() -> None:
    # as in a published table: runs 3-100 stand beside the first run of the data, 100
    first = table([(1, 2), (3, 100), (100, 100)], [BARREL, ENDCAP], [1, 1, 1, 1, 1.1, 1.2])
    product = combine([first])
    product.validate()
    assert sorted(set(product.run_max.tolist())) == [2, 99, 100, 999999]


def test_rows_for_simulation_are_made_on_request() -> None:
    by_run = table([(100, 150), (151, 200)], [BARREL, ENDCAP], [1.1, 1.2, 1.3, 1.4])
    fit = table([ALL_RUNS], [BARREL, ENDCAP], [0.9, 1.1], err=2e-3)
    assert split_simulation(combine([by_run, fit])).simulation is None
    asked = split_simulation(combine([by_run, fit], add_simulation=True)).simulation
    assert asked is not None
    np.testing.assert_allclose(asked.err, [2e-3 / 0.9, 2e-3 / 1.1])


def test_what_cannot_be_made_is_said() -> None:
    by_run = table([(100, 150), (151, 200)], [BARREL, ENDCAP], [1.1, 1.2, 1.3, 1.4])
    with pytest.raises(InputError, match="no table has rows for simulation or is for all runs"):
        combine([by_run], add_simulation=True)
    fit = table([ALL_RUNS], [BARREL, ENDCAP], [0.9, 1.1])
    with pytest.raises(InputError, match="data begin at run 0, but runs 1 and 2 stand for simul"):
        combine([fit], add_simulation=True)
    with pytest.raises(InputError, match=r"no row holds runs 100-150, abs_eta \[1.566, 2.5\)"):
        combine([by_run, table([(1, 150), (151, 999)], [BARREL], [1, 1])])
    with pytest.raises(InputError, match="all rows are for simulation"):
        combine([table([(1, 2)], [BARREL], [1])])


def test_100_000_rows_times_100_000_take_seconds() -> None:
    cells = [
        Window((e, e + 0.1), (r / 30, (r + 1) / 30), (t, t + 50), gain)
        for e in np.arange(0, 2.5, 0.1).round(1)
        for r in range(30)
        for t in (0, 50, 100, 150)
        for gain in (12, 6, 1)
    ]
    runs = [(100 * i, 100 * i + 99) for i in range(11)]
    big = table(runs, cells, [1.0] * (11 * len(cells)))
    assert len(big) == 99_000
    shifted = replace(big, run_min=big.run_min + 50, run_max=big.run_max + 50)
    first = big.take(np.flatnonzero(big.run_min >= 100))
    begin = time.process_time()
    product = combine([first, shifted])
    assert time.process_time() - begin < 20
    assert len(product) == 2 * 90_000


def sources(rows: list[tuple[Window, float]], where: str = "s.tsv") -> Systematics:
    boxes = Boxes.of(window for window, _ in rows)
    percent = np.array([value for _, value in rows])
    return Systematics(boxes, percent, tuple(f"{where}:{i + 1}" for i in range(len(rows))), where)


LOW, HIGH = Window((0, 1), (0, 0.96)), Window((0, 1), (0.96, 10))


def test_every_variable_that_is_used_must_match() -> None:
    # a table that uses R9, none that uses Et: low R9 has its own value, not that of high R9
    scales = table([(1, 9)], [LOW, HIGH], [1.0, 2.0], err=0.0)
    found = add_systematics(scales, [sources([(LOW, 0.1), (HIGH, 0.3)])])
    np.testing.assert_allclose(found.table.err, [0.001, 0.006])
    assert found.unmatched == (0,)


def test_sources_and_errors_add_in_quadrature() -> None:
    scales = table([(1, 9)], [LOW, HIGH], [1.0, 2.0], err=0.003)
    all_electrons = sources([(Window(), 0.4)])
    added = add_systematics(scales, [all_electrons, sources([(LOW, 0.0), (HIGH, 1.2)])])
    np.testing.assert_allclose(added.table.err, [0.005, np.sqrt(0.003**2 + 0.008**2 + 0.024**2)])
    replaced = add_systematics(scales, [all_electrons], replace_errors=True)
    np.testing.assert_allclose(replaced.table.err, [0.004, 0.008])


def test_gain_rows_match_their_gain_only() -> None:
    windows = [Window((0, 2.5), gain=gain) for gain in (12, 6, 1)]
    scales = table([(1, 2), (3, 9)], windows, [1.0] * 6, err=0.0)
    found = add_systematics(scales, [sources([(Window(gain=6), 0.5), (Window(gain=1), 1.0)])],
                            keep_unmatched=True)  # fmt: skip
    np.testing.assert_allclose(found.table.err, [0, 0.005, 0.01] * 2)
    assert found.unmatched == (2,)


def test_ambiguous_and_missing_systematics_are_refused() -> None:
    scales = table([(1, 9)], [LOW, HIGH], [1.0, 1.0])
    with pytest.raises(
        InputError, match=r"s.tsv:2 and s.tsv:1 both hold abs_eta \[0, 1\), r9 \[0.96"
    ):
        add_systematics(scales, [sources([(Window((0, 1)), 0.1), (HIGH, 0.3)])])
    with pytest.raises(InputError, match=r"no row holds all of row 2 .* of t, nor of 0 other rows"):
        add_systematics(scales, [sources([(LOW, 0.1)])])
    # a row of scales that sticks out of the window is not inside
    with pytest.raises(InputError, match="no row holds all of row 1"):
        add_systematics(scales, [sources([(Window((0, 1), (0, 0.9)), 0.1), (HIGH, 0.1)])])
