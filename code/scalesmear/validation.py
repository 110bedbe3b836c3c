"""Validation plots: a variable of the events that pass windows on both electrons, data and simulation.

Each plot is filled before and after the corrections; simulation also with scales and smearings moved
by their errors, which gives the systematic band. Sums are exact, see `scalesmear.histogram`, so that
a plot does not depend on how events are grouped.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.effective import Tails
from scalesmear.fill import BELOW_ET, WITHOUT_ROW, Corrections
from scalesmear.histogram import UNIT_BITS
from scalesmear.kinematics import above_thresholds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from scalesmear.corrections import ScaleTable, SmearingTable
    from scalesmear.events import BoolArray, Events, FloatArray
    from scalesmear.histogram import Kind

    Floats = NDArray[np.float64]

Range = tuple[float, float]
ANY: Range = (0.0, math.inf)

N_CELLS = 400
"""Cells in which a variable is filled; a plot merges them to its bins."""

BEFORE, AFTER = "before", "after"
MOVED = ("scale_up", "scale_down", "smearing_up", "smearing_down")
"""Simulation with the scale, or the smearing, one error higher or lower."""

BLOCK = 1 << 16
"""Events at a time: sums of so many weights of `UNIT_BITS` bits are exact in a double."""

SIM_RUN = 1


class Kinematics(NamedTuple):
    """Corrected events that pass the thresholds; shapes (n,) and (n, 2), the harder electron first.

    All harder electrons lie side by side in memory, and so do all softer ones.
    """

    mass: Floats
    et: Floats
    eta: Floats
    phi: Floats
    abs_eta: Floats
    r9: Floats


class Variable(NamedTuple):
    """What a plot can show: words for its axis, range, unit, and how to get it."""

    title: str
    low: float
    high: float
    unit: str
    values: Callable[[Kinematics], Floats]


def _pair_pt(k: Kinematics) -> Floats:
    x, y = ((k.et * f(k.phi)).sum(axis=1) for f in (np.cos, np.sin))
    return np.asarray(np.hypot(x, y))


def _pair_rapidity(k: Kinematics) -> Floats:
    energy, along = ((k.et * f(k.eta)).sum(axis=1) for f in (np.cosh, np.sinh))
    return np.asarray(np.arctanh(along / energy))


VARIABLES: dict[str, Variable] = {
    "mass": Variable("mass", 80.0, 100.0, "GeV", lambda k: k.mass),
    "et_leading": Variable("leading $E_T$", 20.0, 120.0, "GeV", lambda k: k.et[:, 0]),
    "et_subleading": Variable("subleading $E_T$", 20.0, 120.0, "GeV", lambda k: k.et[:, 1]),
    "energy_leading": Variable(
        "leading energy", 20.0, 320.0, "GeV", lambda k: k.et[:, 0] * np.cosh(k.eta[:, 0])
    ),
    "energy_subleading": Variable(
        "subleading energy", 20.0, 320.0, "GeV", lambda k: k.et[:, 1] * np.cosh(k.eta[:, 1])
    ),
    "eta_leading": Variable(r"leading $\eta$", -2.5, 2.5, "", lambda k: k.eta[:, 0]),
    "eta_subleading": Variable(r"subleading $\eta$", -2.5, 2.5, "", lambda k: k.eta[:, 1]),
    "phi_leading": Variable(r"leading $\phi$", -math.pi, math.pi, "rad", lambda k: k.phi[:, 0]),
    "phi_subleading": Variable(
        r"subleading $\phi$", -math.pi, math.pi, "rad", lambda k: k.phi[:, 1]
    ),
    "r9_leading": Variable("leading $R_9$", 0.4, 1.0, "", lambda k: k.r9[:, 0]),
    "r9_subleading": Variable("subleading $R_9$", 0.4, 1.0, "", lambda k: k.r9[:, 1]),
    "z_pt": Variable("Z $p_T$", 0.0, 200.0, "GeV", _pair_pt),
    "z_rapidity": Variable("Z rapidity", -2.5, 2.5, "", _pair_rapidity),
}
"""By name; the range of the mass is the window of the settings."""


@dataclass(frozen=True)
class Leg:
    """Half-open windows on one electron."""

    abs_eta: Range = ANY
    r9: Range = ANY
    et: Range = ANY


@dataclass(frozen=True)
class Plot:
    """A variable and the events that enter.

    An event passes if the harder electron lies in the Et window of the first leg and the softer one
    in that of the second, and if the windows on |eta| and R9 hold for the two electrons in one order
    or the other: a pair of one electron in the barrel and one in an endcap is the same whichever is
    the harder.
    """

    name: str
    variable: str
    legs: tuple[Leg, Leg]

    def passes(self, inside: Inside) -> BoolArray:
        """Tell which events enter, shape (n,)."""
        first, second = self.legs
        et = inside("et", 0, first.et) & inside("et", 1, second.et)
        straight = inside.place(0, first) & inside.place(1, second)
        if (first.abs_eta, first.r9) == (second.abs_eta, second.r9):
            return et & straight
        return et & (straight | (inside.place(1, first) & inside.place(0, second)))


class Inside:
    """Which events have an electron in a window; plots share windows, so each is looked at once."""

    def __init__(self, kinematics: Kinematics) -> None:
        self._kinematics = kinematics
        self._known: dict[tuple[str, int, Range], BoolArray] = {}

    def __call__(self, variable: str, electron: int, window: Range) -> BoolArray:
        """Tell where low <= value < high, shape (n,), of the harder (0) or softer (1) electron.

        Edges are compared in float32 like those of categories.
        """
        key = variable, electron, window
        if key not in self._known:
            values = getattr(self._kinematics, variable)[:, electron]
            low, high = np.float32(window[0]), np.float32(window[1])
            self._known[key] = (values >= low) & (values < high)
        return self._known[key]

    def place(self, electron: int, leg: Leg) -> BoolArray:
        """Tell where the electron is in the windows of a leg on |eta| and R9, shape (n,)."""
        return self("abs_eta", electron, leg.abs_eta) & self("r9", electron, leg.r9)


@dataclass(frozen=True, kw_only=True)
class PlotSettings:
    """How validation plots are filled and shown.

    Attributes
    ----------
    mass_window : (float, float)
        Range of the mass in plots of it, and in which simulation is normalised to data [GeV].
    et_min : (float, float)
        Thresholds of the leading and subleading electron [GeV], on corrected energies.
    seed : int
        Seed of the draws with which simulated electrons are smeared.
    tail_fraction, tail_width : float
        Second Gaussian of the smearing, see `effective.Tails`.
    n_bins : int
        Bins of a plot, a divisor of `N_CELLS`; 0 chooses by Freedman and Diaconis.
    line_shapes : bool
        Whether a Breit-Wigner with a Crystal Ball is fitted to each mass.
    """

    mass_window: tuple[float, float] = (80.0, 100.0)
    et_min: tuple[float, float] = (32.0, 20.0)
    seed: int = 1
    tail_fraction: float = 0.0
    tail_width: float = 2.0
    n_bins: int = 80
    line_shapes: bool = True

    def __post_init__(self) -> None:
        if self.n_bins and N_CELLS % self.n_bins:
            raise ValueError(f"n_bins is {self.n_bins}, it must divide {N_CELLS}")

    @property
    def tails(self) -> Tails:
        """The smearing's second Gaussian."""
        return Tails(self.tail_fraction, self.tail_width)

    def axis(self, plot: Plot) -> Range:
        """Return the range of a plot's variable."""
        if plot.variable == "mass":
            return self.mass_window
        variable = VARIABLES[plot.variable]
        return variable.low, variable.high


