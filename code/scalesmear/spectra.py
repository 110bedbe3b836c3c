"""Spectra of pT and abs(rapidity) of the Z: exact sums of one job, and of all.

Filled with the events that fits see: above the Et thresholds and inside the mass window after
correction. Sums are integers in units of a power of two, as in `scalesmear.histogram`, so that
what is made from them does not depend on how events are spread over files.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.compiled import compiled
from scalesmear.errors import InputError
from scalesmear.fill import BELOW_ET, WITHOUT_ROW, correct, in_blocks
from scalesmear.histogram import UNIT_BITS, UNITS, Kind
from scalesmear.kinematics import Z_MASS, above_thresholds
from scalesmear.zweights import ZGrid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from scalesmear.events import BoolArray, Events
    from scalesmear.fill import Corrections, FillSettings

    Sums = NDArray[np.int64]

OUTSIDE_WINDOW = "outside the mass window after correction"
OUTSIDE_TABLE = "with pT or rapidity of the Z outside the table"

MOMENTS = ("w", "w^2", "w x", "w x^2")
"""The sums of a cell: of weights, their squares, and weights times powers of x = ln(m / m_Z)."""

PLAIN_FIELDS = ("kind", "exponent", "outside", "n_events", "n_backward", "dropped")


@dataclass(frozen=True, eq=False)
class ZSpectra:
    """Sums over the events of each cell in abs(rapidity) and pT.

    Attributes
    ----------
    kind : {"data", "sim"}
    grid : ZGrid
    exponent : int
        Weights are in units of 2^(exponent - UNIT_BITS), see `histogram.weight_exponent`.
    sums : int64 array, shape (4, abs(y), pT)
        The sums that `MOMENTS` names.
    outside : int
        Sum of weights of events outside all cells, in the same unit.
    n_events : int
        Events that were read.
    n_backward : int
        Electrons with eta below 0 among them: none, if the sign was lost.
    dropped : dict
        Number of events in no cell, by reason.
    """

    kind: Kind
    grid: ZGrid
    exponent: int
    sums: Sums
    outside: int
    n_events: int
    n_backward: int
    dropped: dict[str, int]

    @property
    def weight(self) -> NDArray[np.float64]:
        """Sum of weights of each cell."""
        return self.moment(0)

    @property
    def variance(self) -> NDArray[np.float64]:
        """Sum of squared weights of each cell."""
        unit = 2.0 ** (2 * self.exponent - UNIT_BITS)
        return np.asarray(self.sums[1] * unit)

    def moment(self, power: int) -> NDArray[np.float64]:
        """Return the sum of weight times x^power of each cell, power 0, 1 or 2."""
        return np.asarray(self.sums[(0, 2, 3)[power]] * self._unit)

    @property
    def _unit(self) -> float:
        return 2.0 ** (self.exponent - UNIT_BITS)

    @property
    def outside_weight(self) -> float:
        """Sum of weights of events outside all cells."""
        return self.outside * self._unit

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object."""
        grid = asdict(self.grid)
        return {field: getattr(self, field) for field in PLAIN_FIELDS} | {
            "grid": grid,
            "sums": self.sums.tolist(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any], where: object = "spectra") -> ZSpectra:
        """Read what `to_json` returns; `where` names the file in an error.

        Raises
        ------
        InputError
            If the content is not that of spectra.
        """
        try:
            grid = ZGrid(**{name: tuple(edges) for name, edges in content["grid"].items()})
            sums = np.array(content["sums"], np.int64).reshape(len(MOMENTS), *grid.shape)
            plain = {field: content[field] for field in PLAIN_FIELDS}
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            cure = "make it with scalesmear z-spectra"
            raise InputError(where, f"no spectra of the Z in it ({error!r})", cure) from error
        return cls(grid=grid, sums=sums, **plain)

    def __add__(self, other: ZSpectra) -> ZSpectra:
        """Add the spectra of two jobs of the same kind and cells."""
        mine, theirs = ((s.kind, s.exponent, s.grid) for s in (self, other))
        if mine != theirs:
            raise ValueError(f"spectra of {mine} and {theirs} do not add up")
        return ZSpectra(
            kind=self.kind,
            grid=self.grid,
            exponent=self.exponent,
            sums=self.sums + other.sums,
            outside=self.outside + other.outside,
            n_events=self.n_events + other.n_events,
            n_backward=self.n_backward + other.n_backward,
            dropped={r: self.dropped.get(r, 0) + n for r, n in other.dropped.items()},
        )


