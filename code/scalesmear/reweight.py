"""Weights by pT and abs(rapidity) of the Z from the spectra of data and simulation.

A weight is the share of the data in a cell over that of the simulation, so that all weights
together keep the sum of weights of the simulation. Cells with few events share the weight of their
neighbours in pT; what remains without data or simulation keeps weight 1. Both are counted.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import chdtrc

from scalesmear.errors import InputError
from scalesmear.runs import group_neighbours
from scalesmear.spectra import ZSpectra
from scalesmear.zweights import WeightTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Numbers = NDArray[np.int32]

ALONE = np.int32(-1)
"""Group of cells for which no weight is determined."""

ENOUGH_TO_TELL = 50
"""Of so many events, some have an electron with eta below 0, unless the sign was lost."""


@dataclass(frozen=True, kw_only=True)
class ReweightSettings:
    """Whether and how simulation is weighted.

    Attributes
    ----------
    enabled : bool
        If not, all weights are 1, and the spectra are only compared.
    min_events : int
        Least number of data events, and least effective number of simulated events, that a weight
        is made of.
    """

    enabled: bool = False
    min_events: int = 100


@dataclass(frozen=True)
class Agreement:
    """How far the spectra of simulation are from those of the data, by groups of cells.

    Attributes
    ----------
    chi2, ndf : float, int
        Of the shapes: sum of (D - S)^2 / (D + Var S), with S normalised to the data.
    largest, largest_error : float
        The relative difference of data and simulation in the group where it is largest.
    rms : float
        Root mean square of the relative difference over simulated events.
    mass_shift : float
        Relative change of the mean mass if simulation were weighted by what is left.
    mass_noise : float
        Standard deviation of that change from the numbers of events in the groups alone.
    mass_error : float
        Statistical error of the mean mass of data and simulation together, to compare with.
    """

    chi2: float
    ndf: int
    largest: float
    largest_error: float
    rms: float
    mass_shift: float
    mass_noise: float
    mass_error: float

    @property
    def p_value(self) -> float:
        """Probability of a chi2 at least as large."""
        return float(chdtrc(self.ndf, self.chi2)) if self.ndf > 0 else 1.0


NOTHING = Agreement(0.0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""What there is to compare where no group of cells has enough events."""


