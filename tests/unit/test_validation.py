"""Validation plots: which events enter, what is summed, and how the band comes about."""

from __future__ import annotations

import numpy as np
import pytest

from scalesmear.cells import Window
from scalesmear.corrections import ScaleTable, SmearingTable
from scalesmear.draws import standard_normal
from scalesmear.events import Events, FloatArray
from scalesmear.fill import BELOW_ET, WITHOUT_ROW, Corrections
from scalesmear.histogram import Kind
from scalesmear.io.plotfile import read_plots
from scalesmear.kinematics import pair_mass
from scalesmear.report.style import Titles
from scalesmear.report.validation_figures import drawings, merge, validation_figure
from scalesmear.toys import generate, make_truth
from scalesmear.validation import (
    AFTER,
    BEFORE,
    MOVED,
    N_CELLS,
    VARIABLES,
    Inside,
    Kinematics,
    Leg,
    Plot,
    PlotSettings,
    fill_plots,
    freedman_diaconis,
    results,
)
from scalesmear.validation_fits import ValidationPlots, fit_plots

BARREL, ENDCAP = (0.0, 1.4442), (1.566, 2.5)
ALL = Plot("all", "mass", (Leg(), Leg()))
SETTINGS = PlotSettings(et_min=(25.0, 20.0))


def kinematics(**changes: list[list[float]]) -> Kinematics:
    """Return one event, the harder electron in an endcap."""
    columns = {
        "et": [[50.0, 40.0]],
        "eta": [[2.0, -0.5]],
        "phi": [[0.0, 3.0]],
        "abs_eta": [[2.0, 0.5]],
        "r9": [[0.97, 0.5]],
    } | changes
    arrays = {name: np.array(values) for name, values in columns.items()}
    return Kinematics(mass=np.full(len(arrays["et"]), 91.0), **arrays)


@pytest.mark.parametrize("legs", [(BARREL, ENDCAP), (ENDCAP, BARREL)])
def test_windows_on_eta_and_r9_hold_in_either_order(
    legs: tuple[tuple[float, float], tuple[float, float]],
) -> None:
    plot = Plot("eb-ee", "mass", (Leg(abs_eta=legs[0]), Leg(abs_eta=legs[1])))
    assert plot.passes(Inside(kinematics())).tolist() == [True]
    assert plot.passes(Inside(kinematics(abs_eta=[[0.5, 2.0]]))).tolist() == [True]
    assert plot.passes(Inside(kinematics(abs_eta=[[0.5, 0.5]]))).tolist() == [False]


def test_eta_and_r9_of_a_leg_belong_together() -> None:
    # barrel with high R9 and any endcap: here the barrel electron has low R9
    plot = Plot("x", "mass", (Leg(abs_eta=BARREL, r9=(0.96, 100.0)), Leg(abs_eta=ENDCAP)))
    assert plot.passes(Inside(kinematics())).tolist() == [False]
    assert plot.passes(Inside(kinematics(r9=[[0.5, 0.97]]))).tolist() == [True]


def test_windows_on_et_are_those_of_the_harder_and_the_softer() -> None:
    plot = Plot("x", "mass", (Leg(et=(45.0, 55.0)), Leg()))
    swapped = Plot("x", "mass", (Leg(), Leg(et=(45.0, 55.0))))
    assert plot.passes(Inside(kinematics())).tolist() == [True]
    assert swapped.passes(Inside(kinematics())).tolist() == [False]


def test_windows_are_half_open() -> None:
    plot = Plot("x", "mass", (Leg(et=(40.0, 50.0)), Leg(et=(40.0, 50.0))))
    assert plot.passes(Inside(kinematics(et=[[50.0, 40.0]]))).tolist() == [False]
    assert plot.passes(Inside(kinematics(et=[[49.9, 40.0]]))).tolist() == [True]


def test_variables_of_the_pair() -> None:
    k = kinematics()
    px = 50 * np.cos(0.0) + 40 * np.cos(3.0)
    py = 50 * np.sin(0.0) + 40 * np.sin(3.0)
    energy = 50 * np.cosh(2.0) + 40 * np.cosh(-0.5)
    along = 50 * np.sinh(2.0) + 40 * np.sinh(-0.5)
    assert VARIABLES["z_pt"].values(k) == pytest.approx([np.hypot(px, py)])
    expected = 0.5 * np.log((energy + along) / (energy - along))
    assert VARIABLES["z_rapidity"].values(k) == pytest.approx([expected])


