import math

import numpy as np
import pytest

from scalesmear.histogram import (
    FINE_PER_BIN,
    MOST_COUNTED,
    UNIT_BITS,
    MassFiller,
    MassGrid,
    MassHistograms,
    PairHistograms,
    n_pairs,
    pair_categories,
    pair_number,
    weight_exponent,
)
from scalesmear.kinematics import Z_MASS

GRID = MassGrid()


def filled(kind: str, x: list[float], pair: list[int], weight: list[float]) -> MassHistograms:
    filler = MassFiller(kind, GRID, 3, 0)  # type: ignore[arg-type]
    filler.add(np.array(x), np.array(pair), np.array(weight))
    return filler.finish()


def test_window_edges_are_edges_of_fine_bins() -> None:
    edges = GRID.edges[GRID.window_slice.start : GRID.window_slice.stop + 1]
    assert len(edges) - 1 == GRID.n_bins * FINE_PER_BIN
    assert edges[0] == pytest.approx(math.log(80 / Z_MASS), abs=1e-14)
    assert edges[-1] == pytest.approx(math.log(100 / Z_MASS), abs=1e-14)


def test_fine_bins_stay_inside_the_mass_range() -> None:
    low, high = np.exp(GRID.edges[[0, -1]]) * Z_MASS
    assert 60 <= low < 60 * math.exp(GRID.width)
    assert 120 * math.exp(-GRID.width) < high <= 120


@pytest.mark.parametrize(("width", "n_bins"), [(0.5, 40), (0.25, 80), (0.6, 32), (100.0, 4)])
def test_number_of_bins_is_a_multiple_of_four(width: float, n_bins: int) -> None:
    assert MassGrid.of_width((80, 100), width).n_bins == n_bins


@pytest.mark.parametrize("window", [(100.0, 80.0), (50.0, 100.0), (80.0, 130.0)])
def test_windows_outside_the_range_are_refused(window: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="must be ordered and inside"):
        MassGrid(window)


def test_pairs_are_numbered_without_gap() -> None:
    pairs = np.arange(n_pairs(300))
    both = pair_categories(pairs)
    np.testing.assert_array_equal(pair_number(both), pairs)
    np.testing.assert_array_equal(pair_number(both[:, ::-1]), pairs)
    assert both.max() == 299


def test_a_leg_without_category_has_no_pair() -> None:
    assert pair_number(np.array([[-1, 2], [2, -1], [-1, -1], [1, 0]])).tolist() == [-1, -1, -1, 1]


@pytest.mark.parametrize(
    ("largest", "exponent"), [(1.0, 0), (1.0001, 1), (0.5, -1), (0.3, -1), (26537.4, 15)]
)
def test_weight_exponent_is_the_power_of_two_above(largest: float, exponent: int) -> None:
    assert weight_exponent(largest) == exponent