@dataclass(frozen=True, eq=False)
class Reweighting:
    """Weights and what they were made from.

    Attributes
    ----------
    settings : ReweightSettings
    data, sim : ZSpectra
        Of all jobs; simulation without these weights.
    group : int32 array, shape of the grid
        Number of the group of cells that share a weight; `ALONE` where there is none.
    weight, error : float arrays, shape of the grid
        Weights, and their statistical errors.
    """

    settings: ReweightSettings
    data: ZSpectra
    sim: ZSpectra
    group: Numbers
    weight: Floats
    error: Floats

    @property
    def table(self) -> WeightTable:
        """The weights as events look them up."""
        return WeightTable(self.sim.grid, self.weight)

    @property
    def has_signs(self) -> bool:
        """Whether the rapidity is known: not where eta was stored as abs(eta)."""
        return _has_sign(self.data) and _has_sign(self.sim)

    @property
    def n_undetermined(self) -> int:
        """Number of cells without a weight of their own or of their neighbours."""
        return int(np.count_nonzero(self.group == ALONE))

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object, with the derived numbers for its reader."""
        return {
            "settings": asdict(self.settings),
            "weight": self.weight.tolist(),
            "error": self.error.tolist(),
            "group": self.group.tolist(),
            "undetermined_cells": self.n_undetermined,
            "agreement": asdict(agreement(self.data, self.sim, self.group)),
            "data": self.data.to_json(),
            "sim": self.sim.to_json(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any], where: object = "reweighting") -> Reweighting:
        """Read what `to_json` returns; `where` names the file in an error.

        Raises
        ------
        InputError
            If the content is not that of a reweighting.
        """
        try:
            return cls(
                settings=ReweightSettings(**content["settings"]),
                data=ZSpectra.from_json(content["data"], where),
                sim=ZSpectra.from_json(content["sim"], where),
                group=np.array(content["group"], np.int32),
                weight=np.array(content["weight"], np.float64),
                error=np.array(content["error"], np.float64),
            )
        except (KeyError, TypeError, ValueError) as error:
            cure = "make it with scalesmear reweight"
            raise InputError(where, f"not a reweighting ({error!r})", cure) from error


def _has_sign(spectra: ZSpectra) -> bool:
    return spectra.n_backward > 0 or spectra.n_events < ENOUGH_TO_TELL


def derive_weights(data: ZSpectra, sim: ZSpectra, settings: ReweightSettings) -> Reweighting:
    """Return the weights that give simulation the spectra of the data.

    w = (D / sum D) / (S / sum S) for each group of cells, with sums over all groups.

    Raises
    ------
    InputError
        If weights are asked for and the sign of eta was lost, or no cell has enough events.
    """
    if data.grid != sim.grid:
        raise ValueError("data and simulation have different cells")
    group = groups_of(data, sim, settings.min_events)
    ones, nothing = np.ones(sim.grid.shape), np.zeros(sim.grid.shape)
    undone = Reweighting(settings, data, sim, group, ones, nothing)
    if not settings.enabled:
        return undone
    _demand(undone)
    d, s, v = (_by_group(values, group) for values in (data.weight, sim.weight, sim.variance))
    ratio = (d / d.sum()) / (s / s.sum())
    error = ratio * np.sqrt(1 / d + v / s**2)
    weight, spread = np.append(ratio, 1.0)[group], np.append(error, 0.0)[group]
    return Reweighting(settings, data, sim, group, weight, spread)


def _demand(found: Reweighting) -> None:
    """Refuse what no weights can be made of."""
    if not found.has_signs:
        raise InputError(
            "reweight",
            "eta is never below 0: its sign was lost, and with it the rapidity of the Z",
            "set reweight to false, or give ntuples with signed eta",
        )
    if np.all(found.group == ALONE):
        raise InputError(
            "reweight",
            f"no range of rapidity has {found.settings.min_events} events of data and simulation",
            "lower reweight_min_events, or set reweight to false",
        )


def groups_of(data: ZSpectra, sim: ZSpectra, min_events: int) -> Numbers:
    """Return the number of the group of each cell: neighbours in pT with enough events together.

    A range of rapidity that has not enough of them is in no group, `ALONE`.
    """
    s, v = sim.weight, sim.variance
    effective = np.where(s > 0, s**2 / np.where(v > 0, v, np.inf), 0)
    enough = np.floor(np.minimum(data.weight, effective)).astype(int)
    group = np.full(sim.grid.shape, ALONE)
    n = 0
    for row, counts in enumerate(enough):
        for cells in group_neighbours(counts.tolist(), min_events):
            inside = slice(cells.start, cells.stop)
            if counts[inside].sum() >= min_events and s[row, inside].sum() > 0:
                group[row, inside] = n
                n += 1
    return group


def _by_group(values: Floats, group: Numbers) -> Floats:
    """Return the sums over the cells of each group, shape (groups,)."""
    sums = np.bincount((group + 1).ravel(), values.ravel())[1:]
    return np.asarray(sums, np.float64)


def agreement(data: ZSpectra, sim: ZSpectra, group: Numbers) -> Agreement:
    """Compare the shapes of data and simulation in groups of cells; cells of none do not count."""
    d, s, v, x, xx = (
        _by_group(values, group)
        for values in (data.weight, sim.weight, sim.variance, sim.moment(1), sim.moment(2))
    )
    if not len(d) or s.sum() <= 0 or d.sum() <= 0:
        return NOTHING
    scale = d.sum() / s.sum()
    chi2 = (d - scale * s) ** 2 / (d + scale**2 * v)
    left, share = d / (scale * s) - 1, s / s.sum()
    noise = (1 + left) * np.sqrt(1 / np.maximum(d, 1) + v / s**2)
    worst = int(np.argmax(np.abs(left)))
    mean = x.sum() / s.sum()
    away = x / s - mean
    variance = xx.sum() / s.sum() - mean**2
    return Agreement(
        chi2=float(chi2.sum()),
        ndf=len(d) - 1,
        largest=float(left[worst]),
        largest_error=float(noise[worst]),
        rms=float(np.sqrt((share * left**2).sum())),
        mass_shift=float((share * left * away).sum()),
        mass_noise=float(np.sqrt(((share * noise * away) ** 2).sum())),
        mass_error=math.sqrt(variance * float(1 / d.sum() + v.sum() / s.sum() ** 2)),
    )
