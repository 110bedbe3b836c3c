"""Fill the mass histograms of one job: correct, cut, categorise, count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.draws import standard_normal
from scalesmear.histogram import Kind, MassFiller, MassGrid, MassHistograms, pair_number
from scalesmear.kinematics import Z_MASS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from scalesmear.categories import CategorySet
    from scalesmear.corrections import ScaleTable, SmearingTable
    from scalesmear.events import BoolArray, Events, FloatArray

FILL_COLUMNS = ("run", "event", "weight", "mass", "et", "eta_sc", "r9", "gain")
"""The columns of events that a fill reads."""

BELOW_ET = "below the Et thresholds after correction"
WITHOUT_ROW = "with an electron in no row of a table"


@dataclass(frozen=True, kw_only=True)
class FillSettings:
    """How masses are cut and binned.

    Attributes
    ----------
    mass_window : (float, float)
        Window of the fit [GeV].
    bin_width : float
        Approximate width of a bin of the fit [GeV].
    mass_range : (float, float)
        Range of the histograms [GeV]: simulation outside the window can be smeared into it.
    et_min : (float, float)
        Thresholds of the leading and subleading electron [GeV], on corrected energies.
    seed : int
        Seed of the draws with which simulated electrons are smeared, where a step smears them.
    """

    mass_window: tuple[float, float] = (80.0, 100.0)
    bin_width: float = 0.5
    mass_range: tuple[float, float] = (60.0, 120.0)
    et_min: tuple[float, float] = (32.0, 20.0)
    seed: int = 1

    @property
    def grid(self) -> MassGrid:
        """Bins of the histograms."""
        return MassGrid.of_width(self.mass_window, self.bin_width, self.mass_range)


@dataclass(frozen=True)
class Corrections:
    """What is applied to energies before they are categorised; None leaves them as they are.

    Attributes
    ----------
    scales : ScaleTable or None
        Factors on the energies of data.
    smearings : SmearingTable or None
        Relative Gaussian widths put on the energies of simulation.
    seed : int
        Seed of the draws.
    """

    scales: ScaleTable | None = None
    smearings: SmearingTable | None = None
    seed: int = 1

    def factors(self, events: Events, kind: Kind) -> tuple[NDArray[np.float64] | None, BoolArray]:
        """Return the factor on the energy of each electron, and which events have both.

        Factors have shape (n, 2), and are None where nothing is applied; an electron that is in no
        row of the table, such as one with R9 beyond the last edge, keeps its energy.

        A data electron takes the scale of its run and window, looked up with its raw Et; a
        simulated one 1 + sigma g with g drawn from a normal distribution, keyed by run and event.

        Raises
        ------
        InputError
            If a run of the data lies in no range of runs of the table.
        """
        if kind == "data" and self.scales is not None:
            scale, found = self.scales.factors(events)
            return scale, _both(found)
        if kind == "sim" and self.smearings is not None:
            sigma, found = self.smearings.sigmas(events)
            draws = standard_normal(events.run, events.event, self.seed)
            return 1 + sigma * draws, _both(found)
        return None, np.ones(len(events), np.bool_)


def fill_masses(
    batches: Iterable[Events],
    kind: Kind,
    categories: CategorySet,
    settings: FillSettings,
    corrections: Corrections,
    exponent: int = 0,
) -> MassHistograms:
    """Return the histograms of ln(m / m_Z) per pair of scale categories.

    Parameters
    ----------
    batches : iterable of Events
        With the columns `FILL_COLUMNS`.
    kind : {"data", "sim"}
    categories : CategorySet
    settings : FillSettings
    corrections : Corrections
    exponent : int
        Power of two above the largest weight of the whole sample, see `histogram.weight_exponent`.
    """
    filler = MassFiller(kind, settings.grid, len(categories.scales), exponent)
    for events in batches:
        factor, found = corrections.factors(events, kind)
        et = events.et if factor is None else (events.et * factor).astype(np.float32)
        hard = passes_et(et, settings.et_min)
        keep = hard & found
        filler.drop(BELOW_ET, int(np.count_nonzero(~hard)))
        filler.drop(WITHOUT_ROW, int(np.count_nonzero(hard & ~found)))
        category = categories.category_of(events.abs_eta, events.r9, et, events.gain)
        filler.add(
            log_mass(events.mass, factor)[keep],
            pair_number(category)[keep],
            events.weight[keep] if kind == "sim" else None,
        )
    return filler.finish()


def _both(found: BoolArray) -> BoolArray:
    return np.logical_and(found[:, 0], found[:, 1])


def passes_et(et: FloatArray, et_min: tuple[float, float]) -> BoolArray:
    """Say for each event whether the harder and the softer electron reach their thresholds.

    `et` has shape (n, 2) in any order of the two.
    """
    leading, subleading = (np.float32(threshold) for threshold in et_min)
    passes: BoolArray = (et.max(axis=1) >= leading) & (et.min(axis=1) >= subleading)
    return passes


def log_mass(mass: FloatArray, factor: NDArray[np.float64] | None) -> NDArray[np.floating[Any]]:
    """Return x = ln(m / m_Z) after the energies are multiplied by `factor`, shape (n, 2).

    The mass of two massless particles goes with the root of both energies:
    x' = x + (ln f1 + ln f2) / 2.
    """
    x = np.log(mass.astype(np.float64) / Z_MASS)
    return x if factor is None else x + 0.5 * np.log(factor).sum(axis=1)
