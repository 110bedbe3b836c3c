"""What a selection read, kept and dropped: the sum over its jobs.

Sums do not depend on the order of the jobs. A job's own sum of weights is rounded, so the totals
are kept to `SUM_DIGITS` digits: then they do not depend on the grouping of files either.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from scalesmear.errors import InputError
from scalesmear.histogram import weight_exponent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scalesmear.histogram import Kind

SUM_DIGITS = 12


@dataclass(frozen=True, order=True)
class InputFile:
    """A ROOT file that was read: its tree, number of entries, checksum and size."""

    path: str
    tree: str
    entries: int
    adler32: str
    bytes: int


@dataclass(frozen=True)
class Cut:
    """What is left after a cut; the first "cut" counts all entries."""

    name: str
    events: int
    sum_of_weights: float


@dataclass(frozen=True)
class SampleCutFlow:
    """Cut flow of data or of simulation.

    Attributes
    ----------
    files : tuple of InputFile
        Sorted by path.
    cuts : tuple of Cut
        In the order in which they are applied.
    runs : dict of int to int
        Number of selected events of each run, sorted by run.
    sum_of_weights, sum_of_squared_weights : float
        Of the selected events.
    largest_weight : float
        Largest absolute weight of a selected event.
    notes : tuple of str
        Whatever else the jobs reported, sorted.
    """

    files: tuple[InputFile, ...]
    cuts: tuple[Cut, ...]
    runs: dict[int, int]
    sum_of_weights: float
    sum_of_squared_weights: float
    largest_weight: float
    notes: tuple[str, ...]

    @property
    def n_events(self) -> int:
        """Number of selected events."""
        return self.cuts[-1].events if self.cuts else 0

    @property
    def exponent(self) -> int:
        """Power of two in units of which weights are summed, see `histogram.weight_exponent`."""
        return weight_exponent(self.largest_weight)

    @property
    def effective_events(self) -> float:
        """Number of events of weight one with the same relative error: (sum w)^2 / sum w^2."""
        return self.sum_of_weights**2 / self.sum_of_squared_weights

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> SampleCutFlow:
        """Read what `to_json` returns, or the summary of one job; other keys are ignored.

        Raises
        ------
        KeyError, TypeError, ValueError
            If something is missing or of another type.
        """
        return cls(
            files=tuple(InputFile(**file) for file in content["files"]),
            cuts=tuple(Cut(**cut) for cut in content["cuts"]),
            runs={int(run): int(events) for run, events in content["runs"].items()},
            sum_of_weights=float(content["sum_of_weights"]),
            sum_of_squared_weights=float(content["sum_of_squared_weights"]),
            largest_weight=float(content["largest_weight"]),
            notes=tuple(content["notes"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object, with the derived numbers for its reader."""
        derived = {
            "n_events": self.n_events,
            "effective_events": self.effective_events,
            "exponent": self.exponent,
        }
        runs = {str(run): events for run, events in self.runs.items()}
        return asdict(self) | {"runs": runs} | derived


