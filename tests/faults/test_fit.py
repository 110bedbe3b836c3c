"""Faults of earlier frameworks that concern fits and closures, and what happens here instead."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.mass_toys import MassToy, random_toy

from scalesmear.cells import Window
from scalesmear.cli import main
from scalesmear.combining import Systematics, add_systematics
from scalesmear.corrections import ScaleTable, SmearingTable, multiply
from scalesmear.effective import ScaleSmearingMap
from scalesmear.events import Events
from scalesmear.fill import Corrections, correct
from scalesmear.fit import fit_pairs
from scalesmear.fitplan import FitPlan
from scalesmear.fitresult import FitResult
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import MassFiller, MassGrid, MassHistograms, PairHistograms
from scalesmear.io.files import write_settings
from scalesmear.io.histogramfile import write_histograms
from scalesmear.io.tables import write_scales
from scalesmear.kinematics import Z_MASS
from scalesmear.likelihood import Likelihood
from scalesmear.template import arrange
from scalesmear.toys import generate, make_truth

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

N, M = 4, 2


@cache
def toy() -> MassToy:
    return random_toy(1, N, M, spread=0.3)


@cache
def samples() -> tuple[MassHistograms, MassHistograms]:
    rng = np.random.default_rng(2)
    return toy().data(rng, 60_000), toy().sim(rng, 120_000)


@cache
def histograms() -> PairHistograms:
    return PairHistograms.of(*samples())


@cache
def fitted() -> FitResult:
    return fit_pairs(histograms(), toy().smearing_of)


def rows(numbers: list[int], h: PairHistograms | None = None) -> PairHistograms:
    h = h or histograms()
    n = np.array(numbers)
    return PairHistograms(
        h.grid, h.n_categories, h.pairs[n], h.data[n], h.sim[n], h.sim_variance[n]
    )


def likelihood(h: PairHistograms) -> Likelihood:
    n = len(h.pairs)
    templates = arrange(h, np.arange(n), np.full(n, 1), np.full(n, 0))
    return Likelihood(templates, ScaleSmearingMap.of_pairs(h.pairs, toy().smearing_of))


POINT = np.array([0.002, -0.004, 0.001, 0.003, 1.5e-4, 3e-4])
"""ln(scale) of the categories, and squared smearings."""


def test_f15_the_loss_is_a_likelihood_in_which_every_pair_counts_alike() -> None:
    # it used to be a likelihood times a chi2, with pairs of two categories weighted by 0.1
    whole = likelihood(histograms())(POINT)
    alone = [likelihood(rows([n]))(POINT) for n in range(len(histograms().pairs))]
    assert whole.value == pytest.approx(sum(part.value for part in alone), rel=1e-12)
    assert whole.fisher == pytest.approx(sum(part.fisher for part in alone), rel=1e-9)
    # twice the data are twice the loss: a product of two sums would be four times as large
    twice = dataclasses.replace(histograms(), data=2 * histograms().data)
    assert likelihood(twice)(POINT).value == pytest.approx(2 * whole.value, rel=1e-12)


def test_f16_the_loss_has_no_steps() -> None:
    # data used to be binned again as a scale moved; differences over 1e-5 were noise
    loss = likelihood(histograms())
    for parameter in range(N):
        step = np.zeros(N + M)
        step[parameter] = 1e-5
        values = [loss(POINT + k * step).value for k in (-2, -1, 1, 2)]
        wide, narrow = (values[3] - values[0]) / 4e-5, (values[2] - values[1]) / 2e-5
        scatter = np.sqrt(loss(POINT).fisher[parameter, parameter])
        assert abs(wide - narrow) < 1e-3 * scatter
        assert abs(narrow - loss(POINT).gradient[parameter]) < 1e-2 * scatter


def test_f17_terms_of_the_likelihood_are_not_cut_to_whole_numbers() -> None:
    # x ln y used to be computed in integers: half an event counted as none
    half = dataclasses.replace(histograms(), data=0.5 * histograms().data)
    loss = likelihood(histograms())(POINT).value
    assert likelihood(half)(POINT).value == pytest.approx(0.5 * loss, rel=1e-12)


def test_f18_scales_and_smearings_are_fitted_together_from_anywhere() -> None:
    # scales used to be scanned at smearing 0 and to stay on the grid of 0.001
    away = np.full(N, 1.01), np.full(M, 0.04)
    found, other = fitted(), fit_pairs(histograms(), toy().smearing_of, None, away)
    assert found.converged
    assert np.abs(other.scale - found.scale).max() < 0.02 * found.scale_error.min()
    assert np.abs(other.smearing - found.smearing).max() < 0.02 * found.smearing_error.min()
    off_grid = np.abs(1000 * found.scale - np.round(1000 * found.scale))
    assert off_grid.max() > 0.05


def test_f19_what_a_parameter_knows_comes_from_all_its_pairs() -> None:
    # one without its own diagonal pair used to stay where it started, without a word
    pairs = histograms().pairs.tolist()
    no_diagonal = [n for n, pair in enumerate(pairs) if pair != 0]  # (0, 0) is pair 0
    found = fit_pairs(rows(no_diagonal), toy().smearing_of)
    assert found.scale_determined.all()
    assert abs(found.scale[0] - toy().scale[0]) < 4 * found.scale_error[0]
    alone = fit_pairs(rows([0]), toy().smearing_of)
    assert alone.scale_determined.tolist() == [True, False, False, False]
    assert [n for n in (1, 2, 3) if any(f"scale {n} is not" in w for w in alone.warnings)] == [
        *(1, 2, 3)
    ]


def test_f20_the_pairs_of_a_fit_are_chosen_before_it() -> None:
    # categories used to drop out on the way, and the loss to jump
    settings = FitSettings(min_sim_events=6000)
    starts = [(np.full(N, scale), np.full(M, 0.02)) for scale in (0.97, 1.0, 1.03)]
    found = [fit_pairs(histograms(), toy().smearing_of, settings, start) for start in starts]
    assert found[0].dropped
    assert all(one.dropped == found[0].dropped for one in found)
    assert all(np.array_equal(f.goodness.pairs, found[0].goodness.pairs) for f in found)


def test_f21_simulated_events_count_once() -> None:
    # they used to be repeated, and each copy to count as one more event
    data, _ = samples()
    rng, other = np.random.default_rng(5), np.random.default_rng(6)
    small, large = toy().sim(rng, 30_000), toy().sim(other, 120_000)
    few, many = (
        fit_pairs(PairHistograms.of(data, sim), toy().smearing_of) for sim in (small, large)
    )
    # a quarter of the events is four times the variance; of the toys, 20 % more or less
    ratio = np.diag(few.covariance_sim)[:N] / np.diag(many.covariance_sim)[:N]
    assert np.median(ratio) == pytest.approx(4, rel=0.3)
    h = PairHistograms.of(data, small)
    copies = dataclasses.replace(h, sim=8 * h.sim, sim_variance=64 * h.sim_variance)
    repeated = fit_pairs(copies, toy().smearing_of)
    assert repeated.scale_error == pytest.approx(few.scale_error, rel=1e-6)


def test_f22_fit_and_closure_mean_the_same_smearing() -> None:
    # other random numbers were used, and the mean of smeared masses was not corrected
    size, sigma = 400_000, 0.08
    columns = {"mass": np.full(size, Z_MASS), "et": np.full((size, 2), 45.0)}
    electrons = {name: np.full((size, 2), 1.0) for name in ("eta_sc", "r9", "gain")}
    keys = {"run": np.ones(size), "event": np.arange(size)}
    events = Events(**keys, **columns, **electrons)
    table = SmearingTable.of([Window((0, 2.5))], [sigma], [0.0])
    factor, _ = Corrections(smearings=table).factors(events, "sim")
    x, _ = correct(events.mass, events.et, factor)
    mapping = ScaleSmearingMap.of_pairs(np.array([0]), np.array([0]))
    tau, variance, _ = mapping.response(np.array([0.0, sigma**2])).moments[0, 0]
    error = np.sqrt(variance / size)
    assert x.mean() == pytest.approx(-tau, abs=4 * error)
    assert -tau < -10 * error
    assert x.var() == pytest.approx(variance, rel=0.02)


def test_f23_no_event_is_added_at_the_edges() -> None:
    # one used to be put at each edge of the window
    grid = MassGrid()
    empty, one = MassFiller("data", grid, 1), MassFiller("data", grid, 1)
    one.add(np.array([0.001]), np.array([0]))
    assert empty.finish().contents.sum() == 0
    assert one.finish().contents.sum() == 1


@pytest.fixture
def inputs_of_fit(tmp_path: Path) -> list[str]:
    """Files of the toy, and the flags that name them."""
    windows = [(0, 1), (1, 1.4442), (1.566, 2), (2, 2.5)]
    lines = [f"  - {{abs_eta: [{low}, {high}]}}" for low, high in windows]
    smearings = ["  - {abs_eta: [0, 1.4442]}", "  - {abs_eta: [1.566, 2.5]}"]
    text = "\n".join(["scales:", *lines, "smearings:", *smearings, ""])
    (tmp_path / "categories.yml").write_text(text)
    for part in samples():
        write_histograms(tmp_path / f"{part.kind}.npz", part)
    sides = [Window((0, 1.4442)), Window((1.566, 2.5))]
    whole = ScaleTable.of([(1, 9)] * 2, sides, [1.0, 1.0], [0.0, 0.0])
    write_scales(tmp_path / "scales.dat", whole)
    write_settings(tmp_path / "fit.json", FitPlan())
    flags = ["--name", "coarse", "--categories", str(tmp_path / "categories.yml")]
    flags += ["--histograms", str(tmp_path / "data.npz"), str(tmp_path / "sim.npz")]
    flags += ["--scales", str(tmp_path / "scales.dat"), "--settings", str(tmp_path / "fit.json")]
    return ["fit", *flags, "--output", str(tmp_path / "fit")]


def test_f24_a_fit_that_fails_writes_nothing(
    inputs_of_fit: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # results of a failed minimisation used to be written
    short = FitPlan(settings=FitSettings(max_iterations=1))
    write_settings(tmp_path / "fit.json", short)
    assert main(inputs_of_fit) == 1
    assert "the fit did not converge" in capsys.readouterr().err
    assert not (tmp_path / "fit").exists()


def test_f25_errors_come_from_the_events_and_add_up_over_steps() -> None:
    # they used to be constants, and to be those of the last step alone
    data, _ = samples()
    fewer = toy().data(np.random.default_rng(3), 15_000)
    small = fit_pairs(PairHistograms.of(fewer, samples()[1]), toy().smearing_of)
    ratio = np.diag(small.covariance_data)[:N] / np.diag(fitted().covariance_data)[:N]
    assert np.median(ratio) == pytest.approx(4, rel=0.3)
    assert data.contents.sum() > 3 * fewer.contents.sum()
    one = ScaleTable.of([(1, 9), (10, 19)], [Window((0, 2.5))] * 2, [1.01, 0.99], [3e-4, 3e-4])
    two = ScaleTable.of([(0, 999999)], [Window((0, 2.5))], [1.02], [4e-4])
    product = multiply(one, two)
    relative = np.hypot(3e-4 / np.array([1.01, 0.99]), 4e-4 / 1.02)
    assert product.err / product.scale == pytest.approx(relative)
    # systematic errors are a source of their own, in per cent
    source = Systematics(two.boxes, np.array([0.2]), ("1",))
    with_them = add_systematics(two, [source]).table
    assert with_them.err == pytest.approx([np.hypot(4e-4, 0.002 * 1.02)])


def test_f26_a_closure_judges_and_changes_nothing(
    inputs_of_fit: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # its result used to be multiplied in
    assert main(inputs_of_fit) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "fit").iterdir()}
    (tmp_path / "closure_settings.json").write_text(json.dumps({"tolerance": 4.0}))
    flags = inputs_of_fit[3:8]  # categories and histograms, which carry no correction
    words = ["--settings", str(tmp_path / "closure_settings.json"), "--output"]
    fit = str(tmp_path / "fit/fit.json")
    assert main(["closure", *flags, "--fit", fit, *words, str(tmp_path / "closure.json")]) == 1
    assert "closure of coarse: residual scale" in capsys.readouterr().err
    assert (tmp_path / "closure.json").exists()
    after = {path.name: path.read_bytes() for path in (tmp_path / "fit").iterdir()}
    assert after == before
    with pytest.raises(SystemExit):
        main(["export", "--closures", str(tmp_path / "closure.json")])


def test_f26_data_and_simulation_of_an_accuracy_test_are_other_events() -> None:
    # the same events used to be both
    truth = make_truth(1, n_runs=1)
    data, sim = (generate(truth, kind, 2000) for kind in ("data", "sim"))
    assert not np.isin(data.phi, sim.phi).all(axis=1).any()
