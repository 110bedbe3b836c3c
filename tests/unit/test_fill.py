import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from scalesmear.categories import CategorySet
from scalesmear.corrections import ScaleTable, SmearingTable
from scalesmear.draws import standard_normal
from scalesmear.errors import InputError
from scalesmear.events import Events
from scalesmear.fill import (
    BELOW_ET,
    BLOCK,
    NO_PAIR,
    NO_ROW,
    SOFT,
    WITHOUT_ROW,
    Corrections,
    FillSettings,
    correct,
    fill_masses,
    pair_or_reason,
)
from scalesmear.histogram import (
    Kind,
    MassFiller,
    MassHistograms,
    pair_number,
    weight_exponent,
)
from scalesmear.kinematics import Z_MASS
from scalesmear.toys import generate, make_truth, true_scale, true_smearing
from scalesmear.zweights import WeightTable, ZGrid

Floats = NDArray[np.floating[Any]]
Float32s = NDArray[np.float32]

CATEGORIES = CategorySet.from_blocks(
    {
        "scales": [{"abs_eta": [0, 1.4442]}, {"abs_eta": [1.566, 2.5]}],
        "smearings": [{"abs_eta": [0, 1.4442]}, {"abs_eta": [1.566, 2.5]}],
    }
)


def pair(**changes: list[float] | list[list[float]]) -> Events:
    """Return one barrel-endcap event at the Z mass."""
    columns = {
        "run": [300000],
        "event": [7],
        "weight": [0.5],
        "mass": [Z_MASS],
        "et": [[45.0, 40.0]],
        "eta_sc": [[-0.5, 2.0]],
        "r9": [[0.95, 0.9]],
        "gain": [[12, 12]],
    } | changes
    return Events(**{name: np.array(values) for name, values in columns.items()})


def scales_of(low: float, high: float) -> ScaleTable:
    """Return a table with one scale in the barrel and one in the endcaps."""
    return ScaleTable.of([(0, 999999)] * 2, CATEGORIES.scales, [low, high], [0.0, 0.0])


def smearings_of(sigma: float) -> SmearingTable:
    return SmearingTable.of(CATEGORIES.smearings, [sigma] * 2, [0.0, 0.0])


def filled(events: Events, kind: Kind, corrections: Corrections | None = None) -> MassHistograms:
    exponent = weight_exponent(float(np.abs(events.weight).max())) if kind == "sim" else 0
    chosen = corrections or Corrections()
    return fill_masses([events], kind, CATEGORIES, FillSettings(), chosen, exponent)


def mean_x(histograms: MassHistograms) -> float:
    centres = histograms.grid.edges[:-1] + histograms.grid.width / 2
    return float(np.average(centres, weights=histograms.contents.sum(axis=0)))


def numbers(category: NDArray[np.int16], et: Float32s, found: NDArray[np.bool_]) -> list[int]:
    """Return the number of the pair of each event, or why there is none, for 32 and 20 GeV."""
    pair, thresholds = np.empty(len(et), np.int32), (np.float32(32), np.float32(20))
    pair_or_reason(category.reshape(-1), et.reshape(-1), found.reshape(-1), thresholds, pair)
    return pair.tolist()


def test_mass_goes_with_the_root_of_both_energies() -> None:
    # ln sqrt(1.02 x 1.01) = 0.5 ln 1.0302
    mass, et = np.array([Z_MASS], np.float32), np.array([[45.0, 40.0]], np.float32)
    x, corrected = correct(mass, et, np.array([[1.02, 1.01]]))
    np.testing.assert_allclose(
        x, np.log(mass.astype(float) / Z_MASS) + 0.5 * np.log(1.0302), rtol=1e-12
    )
    np.testing.assert_allclose(corrected, [[45.9, 40.4]], rtol=1e-7)


@pytest.mark.parametrize("factor", [-1.0, 0.0, np.nan, np.inf])
def test_what_has_no_mass_is_outside_any_range(factor: float) -> None:
    x, _ = correct(np.ones(1, np.float32), np.ones((1, 2), np.float32), np.array([[1.0, factor]]))
    assert abs(x[0]) > 300 or np.isnan(x[0])


