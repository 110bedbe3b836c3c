import dataclasses
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import root
from tests.mass_toys import MassToy, random_toy

from scalesmear.effective import ScaleSmearingMap
from scalesmear.equations import ScoreEquations
from scalesmear.errors import FitError
from scalesmear.fit import fit_pairs, predict
from scalesmear.fitresult import FitResult
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import MassGrid, PairHistograms
from scalesmear.pairs import choose_pairs, effective_events
from scalesmear.references import reference_shapes
from scalesmear.solver import Box, Equations, Evaluation, find_root, minimise
from scalesmear.template import arrange

Floats = NDArray[np.float64]


@cache
def toy() -> MassToy:
    return random_toy(1, 4, 3, spread=0.3)


@cache
def histograms() -> PairHistograms:
    return toy().draw(np.random.default_rng(2), 100_000, 200_000)


@cache
def fitted() -> FitResult:
    return fit_pairs(histograms(), toy().smearing_of)


def only(rows: list[int]) -> PairHistograms:
    h = histograms()
    return PairHistograms(
        h.grid, h.n_categories, h.pairs[rows], h.data[rows], h.sim[rows], h.sim_variance[rows]
    )


def test_truth_is_found() -> None:
    r = fitted()
    assert r.converged
    assert r.warnings == ()
    assert np.abs((r.scale - toy().scale) / r.scale_error).max() < 3.5
    assert np.abs((r.smearing - toy().smearing) / r.smearing_error).max() < 3.5
    assert r.scale_error.max() < 1.5e-3
    assert r.scale_determined.all()
    assert r.smearing_determined.all()
    assert not r.smearing_at_bound.any()


def test_another_solver_finds_the_same_root() -> None:
    # Powell's hybrid method has its own derivatives, steps and end
    h, r = histograms(), fitted()
    n_eff, rows = effective_events(h), np.arange(len(h.pairs))
    merge = np.where(n_eff > 2e3, 1, 2)
    t = arrange(h, rows, merge, np.ones_like(merge), reference_shapes(h, rows))
    mapping = ScaleSmearingMap.of_pairs(h.pairs, toy().smearing_of)
    mine = np.concatenate([np.log(r.scale), r.smearing**2])
    equations = ScoreEquations.at(t, mapping, n_eff, mine)
    sigma = np.sqrt(np.diag(r.covariance))
    origin = np.concatenate([np.zeros(4), np.full(3, 1e-4)])

    def function(z: Floats) -> Floats:
        return np.asarray(sigma * equations(origin + sigma * z).value, np.float64)

    found = root(function, np.zeros(7))
    assert found.success
    assert (origin + sigma * found.x - mine) / sigma == pytest.approx(np.zeros(7), abs=0.03)


def test_bins_of_the_fit_decide_little() -> None:
    # the same events in bins twice as wide: the result moves by less than its error
    wide = dataclasses.replace(toy(), grid=MassGrid.of_width((80.0, 100.0), 1.0))
    h = wide.draw(np.random.default_rng(2), 100_000, 200_000)
    r = fit_pairs(h, toy().smearing_of)
    assert np.abs((r.scale - fitted().scale) / r.scale_error).max() < 0.7


def test_covariance_is_the_sum_of_data_and_simulation() -> None:
    r = fitted()
    assert r.covariance == pytest.approx(r.covariance_data + r.covariance_sim, rel=1e-12)
    for part in (r.covariance_data, r.covariance_sim):
        assert np.linalg.eigvalsh(part / np.abs(part).max()).min() > -1e-12
    # twice as many simulated events with weights of some spread: both parts are comparable
    ratio = np.diag(r.covariance_sim) / np.diag(r.covariance_data)
    assert np.all((ratio > 0.2) & (ratio < 1.5))


def test_goodness_counts_bins_and_parameters() -> None:
    g = fitted().goodness
    assert g.total_chi2 == pytest.approx(g.chi2.sum())
    assert g.total_ndf == g.ndf.sum() - 7
    assert set(g.ndf) <= {39, 19, 9, 0}
    assert np.array_equal(g.ndf > 0, g.n_eff_sim >= 500)
    assert 0.001 < g.total_p_value < 0.9999
    assert np.all((g.p_value >= 0) & (g.p_value <= 1))


