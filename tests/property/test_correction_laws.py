"""Laws of tables of scales, and of draws."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalesmear.cells import Boxes, Window
from scalesmear.cmssw import EnergyScaleCorrection
from scalesmear.corrections import ALL_RUNS, ScaleTable, SmearingTable, multiply
from scalesmear.draws import standard_normal
from scalesmear.io.tables import read_scales, write_scales, write_smearings

relaxed = settings(deadline=None, max_examples=40)  # the first call compiles

parts = st.lists(st.integers(1, 1999).map(lambda n: n / 2000), max_size=1, unique=True)
seeds = st.integers(0, 1000)


@st.composite
def windows(draw: st.DrawFn) -> list[Window]:
    """Windows that tile barrel and endcap."""
    found = []
    for low, high in [(0.0, 1.4442), (1.566, 2.5)]:
        eta = [low, *sorted(low + x * (high - low) for x in draw(parts)), high]
        r9 = [0.0, *sorted(draw(parts)), 10.0]
        et = [0.0, *sorted(100 * x for x in draw(parts)), 14000.0]
        gains = (12, 6, 1) if draw(st.booleans()) else (None,)
        found += [
            Window(a, b, c, gain)
            for a in pairwise(eta)
            for b in pairwise(r9)
            for c in pairwise(et)
            for gain in gains
        ]
    return found


@st.composite
def run_ranges(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Ranges that touch, from run 100 to run 199."""
    starts = sorted({100, *draw(st.lists(st.integers(101, 199), max_size=3))})
    return [(start, end - 1) for start, end in pairwise([*starts, 200])]


def table(runs: list[tuple[int, int]], boxes: list[Window], seed: int) -> ScaleTable:
    rows = [(limits, window) for limits in runs for window in boxes]
    scale, err = np.random.default_rng(seed).uniform(
        [[0.97], [1e-5]], [[1.05], [1e-3]], (2, len(rows))
    )
    return ScaleTable.of([row[0] for row in rows], [row[1] for row in rows], scale, err)


tables = st.builds(table, run_ranges(), windows(), seeds)
fits = st.builds(table, st.just([ALL_RUNS]), windows(), seeds)


def electrons(table: ScaleTable, seed: int, n: int = 60) -> dict[str, Any]:
    """Pairs of electrons, many of them on an edge or one float32 beside it."""
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {
        "run": rng.integers(98, 202, n).astype(np.uint32),
        "gain": rng.choice(np.array([12, 6, 1], np.uint8), (n, 2)),
    }
    for column, (name, top) in enumerate((("abs_eta", 2.6), ("r9", 1.1), ("et", 120.0))):
        on = rng.choice(table.boxes.low[:, column], (n, 2))
        towards = rng.choice(np.array([-np.inf, np.inf], np.float32), (n, 2))
        uniform = rng.uniform(0, top, (n, 2)).astype(np.float32)
        kind = rng.integers(0, 4, (n, 2))
        found[name] = np.choose(kind, [on, np.nextafter(on, towards), uniform, uniform])
    found["et"] = np.maximum(found["et"], np.float32(1e-6))
    return found


@relaxed
@given(tables, seeds)
def test_a_lookup_is_the_only_row_that_holds_the_electron(found: ScaleTable, seed: int) -> None:
    legs = electrons(found, seed)
    looked_up = found.lookup(**legs)
    for i, leg in np.ndindex(legs["gain"].shape):
        x = np.array([legs[name][i, leg] for name in ("abs_eta", "r9", "et")])
        inside = np.all((found.boxes.low <= x) & (x < found.boxes.high), axis=1)
        inside &= (found.run_min <= legs["run"][i]) & (legs["run"][i] <= found.run_max)
        inside &= (found.boxes.gain == 0) | (found.boxes.gain == legs["gain"][i, leg])
        rows = np.flatnonzero(inside)
        assert len(rows) <= 1
        assert looked_up.found[i, leg] == (len(rows) == 1)
        assert looked_up.scale[i, leg] == (found.scale[rows[0]] if len(rows) else 1)


