"""Stability: scales per run bin and region of abs(eta_SC), from the position of the mass peak.

Only events with both electrons in the same region are used: their mass goes with the scale of that
region alone. `scalesmear.peak` has the estimator.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from scalesmear.cells import Boxes, CellGrid, Window
from scalesmear.corrections import ScaleTable
from scalesmear.errors import FitError, InputError
from scalesmear.kinematics import Z_MASS
from scalesmear.peak import (
    MassWindow,
    Peak,
    inside_window,
    scale_error,
    solve_scale,
    weighted_median,
    weighted_median_error,
)
from scalesmear.runs import RunRange, group_neighbours, run_bin_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from scalesmear.events import Events, FloatArray

Region = tuple[float, float]
"""Half-open range of abs(eta_SC)."""

Masses = np.ndarray[Any, np.dtype[np.float32]]

DATA_COLUMNS = ("run", "mass", "eta_sc")
SIM_COLUMNS = ("weight", "mass", "eta_sc")
"""The columns of events that this stage reads."""

MIN_REGION_EVENTS = 10
"""A region with fewer events in the window, all runs together, has no meaningful median."""

DIFFERENT_REGIONS = "electrons in different regions"
OUTSIDE_REGIONS = "an electron outside all regions"


@dataclass(frozen=True, kw_only=True)
class StabilitySettings:
    """How the stability is derived.

    Attributes
    ----------
    regions : tuple of (float, float)
        Half-open ranges of abs(eta_SC) that do not overlap.
    target : {"z_mass", "simulation"}
        Where the median is put: on the Z mass, or on the simulation's median of the region.
    min_events : int
        Run bins of a region with fewer events in the window are merged with their neighbours.
    mass_window : (float, float)
        Window in which the median is taken [GeV].
    """

    regions: tuple[Region, ...]
    target: Literal["z_mass", "simulation"]
    min_events: int
    mass_window: MassWindow


@dataclass(frozen=True)
class DiagonalMasses:
    """Masses of the data events with both electrons in the same region, sorted in every cell.

    Attributes
    ----------
    masses : list of lists of float32 arrays
        ``masses[region][run_bin]`` [GeV], rising.
    dropped : dict
        Number of events not used, by reason.
    """

    masses: list[list[Masses]]
    dropped: dict[str, int]

    @property
    def n_events(self) -> int:
        """Number of events read."""
        return sum(len(cell) for row in self.masses for cell in row) + sum(self.dropped.values())


@dataclass(frozen=True)
class Target:
    """Where the median of a region is put, and the statistical error of that [GeV].

    `events` is the number of simulated events in the window; 0 if the target is the Z mass.
    """

    region: Region
    mass: float
    error: float
    events: int


@dataclass(frozen=True)
class StabilityCell:
    """The scale of one run bin and region.

    Attributes
    ----------
    runs : (int, int)
    region : (float, float)
    merged_runs : (int, int)
        The runs whose events were used, more than `runs` if the cell was merged with neighbours.
        The numbers below are those of all these runs.
    scale, error : float
        Factor on the energies of data, and its statistical error.
    before, after : Peak
        Masses inside the window without and with the scale.
    """

    runs: RunRange
    region: Region
    merged_runs: RunRange
    scale: float
    error: float
    before: Peak
    after: Peak

    @property
    def merged(self) -> bool:
        """Whether the cell had too few events by itself."""
        return self.merged_runs != self.runs

    @property
    def name(self) -> str:
        """Name of the cell in messages."""
        return cell_name(self.runs, self.region)


@dataclass(frozen=True)
class Stability:
    """Scales of all run bins and regions, runs outer.

    Attributes
    ----------
    targets : tuple of Target
        One per region.
    cells : tuple of StabilityCell
    n_events : int
        Number of data events read.
    dropped : dict
        Number of data events not used, by reason.
    """

    targets: tuple[Target, ...]
    cells: tuple[StabilityCell, ...]
    n_events: int
    dropped: dict[str, int]

    @property
    def merged(self) -> list[StabilityCell]:
        """The cells that were merged with neighbours."""
        return [cell for cell in self.cells if cell.merged]

    @property
    def merged_groups(self) -> dict[str, int]:
        """Number of cells that were merged, by the name of what they became."""
        return dict(Counter(cell_name(cell.merged_runs, cell.region) for cell in self.merged))

    @property
    def scale_table(self) -> ScaleTable:
        """The scales as corrections by run and abs(eta), the same for every R9, Et and gain."""
        return ScaleTable.of(
            runs=[cell.runs for cell in self.cells],
            windows=[Window(abs_eta=cell.region) for cell in self.cells],
            scale=[cell.scale for cell in self.cells],
            err=[cell.error for cell in self.cells],
            where="stability",
        )

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object."""
        cells = [asdict(cell) | {"merged": cell.merged} for cell in self.cells]
        return asdict(self) | {"cells": cells}

    @classmethod
    def from_json(cls, content: Mapping[str, Any], where: object = "stability") -> Stability:
        """Read what `to_json` returns; `where` names the file in an error.

        Raises
        ------
        InputError
            If the content is something else.
        """
        try:
            return cls(
                targets=tuple(Target(**_with_pairs(target)) for target in content["targets"]),
                cells=tuple(_cell_from_json(cell) for cell in content["cells"]),
                n_events=content["n_events"],
                dropped=dict(content["dropped"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                where, f"not a stability ({error!r})", "make it with scalesmear stability"
            ) from error


def _with_pairs(content: Mapping[str, Any]) -> dict[str, Any]:
    """Turn lists into tuples."""
    return {key: tuple(v) if isinstance(v, list) else v for key, v in content.items()}


def _cell_from_json(content: Mapping[str, Any]) -> StabilityCell:
    peaks = {key: Peak(**content[key]) for key in ("before", "after")}
    plain = {key: value for key, value in content.items() if key != "merged"}
    return StabilityCell(**_with_pairs(plain | peaks))


def region_number(abs_eta: FloatArray, regions: Sequence[Region]) -> NDArray[np.int16]:
    """Return the region of each electron, in the shape of `abs_eta`; -1 outside all."""
    boxes = Boxes.of(Window(abs_eta=region) for region in regions)
    grid = CellGrid.of(boxes)
    return grid.paint(boxes).ravel().astype(np.int16)[grid.cell_of(abs_eta)]


def collect_masses(
    batches: Iterable[Events], regions: Sequence[Region], run_bins: Sequence[RunRange]
) -> DiagonalMasses:
    """Return the masses of each cell of data, sorted, whatever the order of the events.

    Parameters
    ----------
    batches : iterable of Events
        With `DATA_COLUMNS`.
    regions : sequence of (float, float)
    run_bins : sequence of (int, int)

    Raises
    ------
    InputError
        If the run of an event that is used lies in no run bin.
    """
    dropped = dict.fromkeys((DIFFERENT_REGIONS, OUTSIDE_REGIONS), 0)
    n_bins = len(run_bins)
    cells, masses = [np.zeros(0, np.int32)], [np.zeros(0, np.float32)]
    for events, region in _diagonal(batches, regions, dropped):
        cells.append(region * np.int32(n_bins) + _run_bin_of(events, run_bins))
        masses.append(events.mass)
    cell, mass = np.concatenate(cells), np.concatenate(masses)
    n_cells = len(regions) * n_bins
    order = np.argsort(cell.astype(np.min_scalar_type(n_cells)), kind="stable")
    ends = np.cumsum(np.bincount(cell, minlength=n_cells))[:-1]
    parts = [np.sort(part) for part in np.split(mass[order], ends)]
    rows = [parts[start : start + n_bins] for start in range(0, n_cells, n_bins)]
    return DiagonalMasses(rows, dropped)


def collect_simulation(
    batches: Iterable[Events], regions: Sequence[Region]
) -> list[tuple[Masses, Masses]]:
    """Return masses and weights of each region, sorted by mass, then by weight.

    `batches` have the columns `SIM_COLUMNS`.
    """
    found = [([np.zeros(0, np.float32)], [np.zeros(0, np.float32)]) for _ in regions]
    for events, region in _diagonal(batches, regions, {}):
        for number, (masses, weights) in enumerate(found):
            here = region == number
            masses.append(events.mass[here])
            weights.append(events.weight[here])
    return [_sorted_by_mass(*map(np.concatenate, parts)) for parts in found]


def _sorted_by_mass(masses: Masses, weights: Masses) -> tuple[Masses, Masses]:
    order = np.lexsort((weights, masses))
    return masses[order], weights[order]


def _diagonal(
    batches: Iterable[Events], regions: Sequence[Region], dropped: dict[str, int]
) -> Iterator[tuple[Events, NDArray[np.int16]]]:
    """Yield the events with both electrons in one region, and that; count the others."""
    for events in batches:
        first, second = region_number(events.abs_eta, regions).T
        inside = (first >= 0) & (second >= 0)
        same = inside & (first == second)
        n_inside = int(np.count_nonzero(inside))
        n_same = int(np.count_nonzero(same))
        dropped[OUTSIDE_REGIONS] = dropped.get(OUTSIDE_REGIONS, 0) + len(events) - n_inside
        dropped[DIFFERENT_REGIONS] = dropped.get(DIFFERENT_REGIONS, 0) + n_inside - n_same
        yield events.where(same), first[same]


def _run_bin_of(events: Events, run_bins: Sequence[RunRange]) -> NDArray[np.int32]:
    number = run_bin_number(events.run, run_bins)
    if len(number) and number.min() < 0:
        run = int(events.run[number < 0].min())
        cure = "derive run bins and stability from the same events"
        raise InputError("run bins", f"run {run} lies in no bin", cure)
    return number


def z_mass_targets(regions: Sequence[Region]) -> tuple[Target, ...]:
    """Return the mass of the Z boson as the target of every region."""
    return tuple(Target(region, Z_MASS, 0.0, 0) for region in regions)


def simulation_targets(
    sim: Sequence[tuple[Masses, Masses]], settings: StabilitySettings
) -> tuple[Target, ...]:
    """Return the simulation's weighted median in the window as the target of each region.

    Its error is common to all run bins of a region and not part of the error of a scale.

    Parameters
    ----------
    sim : sequence of (float32 array, float32 array)
        Masses and weights of each region, see `collect_simulation`.
    settings : StabilitySettings

    Raises
    ------
    InputError
        If a region has less than `MIN_REGION_EVENTS` simulated events in the window.
    FitError
        If their weights do not add up to something positive around the median.
    """
    return tuple(
        _simulation_target(region, masses, weights, settings.mass_window)
        for region, (masses, weights) in zip(settings.regions, sim, strict=True)
    )


def _simulation_target(
    region: Region, masses: Masses, weights: Masses, window: MassWindow
) -> Target:
    inside = inside_window(masses, window)
    masses, weights = masses[inside], weights[inside]
    _demand_events("simulated events", len(masses), region, window)
    centre = weighted_median(masses, weights)
    try:
        error = weighted_median_error(masses, weights, centre)
    except FitError as problem:
        raise FitError(f"simulation in {region_name(region)}: {problem}") from None
    return Target(region, centre, error, len(masses))


def _demand_events(what: str, events: int, region: Region, window: MassWindow) -> None:
    if events < MIN_REGION_EVENTS:
        raise InputError(
            f"stability region {region_name(region)}",
            f"{events} {what} have both electrons in it and a mass of "
            f"{window[0]:g}-{window[1]:g} GeV, at least {MIN_REGION_EVENTS} are needed",
            "take more events, or a wider region in stability_regions",
        )


def derive_stability(
    data: DiagonalMasses,
    run_bins: Sequence[RunRange],
    targets: Sequence[Target],
    settings: StabilitySettings,
) -> Stability:
    """Return the scales of all run bins and regions.

    Run bins with fewer than ``min_events`` events of a region inside the window (before scaling)
    are merged as `runs.group_neighbours` says, for that region only.

    Raises
    ------
    InputError
        If a region has less than `MIN_REGION_EVENTS` events in the window, all runs together.
    FitError
        If the scale of a cell cannot be found; names the cell.
    """
    columns = [
        _cells_of_region(masses, run_bins, target, settings)
        for masses, target in zip(data.masses, targets, strict=True)
    ]
    return Stability(
        targets=tuple(targets),
        cells=tuple(cell for row in zip(*columns, strict=True) for cell in row),
        n_events=data.n_events,
        dropped=data.dropped,
    )


def _cells_of_region(
    masses: Sequence[Masses],
    run_bins: Sequence[RunRange],
    target: Target,
    settings: StabilitySettings,
) -> list[StabilityCell]:
    """Return the cells of one region, one per run bin."""
    window = settings.mass_window
    counts = [len(part[inside_window(part, window)]) for part in masses]
    _demand_events("data events", sum(counts), target.region, window)
    cells: list[StabilityCell] = []
    for group in group_neighbours(counts, settings.min_events):
        together = np.sort(np.concatenate([masses[i] for i in group]))
        merged_runs = (run_bins[group[0]][0], run_bins[group[-1]][1])
        try:
            numbers = _solve(together, window, target.mass)
        except FitError as problem:
            where = cell_name(merged_runs, target.region)
            raise FitError(
                f"stability of {where}: {problem}; raise stability_min_events or widen mass_window"
            ) from None
        cells += [StabilityCell(run_bins[i], target.region, merged_runs, *numbers) for i in group]
    return cells


def _solve(masses: Masses, window: MassWindow, target: float) -> tuple[float, float, Peak, Peak]:
    """Return the scale, its error, and the peak before and after."""
    scale = solve_scale(masses, window, target)
    error = scale_error(masses, window, target, scale)
    before = Peak.of(masses[inside_window(masses, window)])
    return scale, error, before, Peak.of(masses[inside_window(masses, window, scale)], scale)


def region_name(region: Region) -> str:
    """Return the name of a region in messages."""
    return f"|eta| {region[0]:g}-{region[1]:g}"


def cell_name(runs: RunRange, region: Region) -> str:
    """Return the name of a cell in messages."""
    return f"runs {runs[0]}-{runs[1]}, {region_name(region)}"


TABLE_HEADER = (
    *("run_min", "run_max", "eta_min", "eta_max", "median", "mean", "sigma", "scale"),
    *("median_corr", "mean_corr", "sigma_corr", "events", "scale_error"),
)
"""Columns of the stability table: those of the earlier framework, then the error of the scale."""


def stability_table(stability: Stability) -> str:
    """Return the text of the table, TAB separated, one row per run bin and region, runs outer.

    `events` counts those in the window before scaling. A merged cell repeats the numbers of the
    cells it was merged with.
    """
    rows = [
        (
            *cell.runs,
            *map(float, cell.region),
            *(cell.before.median, cell.before.mean, cell.before.sigma),
            cell.scale,
            *(cell.after.median, cell.after.mean, cell.after.sigma),
            cell.before.events,
            cell.error,
        )
        for cell in stability.cells
    ]
    return "".join("\t".join(map(str, row)) + "\n" for row in [TABLE_HEADER, *rows])
