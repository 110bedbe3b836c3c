"""The final tables of a derivation, checked, and its result in words and numbers."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from scalesmear.cells import VARIABLES
from scalesmear.combining import with_simulation_rows
from scalesmear.corrections import (
    Fitted,
    ScaleTable,
    SmearingTable,
    multiply,
    refines,
    tables_of_fit,
)
from scalesmear.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from scalesmear.categories import CategorySet
    from scalesmear.cells import Window
    from scalesmear.events import BoolArray

SENSE = {
    "scale": "factor on the energy of data electrons, E' = scale E; 1 in simulation",
    "smearing": "relative Gaussian width put on the energy of simulated electrons, "
    "E' = E (1 + smearing g) with g from a normal distribution of width 1",
    "abs_eta": "absolute pseudorapidity of the supercluster",
    "et": "Et in GeV, uncorrected: E / cosh(eta) as reconstructed",
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
    """

    era: str

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
class Export:
    """The tables to write.

    Attributes
    ----------
    scales : ScaleTable
        Product of all steps by run range, with rows for simulation.
    smearings : SmearingTable
        Of the last fit.
    data_scales : ScaleTable
        The rows of `scales` for data.
    """

    scales: ScaleTable
    smearings: SmearingTable
    data_scales: ScaleTable


def build_export(
    stability: ScaleTable,
    steps: Sequence[Step],
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
        The fits, in the order in which they were made; at least one.
    run_bins : sequence of (int, int)
        Closed ranges that the runs were divided into.
    runs : collection of int
        Every run of the data.

    Raises
    ------
    InputError
        If fits are not in order or have one name, if the run ranges of the scales are not the
        run bins, a run lies in none of them, or rows overlap or leave a hole.
    """
    _check_order(steps)
    _check_runs(stability, run_bins, runs)
    stability.validate()
    fits = reduce(multiply, [step.tables()[0] for step in steps])
    data = multiply(stability, fits)
    scales = with_simulation_rows(data, fits)
    scales.validate()
    smearings = steps[-1].tables()[1]
    return Export(scales, smearings, data)


def _check_order(steps: Sequence[Step]) -> None:
    """Refuse fits that have one name, or stand before the one that they refine."""
    for name, count in Counter(step.name for step in steps).items():
        if count > 1 or not SAFE_NAME.fullmatch(name):
            problem = f"{count} fit(s) with the name {name!r}"
            raise InputError("fits", problem, "give each its own name of letters and digits")
    for first, second in combinations(steps, 2):
        tables = first.tables()[0], second.tables()[0]
        if refines(*tables) and not refines(*reversed(tables)):
            problem = f"{first.name} comes before {second.name}, which it refines"
            raise InputError("fits", problem, "give the fits in the order in which they were made")


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
        "steps": [_step_json(step) for step in steps],
        "combined": _table_json(export.data_scales),
        "provenance": provenance,
    }


def _step_json(step: Step) -> dict[str, Any]:
    values = step.values
    scales, smearings = step.categories.scales, step.categories.smearings
    return {
        "name": step.name,
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
        | {name: _finite(column[n].item()) for name, column in columns.items()}
        for n, window in enumerate(windows)
    ]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


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