@pytest.mark.parametrize("mass", [-91.0, 0.0, np.nan, np.inf])
def test_events_without_a_mass_are_counted_as_outside(mass: float) -> None:
    assert filled(pair(mass=[mass]), "data").dropped["outside the mass range"] == 1


def test_et_thresholds_are_for_the_harder_and_the_softer_electron() -> None:
    et = np.array([[32, 20], [20, 32], [31.9, 31.9], [60, 19.9]], np.float32)
    category, found = np.zeros((4, 2), np.int16), np.ones((4, 2), np.bool_)
    assert numbers(category, et, found) == [0, 0, SOFT, SOFT]


def test_the_first_reason_not_to_fill_an_event_counts() -> None:
    # of (soft, without a row, without a category), as far as they apply
    category = np.array([[1, 2], [2, 1], [-1, 2], [2, -1], [-1, 0], [-1, 0]], np.int16)
    found = np.array([[True, True]] * 4 + [[True, False]] * 2)
    et = np.array([[50, 50]] * 5 + [[50, 10]], np.float32)
    # the pair of categories 2 and 1 has the number 2 x 3 / 2 + 1
    expected = [4, 4, NO_PAIR, NO_PAIR, NO_ROW, SOFT]
    assert numbers(category, et, found) == expected


def test_barrel_endcap_pairs_have_one_number_whatever_the_order_of_the_legs() -> None:
    swapped = pair(eta_sc=[[2.0, -0.5]])
    assert filled(pair(), "data").pairs.tolist() == filled(swapped, "data").pairs.tolist() == [1]


def test_scales_move_data_only() -> None:
    corrections = Corrections(scales=scales_of(1.01, 1.02))
    expected = 0.5 * np.log(1.01 * 1.02)
    width = FillSettings().grid.width
    assert mean_x(filled(pair(), "data", corrections)) == pytest.approx(expected, abs=width / 2)
    assert mean_x(filled(pair(), "sim", corrections)) == pytest.approx(0.0, abs=width / 2)


def test_smearings_widen_simulation_only_and_are_keyed_by_event() -> None:
    corrections = Corrections(smearings=smearings_of(0.02), seed=5)
    draws = standard_normal(np.array([300000], np.uint32), np.array([7], np.uint64), 5)
    expected = 0.5 * np.log(1 + 0.02 * draws).sum()
    width = FillSettings().grid.width
    assert mean_x(filled(pair(), "sim", corrections)) == pytest.approx(expected, abs=width / 2)
    assert mean_x(filled(pair(), "data", corrections)) == pytest.approx(0.0, abs=width / 2)


def test_corrected_energies_decide_about_the_thresholds() -> None:
    # 31.8 GeV is below 32, but not after a scale of 1.01
    soft = pair(et=[[31.8, 30.0]])
    assert filled(soft, "data").dropped[BELOW_ET] == 1
    after = filled(soft, "data", Corrections(scales=scales_of(1.01, 1.0)))
    assert after.dropped[BELOW_ET] == 0
    assert after.contents.sum() == 1


def test_events_with_an_electron_in_no_row_are_counted() -> None:
    barrel_only = ScaleTable.of([(0, 999999)], CATEGORIES.scales[:1], [1.0], [0.0])
    histograms = filled(pair(), "data", Corrections(scales=barrel_only))
    assert histograms.dropped[WITHOUT_ROW] == 1
    assert histograms.contents.sum() == 0


def test_a_run_in_no_range_is_an_error() -> None:
    earlier = ScaleTable.of([(1, 299999)] * 2, CATEGORIES.scales, [1.0, 1.0], [0.0, 0.0])
    with pytest.raises(InputError, match="no row holds run 300000"):
        filled(pair(), "data", Corrections(scales=earlier))


def test_every_event_is_filled_or_counted() -> None:
    truth = make_truth(3)
    for kind in ("data", "sim"):
        events = generate(truth, kind, 20_000)
        histograms = filled(events, kind)
        entries = histograms.n_events - sum(histograms.dropped.values())
        assert histograms.n_events == len(events)
        if kind == "data":
            assert histograms.contents.sum() == entries


