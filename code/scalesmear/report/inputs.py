"""Everything a report is made from, as frozen results."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.report.quantity import Quantity
from scalesmear.reweight import agreement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scalesmear.bootstrap import Bootstrap
    from scalesmear.categories import CategorySet
    from scalesmear.closure import Closure, ClosureSettings
    from scalesmear.cutflow import CutFlow
    from scalesmear.fitresult import FitResult
    from scalesmear.fitsettings import FitSettings
    from scalesmear.histogram import PairHistograms
    from scalesmear.recovery import Recovery
    from scalesmear.report.absolute import ScaledMass
    from scalesmear.report.combined import CombinedScales
    from scalesmear.report.settings import ReportSettings
    from scalesmear.reweight import Agreement, Reweighting
    from scalesmear.runs import RunRange
    from scalesmear.spectra import ZSpectra
    from scalesmear.stability import Stability
    from scalesmear.systematics import SystematicErrors
    from scalesmear.validation_fits import ValidationPlots


@dataclass(frozen=True)
class NamedFit:
    """A fit of the chain: its name, categories, result and settings, and replicas if there are any."""

    name: str
    categories: CategorySet
    result: FitResult
    settings: FitSettings
    bootstrap: Bootstrap | None = None

    @property
    def scales(self) -> Quantity:
        """The scales; not a number where no pair determines one."""
        r = self.result
        taken = np.zeros(len(r.scale), bool)
        taken[[*self.settings.fixed_scales, *r.merged]] = True
        found = _determined(self.categories.scales, r.scale, r.scale_error)
        return replace(found, hollow=taken)

    @property
    def smearings(self) -> Quantity:
        """The smearings, upper limits where they ended at their bound."""
        r = self.result
        upper = np.where(r.smearing_at_bound, r.smearing_upper, np.nan)
        fixed = np.zeros(len(r.smearing), bool)
        fixed[list(self.settings.fixed_smearings)] = True
        found = _determined(self.categories.smearings, r.smearing, r.smearing_error, upper)
        ends = np.stack([r.smearing - r.smearing_low, r.smearing_high - r.smearing])
        return replace(found, bars=np.where(np.isfinite(ends), ends, np.nan), hollow=fixed)


def _determined(windows: Any, value: Any, error: Any, upper: Any = None) -> Quantity:
    """Return a quantity; what is not determined has an infinite error and becomes not a number."""
    finite = np.isfinite(error)
    no_limit = np.full(len(value), np.nan)
    return Quantity(
        windows=tuple(windows),
        value=np.where(finite, value, np.nan),
        error=np.where(finite, error, np.nan),
        upper=no_limit if upper is None else upper,
    )


@dataclass(frozen=True)
class NamedClosure:
    """The closure of a fit, with the rule by which it passes."""

    name: str
    closure: Closure
    settings: ClosureSettings

    def quantities(self, categories: CategorySet) -> tuple[Quantity, Quantity]:
        """Return residual scales (1 is expected) and residual smearings (0) with their bands."""
        c = self.closure
        return (
            self._banded(categories.scales, c.scale, c.scale_error, 1.0),
            self._banded(categories.smearings, c.smearing, c.smearing_error, 0.0),
        )

    def _banded(self, windows: Any, value: Any, error: Any, expected: float) -> Quantity:
        rule = self.settings
        return Quantity(
            windows=tuple(windows),
            value=np.where(np.isfinite(error), value, np.nan),
            error=np.where(np.isfinite(error), error, np.nan),
            upper=np.full(len(value), np.nan),
            tolerance=np.maximum(rule.tolerance * np.nan_to_num(error, posinf=0.0), rule.floor),
            expected=expected,
        )


@dataclass(frozen=True)
class Spectra:
    """Mass histograms of data and simulation with the events that were not filled."""

    pairs: PairHistograms
    n_data: int
    n_sim: int
    dropped_data: Mapping[str, int]
    dropped_sim: Mapping[str, int]


@dataclass(frozen=True)
class NamedFile:
    """A file that the report was made from."""

    role: str
    name: str
    bytes: int
    adler32: str


@dataclass(frozen=True, kw_only=True)
class ReportInputs:
    """What a report shows; `fits` and `closures` are in the order of the chain.

    Attributes
    ----------
    smearings_of : str
        Name of the fit whose smearings are exported.
    before, after : Spectra
        In the scale categories of that fit.
    reweighting : Reweighting
        Weights of simulation by pT and rapidity of the Z, and the spectra they were made from.
    z_after : (ZSpectra, ZSpectra)
        Spectra of data and simulation after all corrections, simulation weighted.
    systematics : SystematicErrors or None
        What variations change, if any were made.
    combined : CombinedScales
        The scales that the derivation ends with.
    scaled : ScaledMass or None
        The simulation at the luminosity of the data, if its cross section is known.
    plots : ValidationPlots or None
        Validation plots, if they were made.
    files : tuple of NamedFile
        The files that the command line named.
    provenance : mapping
        Versions, image and command of the report.
    values : mapping
        The values of inputs.yml; empty if they are not known here.
    recovery : Recovery or None
        What toy data were made with, and what came of it.
    """

    settings: ReportSettings
    cut_flow: CutFlow
    run_bins: tuple[RunRange, ...]
    stability: Stability
    fits: tuple[NamedFit, ...]
    closures: tuple[NamedClosure, ...]
    smearings_of: str
    before: Spectra
    after: Spectra
    reweighting: Reweighting
    z_after: tuple[ZSpectra, ZSpectra]
    combined: CombinedScales
    files: tuple[NamedFile, ...]
    provenance: Mapping[str, Any]
    values: Mapping[str, Any] = field(default_factory=dict)
    systematics: SystematicErrors | None = None
    recovery: Recovery | None = None
    scaled: ScaledMass | None = None
    plots: ValidationPlots | None = None

    @property
    def z_agreement(self) -> tuple[Agreement, Agreement]:
        """How far spectra of the Z in simulation are from data, before and after everything."""
        made = self.reweighting
        return agreement(made.data, made.sim, made.group), agreement(*self.z_after, made.group)

    @property
    def shown(self) -> NamedFit:
        """The fit whose smearings are exported, and in whose categories totals are shown."""
        return next(fit for fit in self.fits if fit.name == self.smearings_of)

    @property
    def total_scales(self) -> Quantity:
        """Product of all steps in the categories of `shown`, averaged over data events.

        Errors are those of that fit: what the steps before it found wrong, it has corrected.
        """
        last = self.shown
        runs = self.cut_flow.data.runs
        found = [self.combined.average(window, runs) for window in last.categories.scales]
        value = np.array([np.nan if v is None else v for v in found])
        return replace(
            last.scales, value=value, error=last.scales.error * value / last.result.scale
        )
