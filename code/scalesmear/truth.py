"""What toy data were made with, and the factors that their electrons need."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scalesmear.cells import Boxes, CellGrid, Window
from scalesmear.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from scalesmear.cells import Range
    from scalesmear.events import Events, FloatArray, IntArray


class EtLine(NamedTuple):
    """A factor on the energy that rises with Et on a straight line, and is constant beyond its ends.

    Attributes
    ----------
    slope : float
        By how much it rises per 10 GeV.
    pivot : float
        Et at which it is 1 [GeV].
    range : (float, float)
        Ends of the line [GeV].
    """

    slope: float = 0.0
    pivot: float = 45.0
    range: Range = (25.0, 65.0)

    def tens(self, et: FloatArray) -> NDArray[np.float64]:
        """Return how far along the line Et [GeV] is from the pivot, in units of 10 GeV."""
        return np.asarray((np.clip(et, *self.range) - self.pivot) / 10, np.float64)


class Needs(NamedTuple):
    """What data electrons need; each array has shape (n, 2)."""

    factor: NDArray[np.float64]  # on the energy: all of them multiplied
    by_et: NDArray[np.float64]  # the part of it that Et asks for
    by_gain: NDArray[np.float64]  # the part that the gain asks for
    tens: NDArray[np.float64]  # of corrected Et along the line by Et, see EtLine


@dataclass(frozen=True)
class Truth:
    """What toy data need to be calibrated: scale x drift x factor of the gain x factor by Et.

    Attributes
    ----------
    scales, smearings : tuple of (Window, float)
    regions : tuple of (float, float)
        Ranges of |eta| with a drift of their own.
    drift : dict
        Factors of all regions by run.
    gain : dict
        Factors by gain, relative to gain 12.
    et : EtLine
        The factor by the Et that the others leave.
    """

    scales: tuple[tuple[Window, float], ...]
    smearings: tuple[tuple[Window, float], ...]
    regions: tuple[Range, ...]
    drift: Mapping[int, tuple[float, ...]]
    gain: Mapping[int, float] = field(default_factory=dict)
    et: EtLine = field(default_factory=EtLine)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Truth:
        """Read the truth that ``scalesmear toys`` writes.

        Raises
        ------
        KeyError, TypeError, ValueError
            If something is missing or of another type.
        """
        drift, usual = content["drift"], EtLine()
        low, high = content.get("et_line", usual.range)
        return cls(
            scales=tuple((Window.from_json(c), float(c["scale"])) for c in content["scales"]),
            smearings=tuple(
                (Window.from_json(c), float(c["smearing"])) for c in content["smearings"]
            ),
            regions=tuple((float(low), float(high)) for low, high in drift["regions"]),
            drift={
                int(run): tuple(map(float, factors))
                for run, factors in zip(drift["runs"], drift["factor"], strict=True)
            },
            gain={int(gain): float(factor) for gain, factor in content["gain"].items()},
            et=EtLine(
                float(content.get("et_slope", usual.slope)),
                float(content.get("et_pivot", usual.pivot)),
                (float(low), float(high)),
            ),
        )

    def mean_drift(self, region: int, runs: Mapping[int, int], within: tuple[int, int]) -> float:
        """Return the drift of a region, averaged over the events of the runs in a range."""
        inside = {run: n for run, n in runs.items() if within[0] <= run <= within[1]}
        total = sum(inside.values())
        return sum(n * self.drift[run][region] for run, n in inside.items()) / total

    def needs(self, events: Events) -> Needs:
        """Return what data electrons need; not a number in no window of the truth.

        Parameters
        ----------
        events : Events
            With the columns run, et, eta_sc, r9 and gain.

        Raises
        ------
        InputError
            If the truth does not know a run.
        """
        by_gain = self._by_gain[events.gain]
        scale = _look_up([w for w, _ in self.scales], [v for _, v in self.scales], events)
        at_pivot = scale * self._drift_of(events) * by_gain
        tens = self.et.tens(events.et * at_pivot)
        by_et = 1 + self.et.slope * tens
        return Needs(at_pivot * by_et, by_et, by_gain, tens)

    @cached_property
    def _by_gain(self) -> NDArray[np.float64]:
        factors = np.ones(max((12, *self.gain)) + 1)
        for gain, factor in self.gain.items():
            factors[gain] = factor
        return factors

    def _drift_of(self, events: Events) -> NDArray[np.float64]:
        place = self._places(events.run)[:, None]
        windows = [Window(abs_eta=region) for region in self.regions]
        region = _look_up(windows, range(len(windows)), events)
        known = np.isfinite(region)
        drift = np.array([self.drift[run] for run in sorted(self.drift)])
        return np.where(known, drift[place, np.where(known, region, 0).astype(np.intp)], np.nan)

    def _places(self, run: IntArray) -> NDArray[np.intp]:
        runs = np.array(sorted(self.drift), np.int64)
        unknown = np.setdiff1d(run, runs)
        if unknown.size:
            cure = "give the truth that these toys were made with"
            raise InputError("truth", f"run {unknown[0]} is not in it", cure)
        return np.searchsorted(runs, run)


def _look_up(
    windows: Sequence[Window], values: Sequence[float], events: Events
) -> NDArray[np.float64]:
    """Return the value of the window that each electron is in, not a number in none."""
    boxes = Boxes.of(windows)
    grid = CellGrid.of(boxes)
    number = grid.paint(boxes).ravel()
    found = number[grid.cell_of(events.abs_eta, events.r9, events.et, events.gain)]
    return np.where(found < 0, np.nan, np.asarray(values, np.float64)[found])