def test_wrong_simulation_fits_badly() -> None:
    h = histograms()
    bump = h.data.copy()
    bump[0, h.grid.window_slice.start + 40] += 0.05 * bump[0].sum()
    bad = fit_pairs(dataclasses.replace(h, data=bump), toy().smearing_of)
    assert bad.goodness.p_value[0] < 1e-6


def test_prediction_at_the_minimum_is_the_model_of_the_fit() -> None:
    h, r = histograms(), fitted()
    p = predict(h, toy().smearing_of, r.scale, r.smearing)
    data = h.data[:, h.grid.window_slice].reshape(len(h.pairs), h.grid.n_bins, -1).sum(axis=2)
    assert p.expected.sum(axis=1) == pytest.approx(data.sum(axis=1))
    used = np.isin(p.pairs, r.goodness.pairs[r.goodness.ndf == 39])
    variance = p.expected + p.variance
    chi2 = ((data - p.expected) ** 2 / variance).sum(axis=1)
    # that of the fit knows the correlations, too; with that much simulation it is nearly the same
    assert chi2[used] == pytest.approx(r.goodness.chi2[r.goodness.ndf == 39], rel=0.06)


def test_prediction_of_a_pair_without_simulation_is_zero() -> None:
    h = histograms()
    empty = dataclasses.replace(h, sim=0 * h.sim, sim_variance=0 * h.sim)
    p = predict(empty, toy().smearing_of, np.ones(4), np.full(3, 0.01))
    assert not p.expected.any()
    assert not p.variance.any()


def test_sparse_pairs_are_dropped_with_a_reason() -> None:
    r = fit_pairs(histograms(), toy().smearing_of, FitSettings(min_sim_events=10_000))
    assert r.dropped
    assert len(r.dropped) + len(r.goodness.pairs) == len(histograms().pairs)
    assert all("effective simulated events, 10000 are needed" in t for t in r.dropped.values())
    assert r.goodness.n_eff_sim.min() >= 10_000


def test_pairs_of_one_category_without_partner_determine_it() -> None:
    r = fit_pairs(only([0]), toy().smearing_of)  # category 0 with itself
    assert r.scale_determined.tolist() == [True, False, False, False]
    assert r.smearing_determined.tolist() == [True, False, False]
    assert r.scale[1:].tolist() == [1.0, 1.0, 1.0]
    assert r.smearing[1:] == pytest.approx([0.01, 0.01])
    assert np.isinf(r.scale_error[1:]).all()
    assert np.isinf(r.smearing_upper[1:]).all()
    assert any("scale 1 is not determined" in w for w in r.warnings)
    assert not np.isnan(r.covariance).any()


def test_a_sum_alone_determines_nothing() -> None:
    # rows: pairs (0,0) (0,1) (1,1) (0,2) (1,2) (2,2) ...; scales 0 and 1 only in their sum
    with pytest.raises(FitError, match="do not determine"):
        fit_pairs(only([1]), toy().smearing_of)


def test_a_triangle_of_pairs_determines_three_scales() -> None:
    # (0,1), (0,2), (1,2): three sums for three scales, but smearings 0 1 of categories 0 0 1 2
    r = fit_pairs(only([1, 3, 4]), np.array([0, 0, 1, 2]))
    assert r.scale_determined.tolist() == [True, True, True, False]
    assert r.smearing_determined.tolist() == [True, True, False]


def test_fixed_parameters_stay() -> None:
    settings = FitSettings(fixed_scales=(2,), fixed_smearings=(0,))
    start = (np.array([1.0, 1.0, 1.002, 1.0]), np.array([0.011, 0.01, 0.01]))
    r = fit_pairs(histograms(), toy().smearing_of, settings, start)
    assert r.scale[2] == pytest.approx(1.002)
    assert r.smearing[0] == pytest.approx(0.011)
    assert r.scale_error[2] == 0
    assert not r.scale_determined[2]
    assert not r.covariance[2].any()
    assert r.scale_determined[[0, 1, 3]].all()


def test_a_fixed_scale_anchors_a_pair() -> None:
    settings = FitSettings(fixed_scales=(0,), fixed_smearings=(0, 1, 2))
    start = (toy().scale, toy().smearing)
    r = fit_pairs(only([1]), toy().smearing_of, settings, start)
    assert r.scale_determined.tolist() == [False, True, False, False]
    assert abs(r.scale[1] - toy().scale[1]) < 4 * r.scale_error[1]