def test_grouping_of_events_in_batches_changes_no_bit() -> None:
    events = generate(make_truth(3), "sim", 2 * BLOCK + 100)
    corrections = Corrections(smearings=smearings_of(0.01))
    exponent = weight_exponent(float(np.abs(events.weight).max()))

    def fill(*edges: int) -> MassHistograms:
        batches = [events.where(slice(a, b)) for a, b in itertools.pairwise(edges)]
        return fill_masses(batches, "sim", CATEGORIES, FillSettings(), corrections, exponent)

    whole, parts = fill(0, len(events)), fill(0, 7, 1031, BLOCK + 500, len(events))
    assert same(whole, parts)


@pytest.mark.parametrize("kind", ["data", "sim"])
@pytest.mark.parametrize("threads", [2, 8])
def test_the_number_of_threads_changes_no_bit(kind: Kind, threads: int) -> None:
    events = generate(make_truth(3), kind, 20_000)
    batches = [events.where(slice(first, first + 3000)) for first in range(0, 20_000, 3000)]
    exponent = weight_exponent(float(np.abs(events.weight).max())) if kind == "sim" else 0
    corrections = Corrections(scales_of(1.01, 0.99), smearings_of(0.01))
    args = kind, CATEGORIES, FillSettings(), corrections, exponent
    one, several = fill_masses(batches, *args), fill_masses(batches, *args, threads=threads)
    assert same(one, several)
    assert list(one.dropped) == list(several.dropped)
    assert one.contents.sum() > 0


def test_an_error_in_a_thread_is_an_error_of_the_fill() -> None:
    earlier = ScaleTable.of([(1, 299999)] * 2, CATEGORIES.scales, [1.0, 1.0], [0.0, 0.0])
    args = "data", CATEGORIES, FillSettings(), Corrections(scales=earlier)
    with pytest.raises(InputError, match="no row holds run 300000"):
        fill_masses([pair()] * 3, *args, threads=2)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["data", "sim"])
def test_categories_of_corrected_et_and_gain_are_those_of_a_slow_fill(kind: Kind) -> None:
    categories = CategorySet.from_blocks(
        {
            "scales": [
                {"abs_eta": [0, 1, 1.4442], "et": [0, 40, np.inf], "gain": [12, 6, 1]},
                {"abs_eta": [1.566, 2.5], "r9": [0, 0.94, np.inf]},
            ],
            "smearings": [{"abs_eta": [0, 1.4442]}, {"abs_eta": [1.566, 2.5]}],
        }
    )
    events = generate(make_truth(3), kind, 20_000)
    corrections = Corrections(scales_of(1.02, 0.98), smearings_of(0.02), seed=4)
    exponent = weight_exponent(float(np.abs(events.weight).max())) if kind == "sim" else 0
    found = fill_masses([events], kind, categories, FillSettings(), corrections, exponent)
    # the same event by event in numpy, with the lookups of the tables and of the categories
    if kind == "data":
        factor = (
            scales_of(1.02, 0.98).lookup(events.run, events.abs_eta, events.r9, events.et).scale
        )
    else:
        sigma = smearings_of(0.02).sigma(events.abs_eta, events.r9, events.et)
        factor = 1 + sigma * standard_normal(events.run, events.event, 4)
    et = events.et * factor.astype(np.float64)
    x = np.log(events.mass.astype(float) / Z_MASS * np.sqrt(factor.prod(axis=1)))
    category = categories.category_of(events.abs_eta, events.r9, et, events.gain)
    number = pair_number(category)
    number[(et.max(axis=1) < 32) | (et.min(axis=1) < 20)] = -2
    filler = MassFiller(kind, FillSettings().grid, len(categories.scales), exponent, ("soft",))
    filler.add(x, number, events.weight)
    slow = filler.finish()
    assert found.pairs.tolist() == slow.pairs.tolist()
    assert np.abs(found.contents - slow.contents).max() < 1e-6
    # categories have no electrons in the gap, and so have the tables, which are asked first
    assert found.dropped[WITHOUT_ROW] == slow.dropped["no category"] > 0


def same(a: MassHistograms, b: MassHistograms) -> bool:
    """Tell whether two histograms have the same bits."""
    sums = np.array_equal(a.sumw, b.sumw) and np.array_equal(a.sumw2, b.sumw2)
    return bool(sums and np.array_equal(a.pairs, b.pairs) and a.dropped == b.dropped)


