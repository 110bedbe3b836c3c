"""Simulation at its own normalisation beside data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from scalesmear.errors import InputError
from scalesmear.histogram import FINE_PER_BIN, MassGrid, PairHistograms
from scalesmear.report.absolute import ScaledMass, absolute_spectrum, ratio
from scalesmear.roothistogram import th1d

GRID = MassGrid.of_width((80.0, 100.0), 0.5, (60.0, 120.0))

RECORD: dict[str, Any] = {
    "sample": "dy",
    "includes": "Z->ee",
    "source": "here",
    "spelled_out": "1 * 1 * 2 pb * 3 pb-1 / 6 = 1",
    "uncertainties": {
        "meaning": "...",
        "luminosity": {"given": "3 %", "relative": 0.03, "from": "x"},
        "cross_section": {"given": "4 %", "relative": 0.04, "from": "x"},
    },
}


def pairs_with(data_per_bin: float) -> PairHistograms:
    """Return one pair with the same number of data events in every fine bin."""
    fine = np.full((1, GRID.n_fine), data_per_bin / FINE_PER_BIN)
    return PairHistograms(GRID, 1, np.zeros(1, np.int32), fine, fine, fine)


def scaled(expected_per_bin: float, variance_per_bin: float, shift: float = 0.0) -> ScaledMass:
    bins = GRID.bins()
    contents, variances = (np.full(bins.n + 2, x) for x in (expected_per_bin, variance_per_bin))
    titles = ("t", "x", "y")
    return ScaledMass.of(th1d("h", titles, bins.edges + shift, contents, variances), RECORD)


def test_ratio_is_that_of_the_numbers_in_the_window() -> None:
    spectrum = absolute_spectrum(scaled(80.0, 16.0), pairs_with(40.0))
    found = ratio(spectrum, {"luminosity": 0.03, "cross_section": 0.04})
    # 40 bins in the window: 1600 of data, 3200 expected with variance 640
    assert (found.data, found.expected) == pytest.approx((1600, 3200))
    assert found.value == pytest.approx(0.5)
    assert found.error == pytest.approx(0.5 * math.sqrt(1 / 1600 + 640 / 3200**2))
    assert found.uncertainty == pytest.approx(0.5 * 0.05)
    assert str(found) == "0.5000 +- 0.0131 (statistical) +- 0.0250 (normalisation)"


def test_simulation_is_not_normalised_to_data() -> None:
    spectrum = absolute_spectrum(scaled(80.0, 16.0), pairs_with(40.0))
    assert spectrum.sim == pytest.approx(np.full(len(spectrum.data), 80.0))
    assert spectrum.data == pytest.approx(np.full(len(spectrum.data), 40.0))


def test_record_names_uncertainties_and_sample() -> None:
    found = scaled(1.0, 1.0)
    assert found.uncertainties == {"luminosity": 0.03, "cross_section": 0.04}
    assert (found.sample, found.includes) == ("dy", "Z->ee")


def test_histogram_of_another_binning_is_refused() -> None:
    with pytest.raises(InputError, match="scaled dy: has other bins"):
        absolute_spectrum(scaled(1.0, 1.0, shift=0.1), pairs_with(1.0))