@dataclass(frozen=True)
class CutFlow:
    """Cut flows of data and of simulation."""

    data: SampleCutFlow
    sim: SampleCutFlow

    def of(self, kind: Kind) -> SampleCutFlow:
        """Return the cut flow of one kind of sample."""
        return self.data if kind == "data" else self.sim

    @classmethod
    def from_json(cls, content: Mapping[str, Any], where: object = "cut flow") -> CutFlow:
        """Read what `to_json` returns; `where` names the file in an error.

        Raises
        ------
        InputError
            If the content is not that of a cut flow.
        """
        return cls(data=_sample(content, "data", where), sim=_sample(content, "sim", where))

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object."""
        return {"data": self.data.to_json(), "sim": self.sim.to_json()}


def _sample(content: Mapping[str, Any], kind: str, where: object) -> SampleCutFlow:
    try:
        return SampleCutFlow.from_json(content[kind])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            where, f"no cut flow of {kind} in it ({error!r})", "make it with scalesmear cut-flow"
        ) from error


def merge_summaries(
    summaries: Iterable[tuple[str, Mapping[str, Any]]], data: SampleCutFlow | None = None
) -> CutFlow:
    """Return the cut flow of all jobs.

    Parameters
    ----------
    summaries : iterable of (str, mapping)
        Name and content of the summary of each job, in any order.
    data : SampleCutFlow, optional
        Of the data, if the summaries are those of simulation alone.

    Raises
    ------
    InputError
        If a summary is not one, jobs of a kind had different cuts, a file was read twice, no event
        of data or of simulation is left, naming the cut that removed all, or data come twice.
    """
    jobs: dict[str, list[SampleCutFlow]] = {"data": [], "sim": []}
    for name, content in summaries:
        kind = content.get("kind")
        if kind not in jobs:
            raise InputError(name, f"kind is {kind!r}", "it must be 'data' or 'sim'")
        jobs[kind].append(_sample({kind: content}, kind, name))
    if data is not None and jobs["data"]:
        problem = "summaries of data beside a cut flow that has them"
        raise InputError("summaries", problem, "give those of simulation only")
    return CutFlow(data=data or _merge(jobs["data"], "data"), sim=_merge(jobs["sim"], "simulation"))


def _merge(jobs: Sequence[SampleCutFlow], kind: str) -> SampleCutFlow:
    """Add up the jobs of one kind."""
    if not jobs:
        raise InputError("summaries", f"no summary of {kind}", f"list files of {kind}")
    runs: Counter[int] = Counter()
    for job in jobs:
        runs.update(job.runs)
    merged = SampleCutFlow(
        files=_merge_files(jobs),
        cuts=_merge_cuts(jobs, kind),
        runs=dict(sorted(runs.items())),
        sum_of_weights=_total(job.sum_of_weights for job in jobs),
        sum_of_squared_weights=_total(job.sum_of_squared_weights for job in jobs),
        largest_weight=max(job.largest_weight for job in jobs),
        notes=tuple(sorted({note for job in jobs for note in job.notes})),
    )
    _demand_events(merged, kind)
    return merged


def _total(sums: Iterable[float]) -> float:
    """Return the sum, independent of order, to `SUM_DIGITS` digits."""
    return float(f"{math.fsum(sums):.{SUM_DIGITS}g}")


def _merge_files(jobs: Sequence[SampleCutFlow]) -> tuple[InputFile, ...]:
    files = sorted(file for job in jobs for file in job.files)
    for one, other in pairwise(files):
        if (one.path, one.tree) == (other.path, other.tree):
            raise InputError(one.path, f"tree {one.tree!r} was read twice", "list each file once")
    return tuple(files)


def _merge_cuts(jobs: Sequence[SampleCutFlow], kind: str) -> tuple[Cut, ...]:
    names = [[cut.name for cut in job.cuts] for job in jobs]
    for other in names[1:]:
        if other != names[0]:
            raise InputError(
                f"summaries of {kind}",
                f"jobs had different cuts, {names[0]} and {other}",
                "select all files with the same settings",
            )
    return tuple(
        Cut(
            name=cuts[0].name,
            events=sum(cut.events for cut in cuts),
            sum_of_weights=_total(cut.sum_of_weights for cut in cuts),
        )
        for cuts in zip(*(job.cuts for job in jobs), strict=True)
    )


def _demand_events(sample: SampleCutFlow, kind: str) -> None:
    """Raise unless events with a positive sum of weights are left."""
    if sample.n_events == 0:
        name = next((cut.name for cut in sample.cuts if cut.events == 0), "selection")
        raise InputError(
            f"{len(sample.files)} files of {kind}",
            f"no event is left, {name!r} removed the last one",
            "check the files and the selection in inputs.yml",
        )
    if not sample.sum_of_weights > 0:
        raise InputError(
            f"{len(sample.files)} files of {kind}",
            f"the weights of the {sample.n_events} selected events add up to "
            f"{sample.sum_of_weights:g}",
            "their sum must be positive: check the generator weights",
        )
