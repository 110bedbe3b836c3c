"""Simulated processes, each scaled to the luminosity of the data, added up and compared with them.

Errors of the sum have two parts. The statistical one is that of the simulated events, independent
from bin to bin and from process to process. Each source of a systematic one moves all bins of its
processes together: the luminosity those of all processes, cross section and k factor those of their
own. Shifts of one source are added linearly, and sources in quadrature.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.errors import InputError
from scalesmear.poisson import poisson_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scalesmear.normalisation import Quantity
    from scalesmear.roothistogram import Doubles, RootHistogram

COMMON = "luminosity"
"""The ingredient of the factor that is the same number for all processes."""

TOTAL, DATA = "total", "data"
"""Names of the sum and of the data among the processes."""


@dataclass(frozen=True, eq=False)
class Process:
    """A simulated process as `scalesmear scale-histogram` leaves it.

    Attributes
    ----------
    name, label : str
        Its name in files, and in figures.
    histogram : RootHistogram
        Scaled to luminosity.
    factor : float
        What it was multiplied by.
    luminosity : Quantity
    uncertainties : dict
        Relative, by ingredient of the factor.
    """

    name: str
    label: str
    histogram: RootHistogram
    factor: float
    luminosity: Quantity
    uncertainties: Mapping[str, float] = field(default_factory=dict)

    def sources(self) -> dict[str, float]:
        """Return relative uncertainties by source; what is not common carries the process's name."""
        return {
            name if name == COMMON else f"{name} of {self.name}": relative
            for name, relative in self.uncertainties.items()
        }


@dataclass(frozen=True)
class Yield:
    """An expected number of events.

    Attributes
    ----------
    value, statistical : float
    by_source : dict
        Systematic errors by source.
    """

    value: float
    statistical: float
    by_source: Mapping[str, float]

    @property
    def systematic(self) -> float:
        """All sources in quadrature."""
        return math.hypot(*self.by_source.values())

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object."""
        return {
            "yield": self.value,
            "statistical": self.statistical,
            "systematic": self.systematic,
            "by_source": dict(self.by_source),
        }


@dataclass(frozen=True)
class Ratio:
    """Data over simulation, with the error of each of its parts."""

    value: float
    data_down: float
    data_up: float
    statistical: float
    systematic: float

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object."""
        return dict(vars(self))


@dataclass(frozen=True, eq=False)
class Layer:
    """One process in the bins of a `Stack`; arrays have shape (n,)."""

    name: str
    label: str
    contents: Doubles
    variances: Doubles
    sources: Mapping[str, float]

    def sum(self) -> Yield:
        """Return the number of events in all bins."""
        value = float(self.contents.sum())
        by_source = {source: relative * value for source, relative in self.sources.items()}
        return Yield(value, math.sqrt(self.variances.sum()), by_source)


@dataclass(frozen=True, eq=False)
class Stack:
    """Processes and data in the same n bins, without under- and overflow.

    Attributes
    ----------
    edges : array, shape (n + 1,)
    layers : tuple of Layer
        The smallest first.
    data : array, shape (n,)
        Numbers of events.
    """

    edges: Doubles
    layers: tuple[Layer, ...]
    data: Doubles

    @property
    def contents(self) -> Doubles:
        """Expected number of events in each bin, shape (n,)."""
        total: Doubles = np.sum([layer.contents for layer in self.layers], axis=0)
        return total

    @property
    def variances(self) -> Doubles:
        """Statistical variance of `contents`, shape (n,)."""
        total: Doubles = np.sum([layer.variances for layer in self.layers], axis=0)
        return total

    def shifts(self) -> dict[str, Doubles]:
        """Return by how much each source moves `contents`, shape (n,) each."""
        found: dict[str, Doubles] = {}
        for layer in self.layers:
            for source, relative in layer.sources.items():
                found[source] = found.get(source, 0) + relative * layer.contents
        return found

    @property
    def errors(self) -> Doubles:
        """Statistical and systematic error of `contents` in quadrature, shape (n,)."""
        squares = [shift**2 for shift in self.shifts().values()]
        errors: Doubles = np.sqrt(np.sum([self.variances, *squares], axis=0))
        return errors

    def sum(self) -> Yield:
        """Return the expected number of events in all bins."""
        by_source = {source: float(shift.sum()) for source, shift in self.shifts().items()}
        return Yield(float(self.contents.sum()), math.sqrt(self.variances.sum()), by_source)

    def ratio(self) -> Ratio:
        """Return data over simulation in all bins together.

        Raises
        ------
        InputError
            If no events are expected.
        """
        expected, events = self.sum(), float(self.data.sum())
        if expected.value <= 0:
            raise InputError("simulation", f"its sum is {expected.value:g}", "choose another range")
        down, up = poisson_interval(np.array([events]))[:, 0] / expected.value
        value = events / expected.value
        scale = value / expected.value
        return Ratio(value, down, up, expected.statistical * scale, expected.systematic * scale)