@dataclass(frozen=True)
class PlotCells:
    """What one job, or all jobs of a kind, filled: exact sums per state, plot and cell.

    Attributes
    ----------
    kind : {"data", "sim"}
    plots : tuple of str
        Names.
    states : tuple of str
        "before", "after" and those of `MOVED` that were filled.
    exponent : int
        Weights are in units of 2^(exponent - UNIT_BITS), squares of 2^(2 exponent - UNIT_BITS).
    sumw, sumw2 : int64 arrays, shape (states, plots, N_CELLS)
        Numbers of events for data, which have no `sumw2`.
    n_events : int
        Events that were seen.
    dropped : dict
        Number of events that entered no plot after the corrections, by reason.
    """

    kind: Kind
    plots: tuple[str, ...]
    states: tuple[str, ...]
    exponent: int
    sumw: NDArray[np.int64]
    sumw2: NDArray[np.int64]
    n_events: int
    dropped: dict[str, int]

    def contents(self, state: str) -> Floats:
        """Return sums of weights, numbers of events for data, shape (plots, N_CELLS)."""
        sums: Floats = self.sumw[self.states.index(state)].astype(np.float64)
        return sums if self.kind == "data" else np.ldexp(sums, self.exponent - UNIT_BITS)

    def variances(self, state: str) -> Floats:
        """Return sums of squared weights, numbers of events for data, shape (plots, N_CELLS)."""
        if self.kind == "data":
            return self.contents(state)
        sums: Floats = self.sumw2[self.states.index(state)].astype(np.float64)
        return np.ldexp(sums, 2 * self.exponent - UNIT_BITS)

    def __add__(self, other: PlotCells) -> PlotCells:
        """Add what two jobs of the same kind filled."""
        mine = (self.kind, self.plots, self.states, self.exponent)
        theirs = (other.kind, other.plots, other.states, other.exponent)
        if mine != theirs:
            raise ValueError(f"plots of {mine} and {theirs} do not add up")
        return replace(
            self,
            sumw=self.sumw + other.sumw,
            sumw2=self.sumw2 + other.sumw2,
            n_events=self.n_events + other.n_events,
            dropped={reason: n + other.dropped[reason] for reason, n in self.dropped.items()},
        )


