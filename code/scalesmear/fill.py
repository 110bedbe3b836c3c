"""Fill the mass histograms of one job: correct, weight, cut, categorise, count."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from scalesmear.cells import Axes, Boxes, CellGrid, find_cells, find_cells_but_et, take_into
from scalesmear.compiled import compiled, read_only
from scalesmear.corrections import (
    CellSmearings,
    RunScales,
    ScaleTable,
    SmearingTable,
    look_up_scales,
    look_up_smearings,
)
from scalesmear.draws import Mixture, fill_normals, standard_normal
from scalesmear.effective import Tails
from scalesmear.elementary import natural_log
from scalesmear.histogram import (
    Kind,
    MassFiller,
    MassGrid,
    MassHistograms,
    MassSums,
    count_nearest,
    share_linearly,
)
from scalesmear.kinematics import Z_MASS
from scalesmear.sharing import in_threads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from scalesmear.categories import CategorySet
    from scalesmear.events import BoolArray, Events, FloatArray
    from scalesmear.zweights import WeightTable

BELOW_ET = "below the Et thresholds after correction"
WITHOUT_ROW = "with an electron in no row of a table"
NO_PAIR, SOFT, NO_ROW = np.int32(-1), np.int32(-2), np.int32(-3)
"""Numbers in place of that of a pair for events without one, and for the two reasons above."""

PER_Z_MASS = 1 / Z_MASS

BLOCK = 1 << 11
"""Events that are taken through all steps of a fill while they are in the nearest cache."""

N = TypeVar("N", bound=np.generic)


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
    tail_fraction, tail_width : float
        Second Gaussian of the smearing, see `effective.Tails`.
    """

    mass_window: tuple[float, float] = (80.0, 100.0)
    bin_width: float = 0.5
    mass_range: tuple[float, float] = (60.0, 120.0)
    et_min: tuple[float, float] = (32.0, 20.0)
    seed: int = 1
    tail_fraction: float = 0.0
    tail_width: float = 2.0

    @property
    def tails(self) -> Tails:
        """The smearing's second Gaussian."""
        return Tails(self.tail_fraction, self.tail_width)

    @property
    def grid(self) -> MassGrid:
        """Bins of the histograms."""
        return MassGrid.of_width(self.mass_window, self.bin_width, self.mass_range)


@dataclass(frozen=True)
class Corrections:
    """What is applied to events before they are filled; None leaves them as they are.

    Attributes
    ----------
    scales : ScaleTable or None
        Factors on the energies of data.
    smearings : SmearingTable or None
        Relative Gaussian widths put on the energies of simulation.
    weights : WeightTable or None
        Factors on the weights of simulated events, by pT and rapidity of the Z.
    seed : int
        Seed of the draws.
    tails : Tails
        Second Gaussian of the smearing.
    """

    scales: ScaleTable | None = None
    smearings: SmearingTable | None = None
    weights: WeightTable | None = None
    seed: int = 1
    tails: Tails = field(default_factory=Tails)

    def columns(self, kind: Kind) -> tuple[str, ...]:
        """Return the columns that a fill of data or of simulation needs; others are not read."""
        always = ("mass", "et", "eta_sc", "r9", "gain")
        if kind == "data":
            return always if self.scales is None else ("run", *always)
        keys = () if self.smearings is None else ("run", "event")
        directions = () if self.weights is None else ("eta", "phi")
        return (*keys, "weight", *always, *directions)

    def factors(self, events: Events, kind: Kind) -> tuple[NDArray[np.float64], BoolArray]:
        """Return the factor on the energy of each electron, and whether it is known; shape (n, 2).

        A factor is 1 where nothing is applied, and for an electron that is in no row of the table,
        such as one with R9 beyond the last edge.

        A data electron takes the scale of its run and window, looked up with its raw Et; a
        simulated one 1 + sigma g with g drawn from a normal distribution, or the mixture that has
        its tails, keyed by run and event.

        Raises
        ------
        InputError
            If a run of the data lies in no range of runs of the table.
        """
        if kind == "data" and self.scales is not None:
            return self.scales.factors(events)
        if kind == "sim" and self.smearings is not None:
            sigma, found = self.smearings.sigmas(events)
            mixture = self.tails.mixture
            draws = standard_normal(events.run, events.event, self.seed, mixture)
            return 1 + sigma * draws, found
        return np.ones(events.et.shape), np.ones(events.et.shape, np.bool_)

    def weights_of(self, events: Events) -> FloatArray:
        """Return the weight of each simulated event, shape (n,)."""
        return events.weight if self.weights is None else events.weight * self.weights.of(events)