def spectra_columns(corrections: Corrections, kind: Kind) -> tuple[str, ...]:
    """Return the columns that a fill of spectra needs."""
    return tuple(dict.fromkeys((*corrections.columns(kind), "eta", "phi")))


def fill_spectra(
    batches: Iterable[Events],
    kind: Kind,
    settings: FillSettings,
    corrections: Corrections,
    exponent: int = 0,
    grid: ZGrid | None = None,
) -> ZSpectra:
    """Return the spectra of one job's events.

    Parameters
    ----------
    batches : iterable of Events
        With the columns `spectra_columns`.
    kind : {"data", "sim"}
    settings : FillSettings
        Its Et thresholds and mass window decide which events count.
    corrections : Corrections
        pT and rapidity are those of corrected energies.
    exponent : int
        Power of two above the largest weight of the whole sample; 0 in data.
    grid : ZGrid, optional
        The cells, those of the standard table if it is not given.

    Raises
    ------
    ValueError
        If a weight is larger than the exponent allows, or not a number.
    """
    cells = grid or ZGrid()
    sums = np.zeros((cells.size + 1, len(MOMENTS)), np.int64)  # the last row is outside
    n_events = n_backward = 0
    reasons = (BELOW_ET, WITHOUT_ROW, OUTSIDE_WINDOW, OUTSIDE_TABLE)
    dropped = dict.fromkeys(reasons, 0)
    for events in in_blocks(batches):
        factor, found = corrections.factors(events, kind)
        x, et = correct(events.mass, events.et, factor)
        cell = cells.cell_of(et, events.eta, events.phi)
        kept = np.ones(len(events), np.bool_)
        for reason, passed in _cuts(x, et, found, settings):
            dropped[reason] += int(np.count_nonzero(kept & ~passed))
            kept &= passed
        dropped[OUTSIDE_TABLE] += int(np.count_nonzero(kept & (cell < 0)))
        weight = np.ones(len(x)) if kind == "data" else corrections.weights_of(events)
        size = np.ldexp(weight, -exponent)
        if not _add(cell[kept], x[kept], size[kept].astype(np.float64), sums):
            raise ValueError(f"a weight is not a number, or larger than 2^{exponent}")
        n_events += len(events)
        n_backward += int(np.count_nonzero(events.eta < 0))
    shaped = np.ascontiguousarray(sums[:-1].T).reshape(len(MOMENTS), *cells.shape)
    outside = int(sums[-1, 0])
    return ZSpectra(kind, cells, exponent, shaped, outside, n_events, n_backward, dropped)


def _cuts(
    x: NDArray[np.float64], et: NDArray[np.float32], found: BoolArray, settings: FillSettings
) -> tuple[tuple[str, BoolArray], ...]:
    """Return name and mask of what an event must pass, shape (n,) each."""
    low, high = np.log(np.array(settings.mass_window) / Z_MASS)
    return (
        (BELOW_ET, above_thresholds(et, settings.et_min)),
        (WITHOUT_ROW, found[:, 0] & found[:, 1]),
        (OUTSIDE_WINDOW, (x >= low) & (x < high)),
    )


@compiled
def _add(
    cell: NDArray[np.int32], x: NDArray[np.float64], weight: NDArray[np.float64], sums: Sums
) -> bool:
    """Add events to the sums of their cells, -1 being the last; whether weights are in [-1, 1]."""
    too_large = 0
    for i in range(len(cell)):
        w, place = weight[i], sums[cell[i]]
        place[0] += np.int64(np.rint(w * UNITS))
        place[1] += np.int64(np.rint(w * w * UNITS))
        place[2] += np.int64(np.rint(w * x[i] * UNITS))
        place[3] += np.int64(np.rint(w * x[i] * x[i] * UNITS))
        too_large += not abs(w) <= 1
    return too_large == 0
