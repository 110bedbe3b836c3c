import math

import numpy as np
import pytest
from numpy.typing import NDArray

from scalesmear.compiled import compiled
from scalesmear.elementary import cos_sin_of_turns, exponential, natural_log

Floats = NDArray[np.float64]


@compiled
def fill_logs(x: Floats, out: Floats) -> None:
    for i in range(len(x)):
        out[i] = natural_log(x[i])


@compiled
def fill_exponentials(x: Floats, out: Floats) -> None:
    for i in range(len(x)):
        out[i] = exponential(x[i])


@compiled
def fill_cos_sin(turns: Floats, cosine: Floats, sine: Floats) -> None:
    for i in range(len(turns)):
        cosine[i], sine[i] = cos_sin_of_turns(turns[i])


def logs(x: Floats) -> Floats:
    out = np.empty_like(x)
    fill_logs(x, out)
    return out


@pytest.mark.parametrize("spread", [1e-12, 1e-6, 1e-3, 0.3, 3.0, 700.0])
def test_logarithm_is_that_of_numpy(spread: float) -> None:
    x = np.exp(np.random.default_rng(1).uniform(-spread, spread, 100_000))
    np.testing.assert_allclose(logs(x), np.log(x), rtol=1e-15, atol=0)


def test_logarithm_of_one_is_zero() -> None:
    assert natural_log(1.0) == 0.0


@pytest.mark.parametrize("x", [0.0, -0.0, -1e-300, -1.0, -1e300, math.inf, -math.inf, math.nan])
def test_what_has_no_logarithm_gives_a_number_far_out(x: float) -> None:
    assert abs(natural_log(x)) > 700


def test_bits_do_not_depend_on_the_place() -> None:
    # the ends of a loop are not done in vector instructions
    x = np.random.default_rng(2).uniform(0.4, 2.0, 1001)
    whole = logs(x)
    for start, stop in ((0, 1), (1, 1000), (3, 9), (500, 1001)):
        assert np.array_equal(logs(x[start:stop]), whole[start:stop])


def test_cosine_and_sine_are_those_of_numpy() -> None:
    turns = np.append(np.random.default_rng(3).uniform(0, 1, 100_000), np.arange(17) / 16)
    cosine, sine = np.empty_like(turns), np.empty_like(turns)
    fill_cos_sin(turns, cosine, sine)
    # numpy is given an angle that is rounded to 2^-53 of up to 2 pi: 7e-16
    np.testing.assert_allclose(cosine, np.cos(2 * np.pi * turns), rtol=0, atol=1.2e-15)
    np.testing.assert_allclose(sine, np.sin(2 * np.pi * turns), rtol=0, atol=1.2e-15)
    np.testing.assert_allclose(cosine**2 + sine**2, 1, rtol=1e-15)


def test_quarters_of_a_turn_are_exact() -> None:
    turns = np.arange(5) / 4
    cosine, sine = np.empty(5), np.empty(5)
    fill_cos_sin(turns, cosine, sine)
    assert cosine.tolist() == [1, 0, -1, 0, 1]
    assert sine.tolist() == [0, 1, 0, -1, 0]


@pytest.mark.parametrize("spread", [1e-12, 1e-3, 0.3, 3.0, 30.0, 700.0])
def test_exponential_is_that_of_numpy(spread: float) -> None:
    x = np.random.default_rng(1).uniform(-spread, spread, 100_000)
    out = np.empty_like(x)
    fill_exponentials(x, out)
    np.testing.assert_allclose(out, np.exp(x), rtol=1e-15, atol=0)
    assert exponential(0.0) == 1.0
