"""Reference shapes: what they are made of and what they do not know."""

import dataclasses
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.mass_toys import MassToy, random_toy

from scalesmear.histogram import PairHistograms
from scalesmear.references import CLASS_PAIRS, LEAST_REFERENCE, reference_shapes

Floats = NDArray[np.float64]


@cache
def toy() -> MassToy:
    # resolutions of two kinds, so that widths differ
    plain = random_toy(5, 6, 2)
    return dataclasses.replace(plain, resolution=np.array([0.008, 0.008, 0.008, 0.03, 0.03, 0.03]))


@cache
def histograms() -> PairHistograms:
    return toy().draw(np.random.default_rng(6), 1_000, 400_000)


def moments(shapes: Floats) -> tuple[Floats, Floats]:
    grid = histograms().grid
    x = ((grid.edges[:-1] + grid.edges[1:]) / 2)[grid.window_slice]
    inside = shapes[:, grid.window_slice]
    mean = inside @ x / inside.sum(axis=1)
    return mean, inside @ x**2 / inside.sum(axis=1) - mean**2


def test_a_pair_is_no_part_of_its_own_reference() -> None:
    # below the window, where contents do not decide on means and widths
    h, rows = histograms(), np.arange(21)
    other = dataclasses.replace(h, sim=h.sim.copy())
    other.sim[2, :50] += 1000.0
    before, after = reference_shapes(h, rows), reference_shapes(other, rows)
    assert np.array_equal(after[2], before[2])
    changed = (after != before).any(axis=1)
    assert 5 < changed.sum() < 20  # the rest of its class, of two


def test_references_of_classes_have_the_widths_of_their_pairs() -> None:
    h, rows = histograms(), np.arange(21)
    assert len(rows) >= 2 * CLASS_PAIRS  # and 4e5 events: two classes
    own, reference = moments(h.sim)[1], moments(reference_shapes(h, rows))[1]
    assert np.corrcoef(own, reference)[0, 1] > 0.6


def test_references_follow_the_mean_of_their_pair() -> None:
    h = histograms()
    moved = dataclasses.replace(h, sim=h.sim.copy())
    legs_of_5 = np.arange(15, 21)  # pairs (0,5) ... (5,5)
    moved.sim[legs_of_5] = np.roll(h.sim[legs_of_5], 8, axis=1)
    moved.sim[20] = np.roll(h.sim[20], 16)
    rows = np.arange(21)
    before, after = (moments(reference_shapes(x, rows))[0] for x in (h, moved))
    change = (after - before) / h.grid.width
    assert change[20] > change[15] + 2 > change[0] + 4


def test_without_other_pairs_a_reference_is_the_smoothed_pair() -> None:
    h = histograms()
    alone = reference_shapes(h, np.array([4]))[0]
    assert alone.sum() == pytest.approx(h.sim[4].sum(), rel=1e-3)
    rough, smooth = (np.diff(shape, 2).std() for shape in (h.sim[4], alone))
    assert smooth < rough / 3
    # 8e-3 squared is added to the variance, less what leaves the window
    assert moments(alone[None])[1] > moments(h.sim[4:5])[1] + 2e-5


def test_few_others_are_no_reference() -> None:
    h = histograms()
    small = dataclasses.replace(h, sim=h.sim.copy(), sim_variance=h.sim_variance.copy())
    factor = 0.3 * LEAST_REFERENCE / h.sim[1].sum()
    small.sim[1] *= factor  # with the variance, a thinner sample of the same events
    small.sim_variance[1] *= factor
    both = reference_shapes(small, np.array([0, 1]))
    assert both[0].sum() == pytest.approx(small.sim[0].sum(), rel=1e-3)
    assert both[1].sum() == pytest.approx(small.sim[0].sum(), rel=1e-3)


def test_events_that_cancel_leave_finite_references() -> None:
    h = histograms()
    bad = dataclasses.replace(h, sim=-h.sim)
    assert np.isfinite(reference_shapes(bad, np.arange(21))).all()
