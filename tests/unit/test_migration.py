"""Electrons that cross an edge of Et, against drawn numbers and by hand."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.categories import CategorySet
from scalesmear.effective import Tails
from scalesmear.events import Events
from scalesmear.fill import Corrections, FillSettings
from scalesmear.flows import NO_SOURCE, FlowSums
from scalesmear.histogram import UNIT_BITS, n_pairs
from scalesmear.kinematics import Z_MASS
from scalesmear.migration import (
    LEAST_SMEARING,
    SCALE_STEP,
    Expected,
    migrate,
    nodes,
    sources_of,
)
from scalesmear.toys import generate, make_truth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import FloatArray

    Floats = NDArray[np.float64]

EXPONENT = 15  # the weights of toys are +-24000
SETTINGS = FillSettings()


def categories(*edges: float) -> CategorySet:
    blocks = [
        {"abs_eta": [0, 1.4442], "et": [*edges, np.inf]},
        {"abs_eta": [1.566, 2.5], "et": [*edges, np.inf]},
    ]
    return CategorySet.from_blocks({"scales": blocks, "smearings": blocks})


ET_BINS = categories(0, 38, 44, 52)


def expected(
    bins: CategorySet = ET_BINS, sigma: float = 0.015, tails: Tails | None = None
) -> Expected:
    n = len(bins.scales)
    rng = np.random.default_rng(1)
    smearing = sigma * rng.uniform(0.8, 1.2, n)
    return Expected(1 + rng.uniform(-0.004, 0.004, n), smearing, tails or Tails())


@cache
def simulation(n: int = 30_000) -> Events:
    return generate(make_truth(4), "sim", n)


def flows_of(
    events: Events,
    bins: CategorySet = ET_BINS,
    settings: FillSettings = SETTINGS,
    at: Expected | None = None,
) -> FlowSums:
    return migrate([events], bins, settings, Corrections(), at or expected(bins), EXPONENT)


def value(flows: FlowSums, source: int = NO_SOURCE) -> Floats:
    """Return the contents of one source in units of weight, shape (pairs, bins)."""
    out = np.zeros((n_pairs(flows.n_categories), flows.grid.n_bins))
    rows = flows.sources == source
    out[flows.pairs[rows]] = np.ldexp(flows.sums[rows].astype(float), EXPONENT - UNIT_BITS)
    return out


def drawn_flows(
    events: Events, bins: CategorySet, at: Expected, settings: FillSettings, normals: Floats
) -> Floats:
    """Return T - K with drawn normal numbers, shape (pairs, bins): plain numpy, event by event."""
    window = np.log(np.array(settings.mass_window) / Z_MASS)

    def fill(category: NDArray[np.int16], et: FloatArray, x: Floats) -> Floats:
        low, high = category.min(axis=1), category.max(axis=1)
        kept = (low >= 0) & (et.max(axis=1) >= 32) & (et.min(axis=1) >= 20)
        place = np.floor((x - window[0]) / (window[1] - window[0]) * settings.grid.n_bins)
        kept &= (place >= 0) & (place < settings.grid.n_bins)
        number = (high * (high + 1) // 2 + low) * settings.grid.n_bins + place.astype(int)
        shape = n_pairs(len(bins.scales)), settings.grid.n_bins
        contents = np.bincount(number[kept], events.weight[kept], minlength=shape[0] * shape[1])
        return np.asarray(contents.reshape(shape), np.float64)

    def category_of(et: FloatArray) -> NDArray[np.int16]:
        return bins.category_of(events.abs_eta, events.r9, et, events.gain)

    own = category_of(events.et)
    sigma = at.smearing[bins.smearing_of][own]
    smeared = events.et * (1 + sigma * normals)
    scale = at.scale[category_of(smeared)]
    x = np.log(events.mass / Z_MASS) + np.log1p(sigma * normals).sum(axis=1) / 2
    raw = smeared / scale
    found = fill(category_of(raw), raw, x - np.log(scale).sum(axis=1) / 2)
    kept_in = fill(own, events.et.astype(float), x - np.log(at.scale[own]).sum(axis=1) / 2)
    return found - kept_in


def inside(events: Events) -> Events:
    """Return the events in barrel and endcap without the gap between them."""
    eta = events.abs_eta
    fiducial = (eta < 1.4442) | ((eta >= 1.566) & (eta < 2.5))
    return events.where(np.asarray(fiducial.all(axis=1), np.bool_))


def test_flows_are_those_of_drawn_numbers() -> None:
    events, at = inside(simulation()), expected()
    found = value(flows_of(events))
    rng = np.random.default_rng(7)
    shape = (len(events), 2)
    draws = [
        drawn_flows(events, ET_BINS, at, SETTINGS, rng.standard_normal(shape)) for _ in range(60)
    ]
    mean, error = np.mean(draws, axis=0), np.std(draws, axis=0) / np.sqrt(60)
    x = np.arange(SETTINGS.grid.n_bins) - 20
    for moment in (np.ones(len(x)), x, x**2):  # how many, and how they change mean and width
        of_pair, drawn = found @ moment, mean @ moment
        scatter = np.sqrt(error**2 @ moment**2)
        # events are few enough that the nodes, too, have an error; it is about that of one draw
        noise = np.sqrt(scatter**2 + 60 * scatter**2 / 4)
        assert np.abs(drawn).max() > 20 * scatter[np.argmax(np.abs(drawn))]
        populated = scatter > 0
        pulls = (of_pair - drawn)[populated] / noise[populated]
        assert np.abs(pulls).max() < 4
        assert np.sqrt(np.mean(pulls**2)) < 1.2


def test_slopes_are_differences_of_values() -> None:
    events, at = inside(simulation(200_000)), expected()
    n, category = len(ET_BINS.scales), 2  # in the barrel, 44 to 52 GeV
    by_q = value(flows_of(events), n + category)
    by_u = value(flows_of(events), category)

    def changed(q: float, u: float) -> Floats:
        smearing, scale = at.smearing.copy(), at.scale.copy()
        smearing[category] *= np.exp(q / 2)
        scale[category] *= np.exp(u)
        return value(flows_of(events, at=Expected(scale, smearing)))

    q_difference = (changed(0.4, 0) - changed(-0.4, 0)).sum(axis=1) / 0.8
    u_difference = (changed(0, 0.001) - changed(0, -0.001)).sum(axis=1) / 0.002 * SCALE_STEP
    for slope, difference in ((by_q, q_difference), (by_u, u_difference)):
        total = slope.sum(axis=1)
        assert np.corrcoef(total, difference)[0, 1] > 0.99
        assert total @ difference / (difference @ difference) == pytest.approx(1, abs=0.1)


def test_one_electron_near_an_edge_gives_the_weights_of_the_nodes_beyond_it() -> None:
    bins = categories(0, 44)
    columns = {
        "weight": [1.0], "mass": [Z_MASS], "et": [[43.9, 60.0]], "eta_sc": [[0.5, 2.0]],
        "r9": [[0.9, 0.9]], "gain": [[12, 12]],
    }  # fmt: skip
    events = Events(**{name: np.array(values) for name, values in columns.items()})
    at = Expected(np.ones(4), np.full(4, 0.01))
    contents = value(migrate([events], bins, SETTINGS, Corrections(), at, EXPONENT))
    # nodes at 0, +-0.77, +-2.15: 43.9 GeV x (1 + 0.01 g) passes 44 GeV for the upper two
    beyond = nodes()[1][3:].sum()
    # categories: barrel below and above the edge 0 and 1, endcap 2 and 3; pairs (0, 3), (1, 3)
    assert contents.sum(axis=1)[[6, 7]] == pytest.approx([-beyond, beyond], abs=1e-5)
    assert np.abs(contents).sum() == pytest.approx(2 * beyond, abs=1e-5)
    # and with a mass larger by 0.4 and 1.1 %, where bins are 0.56 % wide
    bin_of = np.average(np.arange(contents.shape[1]), weights=contents[7])
    middle = np.log(Z_MASS / 80) / np.log(100 / 80) * SETTINGS.grid.n_bins
    assert bin_of > middle


def test_where_nothing_is_cut_what_leaves_a_pair_comes_to_another() -> None:
    no_cut = FillSettings(et_min=(0.0, 0.0))
    at = Expected(np.ones(8), expected().smearing)  # with scales of 1 no mass moves
    flows = flows_of(inside(simulation()), settings=no_cut, at=at)
    assert flows.sums.any()
    for source in np.unique(flows.sources):
        assert not flows.sums[flows.sources == source].sum(axis=0).any()


def test_nodes_are_exact_on_each_side_of_zero() -> None:
    g, weight = nodes()
    moments = [0.5, np.sqrt(0.5 / np.pi), 0.5, np.sqrt(2 / np.pi), 1.5]  # of a Gaussian for g > 0
    for n, moment in enumerate(moments):
        both = weight * np.sign(g) ** n * g**n
        assert both.sum() == pytest.approx(2 * moment)
        if n:
            assert both[g > 0].sum() == pytest.approx(moment)


def test_without_edges_and_thresholds_nothing_flows() -> None:
    bins, no_cut = categories(0), FillSettings(et_min=(0.0, 0.0))
    assert not len(flows_of(simulation(), bins, no_cut).pairs)
    # the thresholds alone make electrons cross
    assert len(flows_of(simulation(), bins).pairs)


def test_batches_and_jobs_change_no_bit() -> None:
    events = simulation()
    whole = flows_of(events)
    parts = [events.where(slice(0, 11_111)), events.where(slice(11_111, None))]
    batched = migrate(parts, ET_BINS, SETTINGS, Corrections(), expected(), EXPONENT)
    added = flows_of(parts[0]) + flows_of(parts[1])
    for other in (batched, added):
        for name in ("pairs", "sources", "sums", "n_events"):
            np.testing.assert_array_equal(getattr(other, name), getattr(whole, name))


def test_a_small_smearing_is_taken_as_the_least() -> None:
    zero, least = (Expected(np.ones(8), np.full(8, s)) for s in (0.0, LEAST_SMEARING))
    a, b = (flows_of(simulation(), at=at) for at in (zero, least))
    np.testing.assert_array_equal(a.sums, b.sums)
    assert a.parameters == b.parameters


def test_a_second_gaussian_of_the_same_width_changes_nothing() -> None:
    same = expected(tails=Tails(fraction=0.3, width=1.0))
    one, two = value(flows_of(simulation())), value(flows_of(simulation(), at=same))
    # but for the rounding of the smaller shares
    assert two == pytest.approx(one, abs=1e-4 * np.abs(one).max())


def test_sources_are_the_category_and_its_neighbours_in_et() -> None:
    # barrel 0-3, endcap 4-7; smearings^2 come after the 8 scales
    table = sources_of(ET_BINS)
    assert table[0].tolist() == [0, 1, 8, 9, -1, -1]
    assert table[2].tolist() == [1, 2, 3, 9, 10, 11]
    assert table[4].tolist() == [4, 5, 12, 13, -1, -1]


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit(threads: int) -> None:
    batches = [simulation().where(slice(i, i + 5_000)) for i in range(0, 30_000, 5_000)]
    arguments = ET_BINS, SETTINGS, Corrections(), expected(), EXPONENT
    one = migrate(batches, *arguments)
    several = migrate(iter(batches), *arguments, threads=threads)
    assert several.n_events == one.n_events == 30_000
    for name in ("pairs", "sources", "sums"):
        assert getattr(several, name).tolist() == getattr(one, name).tolist()
