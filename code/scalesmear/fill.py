"""Fill the mass histograms of one job: correct, weight, cut, categorise, count."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.compiled import compiled, read_only
from scalesmear.draws import standard_normal
from scalesmear.elementary import natural_log
from scalesmear.histogram import Kind, MassFiller, MassGrid, MassHistograms
from scalesmear.kinematics import Z_MASS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from scalesmear.categories import CategorySet
    from scalesmear.corrections import ScaleTable, SmearingTable
    from scalesmear.events import BoolArray, Events, FloatArray
    from scalesmear.zweights import WeightTable

BELOW_ET = "below the Et thresholds after correction"
WITHOUT_ROW = "with an electron in no row of a table"
NO_PAIR, SOFT, NO_ROW = np.int32(-1), np.int32(-2), np.int32(-3)
"""Numbers in place of that of a pair for events without one, and for the two reasons above."""

BLOCK = 1 << 14
"""Events that are taken through all steps of a fill at a time: 1 MB with all that is made of them."""


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
    """

    mass_window: tuple[float, float] = (80.0, 100.0)
    bin_width: float = 0.5
    mass_range: tuple[float, float] = (60.0, 120.0)
    et_min: tuple[float, float] = (32.0, 20.0)
    seed: int = 1

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
    """

    scales: ScaleTable | None = None
    smearings: SmearingTable | None = None
    weights: WeightTable | None = None
    seed: int = 1

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
        simulated one 1 + sigma g with g drawn from a normal distribution, keyed by run and event.

        Raises
        ------
        InputError
            If a run of the data lies in no range of runs of the table.
        """
        if kind == "data" and self.scales is not None:
            return self.scales.factors(events)
        if kind == "sim" and self.smearings is not None:
            sigma, found = self.smearings.sigmas(events)
            draws = standard_normal(events.run, events.event, self.seed)
            return 1 + sigma * draws, found
        return np.ones(events.et.shape), np.ones(events.et.shape, np.bool_)

    def weights_of(self, events: Events, kind: Kind) -> FloatArray | None:
        """Return the weight of each event, shape (n,); None in data, which are counted."""
        if kind == "data":
            return None
        return events.weight if self.weights is None else events.weight * self.weights.of(events)


def fill_masses(
    batches: Iterable[Events],
    kind: Kind,
    categories: CategorySet,
    settings: FillSettings,
    corrections: Corrections,
    exponent: int = 0,
) -> MassHistograms:
    """Return the histograms of ln(m / m_Z) per pair of scale categories.

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
    """
    filler = MassFiller(
        kind, settings.grid, len(categories.scales), exponent, (BELOW_ET, WITHOUT_ROW)
    )
    for events in in_blocks(batches):
        factor, found = corrections.factors(events, kind)
        x, et = correct(events.mass, events.et, factor)
        category = categories.category_of(events.abs_eta, events.r9, et, events.gain)
        pair = pair_or_reason(category, et, found, settings.et_min)
        filler.add(x, pair, corrections.weights_of(events, kind))
    return filler.finish()


def in_blocks(batches: Iterable[Events]) -> Iterator[Events]:
    """Yield the events in blocks whose arrays stay in the processor's cache on their way."""
    for events in batches:
        for start in range(0, len(events), BLOCK):
            yield events.where(slice(start, start + BLOCK))


def correct(
    mass: NDArray[np.float32], et: NDArray[np.float32], factor: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return x = ln(m / m_Z), shape (n,), and Et [GeV] after energies are multiplied by a factor.

    The mass of two massless particles goes with the root of both energies, m' = m sqrt(f1 f2).
    `mass` has shape (n,), `et` and `factor` have shape (n, 2).
    """
    x, corrected = np.empty(len(mass)), np.empty_like(et)
    _correct(
        read_only(mass), read_only(et.reshape(-1)), factor.reshape(-1), x, corrected.reshape(-1)
    )
    return x, corrected


def pair_or_reason(
    category: NDArray[np.int16],
    et: NDArray[np.float32],
    found: BoolArray,
    et_min: tuple[float, float],
) -> NDArray[np.int32]:
    """Return the number of the pair of categories, or why an event is not filled, shape (n,).

    Arrays have shape (n, 2), the electrons in any order. An event is not filled if the harder or
    the softer electron is below its threshold, if an electron is not `found` in a table, or if it
    has no category; see `histogram.MassFiller.add` for the numbers that say so.
    """
    pair = np.empty(len(et), np.int32)
    leading, subleading = np.float32(et_min[0]), np.float32(et_min[1])
    _pair_or_reason(
        category.reshape(-1), et.reshape(-1), found.reshape(-1), leading, subleading, pair
    )
    return pair


@compiled
def _correct(
    mass: NDArray[np.float32],
    et: NDArray[np.float32],
    factor: NDArray[np.float64],
    x: NDArray[np.float64],
    corrected: NDArray[np.float32],
) -> None:
    """Fill `x` and `corrected`; what belongs to the electrons of an event stands side by side."""
    for i in range(len(x)):
        both = factor[2 * i] * factor[2 * i + 1]
        x[i] = natural_log(mass[i] / Z_MASS * math.sqrt(both))
    for k in range(len(et)):
        corrected[k] = et[k] * factor[k]


@compiled
def _pair_or_reason(
    category: NDArray[np.int16],
    et: NDArray[np.float32],
    found: NDArray[np.bool_],
    leading: np.float32,
    subleading: np.float32,
    pair: NDArray[np.int32],
) -> None:
    """Fill `pair`; the last reason that applies is the one that counts."""
    for i in range(len(pair)):
        a, b = np.int32(category[2 * i]), np.int32(category[2 * i + 1])
        low, high = min(a, b), max(a, b)
        number = high * (high + 1) // 2 + low if low >= 0 else NO_PAIR
        number = number if found[2 * i] & found[2 * i + 1] else NO_ROW
        hard = max(et[2 * i], et[2 * i + 1]) >= leading
        hard &= min(et[2 * i], et[2 * i + 1]) >= subleading
        pair[i] = number if hard else SOFT