@relaxed
@given(tables, fits, seeds)
def test_a_product_scales_as_its_factors_one_after_the_other(
    first: ScaleTable, second: ScaleTable, seed: int
) -> None:
    product = multiply(first, second)
    legs = electrons(product, seed)
    one, other, both = (t.lookup(**legs) for t in (first, second, product))
    assert np.array_equal(both.found, one.found)
    expected = np.where(one.found, one.scale * other.scale, 1)
    assert np.array_equal(both.scale, expected)


@relaxed
@given(tables)
def test_a_scale_and_its_inverse_are_the_identity(found: ScaleTable) -> None:
    inverse = ScaleTable(found.run_min, found.run_max, found.boxes, 1 / found.scale, found.err)
    product = multiply(found, inverse)
    assert len(product) == len(found)
    assert product.scale == pytest.approx(np.ones(len(found)), abs=1e-15)


@relaxed
@given(tables, fits)
def test_a_product_tiles_as_its_factors(first: ScaleTable, second: ScaleTable) -> None:
    first.validate()
    second.validate()
    multiply(first, second).validate()


@relaxed
@given(tables, fits, fits)
def test_products_may_be_grouped_either_way(a: ScaleTable, b: ScaleTable, c: ScaleTable) -> None:
    left, right = multiply(multiply(a, b), c), multiply(a, multiply(b, c))
    assert np.array_equal(left.boxes.low, right.boxes.low)
    assert left.scale == pytest.approx(right.scale, rel=1e-15)


@relaxed
@given(tables)
def test_writing_and_reading_changes_nothing(found: ScaleTable) -> None:
    with TemporaryDirectory() as folder:
        write_scales(path := Path(folder) / "a_scales.dat", found)
        back = read_scales(path)
    for name in ("run_min", "run_max", "scale", "err"):
        assert np.array_equal(getattr(back, name), getattr(found, name))
    for name in Boxes._fields:
        assert np.array_equal(getattr(back.boxes, name), getattr(found.boxes, name))


@relaxed
@given(tables, windows(), seeds)
def test_the_experiments_reader_finds_what_was_written(
    scales: ScaleTable, boxes: list[Window], seed: int
) -> None:
    without_gain = list(dict.fromkeys(Window(w.abs_eta, w.r9, w.et) for w in boxes))
    rho = np.random.default_rng(seed).uniform(0, 0.03, len(without_gain))
    smearings = SmearingTable.of(without_gain, rho, rho / 100)
    with TemporaryDirectory() as folder:
        write_scales(Path(folder) / "era_scales.dat", scales)
        write_smearings(Path(folder) / "era_smearings.dat", smearings)
        reader = EnergyScaleCorrection(Path(folder) / "era")
    legs = electrons(scales, seed, 20)
    ours = scales.lookup(**legs).scale
    sigma = smearings.sigma(legs["abs_eta"], legs["r9"], legs["et"])
    for i, leg in np.ndindex(ours.shape):
        et, eta, r9, gain = (legs[name][i, leg].item() for name in ("et", "abs_eta", "r9", "gain"))
        if eta < 0 or r9 < 0:
            continue
        assert reader.scale(int(legs["run"][i]), et, eta, r9, gain) == np.float32(ours[i, leg])
        theirs = reader.sigma(et, eta, r9, gain)
        assert math.isclose(theirs, sigma[i, leg], rel_tol=1e-6, abs_tol=1e-12)


@relaxed
@given(
    st.lists(st.tuples(st.integers(1, 2**32 - 1), st.integers(0, 2**64 - 1)), min_size=2),
    st.integers(0, 2**64 - 1),
    st.randoms(use_true_random=False),
)
def test_draws_belong_to_the_event(keys: list[tuple[int, int]], seed: int, shuffle: Any) -> None:
    run, event = (np.array(column, np.uint64) for column in zip(*keys, strict=True))
    whole = standard_normal(run, event, seed)
    assert np.all(np.isfinite(whole))
    order = list(range(len(keys)))
    shuffle.shuffle(order)
    assert np.array_equal(standard_normal(run[order], event[order], seed), whole[order])
    half = len(keys) // 2
    assert np.array_equal(standard_normal(run[half:], event[half:], seed), whole[half:])
