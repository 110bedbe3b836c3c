"""The final tables of a derivation, checked, and its result in words and numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from scalesmear.categories import is_finer
from scalesmear.cells import VARIABLES
from scalesmear.chain import Chain
from scalesmear.combining import with_simulation_rows
from scalesmear.corrections import (
    Fitted,
    ScaleTable,
    SmearingTable,
    multiply,
    tables_of_fit,
)
from scalesmear.errors import InputError
from scalesmear.jsonable import jsonable
from scalesmear.uncorrected import before_own_scales, in_uncorrected_et

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from scalesmear.categories import CategorySet
    from scalesmear.cells import Window
    from scalesmear.events import BoolArray

SENSE = {
    "scale": "factor on the energy of data electrons, E' = scale E; 1 in simulation",
    "smearing": "relative Gaussian width put on the energy of simulated electrons, "
    "E' = E (1 + smearing g) with g from a normal distribution of width 1",
    "abs_eta": "absolute pseudorapidity of the supercluster",
    "et": "Et in GeV, E / cosh(eta): as reconstructed in combined, and after the scales that a step "
    "builds on in its own windows",
    "windows": "low <= x < high in float32; run ranges include both ends",
}
"""What the numbers of a result mean."""

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """What an export needs to know.

    Attributes
    ----------
    era : str
        Name of the data-taking period, with which the files begin.
    links : tuple of (str, str)
        The fits that were to be made, each with what it builds on, see `chain.Chain`.
    final : str
        The fit whose product is the result.
    """

    era: str
    links: tuple[tuple[str, str], ...]
    final: str

    @property
    def chain(self) -> Chain:
        """The fits as a chain."""
        return Chain(self.links, self.final)

    def __post_init__(self) -> None:
        if not SAFE_NAME.fullmatch(self.era):
            raise InputError(
                "era", f"{self.era!r} is no name for files", "use letters, digits, . _ + and -"
            )


class FitValues(Fitted, Protocol):
    """What of a fit goes into the result."""

    @property
    def smearing_upper(self) -> NDArray[np.float64]:
        """One-sided 95 % upper limits of the smearings."""

    @property
    def scale_determined(self) -> BoolArray:
        """False where the data said nothing about a scale."""

    @property
    def smearing_determined(self) -> BoolArray:
        """False where the data said nothing about a smearing."""


@dataclass(frozen=True)
class Step:
    """One fit of the derivation: its name, categories and values, and these as tables."""

    name: str
    categories: CategorySet
    values: FitValues

    def tables(self) -> tuple[ScaleTable, SmearingTable]:
        """Return the scales, for all runs, and smearings of this fit alone."""
        return tables_of_fit(self.values, self.categories, self.name)


@dataclass(frozen=True)
class Product:
    """All scales up to one fit multiplied, and the smearings that belong to them.

    Attributes
    ----------
    scales : ScaleTable
        By run range, with rows for simulation.
    data_scales : ScaleTable
        The rows of `scales` for data.
    smearings : SmearingTable
    smearings_of : str
        The fit that the smearings are from, see `fit_of_smearings`.
    """

    scales: ScaleTable
    data_scales: ScaleTable
    smearings: SmearingTable
    smearings_of: str


@dataclass(frozen=True)
class Export:
    """The tables to write: a product for each fit, and the one that is the result.

    Attributes
    ----------
    chain : Chain
    products : dict of str to Product
        By the name of the last fit.
    """

    chain: Chain
    products: dict[str, Product]

    @property
    def final(self) -> Product:
        """The result of the derivation."""
        return self.products[self.chain.final]


def fit_of_smearings(path: Sequence[tuple[str, CategorySet]]) -> str:
    """Return whose smearings belong to a product of fits: names and categories, in order.

    Every fit finds the whole smearing in its categories, so that of the last one holds, unless its
    categories only join those of an earlier one, as a fit by gain does that has one for all.
    """
    name, categories = path[0]
    for candidate, others in path[1:]:
        if not is_finer(categories.smearings, others.smearings):
            name, categories = candidate, others
    return name


def check_refinements(chain: Chain, categories: Mapping[str, CategorySet]) -> None:
    """Refuse a fit with finer scale categories below one that only joins them.

    Raises
    ------
    InputError
        Naming both fits.
    """
    for name in chain.names:
        *before, last = chain.path(name)
        for earlier in before:
            if is_finer(categories[earlier].scales, categories[last].scales):
                raise InputError(
                    "fits",
                    f"{earlier} comes before {last}, but its categories are finer",
                    "exchange their categories",
                )


def build_export(
    stability: ScaleTable,
    steps: Sequence[Step],
    chain: Chain,
    run_bins: Sequence[tuple[int, int]],
    runs: Collection[int],
) -> Export:
    """Return the final tables, after checking that they hold every electron once.

    The fits are multiplied first, so that a fit that refines an earlier one on the same data
    absorbs its error (see `corrections.multiply`), then the scales by run bin, with errors in
    quadrature.

    Parameters
    ----------
    stability : ScaleTable
        The scales by run bin that the data carried in the first fit.
    steps : sequence of Step
        The fits, in the order in which they were made.
    chain : Chain
        Which fits there are to be, and on which each builds.
    run_bins : sequence of (int, int)
        Closed ranges that the runs were divided into.
    runs : collection of int
        Every run of the data.

    Raises
    ------
    InputError
        If the fits are not those of the chain, if the run ranges of the scales are not the
        run bins, a run lies in none of them, or rows overlap or leave a hole.
    """
    _check_fits(steps, chain)
    _check_runs(stability, run_bins, runs)
    stability.validate()
    of_name = {step.name: step for step in steps}
    paths = {name: [of_name[fit] for fit in chain.path(name)] for name in chain.names}
    return Export(chain, {name: _product(stability, path) for name, path in paths.items()})


def _product(stability: ScaleTable, path: Sequence[Step]) -> Product:
    """Multiply stability and the fits of a path."""
    fits = _product_of_fits(stability, [step.tables()[0] for step in path])
    data = multiply(stability, fits)
    scales = with_simulation_rows(data, fits)
    scales.validate()
    source = fit_of_smearings([(step.name, step.categories) for step in path])
    smearings = next(step.tables()[1] for step in path if step.name == source)
    return Product(scales, data, smearings, source)


def _product_of_fits(stability: ScaleTable, tables: Sequence[ScaleTable]) -> ScaleTable:
    """Multiply the scales of fits, each in the Et before it and the scales that it builds on."""
    first, *later = (before_own_scales(table) for table in tables)
    fits = in_uncorrected_et(first, stability)
    for table in later:
        fits = multiply(fits, in_uncorrected_et(table, multiply(stability, fits)))
    return fits


def _check_fits(steps: Sequence[Step], chain: Chain) -> None:
    """Refuse fits that are not those of the chain."""
    names = tuple(step.name for step in steps)
    if names != chain.names:
        raise InputError(
            "fits",
            f"found {', '.join(names)} in place of {', '.join(chain.names)}",
            "give each fit that was to be made once, in that order",
        )


def _check_runs(
    stability: ScaleTable, run_bins: Sequence[tuple[int, int]], runs: Collection[int]
) -> None:
    """Refuse scales whose run ranges are not the run bins, or that misses a run."""
    ranges = {(group.first, group.last) for group in stability.groups}
    differing = sorted(ranges ^ set(run_bins))
    if differing:
        first, last = differing[0]
        problem = f"runs {first}-{last} are not a run bin and a range of the scales"
        raise InputError(
            stability.where, problem, "give the run bins that the scales were made with"
        )
    stability.check_runs(np.array(sorted(runs), np.int64))


def result_json(
    era: str,
    export: Export,
    steps: Sequence[Step],
    run_bins: Sequence[tuple[int, int]],
    provenance: dict[str, Any],
) -> dict[str, Any]:
    """Return everything that was derived, as JSON; numbers that are not determined are null."""
    return {
        "era": era,
        "sense": SENSE,
        "run_bins": [list(limits) for limits in run_bins],
        "steps": [
            _step_json(step, after)
            for step, (_, after) in zip(steps, export.chain.links, strict=True)
        ],
        "final": export.chain.final,
        "smearings_of": export.final.smearings_of,
        "combined": _table_json(export.final.data_scales),
        "provenance": provenance,
    }


def _step_json(step: Step, after: str) -> dict[str, Any]:
    values = step.values
    scales, smearings = step.categories.scales, step.categories.smearings
    return {
        "name": step.name,
        "after": after,
        "scales": _records(
            scales,
            scale=values.scale,
            scale_error=values.scale_error,
            determined=values.scale_determined,
        ),
        "smearings": _records(
            smearings,
            smearing=values.smearing,
            smearing_error=values.smearing_error,
            smearing_upper=values.smearing_upper,
            determined=values.smearing_determined,
        ),
    }


def _records(windows: Sequence[Window], **columns: NDArray[Any]) -> list[dict[str, Any]]:
    """Return an object for each window, with its values."""
    return [
        {"label": window.label, "window": window.to_json()}
        | {name: jsonable(column[n].item()) for name, column in columns.items()}
        for n, window in enumerate(windows)
    ]


def _table_json(table: ScaleTable) -> dict[str, list[Any]]:
    """Return the rows of a table, a list for each column."""
    edges = {
        f"{name}_{side}": [float(str(edge)) for edge in values[:, column]]
        for column, name in enumerate(VARIABLES)
        for side, values in (("min", table.boxes.low), ("max", table.boxes.high))
    }
    return {
        "run_min": table.run_min.tolist(),
        "run_max": table.run_max.tolist(),
        **edges,
        "gain": table.boxes.gain.tolist(),
        "scale": table.scale.tolist(),
        "scale_error": table.err.tolist(),
    }