def toys(n: int, kind: Kind, seed: int = 3) -> Events:
    events = generate(make_truth(seed), kind, n)
    return events.where(np.all(events.abs_eta < 2.5, axis=1))


def tables() -> tuple[ScaleTable, SmearingTable]:
    """Return one scale for all runs, with an error that simulation has too, and one smearing."""
    window = Window()
    scales = ScaleTable.of([(0, 999999)], [window], [1.01], [0.00202])
    return scales, SmearingTable.of([window], [0.012], [0.004])


def test_states_of_simulation_are_those_of_moved_tables() -> None:
    events = toys(4000, "sim")
    scales, smearings = tables()
    cells = fill_plots([events], "sim", [ALL], SETTINGS, Corrections(scales, smearings), 8)
    assert cells.states == (BEFORE, AFTER, *MOVED)
    draws = standard_normal(events.run, events.event, 1)
    for state, rho, scale in (
        (BEFORE, 0.0, 1.0),
        (AFTER, 0.012, 1.0),
        ("scale_up", 0.012, 1.002),
        ("scale_down", 0.012, 0.998),
        ("smearing_up", 0.016, 1.0),
        ("smearing_down", 0.008, 1.0),
    ):
        et = events.et * (1 + rho * draws) * scale
        mass = pair_mass(et, events.eta.astype(float), events.phi.astype(float))
        keep = (et.max(axis=1) >= 25) & (et.min(axis=1) >= 20)
        expected, _ = np.histogram(mass[keep], 20, (80, 100), weights=events.weight[keep])
        found = cells.contents(state)[0].reshape(20, -1).sum(axis=1)
        # float32 masses near an edge may fall to its other side
        assert np.abs(found - expected).sum() <= 0.005 * np.abs(expected).sum(), state


def test_data_are_scaled_and_counted() -> None:
    events = toys(3000, "data")
    scales, smearings = tables()
    cells = fill_plots([events], "data", [ALL], SETTINGS, Corrections(scales, smearings))
    assert cells.states == (BEFORE, AFTER)
    mass = events.mass * np.float32(1.01)
    keep = (events.et.max(axis=1) * 1.01 >= 25) & (events.et.min(axis=1) * 1.01 >= 20)
    inside = keep & (mass >= 80) & (mass < 100)
    assert cells.contents(AFTER).sum() == pytest.approx(inside.sum(), abs=1)
    assert cells.dropped[BELOW_ET] == pytest.approx((~keep).sum(), abs=1)
    assert cells.dropped[WITHOUT_ROW] == 0


def test_sums_do_not_depend_on_grouping() -> None:
    events = toys(5000, "sim")
    scales, smearings = tables()
    corrections = Corrections(scales, smearings)
    plots = read_plots("standard")
    whole = fill_plots([events], "sim", plots, SETTINGS, corrections, 8)
    parts = [
        fill_plots([events.where(slice(a, b))], "sim", plots, SETTINGS, corrections, 8)
        for a, b in ((0, 17), (17, 3000), (3000, len(events)))
    ]
    total = parts[2] + parts[0] + parts[1]
    assert np.array_equal(whole.sumw, total.sumw)
    assert np.array_equal(whole.sumw2, total.sumw2)
    assert (whole.n_events, whole.dropped) == (total.n_events, total.dropped)


def test_cells_of_different_binning_do_not_add_up() -> None:
    events = toys(100, "data")
    one = fill_plots([events], "data", [ALL], SETTINGS, Corrections())
    other = fill_plots([events], "sim", [ALL], SETTINGS, Corrections(), 8)
    with pytest.raises(ValueError, match="do not add up"):
        _ = one + other


