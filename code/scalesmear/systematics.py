"""Systematic errors of scales and smearings: what they change by when a fit is made differently.

A variation shares events with the nominal fit, so its difference is less uncertain than either of
them. The statistical error of the difference is that of a delete-one-group jackknife (Efron and Stein,
Ann. Statist. 9 (1981) 586): both fits leave out the same tenth of the events, and

    variance = (K - 1) / K  sum over groups k of (difference without k - mean of those)^2
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scalesmear.errors import FitError, InputError
from scalesmear.fit import fit_pairs
from scalesmear.fitresult import FitResult
from scalesmear.fitsettings import FitSettings
from scalesmear.variations import N_GROUPS, NOMINAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from scalesmear.categories import CategorySet
    from scalesmear.corrections import SmearingTable
    from scalesmear.variations import Filling, GroupedPairs, Variation

    Floats = NDArray[np.float64]


class Values(NamedTuple):
    """What fits found: with all events, and without each group."""

    all: Floats  # shape (n,)
    without: Floats  # shape (groups, n)

    @property
    def error(self) -> Floats:
        """Statistical error by the jackknife, shape (n,)."""
        k = len(self.without)
        spread = self.without - self.without.mean(axis=0)
        return np.asarray(np.sqrt((k - 1) / k * (spread**2).sum(axis=0)))

    def relative_to(self, nominal: Values) -> Values:
        """Return the relative differences from others."""
        return Values(self.all / nominal.all - 1, self.without / nominal.without - 1)

    def minus(self, nominal: Values) -> Values:
        """Return the differences from others."""
        return Values(self.all - nominal.all, self.without - nominal.without)


class Refit(NamedTuple):
    """Scales and smearings of a variation, and chi2/ndf of the fit to all events."""

    scale: Values
    smearing: Values
    chi2: float
    ndf: int


@dataclass(frozen=True)
class Shift:
    """By how much a variation changes the scales and smearings.

    Attributes
    ----------
    name, source : str
    scale, scale_error : float arrays, shape (n,)
        Relative change of each scale, and its statistical error.
    smearing, smearing_error : float arrays, shape (m,)
        Change of each smearing, and its statistical error.
    chi2, ndf : float, int
        Of the fit.
    """

    name: str
    source: str
    scale: Floats
    scale_error: Floats
    smearing: Floats
    smearing_error: Floats
    chi2: float
    ndf: int


@dataclass(frozen=True)
class SystematicErrors:
    """All variations against the nominal fit.

    Attributes
    ----------
    categories : CategorySet
        Of the nominal fit.
    scale, scale_error, smearing, smearing_error : float arrays
        The nominal fit with its errors; the data carry all scales, which are 1 then.
    shifts : tuple of Shift
    """

    categories: CategorySet
    scale: Floats
    scale_error: Floats
    smearing: Floats
    smearing_error: Floats
    shifts: tuple[Shift, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources, in the order of the variations."""
        return tuple(dict.fromkeys(shift.source for shift in self.shifts))

    def of_source(self, source: str) -> tuple[Floats, Floats]:
        """Return the systematic errors of scales (relative) and smearings of one source.

        The largest of its variations counts, whether it is significant or not.
        """
        members = [shift for shift in self.shifts if shift.source == source]
        return (
            np.max([np.abs(shift.scale) for shift in members], axis=0),
            np.max([np.abs(shift.smearing) for shift in members], axis=0),
        )

    @property
    def total(self) -> tuple[Floats, Floats]:
        """Systematic errors of scales (relative) and smearings: all sources in quadrature."""
        parts = [self.of_source(source) for source in self.sources]
        scale, smearing = (np.sqrt(np.square(p).sum(axis=0)) for p in zip(*parts, strict=True))
        return np.asarray(scale), np.asarray(smearing)

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object, with the totals for its reader."""
        scale, smearing = self.total
        return {
            "categories": self.categories.to_json(),
            "nominal": {name: getattr(self, name).tolist() for name in NOMINAL_FIELDS},
            "variations": [
                {name: _plain(getattr(shift, name)) for name in SHIFT_FIELDS}
                for shift in self.shifts
            ],
            "total": {"scale": scale.tolist(), "smearing": smearing.tolist()},
        }

    @classmethod
    def from_json(
        cls, content: Mapping[str, Any], categories: CategorySet, where: object = "systematics"
    ) -> SystematicErrors:
        """Read what `to_json` returns.

        Raises
        ------
        InputError
            If the content is not that.
        """
        try:
            nominal = {name: np.array(content["nominal"][name]) for name in NOMINAL_FIELDS}
            shifts = tuple(
                Shift(**{name: _array(entry[name]) for name in SHIFT_FIELDS})
                for entry in content["variations"]
            )
        except (KeyError, TypeError) as error:
            cure = "make it with scalesmear systematics"
            raise InputError(where, f"not systematic errors ({error!r})", cure) from error
        return cls(categories, **nominal, shifts=shifts)


NOMINAL_FIELDS = ("scale", "scale_error", "smearing", "smearing_error")
SHIFT_FIELDS = ("name", "source", *NOMINAL_FIELDS, "chi2", "ndf")


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _array(value: Any) -> Any:
    return np.array(value) if isinstance(value, list) else value


def derive_systematics(
    histograms: Mapping[Filling, GroupedPairs],
    categories: CategorySet,
    settings: FitSettings,
    variations: Sequence[Variation],
    *,
    other: Mapping[Filling, GroupedPairs] | None = None,
) -> SystematicErrors:
    """Fit the nominal histograms and each variation, and take the differences.

    Parameters
    ----------
    histograms : mapping of Filling to GroupedPairs
        For each filling that a variation has, with the nominal simulation.
    categories : CategorySet
        Of the nominal fit.
    settings : FitSettings
        Of the nominal fit.
    variations : sequence of Variation
    other : mapping of Filling to GroupedPairs, optional
        The same data with another simulation, for each filling of a variation that takes it.

    Raises
    ------
    FitError
        If a fit does not converge; names the variation.
    """
    histograms_with = {"nominal": histograms, "other": other or {}}
    nominal = refit(NOMINAL, histograms[NOMINAL.filling], categories, settings)
    shifts = tuple(
        _shift(v, refit(v, histograms_with[v.simulation][v.filling], categories, settings), nominal)
        for v in variations
    )
    return SystematicErrors(
        categories=categories,
        scale=nominal.scale.all,
        scale_error=nominal.scale.error,
        smearing=nominal.smearing.all,
        smearing_error=nominal.smearing.error,
        shifts=shifts,
    )


def refit(
    variation: Variation, groups: GroupedPairs, categories: CategorySet, settings: FitSettings
) -> Refit:
    """Make the fit of a variation with all events, and without each group."""
    chosen = variation.settings(settings)
    everything = _fit(variation, groups, None, categories, chosen)
    parts = [_fit(variation, groups, k, categories, chosen) for k in range(N_GROUPS)]
    return Refit(
        Values(everything.scale, np.array([part.scale for part in parts])),
        Values(everything.smearing, np.array([part.smearing for part in parts])),
        everything.goodness.total_chi2,
        everything.goodness.total_ndf,
    )


def _fit(
    variation: Variation,
    groups: GroupedPairs,
    left_out: int | None,
    categories: CategorySet,
    settings: FitSettings,
) -> FitResult:
    pairs = variation.apply(groups.without(left_out))
    try:
        return fit_pairs(pairs, categories.smearing_of, settings, neighbours=categories.neighbours)
    except FitError as error:
        what = "" if left_out is None else f" without group {left_out} of {N_GROUPS}"
        raise FitError(f"variation {variation.name}{what}: {error}") from error


def _shift(variation: Variation, found: Refit, nominal: Refit) -> Shift:
    scale = found.scale.relative_to(nominal.scale)
    smearing = found.smearing.minus(nominal.smearing)
    return Shift(
        variation.name,
        variation.source,
        scale.all,
        scale.error,
        smearing.all,
        smearing.error,
        found.chi2,
        found.ndf,
    )


def with_smearing_errors(
    table: SmearingTable, categories: CategorySet, error: Floats
) -> SmearingTable:
    """Return a table of smearings whose errors hold systematic ones, added in quadrature.

    Parameters
    ----------
    table : SmearingTable
    categories : CategorySet
        Each row of the table lies in one of its smearing categories.
    error : float array, shape (m,)
        Absolute systematic errors of the smearing categories.

    Raises
    ------
    InputError
        If a row lies in none of them.
    """
    added = np.empty(table.boxes.size)
    for row in range(table.boxes.size):
        window = table.boxes.window(row)
        holds = [i for i, w in enumerate(categories.smearings) if w.encloses(window)]
        if not holds:
            raise InputError(
                "systematics_categories",
                f"no smearing category holds {window} of {table.where}",
                "take categories that the last fit refines",
            )
        added[row] = error[holds[0]]
    return replace(table, err_rho=np.hypot(table.err_rho, added))