COLUMNS = ("run", "event", "weight", "mass", "et", "eta", "phi", "eta_sc", "r9", "gain")
"""The columns of events that plots need."""


@dataclass(frozen=True)
class State:
    """A name, and what is applied to the energies.

    Attributes
    ----------
    name : str
    corrections : Corrections
    scale_errors : ScaleTable or None
        Where simulated energies are multiplied by its scales too.
    """

    name: str
    corrections: Corrections
    scale_errors: ScaleTable | None = None

    def factors(self, events: Events, kind: Kind) -> tuple[Floats, BoolArray]:
        """Return the factor on each electron, and whether a table knows it, shape (n, 2)."""
        factor, found = self.corrections.factors(events, kind)
        if self.scale_errors is None:
            return factor, found
        runs = np.full(len(events), SIM_RUN)
        moved, known = self.scale_errors.lookup(
            runs, events.abs_eta, events.r9, events.et, events.gain
        )
        return factor * moved, found & known


def states(kind: Kind, corrections: Corrections) -> tuple[State, ...]:
    """Return the states in which data or simulation are filled.

    The systematic band is made of the errors in the tables: each is moved up or down for all
    categories at once. The error of a scale is that of the rows for simulation, see
    `export.with_simulation_rows`; a table without such rows gives no band.
    """
    every = [State(BEFORE, Corrections(weights=corrections.weights)), State(AFTER, corrections)]
    if kind == "data":
        return tuple(every)
    if corrections.scales is not None and corrections.scales.run_min.min() <= SIM_RUN:
        every += [
            State(name, corrections, _scale_errors(corrections.scales, sign))
            for name, sign in zip(MOVED[:2], (1.0, -1.0), strict=True)
        ]
    if corrections.smearings is not None:
        every += [
            State(name, replace(corrections, smearings=_moved(corrections.smearings, sign)))
            for name, sign in zip(MOVED[2:], (1.0, -1.0), strict=True)
        ]
    return tuple(every)


def _scale_errors(table: ScaleTable, sign: float) -> ScaleTable:
    """Return the table whose scales are 1 plus or minus the relative errors of another one."""
    return replace(table, scale=1 + sign * table.err / table.scale)


def _moved(table: SmearingTable, sign: float) -> SmearingTable:
    """Return the table with each smearing moved by its error, not below zero."""
    return replace(table, rho=np.maximum(table.rho + sign * table.err_rho, 0.0))