def stacked(
    processes: Sequence[Process], data: RootHistogram, limits: tuple[float, float] | None = None
) -> Stack:
    """Put processes and data into common bins.

    Parameters
    ----------
    processes : sequence of Process
    data : RootHistogram
        Numbers of events.
    limits : (float, float), optional
        Edges between which to compare; all of the axis if left out.

    Raises
    ------
    InputError
        If histograms are not of one dimension or differ in their bins, the data are not numbers of
        events, processes have one name or different luminosities, or a limit is not an edge.
    """
    check_alike(processes)
    _check_counts(data)
    edges = data.axes[0].all_edges()
    for process in processes:
        _check_edges(process, edges)
    first, last = (0, len(edges) - 1) if limits is None else _bins_between(edges, *limits)
    inside = slice(first, last)
    layers = [
        Layer(
            process.name,
            process.label,
            process.histogram.as_grid(process.histogram.contents)[inside],
            process.histogram.as_grid(process.histogram.variances())[inside],
            process.sources(),
        )
        for process in processes
    ]
    layers.sort(key=lambda layer: (layer.contents.sum(), layer.name))
    events = data.as_grid(data.contents)[inside]
    return Stack(edges[first : last + 1], tuple(layers), events)


def check_alike(processes: Sequence[Process]) -> None:
    """Make sure that processes have names of their own and one luminosity.

    Raises
    ------
    InputError
        If not.
    """
    names = [process.name for process in processes]
    for name in names:
        if names.count(name) > 1 or name in (TOTAL, DATA):
            used = "is the name of two samples" if names.count(name) > 1 else "is taken"
            raise InputError(f"sample {name}", used, "give the sample another name")
    first = processes[0]
    for other in processes[1:]:
        pair = first.luminosity.in_first_unit, other.luminosity.in_first_unit
        if not math.isclose(*pair, rel_tol=1e-9):
            problem = f"is scaled to {other.luminosity}, but {first.name} to {first.luminosity}"
            raise InputError(f"sample {other.name}", problem, "scale all to one luminosity")


def _check_counts(data: RootHistogram) -> None:
    where = f"data {data.path}"
    if data.n_dimensions != 1 or data.profile is not None:
        raise InputError(where, f"is a {data.class_name}", "give a TH1")
    bad = np.flatnonzero((data.contents < 0) | (data.contents != np.rint(data.contents)))
    if len(bad):
        problem = f"bin {bad[0]} holds {data.contents[bad[0]]:g}"
        raise InputError(where, problem, "data are numbers of events, not scaled")


def _check_edges(process: Process, edges: Doubles) -> None:
    histogram, where = process.histogram, f"sample {process.name}"
    if histogram.n_dimensions != 1 or histogram.profile is not None:
        raise InputError(where, f"{histogram.path} is a {histogram.class_name}", "give a TH1")
    own = histogram.axes[0].all_edges()
    if len(own) != len(edges) or not np.allclose(own, edges, rtol=1e-9, atol=1e-12):
        problem = f"has {_in_words(own)}, but the data {_in_words(edges)}"
        raise InputError(where, problem, "fill all histograms with the same bins")


def _in_words(edges: Doubles) -> str:
    return f"{len(edges) - 1} bins from {edges[0]:g} to {edges[-1]:g}"


def _bins_between(edges: Doubles, low: float, high: float) -> tuple[int, int]:
    """Return the numbers of the edges at two limits."""
    numbers = []
    for limit in (low, high):
        nearest = int(np.argmin(np.abs(edges - limit)))
        if not math.isclose(edges[nearest], limit, rel_tol=1e-9, abs_tol=1e-12):
            problem = f"{limit:g} is not an edge of a bin"
            raise InputError("--range", problem, f"the nearest one is {edges[nearest]:.6g}")
        numbers.append(nearest)
    if numbers[0] >= numbers[1]:
        raise InputError("--range", f"{low:g} is not below {high:g}", "give the lower limit first")
    return numbers[0], numbers[1]


def total_of(histograms: Sequence[RootHistogram]) -> RootHistogram:
    """Return the sum of histograms with the same bins, under- and overflow included."""
    first = histograms[0]
    return replace(
        first,
        path=TOTAL,
        title=TOTAL,
        contents=np.sum([one.contents for one in histograms], axis=0),
        sumw2=np.sum([one.variances() for one in histograms], axis=0),
        entries=math.fsum(one.entries for one in histograms),
        moments={
            name: math.fsum(one.moments[name] for one in histograms) for name in first.moments
        },
    )