class Columns(NamedTuple):
    """Columns of events as kernels read them; those of electrons are flat, a pair side by side."""

    mass: NDArray[np.float32]
    et: NDArray[np.float32]
    eta_sc: NDArray[np.float32]
    r9: NDArray[np.float32]
    gain: NDArray[np.uint8]

    @classmethod
    def of(cls, events: Events) -> Columns:
        """Return the columns of a batch."""
        return cls(*(_flat(getattr(events, name)) for name in cls._fields))


def _flat(values: NDArray[N]) -> NDArray[N]:
    return read_only(values.reshape(-1))


class Categories(NamedTuple):
    """The category of each cell of a grid, and what decides whether a pair is filled."""

    axes: Axes
    category: NDArray[np.int16]
    by_et: bool
    leading: np.float32  # least Et of the harder electron [GeV]
    subleading: np.float32


@dataclass(frozen=True)
class Filling:
    """All that a fill needs to know but the events; in one grid of cells for all tables."""

    kind: Kind
    settings: FillSettings
    exponent: int
    n_categories: int
    categories: Categories
    scales: RunScales | None
    smearings: CellSmearings | None
    corrections: Corrections

    @classmethod
    def of(
        cls,
        kind: Kind,
        categories: CategorySet,
        settings: FillSettings,
        corrections: Corrections,
        exponent: int,
    ) -> Filling:
        """Return what `fill_masses` prepares once for all batches."""
        windows = boxes = Boxes.of(categories.scales)
        scales = corrections.scales if kind == "data" else None
        smearings = corrections.smearings if kind == "sim" else None
        for table in (scales, smearings):
            boxes = boxes if table is None else boxes.join(table.boxes)
        grid = CellGrid.of(boxes)
        number = read_only(grid.paint(windows).ravel().astype(np.int16))
        by_et, et_min = "et" in categories.variables, np.array(settings.et_min, np.float32)
        return cls(
            kind=kind,
            settings=settings,
            exponent=exponent,
            n_categories=len(categories.scales),
            categories=Categories(grid.axes, number, by_et, *et_min),
            scales=None if scales is None else scales.on(grid),
            smearings=None if smearings is None else smearings.on(grid),
            corrections=corrections,
        )

    def fill(self, batches: Iterable[Events]) -> MassFiller:
        """Return the filler that was given some batches."""
        reasons = (BELOW_ET, WITHOUT_ROW)
        grid, size = self.settings.grid, self.n_categories
        filler = MassFiller(self.kind, grid, size, self.exponent, reasons)
        for events in batches:
            if self.kind == "data":
                self._fill_data(events, filler)
            else:
                self._fill_sim(events, filler)
            del events  # so that the next batch is read into its memory
        return filler

    def _fill_data(self, events: Events, filler: MassFiller) -> None:
        run = None if self.scales is None else _flat(events.run)
        stray = _fill_data(run, self.scales, Columns.of(events), self.categories, filler.sums)
        filler.account(len(events))
        if stray >= 0 and self.corrections.scales is not None:
            self.corrections.scales.check_runs(events.run[stray:])

    def _fill_sim(self, events: Events, filler: MassFiller) -> None:
        key = None if self.smearings is None else (_flat(events.run), _flat(events.event))
        weight = _flat(self.corrections.weights_of(events))
        mixture = self.corrections.tails.mixture
        keyed = key, np.uint64(self.corrections.seed), mixture, self.smearings
        n_wrong = _fill_sim(*keyed, weight, Columns.of(events), self.categories, filler.sums)
        filler.account(len(events), weight, n_wrong)