def fill_plots(
    batches: Iterable[Events],
    kind: Kind,
    plots: Sequence[Plot],
    settings: PlotSettings,
    corrections: Corrections,
    exponent: int = 0,
) -> PlotCells:
    """Fill all plots in all states.

    Parameters
    ----------
    batches : iterable of Events
        With the columns `COLUMNS`.
    kind : {"data", "sim"}
    plots : sequence of Plot
    settings : PlotSettings
    corrections : Corrections
    exponent : int
        Power of two above the largest weight of the whole sample, see `histogram.weight_exponent`.
    """
    every = states(kind, corrections)
    shape = (len(every), len(plots), N_CELLS)
    sumw, sumw2 = np.zeros(shape, np.int64), np.zeros(shape if kind == "sim" else (0,), np.int64)
    n_events, dropped = 0, Counter({BELOW_ET: 0, WITHOUT_ROW: 0})
    for events in _blocks(batches):
        n_events += len(events)
        weight = corrections.weights_of(events) if kind == "sim" else None
        for s, state in enumerate(every):
            factor, found = state.factors(events, kind)
            kinematics, keep, reasons = _corrected(events, factor, found, settings)
            if state.name == AFTER:
                dropped.update(reasons)
            units = None if weight is None else _units(weight[keep], exponent)
            inside = Inside(kinematics)
            for p, plot in enumerate(plots):
                values = VARIABLES[plot.variable].values(kinematics)
                cell, kept = _cells(values, plot.passes(inside), settings.axis(plot))
                if units is None:
                    sumw[s, p] += np.bincount(cell, minlength=N_CELLS)
                else:
                    sumw[s, p] += _exact_sum(cell, units[0][kept])
                    sumw2[s, p] += _exact_sum(cell, units[1][kept])
    return PlotCells(
        kind=kind,
        plots=tuple(plot.name for plot in plots),
        states=tuple(state.name for state in every),
        exponent=exponent,
        sumw=sumw,
        sumw2=sumw2,
        n_events=n_events,
        dropped=dict(sorted(dropped.items())),
    )


def _blocks(batches: Iterable[Events]) -> Iterator[Events]:
    for events in batches:
        for start in range(0, len(events), BLOCK):
            yield events.where(slice(start, start + BLOCK))


def _corrected(
    events: Events, factor: Floats, found: BoolArray, settings: PlotSettings
) -> tuple[Kinematics, BoolArray, dict[str, int]]:
    """Return the events above the thresholds, which those are, and how many others there were."""
    et = (events.et * factor).astype(np.float32)
    known, hard = found[:, 0] & found[:, 1], above_thresholds(et, settings.et_min)
    keep = known & hard
    places = np.flatnonzero(keep)
    swap = (et[:, 1] > et[:, 0])[places]

    def ordered(values: NDArray[np.floating]) -> Floats:
        a, b = (column[places].astype(np.float64) for column in values.T)
        return np.stack([np.where(swap, b, a), np.where(swap, a, b)]).T

    mass = events.mass * np.sqrt(factor[:, 0] * factor[:, 1])
    kinematics = Kinematics(
        mass=mass[places].astype(np.float64),
        et=ordered(et),
        eta=ordered(events.eta),
        phi=ordered(events.phi),
        abs_eta=ordered(events.abs_eta),
        r9=ordered(events.r9),
    )
    reasons = {WITHOUT_ROW: int(np.sum(~known)), BELOW_ET: int(np.sum(known & ~hard))}
    return kinematics, keep, reasons


