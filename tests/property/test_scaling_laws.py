"""Laws of scaling histograms."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scalesmear.roothistogram import Profile, RootAxis, RootHistogram, scaled

FACTORS = st.floats(1e-6, 1e6)
NUMBERS = st.floats(-1e6, 1e6).map(lambda x: x if abs(x) > 1e-30 else 0)  # squares stay normal
CELLS = arrays(np.float64, 7, elements=NUMBERS)
SQUARES = arrays(np.float64, 7, elements=NUMBERS.map(abs))
AXIS = RootAxis("xaxis", "", 5, 0, 5)


@st.composite
def histograms(draw: st.DrawFn) -> RootHistogram:
    return RootHistogram(
        path="h",
        class_name="TH1D",
        title="",
        axes=(AXIS, AXIS, AXIS),
        contents=draw(CELLS),
        sumw2=draw(st.none() | SQUARES),
        entries=7,
        moments={"fTsumw": draw(NUMBERS), "fTsumw2": draw(NUMBERS.map(abs))},
    )


@given(histograms(), FACTORS, FACTORS)
def test_scaling_twice_is_scaling_by_the_product(
    histogram: RootHistogram, one: float, other: float
) -> None:
    twice, once = scaled(scaled(histogram, one), other), scaled(histogram, one * other)
    assert np.allclose(twice.contents, once.contents, rtol=1e-12, atol=0)
    assert np.allclose(twice.variances(), once.variances(), rtol=1e-12, atol=0)
    for name, value in once.moments.items():
        assert np.isclose(twice.moments[name], value, rtol=1e-12, atol=0)


@given(histograms(), FACTORS)
def test_relative_errors_stay(histogram: RootHistogram, factor: float) -> None:
    after = scaled(histogram, factor)
    left = after.variances() * histogram.contents**2
    right = histogram.variances() * after.contents**2
    assert np.allclose(left, right, rtol=1e-12, atol=0)


@given(histograms(), FACTORS)
def test_the_caller_keeps_his_arrays(histogram: RootHistogram, factor: float) -> None:
    contents = histogram.contents.copy()
    scaled(histogram, factor)
    assert np.array_equal(histogram.contents, contents)


FILLS = st.lists(
    st.tuples(st.integers(0, 4), st.floats(50, 130), st.floats(0.01, 100)), min_size=1, max_size=20
)


def profile_of(fills: list[tuple[int, float, float]], factor: float) -> RootHistogram:
    """Fill a profile with (bin, y, weight), every weight times a factor."""
    sums = np.zeros((4, 7))
    for number, y, weight in fills:
        w = weight * factor
        sums[:, number + 1] += (w, w * y, w * y**2, w**2)
    return RootHistogram(
        path="p",
        class_name="TProfile",
        title="",
        axes=(AXIS, AXIS, AXIS),
        contents=sums[1],
        sumw2=sums[2],
        entries=len(fills),
        moments={},
        profile=Profile(sums[0], sums[3]),
    )


@given(FILLS, FACTORS)
def test_a_scaled_profile_is_one_filled_with_scaled_weights(
    fills: list[tuple[int, float, float]], factor: float
) -> None:
    found, expected = scaled(profile_of(fills, 1), factor), profile_of(fills, factor)
    assert found.profile is not None
    assert expected.profile is not None
    assert np.allclose(found.contents, expected.contents, rtol=1e-12, atol=0)
    assert np.allclose(found.profile.sumw, expected.profile.sumw, rtol=1e-12, atol=0)
    squares = expected.profile.sum_of_squares()
    assert np.allclose(found.profile.sum_of_squares(), squares, rtol=1e-12, atol=0)
    before = profile_of(fills, 1).means()[0]
    assert np.allclose(found.means()[0], before, rtol=1e-12, equal_nan=True)
