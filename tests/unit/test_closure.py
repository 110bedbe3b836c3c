from dataclasses import replace

import numpy as np
import pytest

from scalesmear.closure import ClosureSettings, close, demand
from scalesmear.errors import ClosureError
from scalesmear.fit import fit_pairs
from scalesmear.fitresult import FitResult
from scalesmear.histogram import MassFiller, MassGrid, PairHistograms


def fitted(shift: float = 0.0, widening: float = 0.0, seed: int = 1) -> FitResult:
    """Fit two categories whose data are shifted and widened against the simulation."""
    rng = np.random.default_rng(seed)
    fillers = []
    for kind in ("data", "sim"):
        moved = shift if kind == "data" else 0.0
        width = np.hypot(0.02, widening) if kind == "data" else 0.02
        filler = MassFiller(kind, MassGrid(), 2)
        filler.add(rng.normal(moved, width, 60_000), rng.integers(0, 3, 60_000), np.ones(60_000))
        fillers.append(filler.finish())
    return fit_pairs(PairHistograms.of(fillers[0], fillers[1]), np.array([0, 0]))


def test_agreeing_samples_close() -> None:
    closure = close(fitted(), np.array([0.01]), ClosureSettings())
    assert closure.passed
    assert abs(closure.scale - 1).max() < 4e-4


def test_a_residual_scale_is_told_with_its_category() -> None:
    # ln m of the data is 0.002 too high, so every scale must bring it down by 0.2 %
    closure = close(fitted(shift=0.002), np.array([0.01]), ClosureSettings())
    np.testing.assert_allclose(closure.scale, 0.998, atol=5e-4)
    assert not closure.scale_passed.any()
    with pytest.raises(ClosureError, match=r"closure of coarse: residual scale of low is 0\.99"):
        demand(closure, "coarse", (["low", "high"], ["all"]))


def test_a_residual_smearing_is_the_growth_of_the_one_in_the_file() -> None:
    # two electrons of smearing r widen ln m by r / sqrt 2, so a widening of 0.01 is r^2 = 2e-4;
    # on top of 0.01 in the file that is sqrt(1e-4 + 2e-4) - 0.01
    closure = close(fitted(widening=0.01), np.array([0.01]), ClosureSettings())
    assert closure.smearing[0] == pytest.approx(np.sqrt(3e-4) - 0.01, abs=8e-4)
    with pytest.raises(ClosureError, match="smearing of all"):
        demand(closure, "coarse", (["low", "high"], ["all"]))


def test_the_floor_passes_what_no_statistics_would() -> None:
    residual = fitted()
    sharp = replace(residual, scale=np.full(2, 1.00015), scale_error=np.full(2, 1e-6))
    assert close(sharp, np.array([0.01]), ClosureSettings(floor=2e-4)).passed
    assert not close(sharp, np.array([0.01]), ClosureSettings(floor=1e-4)).passed


def test_what_was_not_determined_cannot_fail() -> None:
    residual = replace(fitted(), scale=np.array([1.0, 1.0]), scale_error=np.array([1e-4, np.inf]))
    assert close(residual, np.array([0.01]), ClosureSettings()).passed


def test_a_smearing_that_no_pair_determines_has_no_residual() -> None:
    # its start value of 0.01 used to be told as a residual of sqrt(2e-4) - 0.01 = 0.00414 +- 0
    residual = fitted()
    start = replace(
        residual,
        smearing=np.array([0.01]),
        smearing_error=np.array([np.inf]),
        covariance=np.diag([1e-8, 1e-8, 0.0]),
    )
    closure = close(start, np.array([0.01]), ClosureSettings())
    assert closure.passed
    assert closure.smearing[0] == 0
    assert np.isinf(closure.smearing_error[0])