def _cells(
    values: Floats, passed: BoolArray, axis: Range
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the cells of the values that passed and lie on the axis, and the places of these."""
    low, high = axis
    kept = np.flatnonzero(passed & (values >= low) & (values < high))
    cell = ((values[kept] - low) * (N_CELLS / (high - low))).astype(np.intp)
    return np.minimum(cell, N_CELLS - 1), kept


def _units(weight: FloatArray, exponent: int) -> tuple[Floats, Floats]:
    """Return weights and their squares as whole numbers of units."""
    scaled = np.ldexp(weight.astype(np.float64), -exponent)
    return np.rint(np.ldexp(scaled, UNIT_BITS)), np.rint(np.ldexp(scaled**2, UNIT_BITS))


def _exact_sum(cell: NDArray[np.intp], units: Floats) -> NDArray[np.int64]:
    """Add whole numbers below 2^36 by cell; `BLOCK` of them stay below 2^53, where none is rounded."""
    return np.bincount(cell, units, minlength=N_CELLS).astype(np.int64)


@dataclass(frozen=True)
class PlotResult:
    """A plot with its numbers; simulation is normalised to data in the range of the plot.

    Attributes
    ----------
    name, variable : str
    edges : tuple of float, shape (n + 1,)
    data : dict of state to tuple of float, shape (n,)
        Numbers of events, before and after the corrections.
    sim, sim_variance : dict of state to tuple of float, shape (n,)
    systematic : tuple of float, shape (n,)
        Variance of the simulation after the corrections from the errors of scales and smearings:
        half the difference between up and down, squared, of each of the two.
    """

    name: str
    variable: str
    edges: tuple[float, ...]
    data: dict[str, tuple[float, ...]]
    sim: dict[str, tuple[float, ...]]
    sim_variance: dict[str, tuple[float, ...]]
    systematic: tuple[float, ...]


def results(
    data: PlotCells, sim: PlotCells, plots: Sequence[Plot], settings: PlotSettings
) -> list[PlotResult]:
    """Return every plot in its bins, simulation normalised to data."""
    return [_result(data, sim, plot, number, settings) for number, plot in enumerate(plots)]


def _result(
    data: PlotCells, sim: PlotCells, plot: Plot, number: int, settings: PlotSettings
) -> PlotResult:
    low, high = settings.axis(plot)
    n_bins = settings.n_bins or freedman_diaconis(data.contents(AFTER)[number])
    edges = np.linspace(low, high, n_bins + 1)

    def merged(cells: Floats) -> Floats:
        bins: Floats = cells[number].reshape(n_bins, -1).sum(axis=1)
        return bins

    observed = {state: merged(data.contents(state)) for state in (BEFORE, AFTER)}
    contents = {state: merged(sim.contents(state)) for state in sim.states}
    norm = {
        state: _ratio(observed[BEFORE if state == BEFORE else AFTER].sum(), part.sum())
        for state, part in contents.items()
    }
    expected = {state: norm[state] * part for state, part in contents.items()}
    variance = {s: norm[s] ** 2 * merged(sim.variances(s)) for s in (BEFORE, AFTER)}
    return PlotResult(
        name=plot.name,
        variable=plot.variable,
        edges=tuple(edges.tolist()),
        data={state: tuple(part.tolist()) for state, part in observed.items()},
        sim={state: tuple(expected[state].tolist()) for state in (BEFORE, AFTER)},
        sim_variance={state: tuple(part.tolist()) for state, part in variance.items()},
        systematic=tuple(_systematic(expected).tolist()),
    )


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below > 0 else 0.0


def _systematic(expected: Mapping[str, Floats]) -> Floats:
    """Return the variance of the expected contents from the errors of scales and smearings."""
    total = np.zeros_like(expected[AFTER])
    for source in ("scale", "smearing"):
        up, down = expected.get(f"{source}_up"), expected.get(f"{source}_down")
        if up is not None and down is not None:
            total += ((up - down) / 2) ** 2
    return total


def freedman_diaconis(cells: Floats) -> int:
    """Return the number of bins, a divisor of `N_CELLS`, closest below the rule of the two.

    Freedman and Diaconis (1981): the width of a bin is 2 IQR / n^(1/3).
    """
    total = cells.sum()
    if total <= 0:
        return min(_divisors())
    quartiles = np.searchsorted(np.cumsum(cells) / total, (0.25, 0.75)) / N_CELLS
    width = 2 * max(quartiles[1] - quartiles[0], 1 / N_CELLS) / total ** (1 / 3)
    return max((n for n in _divisors() if n <= 1 / width), default=min(_divisors()))


def _divisors() -> list[int]:
    return [n for n in range(10, N_CELLS + 1) if N_CELLS % n == 0]
