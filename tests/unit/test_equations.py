"""The estimating equations against numpy, their derivatives, bias and variance."""

import dataclasses
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.mass_toys import MassToy, random_toy

from scalesmear.effective import ScaleSmearingMap
from scalesmear.equations import ScoreEquations, bin_weights, pair_scores
from scalesmear.flows import NO_SOURCE, Flows
from scalesmear.histogram import PairHistograms
from scalesmear.pairs import effective_events
from scalesmear.references import reference_shapes
from scalesmear.template import Templates, arrange
from scalesmear.uncertainty import covariance, shape_noise

Floats = NDArray[np.float64]


@cache
def toy() -> MassToy:
    return random_toy(3, 3, 2, negative=0.1, spread=0.3)


@cache
def histograms() -> PairHistograms:
    return toy().draw(np.random.default_rng(4), 20_000, 30_000)


def templates(h: PairHistograms, merge: int = 2, level: int = 1) -> Templates:
    rows = np.arange(len(h.pairs))
    full = np.ones_like(rows)
    return arrange(h, rows, merge * full, level * full, reference_shapes(h, rows))


def mapping() -> ScaleSmearingMap:
    return ScaleSmearingMap.of_pairs(histograms().pairs, toy().smearing_of)


def truth() -> Floats:
    return np.concatenate([np.log(toy().scale), toy().smearing ** 2])


def equations(h: PairHistograms, at: Floats) -> ScoreEquations:
    return ScoreEquations.at(templates(h), mapping(), effective_events(h), at)


def test_scores_are_those_of_plain_numpy() -> None:
    t, response = templates(histograms()), mapping().response(truth())
    weights = bin_weights(t, response)
    p = shape_noise(t, response).probability
    scores = pair_scores(t, response, weights).pairs
    for row in range(len(p)):
        n, s = t.counts[row].sum(), weights[row]
        g = s @ (t.counts[row] - n * p[row])
        assert scores[row, :3] == pytest.approx(g, rel=1e-9, abs=1e-9)
        b = n * ((s * p[row]) @ s.T - np.outer(s @ p[row], s @ p[row]))
        assert scores[row, 12:] == pytest.approx(b[np.triu_indices(3)], rel=1e-9)


def test_weights_are_logarithmic_slopes_of_the_reference() -> None:
    t, response = templates(histograms()), mapping().response(truth())
    own = dataclasses.replace(t, sim=t.reference)  # the shape of which is the reference
    weights = bin_weights(t, response)
    # t and the two smearings^2; one parameter of each electron, so that they move alone
    alone = ScaleSmearingMap(np.tile([0, 1, 2, 3], (len(t.pairs), 1)), 2, 2)
    for row, (i, j, a, b) in enumerate(mapping().index):
        at = truth()[[i, j, a, b]]
        for k, (place, step) in enumerate(((0, 2e-6), (2, 1e-8), (3, 1e-8))):
            change = np.zeros(4)
            change[place] = step
            up, down = (
                np.log(shape_noise(own, alone.response(at + sign * change)).probability[row, :20])
                for sign in (1, -1)
            )
            slope = (up - down) / (2 * step) * (2 if k == 0 else 1)  # t is half of ln(scale)
            assert weights[row, k, :20] == pytest.approx(slope, rel=2e-4, abs=2e-2)
    assert not weights[:, :, 20:].any()


@pytest.mark.parametrize("sigma", [0.02, 0.003, 0.0])
def test_sensitivity_is_the_slope_of_the_equations(sigma: float) -> None:
    at = np.concatenate([np.log(toy().scale), np.full(2, sigma**2)])
    system = equations(histograms(), at + np.array([1e-3, 0, 0, 1e-5, 0]))
    here = system(at)
    unit = 1 / np.sqrt(np.diag(here.information))
    for i in range(5):
        step = np.zeros(5)
        step[i] = 0.003 * unit[i]
        column = (system(at - step).value - system(at + step).value) / (2 * step[i])
        scaled = here.sensitivity[:, i] * unit * unit[i]
        assert scaled == pytest.approx(column * unit * unit[i], abs=2e-3)


