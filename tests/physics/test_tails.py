"""A fit whose smearing has a second Gaussian closes, because the closure draws the same smearing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.closure import Closure, ClosureSettings, close, residual_fit
from scalesmear.corrections import tables_of_fit
from scalesmear.effective import Tails
from scalesmear.fill import Corrections, FillSettings, fill_masses
from scalesmear.fit import fit_pairs
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import PairHistograms
from scalesmear.io.categoryfile import read_categories
from scalesmear.toys import generate, make_truth

if TYPE_CHECKING:
    from scalesmear.events import Events

TAILS = Tails(0.15, 4.0)
SETTINGS = FitSettings(tail_fraction=TAILS.fraction, tail_width=TAILS.width)
CATEGORIES = read_categories("eta")
FILL = FillSettings()
SMEARING = 0.03


def acceptable(events: Events) -> Events:
    eta = events.abs_eta
    return events.where(np.asarray(((eta < 1.4442) | ((eta >= 1.566) & (eta < 2.5))).all(axis=1)))


@pytest.fixture(scope="module")
def samples() -> tuple[Events, Events]:
    """Two simulations, one of which is data whose energies are smeared by a mixture."""
    truth = make_truth(5, n_runs=1, negative_fraction=0.0)
    data, sim = (
        acceptable(generate(truth, "sim", n, stream)) for stream, n in enumerate((120_000, 240_000))
    )
    rng = np.random.default_rng(5)
    mixture, second = TAILS.mixture, rng.random(data.et.shape) < TAILS.fraction
    width = SMEARING * np.where(second, mixture.other_width, mixture.width)
    factor = 1 + width * rng.standard_normal(data.et.shape)
    data.et[:] *= factor
    data.mass[:] *= np.sqrt(factor.prod(axis=1))
    return data, sim


def filled(samples: tuple[Events, Events], corrections: Corrections) -> PairHistograms:
    data, sim = samples
    exponent = int(np.ceil(np.log2(sim.weight.max())))
    return PairHistograms.of(
        fill_masses([data], "data", CATEGORIES, FILL, corrections),
        fill_masses([sim], "sim", CATEGORIES, FILL, corrections, exponent),
    )


def closure(samples: tuple[Events, Events], tails: Tails) -> Closure:
    """Fit with tails, and again after a smearing that is drawn with some."""
    result = fit_pairs(filled(samples, Corrections()), CATEGORIES.smearing_of, SETTINGS)
    corrected = Corrections(*tables_of_fit(result, CATEGORIES), tails=tails)
    residual = residual_fit(filled(samples, corrected), CATEGORIES, SETTINGS)
    return close(residual, result.smearing, ClosureSettings())


def test_closure_draws_the_smearing_of_the_fit(samples: tuple[Events, Events]) -> None:
    found = closure(samples, TAILS)
    assert found.passed
    assert found.p_value > 1e-3


def test_one_gaussian_of_the_same_width_is_not_that_smearing(
    samples: tuple[Events, Events],
) -> None:
    # the closure used to draw it whatever the fit was made with
    assert closure(samples, Tails()).p_value < 1e-6
