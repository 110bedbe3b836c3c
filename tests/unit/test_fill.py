import numpy as np
import pytest

from scalesmear.categories import CategorySet
from scalesmear.corrections import ScaleTable, SmearingTable
from scalesmear.draws import standard_normal
from scalesmear.errors import InputError
from scalesmear.events import Events
from scalesmear.fill import (
    BELOW_ET,
    WITHOUT_ROW,
    Corrections,
    FillSettings,
    fill_masses,
    log_mass,
    passes_et,
)
from scalesmear.histogram import Kind, MassHistograms, weight_exponent
from scalesmear.kinematics import Z_MASS
from scalesmear.toys import generate, make_truth, true_scale, true_smearing

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


def test_mass_goes_with_the_root_of_both_energies() -> None:
    # ln sqrt(1.02 x 1.01) = 0.5 ln 1.0302
    x = log_mass(np.array([Z_MASS]), np.array([[1.02, 1.01]]))
    np.testing.assert_allclose(x, 0.5 * np.log(1.0302))


def test_et_thresholds_are_for_the_harder_and_the_softer_electron() -> None:
    et = np.array([[32, 20], [20, 32], [31.9, 31.9], [60, 19.9]], np.float32)
    assert passes_et(et, (32.0, 20.0)).tolist() == [True, True, False, False]


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


def test_true_scales_bring_the_peak_of_data_to_that_of_widened_simulation() -> None:
    # with the injected scales and, on the other side, the injected smearings, the means agree
    # within their errors: sigma(x) / sqrt(n) of both, 0.03 / sqrt(100 000) = 1e-4
    truth = make_truth(4)
    data, sim = generate(truth, "data", 100_000), generate(truth, "sim", 100_000)
    x_data = log_mass(data.mass, true_scale(truth, data))
    sigma = true_smearing(truth, sim)
    x_sim = log_mass(sim.mass, 1 + sigma * standard_normal(sim.run, sim.event, 1))
    near = [np.abs(x) < 0.06 for x in (x_data, x_sim)]
    weight = sim.weight[near[1]]
    means = x_data[near[0]].mean(), np.average(x_sim[near[1]], weights=weight)
    spread = x_data[near[0]].std()
    error = spread * np.sqrt(1 / near[0].sum() + (weight**2).sum() / weight.sum() ** 2)
    assert abs(means[0] - means[1]) < 4 * error
    assert error < 2e-4
