"""What moved between two derivations: values, files, run bins, scales, smearings, closures, tables.

Errors of two derivations are correlated where they share events, so that a difference has an error of
its own, see `Yardstick`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scalesmear.cells import GAINS, CellGrid
from scalesmear.jsonable import jsonable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from scalesmear.cells import Boxes, Window
    from scalesmear.corrections import ScaleTable, SmearingTable
    from scalesmear.cutflow import CutFlow, InputFile, SampleCutFlow
    from scalesmear.runs import RunRange

ANY_RUN = 1
"""A run for electrons of simulation, and for tables without run ranges."""


class Measured(NamedTuple):
    """A value and its error, NaN and infinite where nothing is known."""

    value: float
    error: float


@dataclass(frozen=True)
class StepValues:
    """Scales and smearings of one fit by window."""

    scales: Mapping[Window, Measured]
    smearings: Mapping[Window, Measured]


@dataclass(frozen=True)
class ClosureVerdict:
    """Whether a fit closed, and its largest residuals in absolute value."""

    passed: bool
    scale: float
    smearing: float


@dataclass(frozen=True)
class StageRuns:
    """How many steps of a stage ran, and how many were kept from an earlier run."""

    run: int
    kept: int


@dataclass(frozen=True, kw_only=True)
class Derivation:
    """What is known about a derivation; None or nothing where its folder does not hold it.

    Attributes
    ----------
    name : str
        Where it lies.
    inputs : mapping
        Values of inputs.yml.
    settings : mapping
        Settings and categories of stages, by the name of their file.
    cut_flow : CutFlow or None
    run_bins : tuple of RunRange
    steps : mapping of str to StepValues
        In the order of the chain.
    closures : mapping of str to ClosureVerdict
    scales : ScaleTable or None
    smearings : SmearingTable or None
        As exported.
    stages : mapping of str to StageRuns
    """

    name: str
    inputs: Mapping[str, Any]
    settings: Mapping[str, Any]
    cut_flow: CutFlow | None
    run_bins: tuple[RunRange, ...]
    steps: Mapping[str, StepValues]
    closures: Mapping[str, ClosureVerdict]
    scales: ScaleTable | None
    smearings: SmearingTable | None
    stages: Mapping[str, StageRuns]


# --- values and files ---


@dataclass(frozen=True)
class Change:
    """A value that differs; None where there is none."""

    key: str
    old: Any
    new: Any


def changes(old: Mapping[str, Any], new: Mapping[str, Any], above: str = "") -> Iterator[Change]:
    """Yield the values that differ, mappings inside mappings opened up."""
    for key in sorted({*old, *new}):
        one, other = old.get(key), new.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from changes(one, other, f"{above}{key}.")
        elif one != other:
            yield Change(f"{above}{key}", one, other)


class Relation(Enum):
    """How the files of the new derivation relate to those of the old one."""

    SAME = "the same files"
    MORE = "all of the old files and more"
    LESS = "some of the old files"
    PARTLY = "some of the old files and others"
    OTHER = "other files"
    UNKNOWN = "not known"


@dataclass(frozen=True)
class Files:
    """Files of data or of simulation in both derivations."""

    relation: Relation
    removed: tuple[str, ...]
    added: tuple[str, ...]
    old_events: int
    new_events: int


def compare_files(old: SampleCutFlow, new: SampleCutFlow) -> Files:
    """Compare files by content and tree, whatever they are called."""
    before, after = _by_content(old.files), _by_content(new.files)
    return Files(
        _relation(set(before), set(after)),
        tuple(sorted(before[key] for key in set(before) - set(after))),
        tuple(sorted(after[key] for key in set(after) - set(before))),
        old.n_events,
        new.n_events,
    )


def _by_content(files: Sequence[InputFile]) -> dict[tuple[str, str, int], str]:
    return {(file.tree, file.adler32, file.bytes): file.path for file in files}


def _relation(old: set[Any], new: set[Any]) -> Relation:
    if old == new:
        return Relation.SAME
    if old < new:
        return Relation.MORE
    if new < old:
        return Relation.LESS
    return Relation.PARTLY if old & new else Relation.OTHER


# --- scales and smearings ---


@dataclass(frozen=True)
class Yardstick:
    """The error of a difference between the same quantity in two derivations.

    Attributes
    ----------
    data, sim : Relation
    """

    data: Relation
    sim: Relation

    @property
    def same_events(self) -> bool:
        """Whether both derivations have the same events."""
        return self.data is self.sim is Relation.SAME

    @property
    def nested(self) -> bool:
        """Whether the data of one derivation hold those of the other, and simulation is the same."""
        return self.sim is Relation.SAME and self.data in {Relation.MORE, Relation.LESS}

    @property
    def meaning(self) -> str:
        """What the error of a difference is, in words."""
        if self.same_events:
            return (
                "both have the same events, so that statistical errors are common and a difference "
                "has none: the new error stands below only as a measure of size"
            )
        if self.nested:
            return (
                "the events of one are a part of the other's: the variance of a difference is the "
                "difference of the variances"
            )
        if self.data is self.sim is Relation.OTHER:
            return "they share no events: errors are added in quadrature"
        return (
            "errors are added in quadrature, which is too much for the events that both have: "
            "differences are at least as significant as they look"
        )

    def error(self, old: float, new: float) -> float:
        """Return the error that a difference is divided by."""
        if self.same_events:
            return new
        return math.sqrt(abs(old**2 - new**2)) if self.nested else math.hypot(old, new)


@dataclass(frozen=True)
class Difference:
    """A scale or smearing in both derivations.

    Attributes
    ----------
    label : str
    old, new : Measured
    error : float
        Of the difference, see `Yardstick`.
    """

    label: str
    old: Measured
    new: Measured
    error: float

    @property
    def value(self) -> float:
        """New less old."""
        return self.new.value - self.old.value

    @property
    def pull(self) -> float:
        """The difference in units of its error; 0 if nothing moved, infinite if the error is 0."""
        if self.value == 0:
            return 0.0
        return self.value / self.error if self.error > 0 else math.copysign(math.inf, self.value)


@dataclass(frozen=True)
class QuantityComparison:
    """The scales or smearings of one step in both derivations.

    Attributes
    ----------
    step, kind : str
    differences : tuple of Difference
        Of the windows that both have and determine.
    only_old, only_new : int
        Number of windows that only one has.
    not_determined : int
        Number of windows of both that one of them does not determine.
    """

    step: str
    kind: str
    differences: tuple[Difference, ...]
    only_old: int
    only_new: int
    not_determined: int

    @property
    def largest(self) -> Difference | None:
        """The largest difference in units of its error."""
        return max(self.differences, key=lambda d: abs(d.pull), default=None)

    @property
    def rms(self) -> float:
        """Root mean square of the differences; 0 if there is none."""
        return _rms(np.array([d.value for d in self.differences]))


def compare_quantity(
    step: str,
    kind: str,
    old: Mapping[Window, Measured],
    new: Mapping[Window, Measured],
    yardstick: Yardstick,
) -> QuantityComparison:
    """Compare the values of windows that both derivations have."""
    both = [window for window in old if window in new]
    known = [w for w in both if math.isfinite(old[w].error) and math.isfinite(new[w].error)]
    return QuantityComparison(
        step,
        kind,
        tuple(
            Difference(w.label, old[w], new[w], yardstick.error(old[w].error, new[w].error))
            for w in known
        ),
        only_old=len(old) - len(both),
        only_new=len(new) - len(both),
        not_determined=len(both) - len(known),
    )


# --- exported tables ---


@dataclass(frozen=True)
class TableComparison:
    """Two tables, evaluated at the cells that the edges of both cut.

    Attributes
    ----------
    kind : str
    cells : int
        Number of cells, for each range of runs, that both cover; each counts once.
    only_old, only_new : int
        Number of cells that only one covers.
    largest : float
        Largest difference, new less old, with its sign.
    where : str
        The cell of the largest difference.
    rms : float
    """

    kind: str
    cells: int
    only_old: int
    only_new: int
    largest: float
    where: str
    rms: float


class _Electrons(NamedTuple):
    """One electron in each cell of a grid, arrays of shape (n,)."""

    abs_eta: NDArray[np.float32]
    r9: NDArray[np.float32]
    et: NDArray[np.float32]
    gain: NDArray[np.int16]

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.gain)

    def describe(self, number: int) -> str:
        """Return the lower corner of a cell in words."""
        eta, r9, et = (float(f"{v[number]:.6g}") for v in (self.abs_eta, self.r9, self.et))
        return f"|eta| from {eta:g}, R9 from {r9:g}, Et from {et:g} GeV, gain {self.gain[number]}"


def _electrons(boxes: Boxes) -> _Electrons:
    """Return the lower corner of every cell that the edges of windows cut."""
    grid = CellGrid.of(boxes)
    zero = np.zeros(1, np.float32)
    corners = [np.unique(np.append(zero, np.maximum(edges, 0))) for edges in grid.edges]
    gains = GAINS if grid.used[3] else GAINS[:1]
    eta, r9, et, gain = np.meshgrid(*corners, np.array(gains, np.int16), indexing="ij")
    return _Electrons(eta.ravel(), r9.ravel(), et.ravel(), gain.ravel())


def compare_scales(old: ScaleTable, new: ScaleTable) -> TableComparison:
    """Compare the scales in each cell and each range of runs of either table."""
    electrons = _electrons(old.boxes.join(new.boxes))
    runs = _runs(old, new)
    found = [
        table.lookup(np.repeat(runs, electrons.n_cells), *_tiled(electrons, len(runs)))
        for table in (old, new)
    ]
    both = [part.found.ravel() for part in found]
    values = [part.scale.ravel() for part in found]

    def where(number: int) -> str:
        run, cell = divmod(number, electrons.n_cells)
        return f"run {runs[run]}, {electrons.describe(cell)}"

    return _compared("scale", values, both, where)


def compare_smearings(old: SmearingTable, new: SmearingTable) -> TableComparison:
    """Compare the relative widths in each cell of either table, at the lower Et of the cell."""
    electrons = _electrons(old.boxes.join(new.boxes))
    found = [
        t.lookup(electrons.abs_eta, electrons.r9, np.maximum(electrons.et, 1), electrons.gain)
        for t in (old, new)
    ]
    return _compared(
        "smearing",
        [part.sigma for part in found],
        [part.found for part in found],
        electrons.describe,
    )


def _runs(*tables: ScaleTable) -> NDArray[np.int64]:
    """Return the first run of each range that the tables cut the runs into."""
    return np.unique(np.concatenate([[t.run_min, t.run_max + 1] for t in tables], axis=1).ravel())


def _tiled(electrons: _Electrons, times: int) -> tuple[Any, ...]:
    """Return the columns repeated, shape (n, 1): one leg is looked up."""
    return tuple(np.tile(column, times)[:, None] for column in electrons)


def _compared(
    kind: str, values: Sequence[Any], covered: Sequence[Any], where: Any
) -> TableComparison:
    both = covered[0] & covered[1]
    moved = np.where(both, values[1] - values[0], 0.0)
    place = int(np.argmax(np.abs(moved)))
    return TableComparison(
        kind,
        cells=int(both.sum()),
        only_old=int((covered[0] & ~covered[1]).sum()),
        only_new=int((covered[1] & ~covered[0]).sum()),
        largest=float(moved[place]),
        where=where(place) if moved[place] else "",
        rms=_rms(moved[both]),
    )


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else 0.0


# --- all of it ---


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All that moved from one derivation to another; None where a folder does not tell."""

    old: str
    new: str
    inputs: tuple[Change, ...]
    settings: tuple[Change, ...]
    data: Files | None
    sim: Files | None
    run_bins: tuple[tuple[RunRange, ...], tuple[RunRange, ...]]
    yardstick: Yardstick
    quantities: tuple[QuantityComparison, ...]
    only_old_steps: tuple[str, ...]
    only_new_steps: tuple[str, ...]
    closures: Mapping[str, tuple[ClosureVerdict, ClosureVerdict]]
    tables: tuple[TableComparison, ...]
    stages: Mapping[str, StageRuns]

    @property
    def nothing_moved(self) -> bool:
        """Whether all results are the same, to the last digit that is written."""
        moved = [d.value for q in self.quantities for d in q.differences]
        moved += [t.largest for t in self.tables]
        other = [n for q in self.quantities for n in (q.only_old, q.only_new)]
        other += [n for t in self.tables for n in (t.only_old, t.only_new)]
        steps = (*self.only_old_steps, *self.only_new_steps)
        return not (any(moved) or any(other) or steps or self.run_bins[0] != self.run_bins[1])

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object; what is not finite is null."""
        content: dict[str, Any] = jsonable(self)
        for quantity, part in zip(self.quantities, content["quantities"], strict=True):
            part["rms"] = quantity.rms
            for difference, one in zip(quantity.differences, part["differences"], strict=True):
                one |= {"difference": difference.value, "pull": jsonable(difference.pull)}
        return content | {
            "nothing_moved": self.nothing_moved,
            "error_of_differences": self.yardstick.meaning,
        }


def compare(old: Derivation, new: Derivation) -> Comparison:
    """Return what moved from one derivation to another."""
    data, sim = (_files(old.cut_flow, new.cut_flow, kind) for kind in ("data", "sim"))
    yardstick = Yardstick(*(Relation.UNKNOWN if f is None else f.relation for f in (data, sim)))
    common = [name for name in old.steps if name in new.steps]
    return Comparison(
        old=old.name,
        new=new.name,
        inputs=tuple(changes(old.inputs, new.inputs)) if old.inputs and new.inputs else (),
        settings=tuple(changes(old.settings, new.settings)) if old.settings else (),
        data=data,
        sim=sim,
        run_bins=(old.run_bins, new.run_bins),
        yardstick=yardstick,
        quantities=tuple(
            compare_quantity(name, kind, getattr(old.steps[name], kind), values, yardstick)
            for name in common
            for kind in ("scales", "smearings")
            for values in [getattr(new.steps[name], kind)]
        ),
        only_old_steps=tuple(name for name in old.steps if name not in new.steps),
        only_new_steps=tuple(name for name in new.steps if name not in old.steps),
        closures={
            name: (verdict, new.closures[name])
            for name, verdict in old.closures.items()
            if name in new.closures
        },
        tables=tuple(_tables(old, new)),
        stages=new.stages,
    )


def _files(old: CutFlow | None, new: CutFlow | None, kind: Any) -> Files | None:
    return None if old is None or new is None else compare_files(old.of(kind), new.of(kind))


def _tables(old: Derivation, new: Derivation) -> Iterator[TableComparison]:
    if old.scales is not None and new.scales is not None:
        yield compare_scales(old.scales, new.scales)
    if old.smearings is not None and new.smearings is not None:
        yield compare_smearings(old.smearings, new.smearings)