def test_simulation_is_normalised_and_the_band_is_half_the_difference() -> None:
    data, sim = toys(4000, "data"), toys(8000, "sim", 4)
    scales, smearings = tables()
    corrections = Corrections(scales, smearings)
    filled = [
        fill_plots([data], "data", [ALL], SETTINGS, corrections),
        fill_plots([sim], "sim", [ALL], SETTINGS, corrections, 8),
    ]
    (result,) = results(filled[0], filled[1], [ALL], SETTINGS)
    assert sum(result.sim[AFTER]) == pytest.approx(sum(result.data[AFTER]))
    assert sum(result.sim[BEFORE]) == pytest.approx(sum(result.data[BEFORE]))

    def normalised(state: str) -> FloatArray:
        bins: FloatArray = filled[1].contents(state)[0].reshape(80, -1).sum(axis=1)
        scaled: FloatArray = bins * sum(result.data[AFTER]) / bins.sum()
        return scaled

    expected = sum(
        ((normalised(f"{s}_up") - normalised(f"{s}_down")) / 2) ** 2 for s in ("scale", "smearing")
    )
    assert result.systematic == pytest.approx(expected)
    plots = fit_plots([result], SETTINGS)
    assert set(plots.plots[0].shapes) == {"data before", "data after", "sim before", "sim after"}
    assert ValidationPlots.from_json(plots.to_json()) == plots


def test_agreement_is_chi2_of_the_bins() -> None:
    data, sim = toys(4000, "data"), toys(8000, "sim", 4)
    parts = [
        fill_plots([data], "data", [ALL], SETTINGS, Corrections()),
        fill_plots([sim], "sim", [ALL], SETTINGS, Corrections(), 8),
    ]
    (result,) = results(parts[0], parts[1], [ALL], SETTINGS)
    (plot,) = fit_plots([result], PlotSettings(line_shapes=False)).plots
    d, s, v = (np.array(part[BEFORE]) for part in (result.data, result.sim, result.sim_variance))
    use = s >= 5
    found = plot.agreement(BEFORE)
    assert found.chi2 == pytest.approx(np.sum((d[use] - s[use]) ** 2 / (s[use] + v[use])))
    assert found.ndf == use.sum() - 1
    assert not plot.shapes


def test_freedman_diaconis_follows_its_rule() -> None:
    cells = np.full(N_CELLS, 25.0)  # uniform: IQR is half the range, n = 10000
    # width 2 x 0.5 / 10000^(1/3) = 1/21.5 of the range: the divisor below 21.5 is 20
    assert freedman_diaconis(cells) == 20
    assert freedman_diaconis(np.zeros(N_CELLS)) == 10


def test_number_of_bins_divides_the_cells() -> None:
    with pytest.raises(ValueError, match="must divide 400"):
        PlotSettings(n_bins=7)


def test_figures_call_data_and_simulation_what_is_asked_for() -> None:
    data, sim = toys(4000, "data"), toys(8000, "sim", 4)
    cells = [
        fill_plots([data], "data", [ALL], SETTINGS, Corrections()),
        fill_plots([sim], "sim", [ALL], SETTINGS, Corrections(), 8),
    ]
    (plot,) = fit_plots(results(cells[0], cells[1], [ALL], SETTINGS), SETTINGS).plots
    figure = validation_figure(plot, label="", era="", titles=Titles("2018A", "NLO"))
    (legend,) = [found for axes in figure.axes if (found := axes.get_legend()) is not None]
    words = [text.get_text() for text in legend.get_texts()]
    assert {"2018A", "NLO"} < set(words)
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert {"2018A:", "NLO:"} <= {text.replace(" (not valid)", "") for text in texts}


def test_few_events_are_drawn_in_fewer_bins() -> None:
    assert merge(1600, 80) == 1  # 20 in a bin
    assert merge(1500, 80) == 2
    assert merge(400, 80) == 4  # 20 bins of 20
    assert merge(3, 80) == 8  # 10 bins remain
    assert merge(3, 7) == 1  # of fewer none is joined


def test_a_plot_without_data_has_no_figure() -> None:
    # it used to be drawn: an empty panel with error bars of bins of 0 events through all words
    empty = Plot("none", "mass", (Leg(et=(1e4, 2e4)), Leg()))
    data, sim = toys(400, "data"), toys(800, "sim", 4)
    cells = [
        fill_plots([data], "data", [ALL, empty], SETTINGS, Corrections()),
        fill_plots([sim], "sim", [ALL, empty], SETTINGS, Corrections(), 8),
    ]
    found = fit_plots(results(cells[0], cells[1], [ALL, empty], SETTINGS), SETTINGS)
    assert [drawing.name for drawing in drawings(found, "", "")] == [f"validation_{ALL.name}"]