def test_flows_are_in_shapes_and_sensitivity() -> None:
    # what migrates by the scales, and by the smearings and a scale of categories of other pairs too
    rng, h = np.random.default_rng(6), histograms()
    n = h.grid.n_bins
    sources = np.tile([NO_SOURCE, 0, 3, 4], len(h.pairs))
    size = 0.1 * h.sim[:, h.grid.window_slice].sum(axis=1).repeat(4) / n
    unit = np.tile([1.0, 100.0, 3e3, 3e3], len(h.pairs))  # per unit of the parameter
    contents = (size * unit)[:, None] * rng.uniform(-1, 1, (len(sources), n))
    flows = Flows(np.repeat(h.pairs, 4), sources.astype(np.int32), contents)
    moved = dataclasses.replace(h, flows=flows)
    at = truth() + np.array([1e-3, 0, 0, 1e-5, 0])
    response = mapping().response(at)
    without, within = (shape_noise(templates(x, 2), response).probability for x in (h, moved))
    drivers = np.append(at, 1.0)
    for row in range(len(h.pairs)):
        four = slice(4 * row, 4 * row + 4)
        gained = (drivers[sources[four], None] * contents[four]).sum(axis=0)
        in_bins = gained.reshape(-1, 2).sum(axis=1)  # two narrow bins in one
        # p = (K + gained) / (S_K + sum gained) is a sum of K / S_K and gained
        of_both = np.stack([without[row, :20], in_bins / in_bins.sum()], axis=1)
        shares, residual, *_ = np.linalg.lstsq(of_both, within[row, :20])
        assert residual == pytest.approx(0, abs=1e-20)
        assert shares.sum() == pytest.approx(1)

    assert np.abs(within[:, :20] - without[:, :20]).max() > 0.003
    system = equations(moved, at)
    here = system(at)
    step_of = 0.003 / np.sqrt(np.diag(here.information))
    for i in range(5):
        step = np.eye(5)[i] * step_of[i]
        column = (system(at - step).value - system(at + step).value) / (2 * step_of[i])
        scale = np.sqrt(np.diag(here.information) * here.information[i, i])
        assert here.sensitivity[:, i] / scale == pytest.approx(column / scale, abs=2e-3)
    plain = equations(h, at)(at)
    assert np.abs((here.sensitivity - plain.sensitivity) / np.diag(plain.information)).max() > 0.01


def test_with_its_own_smooth_shape_sensitivity_is_information() -> None:
    # reference = simulation, and equal factors: then A is the Fisher matrix times the factor
    h = histograms()
    t = dataclasses.replace(templates(h), reference=templates(h).sim)
    here = ScoreEquations.at(t, mapping(), effective_events(h), truth())(truth())
    assert here.sensitivity == pytest.approx(here.information, rel=1e-6)
    assert np.linalg.eigvalsh(here.variance).min() > 0
    assert np.all(np.diag(here.variance) < np.diag(here.information))


def test_noise_of_the_simulation_neither_biases_nor_is_forgotten() -> None:
    # 400 simulations of few events at the true parameters, the same data each time
    rng = np.random.default_rng(5)
    data = toy().data(rng, 300_000)
    at, values, variances, likelihood_slopes = truth(), [], [], []
    for _ in range(400):
        h = PairHistograms.of(data, toy().sim(rng, 3_000))
        system = equations(h, at)
        noise = shape_noise(system.templates, mapping().response(at), system.weights)
        values.append(system(at).value)
        variances.append(system.sim_variance(noise))
        own = dataclasses.replace(system.templates, reference=system.templates.sim)
        likelihood_slopes.append(ScoreEquations.at(own, mapping(), effective_events(h), at)(at))
    g, v = np.array(values), np.mean(variances, axis=0)
    unit = np.sqrt(np.diag(v))
    # the data are the same, 100 times more than simulation: a tenth of its error is theirs
    assert np.abs(g.mean(axis=0) / unit).max() < 4 / np.sqrt(400) + 0.25
    scatter = np.cov(g.T) / np.outer(unit, unit)
    assert scatter == pytest.approx(v / np.outer(unit, unit), abs=0.3)
    # weights from the same events pretend smearing, by more than the scatter
    biased = np.mean([e.value for e in likelihood_slopes], axis=0) / unit
    assert biased[3:].min() > 1.0


def test_covariance_is_plain_linear_algebra() -> None:
    at, h = truth(), histograms()
    system = equations(h, at)
    here = system(at)
    noise = shape_noise(system.templates, mapping().response(at), system.weights)
    v = system.sim_variance(noise)
    free = np.array([True, True, False, True, True])
    found = covariance(here, v, free)
    keep = np.flatnonzero(free)
    solved = np.linalg.solve(here.sensitivity[np.ix_(keep, keep)], np.eye(4))
    total = solved @ (here.variance + v)[np.ix_(keep, keep)] @ solved.T
    assert found.total[np.ix_(keep, keep)] == pytest.approx(total)
    assert not found.total[2].any()
    assert not found.total[:, 2].any()
    assert found.reliable.all()
    noisy = here._replace(sensitivity=here.sensitivity / 5)
    assert not covariance(noisy, v, free).reliable[free].any()


def test_a_pair_without_simulation_says_nothing() -> None:
    t, response = templates(histograms()), mapping().response(truth())
    empty = dataclasses.replace(t, sim=0 * t.sim)
    assert not pair_scores(empty, response, bin_weights(t, response)).pairs.any()
    blank = dataclasses.replace(t, reference=0 * t.reference)
    assert not bin_weights(blank, response).any()