@pytest.mark.parametrize("largest", [0.0, -1.0, math.nan, math.inf])
def test_weight_exponent_of_nonsense_is_refused(largest: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        weight_exponent(largest)


def test_data_are_counted_in_their_half_open_bin() -> None:
    # the lower edge of bin 2, its inside, its upper edge (bin 3), and below and above all bins
    low, high = GRID.start + 2 * GRID.width, GRID.start + 3 * GRID.width
    x = [low + 1e-12, (low + high) / 2, high + 1e-12, GRID.start - 1e-9, GRID.edges[-1] + 1e-9]
    histograms = filled("data", x, [4, 4, 4, 4, 4], [1.0] * 5)
    assert histograms.pairs.tolist() == [4]
    assert np.flatnonzero(histograms.contents[0]).tolist() == [2, 3]
    assert histograms.contents[0, 2:4].tolist() == [2, 1]
    assert histograms.dropped == {"no category": 0, "outside the mass range": 2}
    assert histograms.n_events == 5


def test_simulation_is_shared_by_the_two_nearest_centres() -> None:
    # a quarter of a bin above the centre of bin 5: 3/4 of the weight in bin 5, 1/4 in bin 6
    x = GRID.start + 5.75 * GRID.width
    histograms = filled("sim", [x], [0], [-0.5])
    np.testing.assert_allclose(histograms.contents[0, 5:7], [-0.375, -0.125], atol=2**-16)
    np.testing.assert_allclose(histograms.variances[0, 5:7], [0.1875, 0.0625], atol=2**-16)
    assert histograms.contents.sum() == -0.5
    assert histograms.variances.sum() == 0.25


def test_sharing_keeps_the_mean_and_adds_the_known_variance() -> None:
    # linear sharing of a uniform position adds d^2 / 6 to the variance of positions,
    # of which d^2 / 12 is that of a bin content taken as spread over its bin
    rng = np.random.default_rng(3)
    x = rng.normal(0.0, 0.02, 200_000)
    filler = MassFiller("sim", GRID, 1, 0)
    filler.add(x, np.zeros(len(x), int), np.ones(len(x)))
    contents = filler.finish().contents[0]
    centres = GRID.edges[:-1] + GRID.width / 2
    mean = np.average(centres, weights=contents)
    variance = np.average((centres - mean) ** 2, weights=contents)
    assert mean == pytest.approx(x.mean(), abs=2e-8)
    assert variance - x.var() == pytest.approx(GRID.width**2 / 6, rel=0.02)


def test_weights_that_the_unit_cannot_hold_are_refused() -> None:
    filler = MassFiller("sim", GRID, 1, exponent=0)
    for weight in (1.5, math.nan):
        with pytest.raises(ValueError, match="a weight is not a number, or larger"):
            filler.add(np.zeros(1), np.zeros(1, int), np.array([weight]))


def test_more_data_than_can_be_counted_are_refused() -> None:
    filler = MassFiller("data", GRID, 1)
    filler.account(MOST_COUNTED)
    with pytest.raises(ValueError, match="2147483648 events in one job, at most 2147483647"):
        filler.account(1)


def test_dropped_events_are_counted_by_reason() -> None:
    filler = MassFiller("data", GRID, 1, reasons=("too soft", "too late"))
    filler.add(np.array([0.0, 0, 0, 0, 0, 9]), np.array([0, -1, 0, -3, -3, 0]))
    result = filler.finish()
    assert result.n_events == 6
    counts = {"no category": 1, "outside the mass range": 1, "too soft": 0, "too late": 2}
    assert result.dropped == counts
    assert result.contents.sum() == 2


@pytest.mark.parametrize("kind", ["data", "sim"])
@pytest.mark.parametrize("x", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_no_mass_is_outside(kind: str, x: float) -> None:
    result = filled(kind, [x, 0.0], [0, 0], [1.0, 1.0])
    assert result.dropped["outside the mass range"] == 1
    assert result.contents.sum() == 1


def test_histograms_of_other_binning_do_not_add() -> None:
    a = MassFiller("data", GRID, 3).finish()
    b = MassFiller("data", MassGrid(n_bins=80), 3).finish()
    with pytest.raises(ValueError, match="do not add up"):
        a + b


def test_data_and_simulation_come_on_the_same_pairs() -> None:
    data = filled("data", [0.0, 0.0], [1, 3], [1.0, 1.0])
    sim = filled("sim", [0.0, 0.0], [3, 5], [1.0, 0.5])
    both = PairHistograms.of(data, sim)
    assert both.pairs.tolist() == [1, 3, 5]
    assert both.data.sum(axis=1).tolist() == [1, 1, 0]
    assert both.sim.sum(axis=1).tolist() == [0, 1, 0.5]
    assert both.sim_variance.sum(axis=1).tolist() == [0, 1, 0.25]


def test_room_for_the_design_size() -> None:
    # 100 M events of the largest weight in one bin still fit into 63 bits
    assert 100e6 * 2**UNIT_BITS < 2**63
