"""Categories with few events: fixed, flagged or merged, and always named."""

import dataclasses
from functools import cache

import numpy as np
import pytest
from tests.mass_toys import MassToy, random_toy

from scalesmear.errors import FitError
from scalesmear.fit import fit_pairs
from scalesmear.fitresult import FitResult
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import PairHistograms, pair_categories
from scalesmear.sparse import CategoryEvents, merge_categories, plan_merging

CHAIN = ((1,), (0, 2), (1, 3), (2, 4), (3,))  # five categories in a row
SMEARING_OF = np.array([0, 0, 0, 1, 1])


@cache
def toy() -> MassToy:
    """Category 2 has a thousandth of the electrons; categories 1 and 2 have the same truth."""
    whole = random_toy(1, 5, 2)
    population = np.array([0.3, 0.3, 0.001, 0.2, 0.199])
    scale = whole.scale.copy()
    scale[2] = scale[1]
    return dataclasses.replace(whole, population=population, scale=scale, smearing_of=SMEARING_OF)


@cache
def histograms() -> PairHistograms:
    return toy().draw(np.random.default_rng(2), 100_000, 200_000)


def fitted(**settings: object) -> FitResult:
    chosen = FitSettings(min_category_events=1000, min_data_events=100, **settings)  # type: ignore[arg-type]
    return fit_pairs(histograms(), SMEARING_OF, chosen, None, CHAIN)


def events(*fewest: float) -> CategoryEvents:
    numbers = np.array(fewest)
    return CategoryEvents(numbers, numbers, numbers)


def test_events_of_a_category_are_counted_once() -> None:
    h, window = histograms(), histograms().grid.window_slice
    legs = pair_categories(h.pairs)
    for i, found in enumerate(CategoryEvents.of(h).data):
        rows = (legs == i).any(axis=1)
        assert found == h.data[rows, window].sum()


def test_the_sparsest_joins_its_most_populated_neighbour_of_the_same_smearing() -> None:
    plan = plan_merging(events(500, 300, 5, 9999, 80), SMEARING_OF, CHAIN, 100)
    assert plan == {2: 1, 4: 3}  # not 3, which has another smearing, for category 2


def test_a_group_that_is_still_sparse_goes_on_together() -> None:
    assert plan_merging(events(500, 30, 20, 500, 500), SMEARING_OF, CHAIN, 100) == {1: 0, 2: 0}


def test_a_sparse_category_without_neighbour_is_left() -> None:
    assert plan_merging(events(5, 5, 5, 500, 500), SMEARING_OF, CHAIN, 100) == {0: 1, 2: 1}
    assert plan_merging(events(5), np.array([0]), ((),), 100) == {}


def test_merging_keeps_every_event() -> None:
    merged = merge_categories(histograms(), {2: 1})
    assert 2 not in pair_categories(merged.pairs)
    for name in ("data", "sim", "sim_variance"):
        before, after = (getattr(h, name).sum(axis=0) for h in (histograms(), merged))
        assert after == pytest.approx(before)
    legs = pair_categories(histograms().pairs)
    into = [i for i, (a, b) in enumerate(legs) if {a, b} <= {1, 2}]
    row = int(np.flatnonzero(merged.pairs == 2)[0])  # the pair (1, 1)
    assert merged.data[row] == pytest.approx(histograms().data[into].sum(axis=0))


def test_fix_leaves_a_category_at_its_start_and_says_so() -> None:
    r = fitted(low_statistics="fix")
    assert r.scale[2] == 1
    assert np.isinf(r.scale_error[2])
    assert not r.scale_determined[2]
    assert list(r.few) == [2]
    assert r.few[2].endswith("fewer than 1000")
    assert any("scale 2 is not" in w and "fewer than 1000" in w for w in r.warnings)
    assert all("fewer than 1000" in r.dropped[p] for p in (3, 4, 5))  # (2,0) (2,1) (2,2)
    assert np.isfinite(r.scale_error[[0, 1, 3, 4]]).all()


def test_flag_uses_and_names_it() -> None:
    r = fitted(low_statistics="flag")
    assert 0 < r.scale_error[2] < np.inf
    assert r.scale_determined[2]
    assert any("category 2" in w and "used nevertheless" in w for w in r.warnings)
    assert r.flagged
    assert set(r.flagged) <= set(r.goodness.pairs.tolist())
    assert any(f"{len(r.flagged)} pairs in use have few events" in w for w in r.warnings)
    # never a pair without any event
    assert np.all(r.goodness.n_data >= 1)


def test_merge_gives_it_the_scale_of_its_neighbour() -> None:
    r = fitted(low_statistics="merge")
    assert r.merged == {2: 1}
    assert r.few == {}
    assert r.scale[2] == r.scale[1]
    assert r.scale_error[2] == r.scale_error[1]
    assert r.covariance[2, 1] == pytest.approx(r.covariance[1, 1])
    assert r.scale_determined[2]
    assert any("category 2" in w and "joined category 1" in w for w in r.warnings)
    assert np.abs((r.scale - toy().scale) / r.scale_error).max() < 3.5


def test_merging_without_neighbours_is_refused() -> None:
    with pytest.raises(ValueError, match="neighbours"):
        fit_pairs(histograms(), SMEARING_OF, FitSettings(low_statistics="merge"))


def test_ignored_pairs_are_named() -> None:
    r = fit_pairs(histograms(), SMEARING_OF, FitSettings(ignored_pairs=(0, 6)))
    assert r.dropped[0] == r.dropped[6] == "ignored, as the settings say"
    assert not np.isin([0, 6], r.goodness.pairs).any()
    everything = tuple(int(p) for p in histograms().pairs)
    with pytest.raises(FitError, match="ignored, as the settings say"):
        fit_pairs(histograms(), SMEARING_OF, FitSettings(ignored_pairs=everything))
