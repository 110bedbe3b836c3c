"""Toys with known scales and smearings: what they are made of, and that they depend on their number only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scalesmear.categories import CategorySet
from scalesmear.events import Events
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import n_pairs
from scalesmear.injection import (
    EventToys,
    Injected,
    InjectionSettings,
    Level,
    ToyFits,
    calm_world,
    draw_values,
    fit_toys,
    survey,
)
from scalesmear.io.categoryfile import read_categories
from scalesmear.population import count
from scalesmear.toys import generate, true_scale, true_smearing

ETA = read_categories("eta")
SMALL = InjectionSettings(data_events=20_000, sim_events=20_000)


def injected_into(categories: CategorySet, scale: object = 1.0, smearing: object = 0.0) -> Injected:
    n, m = len(categories.scales), len(categories.smearings)
    return Injected(
        categories,
        np.broadcast_to(np.asarray(scale, float), n),
        np.broadcast_to(np.asarray(smearing, float), m),
        np.full(n, 0.015),
        np.full(n_pairs(n), 1 / n_pairs(n)),
    )


def assert_equal(one: ToyFits, other: ToyFits) -> None:
    for name in ("numbers", "parameters", "errors", "independent", "p_value"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.failures == other.failures


# --- what is injected ---


def test_drawn_values_are_in_their_ranges_and_belong_to_the_seed() -> None:
    fine = read_categories("fine")
    scale, smearing = draw_values(fine, 3, 0.01, (0.005, 0.025))
    assert (scale.shape, smearing.shape) == ((55,), (10,))
    assert 0.005 < np.abs(scale - 1).max() <= 0.01
    assert (smearing >= 0.005).all()
    assert (smearing <= 0.025).all()
    again, other = (draw_values(fine, seed, 0.01, (0.005, 0.025))[0] for seed in (3, 4))
    np.testing.assert_array_equal(scale, again)
    assert not np.array_equal(scale, other)


def test_the_population_is_that_of_generated_events() -> None:
    share, resolution = survey(ETA, SMALL.fill, 50_000)
    events = generate(calm_world(1, 0.0), "sim", 50_000)
    high = (events.et.max(axis=1) >= 32) & (events.et.min(axis=1) >= 20)
    inside = (events.mass > 60.1) & (events.mass < 119.9)
    pairs = count([events.where(high & inside)], ETA).pairs
    # histograms end at whole bins, a few events nearer to 60 and 120 GeV
    np.testing.assert_allclose(share * 50_000, pairs, rtol=0.02, atol=3)
    # from 1.2 % in the middle of the barrel to 3.4 % at the end of the endcap
    assert (np.diff(resolution) > 0).all()
    assert 0.012 < resolution[0] < 0.017
    assert 0.026 < resolution[4] < 0.034


def test_nothing_is_to_be_corrected_in_a_calm_world() -> None:
    world = calm_world(5, 0.1)
    data = generate(world, "data", 1000)
    np.testing.assert_array_equal(true_scale(world, data), 1)
    np.testing.assert_array_equal(true_smearing(world, data), 0)
    assert (generate(world, "sim", 1000).weight < 0).any()


# --- what generated data become ---


def electrons(et: list[float], abs_eta: list[float], gain: tuple[int, int] = (12, 12)) -> Events:
    return Events(
        mass=np.array([90.0]),
        et=np.array([et]),
        eta_sc=np.array([abs_eta]),
        r9=np.full((1, 2), 0.95),
        gain=np.array([gain]),
    )


def test_energies_are_divided_by_the_scales_of_their_categories() -> None:
    toys = EventToys(injected_into(ETA, [1.01, 1, 1, 1, 0.98]), SMALL)
    found = toys.distorted(electrons([50, 40], [0.5, -2.2]), np.random.default_rng(1))
    np.testing.assert_allclose(found.et, [[50 / 1.01, 40 / 0.98]], rtol=1e-6)
    np.testing.assert_allclose(found.mass, 90 / np.sqrt(1.01 * 0.98), rtol=1e-6)


def test_an_electron_in_no_category_stays_as_it_is_and_the_harder_one_comes_first() -> None:
    toys = EventToys(injected_into(ETA, 1.25, 0.0), SMALL)
    found = toys.distorted(electrons([50, 45], [0.5, 1.5]), np.random.default_rng(1))
    np.testing.assert_allclose(found.et, [[45, 40]], rtol=1e-6)
    np.testing.assert_allclose(found.eta_sc, [[1.5, 0.5]])


def test_smearing_is_that_of_the_energy_before_and_the_scale_that_of_the_energy_after() -> None:
    blocks = {"scales": [{"et": [0, 40, np.inf]}], "smearings": [{"et": [0, 40, np.inf]}]}
    toys = EventToys(injected_into(CategorySet.from_blocks(blocks), [2.0, 1.0], [0.02, 0.0]), SMALL)
    events = electrons([45, 39.9], [0.5, 0.5])
    many = Events.concatenate([events] * 2000)
    found = toys.distorted(many, np.random.default_rng(2))
    ratio = found.et.min(axis=1) / 39.9
    kept = ratio > 0.75  # those that were smeared over the edge, where the scale is 1
    assert (found.et.min(axis=1)[kept] >= 39.99).all()
    # 40 / 39.9 - 1 = 0.0025 is 0.125 sigma: 45 % are beyond
    assert kept.mean() == pytest.approx(0.4503, abs=0.04)
    assert np.sqrt(np.mean((2 * ratio[~kept] - 1) ** 2)) == pytest.approx(0.02, rel=0.1)
    np.testing.assert_allclose(found.et.max(axis=1), 45, rtol=1e-6)


def test_scales_may_depend_on_the_gain() -> None:
    toys = EventToys(injected_into(read_categories("gain"), [1.0, 1.02, 1.05]), SMALL)
    found = toys.distorted(electrons([200, 40], [0.5, 0.5], (6, 12)), np.random.default_rng(1))
    np.testing.assert_allclose(found.et, [[200 / 1.02, 40]], rtol=1e-6)


# --- fits ---


@pytest.mark.parametrize("level", ["histograms", "events"])
def test_a_toy_belongs_to_its_number_whatever_the_job(level: Level) -> None:
    settings = replace(SMALL, level=level)
    injected = injected_into(ETA, 1.004, 0.02)
    whole = fit_toys(injected, settings, range(3))
    parts = fit_toys(injected, settings, range(2)) + fit_toys(injected, settings, [2])
    assert_equal(whole, parts)
    assert whole.numbers.tolist() == [0, 1, 2]
    assert len({*whole.parameters[:, 0].tolist()}) == 3
    other = fit_toys(injected, replace(settings, seed=2), range(1))
    assert other.parameters[0, 0] != whole.parameters[0, 0]


@pytest.mark.parametrize("level", ["histograms", "events"])
def test_large_scales_and_smearings_are_found(level: Level) -> None:
    injected = injected_into(ETA, [1.01, 0.99, 1.01, 0.99, 1.01], 0.025)
    fits = fit_toys(injected, replace(SMALL, level=level), range(1))
    pulls = (fits.parameters - injected.parameters) / fits.errors
    assert np.abs(pulls).max() < 5
    # errors of a few 1e-3 at most, differences of 2e-2
    assert (np.sign(fits.parameters[0, :5]) == [1, -1, 1, -1, 1]).all()


def test_progress_is_told_after_each_toy() -> None:
    told: list[None] = []
    fit_toys(injected_into(ETA), SMALL, range(2), lambda: told.append(None))
    assert len(told) == 2


def test_a_fit_that_fails_is_kept_with_its_reason() -> None:
    settings = replace(SMALL, fit=FitSettings(min_data_events=1e9))
    fits = fit_toys(injected_into(ETA), settings, range(4, 6))
    assert sorted(fits.failures) == [4, 5]
    assert "no pair" in fits.failures[4]
    assert len(fits.numbers) == 0
    good = fit_toys(injected_into(ETA), SMALL, range(1))
    for joined in (good + fits, fits + good):
        assert joined.numbers.tolist() == [0]
        assert sorted(joined.failures) == [4, 5]


def test_a_category_that_joined_another_has_no_pull_of_its_own() -> None:
    blocks = [{"abs_eta": [0, 0.002, 1.4442, 2.5]}]
    categories = CategorySet.from_blocks({"scales": blocks, "smearings": [{"abs_eta": [0, 2.5]}]})
    injected = replace(
        injected_into(categories, 1.0, 0.01), share=np.array([0, 0.0003, 0.5, 0, 0.2, 0.2])
    )
    settings = replace(SMALL, fit=FitSettings(low_statistics="merge"))
    fits = fit_toys(injected, settings, range(1))
    assert np.isinf(fits.errors[0]).tolist() == [True, False, False, False]
    assert 1 < fits.independent[0, 0] <= 2
