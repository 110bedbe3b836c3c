"""F31: a table is looked up with raw Et, the categories of its fits were taken on corrected Et."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalesmear.cells import Window
from scalesmear.corrections import ALL_RUNS, ScaleTable, multiply
from scalesmear.io.categoryfile import read_categories
from scalesmear.uncorrected import before_own_scales, before_scaling, in_uncorrected_et

if TYPE_CHECKING:
    from numpy.typing import NDArray

ET_EDGES = (33.0, 39.0, 42.0, 44.0, 46.0, 50.0, 55.0, 65.0, 80.0)
N = 4000


def table(name: str, seed: int, runs: tuple[tuple[int, int], ...] = (ALL_RUNS,)) -> ScaleTable:
    """Return scales of 0.98 to 1.02 in the windows of a set, for each range of runs."""
    windows = read_categories(name).scales
    scale = np.random.default_rng(seed).uniform(0.98, 1.02, len(windows) * len(runs))
    rows = [(limits, window) for limits in runs for window in windows]
    return ScaleTable.of([r for r, _ in rows], [w for _, w in rows], scale, 1e-4 * scale, name)


def electrons(seed: int) -> tuple[NDArray[Any], ...]:
    """Return |eta|, R9, Et close to the edges, and gain."""
    rng = np.random.default_rng(seed)
    abs_eta = np.where(rng.random(N) < 0.5, rng.uniform(0, 1.44, N), rng.uniform(1.57, 2.5, N))
    et = rng.choice(ET_EDGES, N) * (1 + 0.03 * rng.standard_normal(N))
    columns = abs_eta, rng.uniform(0.3, 1.0, N), et
    rounded = [column.astype(np.float32)[:, None] for column in columns]
    return (*rounded, rng.choice([12, 6, 1], (N, 1)))


@given(seed=st.integers(0, 2**32 - 1), later=st.sampled_from(["et", "stochastic"]))
@settings(max_examples=15, deadline=None)
def test_the_product_scales_every_electron_as_the_fits_did(seed: int, later: str) -> None:
    fine, gain, last = (table(name, seed + i) for i, name in enumerate(("fine", "gain", later)))
    base = multiply(fine, gain)
    product = multiply(base, in_uncorrected_et(last, base))
    product.validate()
    run = np.ones(N, np.int64)
    abs_eta, r9, et, g = electrons(seed)
    first = base.lookup(run, abs_eta, r9, et, g).scale
    corrected = (et * first).astype(np.float32)
    expected = first * last.lookup(run, abs_eta, r9, corrected, g).scale
    found = product.lookup(run, abs_eta, r9, et, g)
    assert found.found.all()
    assert found.scale == pytest.approx(expected, rel=1e-14)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_a_fit_by_et_may_build_on_another(seed: int) -> None:
    first, second = table("et", seed), table("stochastic", seed + 1)
    product = multiply(first, in_uncorrected_et(second, first))
    product.validate()
    run = np.ones(N, np.int64)
    abs_eta, r9, et, gain = electrons(seed)
    factor = first.lookup(run, abs_eta, r9, et, gain).scale
    corrected = (et * factor).astype(np.float32)
    expected = factor * second.lookup(run, abs_eta, r9, corrected, gain).scale
    assert product.lookup(run, abs_eta, r9, et, gain).scale == pytest.approx(expected, rel=1e-14)


@given(seed=st.integers(0, 2**32 - 1), name=st.sampled_from(["et", "stochastic", "fine"]))
@settings(max_examples=15, deadline=None)
def test_electrons_pass_an_edge_with_the_mean_of_the_scales_on_both_sides(
    seed: int, name: str
) -> None:
    fit = table(name, seed)
    moved = before_own_scales(fit)
    moved.validate()  # the windows still tile
    assert moved.scale is fit.scale
    np.testing.assert_array_equal(np.delete(moved.boxes.low, 2, 1), np.delete(fit.boxes.low, 2, 1))
    run = np.ones(N, np.int64)
    abs_eta, r9, et, gain = electrons(seed)
    scale = moved.lookup(run, abs_eta, r9, et, gain).scale
    inside = fit.lookup(run, abs_eta, r9, (et * scale).astype(np.float32), gain).scale
    # what an electron is scaled with is the scale of where it is found, but for half the step between
    # two windows around an edge, at most 2 %
    other = inside != scale
    distance = np.abs(et * scale / np.array(ET_EDGES) - 1).min(axis=1, keepdims=True)
    assert distance[other].max(initial=0) < 0.021
    # a step upwards opens a gap between the windows, into which nothing falls
    assert other.mean() < 0.3


def test_an_edge_that_two_windows_share_goes_to_where_they_meet() -> None:
    barrel, endcap = (0.0, 1.5), (1.5, 2.5)
    windows = [
        Window(barrel, None, (0, 40)),
        Window(barrel, None, (40, 14000)),
        Window(endcap, None, (0, 50)),
        Window(endcap, (0, 0.9), (50, 14000)),
        Window(endcap, (0.9, 10), (50, 14000)),
    ]
    fit = ScaleTable.of([ALL_RUNS] * 5, windows, [1.01, 1.03, 1.02, 0.99, 0.98], [0] * 5)
    moved = before_own_scales(fit).boxes
    assert moved.high[0, 2] == moved.low[1, 2] == pytest.approx(40 / np.sqrt(1.01 * 1.03))
    # those that only touch in part stay, and so do the outermost ones
    assert moved.high[:, 2].tolist()[1:] == [14000, 50, 14000, 14000]
    assert moved.low[[0, 2, 3, 4], 2].tolist() == [0, 0, 50, 50]


def test_a_fit_without_et_stays_as_it_is() -> None:
    fine = table("fine", 1)
    assert in_uncorrected_et(fine, table("coarse", 2)) is fine


def test_run_dependent_scales_move_electrons_over_an_edge_in_both_directions_alike() -> None:
    # 40 ranges of runs with scales around 1.008: multiplied as they stand, 1.6 GeV of 200 at an
    # edge would all go to one side; with the mean scale those of either sign of the drift cancel
    runs = tuple((10 * i + 3, 10 * i + 12) for i in range(40))
    windows = read_categories("eta").scales
    drift = np.random.default_rng(3).normal(0, 0.002, (40, 1)) + np.zeros(len(windows))
    scale = (1.008 + drift - drift.mean()).ravel()
    rows = [(limits, window) for limits in runs for window in windows]
    base = ScaleTable.of([r for r, _ in rows], [w for _, w in rows], scale, 0 * scale)
    fit = table("et", 5)
    rng = np.random.default_rng(4)
    n = 400_000
    run = rng.integers(3, 403, n)
    abs_eta = np.full((n, 1), 0.5, np.float32)
    gain = np.full((n, 1), 12)
    et = rng.uniform(38, 40, (n, 1)).astype(np.float32)  # around the edge at 39 GeV
    corrected = (et * base.lookup(run, abs_eta, abs_eta, et, gain).scale).astype(np.float32)
    wanted = (corrected >= 39).mean()
    moved = in_uncorrected_et(fit, base)
    edge = moved.boxes.low[moved.boxes.low[:, 2] > 34, 2].min()
    fraction = {name: (et >= e).mean() - wanted for name, e in (("moved", edge), ("kept", 39.0))}
    # an electron of Et = e / s; the density is 1/2 per GeV
    assert fraction["kept"] == pytest.approx(-0.5 * 39 * (1 - 1 / 1.008), abs=0.004)
    assert abs(fraction["moved"]) < 0.003


@given(
    edge=st.floats(10, 200, width=32),
    scale=st.floats(0.9, 1.1, allow_subnormal=False),
)
def test_the_edge_before_scaling_is_the_least_that_gets_over_it(edge: float, scale: float) -> None:
    edges = np.array([edge], np.float32)
    x = before_scaling(edges, np.array([scale]))
    below = np.nextafter(x, np.float32(0))
    assert (x * np.float64(scale)).astype(np.float32)[0] >= edges[0]
    assert (below * np.float64(scale)).astype(np.float32)[0] < edges[0]