def fill_masses(
    batches: Iterable[Events],
    kind: Kind,
    categories: CategorySet,
    settings: FillSettings,
    corrections: Corrections,
    exponent: int = 0,
    threads: int = 1,
) -> MassHistograms:
    """Return the histograms of ln(m / m_Z) per pair of scale categories.

    A data electron takes the scale of its run and window, looked up with its raw Et; a simulated
    one 1 + sigma g with g drawn from a normal distribution, keyed by run and event. Categories and
    thresholds see the corrected Et.

    Parameters
    ----------
    batches : iterable of Events
        With the columns `Corrections.columns`.
    kind : {"data", "sim"}
    categories : CategorySet
    settings : FillSettings
    corrections : Corrections
    exponent : int
        Power of two above the largest weight of the whole sample, see `histogram.weight_exponent`
        and `WeightTable.exponent`.
    threads : int
        Threads that share the batches, each with histograms of its own; they change no bit.

    Raises
    ------
    InputError
        If a run of the data lies in no range of runs of the table of scales.
    """
    filling = Filling.of(kind, categories, settings, corrections, exponent)
    filler, *others = in_threads(filling.fill, batches, threads)
    for other in others:
        filler.absorb(other)
    return filler.finish()


def in_blocks(batches: Iterable[Events]) -> Iterator[Events]:
    """Yield the events in blocks whose arrays stay in the processor's cache on their way."""
    for events in batches:
        for start in range(0, len(events), 8 * BLOCK):
            yield events.where(slice(start, start + 8 * BLOCK))