def test_everything_fixed_is_an_evaluation() -> None:
    settings = FitSettings(fixed_scales=(0, 1, 2, 3), fixed_smearings=(0, 1, 2))
    r = fit_pairs(histograms(), toy().smearing_of, settings, (toy().scale, toy().smearing))
    assert r.n_iterations == 0
    assert r.nll >= fitted().nll
    assert not r.covariance.any()


def test_a_scale_at_its_bound_is_reported() -> None:
    r = fit_pairs(histograms(), toy().smearing_of, FitSettings(scale_bound=1e-3))
    assert np.abs(r.scale - 1).max() == pytest.approx(1e-3)
    assert any("scale" in w and "bound" in w for w in r.warnings)


def test_data_without_extra_smearing_end_at_the_bound_with_a_limit() -> None:
    # data narrower than simulation
    narrow = dataclasses.replace(toy(), resolution=0.7 * toy().resolution, smearing=np.zeros(3))
    rng = np.random.default_rng(7)
    h = PairHistograms.of(narrow.data(rng, 50_000), toy().sim(rng, 100_000))
    r = fit_pairs(h, toy().smearing_of)
    assert r.smearing_at_bound.all()
    assert not r.smearing.any()
    assert np.all((r.smearing_upper > 0) & (r.smearing_upper < 0.01))
    assert np.all(np.isfinite(r.smearing_error) & (r.smearing_error > 0))


def test_no_pair_is_an_error_that_says_why() -> None:
    with pytest.raises(FitError, match=r"no pair can be used.*effective simulated events"):
        fit_pairs(histograms(), toy().smearing_of, FitSettings(min_sim_events=1e9))


def test_a_fit_that_does_not_converge_is_an_error() -> None:
    with pytest.raises(FitError, match="did not converge: 1 iterations were not enough"):
        fit_pairs(histograms(), toy().smearing_of, FitSettings(max_iterations=1))


@pytest.mark.parametrize(
    "smearing_of", [np.array([0, 1]), np.array([0, 1, -1, 2]), np.array([0.0, 1, 1, 2])]
)
def test_a_wrong_map_is_refused(smearing_of: NDArray[np.int64]) -> None:
    with pytest.raises(ValueError, match="smearing_of must hold 4 indices"):
        fit_pairs(histograms(), smearing_of)


