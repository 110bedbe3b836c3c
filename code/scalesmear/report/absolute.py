"""Data beside simulation at its own normalisation: luminosity times cross section."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.errors import InputError
from scalesmear.report.mass import MassSpectrum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scalesmear.events import FloatArray
    from scalesmear.histogram import PairHistograms
    from scalesmear.roothistogram import RootHistogram


@dataclass(frozen=True, eq=False)
class ScaledMass:
    """The mass of a simulated sample in the number of events expected in data.

    Attributes
    ----------
    edges : float array, shape (n + 1,)
        Of the bins [GeV].
    expected, variance : float arrays, shape (n,)
        Events expected in each bin, and the statistical variance of this number.
    sample, includes, source : str
        Name of the sample, what its cross section includes, and where it comes from.
    spelled_out : str
        The factor with all its numbers.
    uncertainties : mapping
        Relative uncertainty of the factor by its source.
    """

    edges: FloatArray
    expected: FloatArray
    variance: FloatArray
    sample: str
    includes: str
    source: str
    spelled_out: str
    uncertainties: Mapping[str, float]

    @classmethod
    def of(cls, histogram: RootHistogram, record: Mapping[str, Any]) -> ScaledMass:
        """Return what a scaled histogram and its factor.json say.

        Raises
        ------
        KeyError, TypeError, ValueError
            If the record is not that of a sample of a table.
        """
        uncertainties = {
            name: float(found["relative"])
            for name, found in record["uncertainties"].items()
            if name != "meaning"
        }
        return cls(
            edges=histogram.axes[0].all_edges(),
            expected=histogram.as_grid(histogram.contents),
            variance=histogram.as_grid(histogram.variances()),
            sample=record["sample"],
            includes=record["includes"],
            source=record["source"],
            spelled_out=record["spelled_out"],
            uncertainties=uncertainties,
        )


@dataclass(frozen=True)
class Ratio:
    """Number of data events over the number expected, in the fit window.

    Attributes
    ----------
    data, expected : float
    error : float
        Of the ratio, from the statistics of data and simulation.
    uncertainty : float
        Of the ratio, from cross section, luminosity and k factor, as far as they are given.
    """

    data: float
    expected: float
    error: float
    uncertainty: float

    @property
    def value(self) -> float:
        """The ratio."""
        return self.data / self.expected

    def __str__(self) -> str:
        further = f" +- {self.uncertainty:.4f} (normalisation)" if self.uncertainty else ""
        return f"{self.value:.4f} +- {self.error:.4f} (statistical){further}"


def absolute_spectrum(scaled: ScaledMass, pairs: PairHistograms) -> MassSpectrum:
    """Return data of all pairs, and the simulation as it was scaled.

    Raises
    ------
    InputError
        If their bins differ.
    """
    bins = pairs.grid.bins()
    if not np.array_equal(bins.edges, scaled.edges):
        cure = "scale the histogram that mass-histograms makes of the same files"
        raise InputError(f"scaled {scaled.sample}", "has other bins than the histograms", cure)
    data = bins.add_up(pairs.data.sum(axis=0))[1:-1]
    title = f"{scaled.sample}, absolute normalisation"
    return MassSpectrum(title, bins.edges, data, scaled.expected, scaled.variance, bins.in_window)


def ratio(spectrum: MassSpectrum, uncertainties: Mapping[str, float]) -> Ratio:
    """Return data over simulation in the window; its errors are added in quadrature by kind."""
    inside = spectrum.in_window
    data, expected = spectrum.data[inside].sum(), spectrum.sim[inside].sum()
    variance = spectrum.sim_variance[inside].sum()
    relative = math.sqrt(1 / max(data, 1.0) + variance / expected**2)
    value = data / expected
    return Ratio(
        float(data),
        float(expected),
        float(value * relative),
        float(value * math.hypot(*uncertainties.values())),
    )