def correct(
    mass: NDArray[np.float32], et: NDArray[np.float32], factor: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return x = ln(m / m_Z), shape (n,), and Et [GeV] after energies are multiplied by a factor.

    The mass of two massless particles goes with the root of both energies, m' = m sqrt(f1 f2).
    `mass` has shape (n,), `et` and `factor` have shape (n, 2).
    """
    x, corrected = np.empty(len(mass)), np.empty_like(et)
    _correct(_flat(mass), _flat(et), factor.reshape(-1), x, corrected.reshape(-1))
    return x, corrected


class Work(NamedTuple):
    """What is made of a block of events on its way; arrays of electrons are flat."""

    abs_eta: NDArray[np.float32]
    but_et: NDArray[np.uint32]  # cells, see `cells.find_cells_but_et`
    cell: NDArray[np.uint32]
    factor: NDArray[np.float64]  # on the energy
    found: NDArray[np.bool_]
    et: NDArray[np.float32]  # corrected
    category: NDArray[np.int16]
    x: NDArray[np.float64]
    pair: NDArray[np.int32]


@compiled
def _work(n: int) -> Work:
    """Return room for `n` events, whose electrons are found until it is known that they are not."""
    return Work(
        np.empty(2 * n, np.float32),
        np.empty(2 * n, np.uint32),
        np.empty(2 * n, np.uint32),
        np.empty(2 * n, np.float64),
        np.ones(2 * n, np.bool_),
        np.empty(2 * n, np.float32),
        np.empty(2 * n, np.int16),
        np.empty(n, np.float64),
        np.empty(n, np.int32),
    )


@compiled
def _block(columns: Columns, first: int) -> Columns:
    """Return the columns of at most BLOCK events."""
    electrons = slice(2 * first, 2 * (first + BLOCK))
    return Columns(
        columns.mass[first : first + BLOCK],
        columns.et[electrons],
        columns.eta_sc[electrons],
        columns.r9[electrons],
        columns.gain[electrons],
    )


@compiled
def _fill_data(
    run: NDArray[np.uint32] | None,
    scales: RunScales | None,
    columns: Columns,
    categories: Categories,
    into: MassSums,
) -> int:
    """Fill data; return the place of an event whose run has no rows in the table, or -1."""
    work, stray = _work(BLOCK), -1
    for first in range(0, len(columns.mass), BLOCK):
        block = _block(columns, first)
        if len(block.mass) < BLOCK:
            work = _work(len(block.mass))
        _start(block, categories, work)
        if run is not None and scales is not None:
            find_cells(work.but_et, block.et, categories.axes, work.cell)
            runs = run[first : first + BLOCK]
            place = look_up_scales(runs, work.cell, scales, work.factor, work.found)
            stray = first + place if place >= 0 else stray
            _correct(block.mass, block.et, work.factor, work.x, work.et)
            _find_pairs(work.et, categories, work)
        else:
            _log_masses(block.mass, work.x)
            _find_pairs(block.et, categories, work)
        count_nearest(work.x, work.pair, into)
    return stray


@compiled
def _fill_sim(
    key: tuple[NDArray[np.uint32], NDArray[np.uint64]] | None,
    seed: np.uint64,
    mixture: Mixture,
    smearings: CellSmearings | None,
    weight: FloatArray,
    columns: Columns,
    categories: Categories,
    into: MassSums,
) -> int:
    """Fill simulation; return the number of weights that its unit cannot hold."""
    work, n_wrong = _work(BLOCK), 0
    normals = np.empty(2 * BLOCK)
    for first in range(0, len(columns.mass), BLOCK):
        block = _block(columns, first)
        if len(block.mass) < BLOCK:
            work = _work(len(block.mass))
        _start(block, categories, work)
        if key is not None and smearings is not None:
            find_cells(work.but_et, block.et, categories.axes, work.cell)
            look_up_smearings(work.cell, block.et, smearings, work.factor, work.found)
            run, event = key[0][first : first + BLOCK], key[1][first : first + BLOCK]
            fill_normals(run, event, seed, mixture, normals)
            for k in range(len(work.factor)):
                work.factor[k] = 1 + work.factor[k] * normals[k]
            _correct(block.mass, block.et, work.factor, work.x, work.et)
            _find_pairs(work.et, categories, work)
        else:
            _log_masses(block.mass, work.x)
            _find_pairs(block.et, categories, work)
        n_wrong += share_linearly(work.x, work.pair, weight[first : first + BLOCK], into)
    return n_wrong


@compiled
def _start(block: Columns, categories: Categories, work: Work) -> None:
    """Find the cells of a block's electrons, as far as energies do not matter."""
    for k in range(len(work.abs_eta)):
        work.abs_eta[k] = abs(block.eta_sc[k])
    find_cells_but_et(work.abs_eta, block.r9, block.gain, categories.axes, work.but_et)


@compiled
def _find_pairs(et: NDArray[np.float32], categories: Categories, work: Work) -> None:
    """Fill the pair of each event, or why there is none; `et` is corrected, if anything is."""
    if categories.by_et:
        find_cells(work.but_et, et, categories.axes, work.cell)
        take_into(categories.category, work.cell, work.category)
    else:
        take_into(categories.category, work.but_et, work.category)
    thresholds = categories.leading, categories.subleading
    pair_or_reason(work.category, et, work.found, thresholds, work.pair)


@compiled
def _log_masses(mass: NDArray[np.float32], x: NDArray[np.float64]) -> None:
    """Fill `x` as `_correct` does with factors of 1."""
    for i in range(len(x)):
        ratio = mass[i] * PER_Z_MASS
        x[i] = 0.5 * natural_log(ratio * abs(ratio))


@compiled
def _correct(
    mass: NDArray[np.float32],
    et: NDArray[np.float32],
    factor: NDArray[np.float64],
    x: NDArray[np.float64],
    corrected: NDArray[np.float32],
) -> None:
    """Fill `x` and `corrected`; what belongs to an electron is flat, a pair side by side."""
    for i in range(len(x)):
        ratio = mass[i] * PER_Z_MASS
        x[i] = 0.5 * natural_log(ratio * abs(ratio) * factor[2 * i] * factor[2 * i + 1])
    for k in range(len(et)):
        corrected[k] = et[k] * factor[k]


@compiled
def pair_or_reason(
    category: NDArray[np.int16],
    et: NDArray[np.float32],
    found: NDArray[np.bool_],
    thresholds: tuple[np.float32, np.float32],
    pair: NDArray[np.int32],
) -> None:
    """Fill the number of the pair of categories, or why an event is not filled, shape (n,).

    What belongs to an electron has shape (2n,), in any order. An event is not filled if the harder
    or the softer electron is below its threshold, if an electron is not `found` in a table, or if
    it has no category; see `histogram.MassFiller.add` for the numbers that say so. The last reason
    that applies is the one that counts.
    """
    for i in range(len(pair)):
        a, b = np.int32(category[2 * i]), np.int32(category[2 * i + 1])
        low, high = min(a, b), max(a, b)
        number = high * (high + 1) // 2 + low if low >= 0 else NO_PAIR
        number = number if found[2 * i] & found[2 * i + 1] else NO_ROW
        hard = max(et[2 * i], et[2 * i + 1]) >= thresholds[0]
        hard &= min(et[2 * i], et[2 * i + 1]) >= thresholds[1]
        pair[i] = number if hard else SOFT