@pytest.mark.parametrize(
    ("scale", "smearing", "message"),
    [
        (np.ones(3), np.zeros(3), "shapes"),
        (np.zeros(4), np.zeros(3), "positive"),
        (np.ones(4), np.full(3, np.nan), "finite"),
    ],
)
def test_a_wrong_start_is_refused(scale: Floats, smearing: Floats, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_pairs(histograms(), toy().smearing_of, None, (scale, smearing))


def test_negative_weights_that_win_drop_the_pair() -> None:
    h = only([0, 2])
    sim = h.sim.copy()
    sim[1] *= -1
    assert effective_events(dataclasses.replace(h, sim=sim))[1] == 0


def test_a_pair_lost_to_its_neighbour_is_found_in_turn() -> None:
    # dropping (0,0) leaves (0,1) with nothing that tells its legs apart
    h = only([0, 1])
    index = ScaleSmearingMap.of_pairs(h.pairs, toy().smearing_of).index
    data = h.data.copy()
    data[0] = 0
    with pytest.raises(FitError, match="0 data events, 10 are needed; pair 1: the pairs in use"):
        choose_pairs(
            dataclasses.replace(h, data=data),
            index,
            np.zeros(7, bool),
            min_sim_events=300,
            min_data_events=10,
        )


def quartic(x: Floats) -> Evaluation:
    """(x0^2 - 1)^2 + x1^2: a saddle at (0, 0), minima at (+-1, 0)."""
    value = float((x[0] ** 2 - 1) ** 2 + x[1] ** 2)
    gradient = np.array([4 * x[0] * (x[0] ** 2 - 1), 2 * x[1]])
    return Evaluation(value, gradient, np.diag([8.0, 2.0]))


def box(lower: float, upper: float, step: float = np.inf) -> Box:
    return Box(np.full(2, lower), np.full(2, upper), np.ones(2, bool), np.full(2, step))


def test_solver_leaves_a_region_that_curves_down() -> None:
    found = minimise(quartic, np.array([0.1, 3.0]), box(-9, 9), tolerance=1e-12)
    assert found.converged
    assert found.parameters == pytest.approx([1, 0], abs=1e-5)


def test_solver_stops_at_the_bound_of_the_box() -> None:
    found = minimise(quartic, np.array([0.1, 3.0]), box(0.05, 0.5))
    assert found.converged
    assert found.parameters == pytest.approx([0.5, 0.05])


def test_solver_leaves_a_bound_when_the_gradient_points_inwards() -> None:
    found = minimise(quartic, np.array([2.0, -2.0]), box(-2, 2), tolerance=1e-12)
    assert np.abs(found.parameters) == pytest.approx([1, 0], abs=1e-5)


def test_solver_keeps_steps_short() -> None:
    seen: list[Floats] = []

    def watched(x: Floats) -> Evaluation:
        seen.append(x)
        return quartic(x)

    minimise(watched, np.array([3.0, 3.0]), box(-9, 9, step=0.25))
    assert np.abs(np.diff(seen, axis=0)).max() <= 0.25 + 1e-12


def test_solver_says_that_the_start_is_not_finite() -> None:
    def infinite(x: Floats) -> Evaluation:
        return quartic(x)._replace(value=np.inf)

    found = minimise(infinite, np.zeros(2), box(-1, 1))
    assert not found.converged
    assert "not finite" in found.reason


def test_solver_says_that_nothing_decreases() -> None:
    def wrong(x: Floats) -> Evaluation:
        e = quartic(x)
        return e._replace(gradient=-e.gradient)

    found = minimise(wrong, np.array([3.0, 3.0]), box(-9, 9))
    assert not found.converged
    assert "no decrease" in found.reason


def curved(x: Floats) -> Equations:
    """Equations with roots at (1, 2) and (-1, 2) and a sensitivity that is not symmetric."""
    value = np.array([1 - x[0] ** 2 + 0.1 * (x[1] - 2), 2 - x[1]])
    sensitivity = np.array([[2 * x[0], -0.1], [0.0, 1.0]])
    return Equations(value, sensitivity, np.eye(2), np.eye(2))


def test_root_is_found_by_newton_steps() -> None:
    found = find_root(curved, np.array([3.0, 3.0]), box(0.1, 9), tolerance=1e-20)
    assert found.converged
    assert found.parameters == pytest.approx([1, 2], abs=1e-9)
    assert found.n_iterations < 10


def test_root_beyond_a_bound_is_sought_along_it() -> None:
    # at x1 = 1.5 the first equation wants x0^2 = 0.95
    found = find_root(curved, np.array([3.0, 1.0]), box(0.1, 1.5), tolerance=1e-20)
    assert found.converged
    assert found.parameters == pytest.approx([np.sqrt(0.95), 1.5], abs=1e-9)
    assert found.equations.value[1] > 0


def test_a_held_parameter_keeps_its_start() -> None:
    held = dataclasses.replace(box(0.1, 9), free=np.array([True, False]))
    found = find_root(curved, np.array([3.0, 4.0]), held, tolerance=1e-20)
    assert found.parameters == pytest.approx([np.sqrt(1.2), 4.0], abs=1e-9)


def test_no_root_is_said() -> None:
    def none(x: Floats) -> Equations:
        return Equations(1 + x**2, np.diag(-2 * x), np.eye(1), np.eye(1))

    one = Box(np.full(1, -9.0), np.full(1, 9.0), np.ones(1, bool), np.full(1, 9.0))
    found = find_root(none, np.array([1.0]), one, max_iterations=50)
    assert not found.converged
    assert "not lead to a root" in found.reason or "not enough" in found.reason


def test_a_root_where_the_equations_turn_back_is_one() -> None:
    # noise may lift a double root by next to nothing; steps towards it grew without end
    def fold(x: Floats) -> Equations:
        return Equations((x - 1) ** 2 + 1e-6, np.diag(2 * (1 - x)), np.eye(1), np.eye(1))

    one = Box(np.full(1, -9.0), np.full(1, 9.0), np.ones(1, bool), np.full(1, 9.0))
    found = find_root(fold, np.array([0.0]), one)
    assert found.converged
    assert found.parameters == pytest.approx([1.0], abs=0.02)


def test_what_the_equations_do_not_know_stays() -> None:
    def blind(x: Floats) -> Equations:
        return Equations(np.array([1 - x[0], 0.0]), np.diag([1.0, 0.0]), np.eye(2), np.eye(2))

    found = find_root(blind, np.array([3.0, 0.5]), box(-9, 9))
    assert found.converged
    assert found.parameters == pytest.approx([1.0, 0.5])
