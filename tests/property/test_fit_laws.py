"""Laws of the fit that hold for any toy."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.mass_toys import MassToy, random_toy

from scalesmear.errors import FitError
from scalesmear.fit import fit_pairs
from scalesmear.fitresult import FitResult
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import PairHistograms, pair_categories, pair_number

Floats = NDArray[np.float64]

SEEDS = st.integers(0, 2**16)
FEW = settings(max_examples=8, deadline=None, derandomize=True)


def draw(seed: int, n: int = 3, m: int = 2) -> tuple[MassToy, PairHistograms]:
    toy = random_toy(seed, n, m)
    return toy, toy.draw(np.random.default_rng(seed), 20_000, 30_000)


def distance(a: FitResult, scale: Floats, smearing: Floats) -> float:
    """Return the largest difference in standard deviations, smearings in their squares."""
    sigma = np.sqrt(np.diag(a.covariance))
    n = len(a.scale)
    u = np.abs(np.log(a.scale / scale)) / sigma[:n]
    q = np.abs(a.smearing**2 - smearing**2) / sigma[n:]
    return float(max(u.max(), q.max()))


def shifted(h: PairHistograms, cells: int) -> PairHistograms:
    """Move data and simulation up by a number of fine bins."""
    data, sim, variance = (np.roll(p, cells, axis=1) for p in (h.data, h.sim, h.sim_variance))
    return PairHistograms(h.grid, h.n_categories, h.pairs, data, sim, variance)


@FEW
@given(SEEDS)
def test_result_is_the_same_twice(seed: int) -> None:
    toy, h = draw(seed)
    first, second = fit_pairs(h, toy.smearing_of), fit_pairs(h, toy.smearing_of)
    assert first.scale.tobytes() == second.scale.tobytes()
    assert first.covariance.tobytes() == second.covariance.tobytes()


@FEW
@given(SEEDS, st.floats(1e-3, 1e3))
def test_weights_times_a_constant_change_nothing(seed: int, factor: float) -> None:
    toy, h = draw(seed)
    scaled = dataclasses.replace(h, sim=factor * h.sim, sim_variance=factor**2 * h.sim_variance)
    a, b = fit_pairs(h, toy.smearing_of), fit_pairs(scaled, toy.smearing_of)
    assert distance(a, b.scale, b.smearing) < 1e-6
    assert b.covariance == pytest.approx(a.covariance, rel=1e-6)


@FEW
@given(SEEDS, st.permutations(range(3)))
def test_names_of_categories_do_not_matter(seed: int, order: list[int]) -> None:
    toy, h = draw(seed)
    new = np.array(order)  # new name of each category
    pairs = pair_number(new[pair_categories(h.pairs)])
    sort = np.argsort(pairs)
    renamed = PairHistograms(
        h.grid, 3, pairs[sort], h.data[sort], h.sim[sort], h.sim_variance[sort]
    )
    smearing_of = np.empty(3, int)
    smearing_of[new] = toy.smearing_of
    a, b = fit_pairs(h, toy.smearing_of), fit_pairs(renamed, smearing_of)
    assert distance(a, b.scale[new], b.smearing) < 1e-3


@FEW
@given(SEEDS)
def test_copies_of_a_category_get_the_same_result(seed: int) -> None:
    # pairs (0,0), (0,1), (1,1) with the same contents: references differ, by a smoothing
    toy, h = draw(seed, n=1, m=1)
    data, sim, variance = (np.repeat(p, 3, axis=0) for p in (h.data, h.sim, h.sim_variance))
    threefold = PairHistograms(h.grid, 2, np.arange(3, dtype=np.int32), data, sim, variance)
    one, two = fit_pairs(h, toy.smearing_of), fit_pairs(threefold, np.array([0, 0]))
    assert distance(one, two.scale[:1], two.smearing) < 0.5
    assert two.scale[0] == pytest.approx(two.scale[1], rel=1e-9)
    assert two.nll == pytest.approx(3 * one.nll, abs=1.0)


@FEW
@given(SEEDS, st.integers(-3, 3))
def test_the_same_factor_on_data_and_simulation_changes_little(seed: int, cells: int) -> None:
    # the window stays, so that a few events at its edges change: 3 fine bins are 0.2 %
    toy, h = draw(seed)
    a, b = fit_pairs(h, toy.smearing_of), fit_pairs(shifted(h, cells), toy.smearing_of)
    assert distance(a, b.scale, b.smearing) < 1.0


@FEW
@given(SEEDS, st.sampled_from([-8, -4, 4, 8]))
def test_a_factor_on_data_is_the_inverse_factor_on_the_scale(seed: int, cells: int) -> None:
    toy, h = draw(seed)
    moved = dataclasses.replace(h, data=np.roll(h.data, cells, axis=1))
    a, b = fit_pairs(h, toy.smearing_of), fit_pairs(moved, toy.smearing_of)
    factor = np.exp(cells * h.grid.width)
    assert distance(a, b.scale * factor, b.smearing) < 1.5
    # moving back is the identity
    back = dataclasses.replace(moved, data=np.roll(moved.data, -cells, axis=1))
    c = fit_pairs(back, toy.smearing_of)
    assert c.scale.tolist() == a.scale.tolist()


@FEW
@given(SEEDS)
def test_nothing_in_a_result_is_nan(seed: int) -> None:
    rng = np.random.default_rng(seed)
    toy = random_toy(seed, 3, 2, smearings=(0.0, 0.01), negative=0.3, spread=0.5)
    h = toy.draw(rng, 5_000, 5_000)
    try:
        r = fit_pairs(h, toy.smearing_of, FitSettings(min_sim_events=20))
    except FitError:  # so few events may have no solution, which is said
        reject()
    for name in ("scale", "scale_error", "smearing", "smearing_error", "smearing_upper"):
        assert not np.isnan(getattr(r, name)).any()
    for matrix in (r.covariance, r.covariance_data, r.covariance_sim):
        assert np.isfinite(matrix).all()
    assert np.isfinite(r.nll)
    assert np.isfinite(r.goodness.chi2).all()


@FEW
@given(SEEDS, st.floats(-0.02, 0.02), st.floats(0.002, 0.04))
def test_the_start_does_not_matter(seed: int, shift: float, smearing: float) -> None:
    toy, h = draw(seed)
    a = fit_pairs(h, toy.smearing_of)
    start = (np.full(3, 1 + shift), np.full(2, smearing))
    b = fit_pairs(h, toy.smearing_of, None, start)
    assert distance(a, b.scale, b.smearing) < 0.05
