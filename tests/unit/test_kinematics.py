import numpy as np
import pytest

from scalesmear.kinematics import above_thresholds, pair_mass, transverse_energy, z_momentum


def test_back_to_back_electrons_add_up() -> None:
    # cosh(0) - cos(pi) = 2, so m = sqrt(2 et et 2) = 2 et
    et, eta, phi = np.full((1, 2), 45.0), np.zeros((1, 2)), np.array([[0.0, np.pi]])
    assert pair_mass(et, eta, phi) == pytest.approx(90.0)


def test_mass_is_that_of_the_summed_four_momenta() -> None:
    rng = np.random.default_rng(1)
    et = rng.uniform(20, 80, (1000, 2))
    eta = rng.uniform(-2.5, 2.5, (1000, 2))
    phi = rng.uniform(-np.pi, np.pi, (1000, 2))
    momenta = np.stack(
        [et * np.cosh(eta), et * np.cos(phi), et * np.sin(phi), et * np.sinh(eta)]
    ).sum(axis=2)
    expected = np.sqrt(momenta[0] ** 2 - (momenta[1:] ** 2).sum(axis=0))
    np.testing.assert_allclose(pair_mass(et, eta, phi), expected, rtol=1e-9)


def test_transverse_energy_at_eta_zero_is_the_energy() -> None:
    # cosh(0) = 1, cosh(ln 2) = (2 + 1/2) / 2 = 5/4
    energy = np.array([50.0, 50.0])
    np.testing.assert_allclose(transverse_energy(energy, np.array([0.0, np.log(2)])), [50.0, 40.0])


def test_momentum_of_the_pair_is_that_of_the_summed_four_momenta() -> None:
    rng = np.random.default_rng(2)
    et = rng.uniform(20, 80, (1000, 2))
    eta = rng.uniform(-2.5, 2.5, (1000, 2))
    phi = rng.uniform(-np.pi, np.pi, (1000, 2))
    e, x, y, z = np.stack(
        [et * np.cosh(eta), et * np.cos(phi), et * np.sin(phi), et * np.sinh(eta)]
    ).sum(axis=2)
    p_t, rapidity = z_momentum(et, eta, phi)
    np.testing.assert_allclose(p_t, np.hypot(x, y), rtol=1e-7)
    np.testing.assert_allclose(rapidity, np.arctanh(z / e), rtol=1e-9, atol=1e-12)


def test_f6_rapidity_needs_the_sign_of_eta() -> None:
    # two equal electrons in opposite hemispheres: y = 0; with abs(eta), y = abs(eta)
    et, phi = np.full((1, 2), 45.0), np.array([[0.0, np.pi]])
    for eta, expected in (([[1.5, -1.5]], 0.0), ([[1.5, 1.5]], 1.5)):
        _, rapidity = z_momentum(et, np.array(eta), phi)
        assert rapidity[0] == pytest.approx(expected, abs=1e-12)


def test_thresholds_are_those_of_the_harder_and_the_softer_electron() -> None:
    et = np.array([[32, 20], [20, 32], [31.9, 31.9], [60, 19.9], [np.nan, 60]], np.float32)
    assert above_thresholds(et, (32.0, 20.0)).tolist() == [True, True, False, False, False]


def test_thresholds_are_compared_in_the_precision_of_the_energies() -> None:
    et = np.array([[32.1, 40.0]], np.float32)  # the float32 next to 32.1 lies below it
    assert above_thresholds(et, (32.1, 32.1)).tolist() == [True]
    assert above_thresholds(et.astype(np.float64), (32.1, 32.1)).tolist() == [False]