def test_columns_of_a_file_cannot_be_written_and_are_filled_like_others() -> None:
    events = generate(make_truth(3), "data", 1000)
    locked = Events.concatenate([events])
    for name in locked.columns:
        getattr(locked, name).flags.writeable = False
    corrections = Corrections(scales=scales_of(1.01, 0.99))
    expected, found = (filled(e, "data", corrections) for e in (events, locked))
    np.testing.assert_array_equal(found.sumw, expected.sumw)


@pytest.mark.parametrize("kind", ["data", "sim"])
@pytest.mark.parametrize("corrected", [False, True])
def test_the_columns_named_are_enough(kind: Kind, corrected: bool) -> None:
    corrections = (
        Corrections(scales_of(1.01, 0.99), smearings_of(0.01)) if corrected else Corrections()
    )
    events = generate(make_truth(3), kind, 1000)
    few = Events(**{name: getattr(events, name) for name in corrections.columns(kind)})
    exponent = weight_exponent(float(np.abs(events.weight).max())) if kind == "sim" else 0
    args = (kind, CATEGORIES, FillSettings(), corrections, exponent)
    expected, found = (fill_masses([e], *args) for e in (events, few))
    np.testing.assert_array_equal(found.sumw, expected.sumw)


def test_true_scales_bring_the_peak_of_data_to_that_of_widened_simulation() -> None:
    # with the injected scales and, on the other side, the injected smearings, the means agree
    # within their errors: sigma(x) / sqrt(n) of both, 0.03 / sqrt(100 000) = 1e-4
    truth = make_truth(4)
    data, sim = generate(truth, "data", 100_000), generate(truth, "sim", 100_000)
    x_data, _ = correct(data.mass, data.et, true_scale(truth, data))
    sigma = true_smearing(truth, sim)
    draws = standard_normal(sim.run, sim.event, 1)
    x_sim, _ = correct(sim.mass, sim.et, 1 + sigma * draws)
    near = [np.abs(x) < 0.06 for x in (x_data, x_sim)]
    weight = sim.weight[near[1]]
    means = x_data[near[0]].mean(), np.average(x_sim[near[1]], weights=weight)
    spread = x_data[near[0]].std()
    error = spread * np.sqrt(1 / near[0].sum() + (weight**2).sum() / weight.sum() ** 2)
    assert abs(means[0] - means[1]) < 4 * error
    assert error < 2e-4


def test_simulation_is_weighted_by_its_z_and_data_are_not() -> None:
    # pT = 45 - 40 = 5 GeV; E + pz = 45 e^-0.5 + 40 e^2 = 323, E - pz = 45 e^0.5 + 40 e^-2 = 79.6,
    # so y = ln(323 / 79.6) / 2 = 0.70
    events = pair(eta=[[-0.5, 2.0]], phi=[[0.0, np.pi]])
    table = WeightTable(ZGrid((0.0, 1.0, 2.5), (0.0, 10.0, 100.0)), np.array([[3.0, 1], [1, 1]]))
    chosen = Corrections(weights=table)
    exponent = table.exponent(0.5)
    sim = fill_masses([events], "sim", CATEGORIES, FillSettings(), chosen, exponent)
    assert sim.contents.sum() == pytest.approx(1.5, rel=1e-9)
    assert sim.variances.sum() == pytest.approx(2.25, rel=1e-9)
    data = fill_masses([events], "data", CATEGORIES, FillSettings(), chosen)
    assert data.contents.sum() == 1


def test_smearing_does_not_change_the_weight_of_an_event() -> None:
    # 9.9 GeV of pT: smeared over the edge at 10 GeV, the event keeps its weight
    phi = np.arccos((9.9**2 - 45**2 - 40**2) / (2 * 45 * 40))
    events = pair(eta=[[-0.5, 2.0]], phi=[[0.0, phi]])
    table = WeightTable(ZGrid((0.0, 2.5), (0.0, 10.0, 100.0)), np.array([[3.0, 1.0]]))
    chosen = Corrections(smearings=smearings_of(0.02), weights=table)
    shifted = [pair(eta=[[-0.5, 2.0]], phi=[[0.0, phi]], event=[float(i)]) for i in range(8)]
    for one in (events, *shifted):
        found = fill_masses([one], "sim", CATEGORIES, FillSettings(), chosen, 2)
        assert found.contents.sum() == 1.5
