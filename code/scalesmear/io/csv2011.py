"""The public table of Z->ee candidates of CMS in 2011 (CERN Open Data record 5207).

A comma-separated table with a header: Run, Event, and for electrons 1 and 2 pt, eta, phi, charge Q,
type (EB or EE), sigmaEtaEta, HoverE and three isolation sums. It has neither R9 nor gain nor the
position of the supercluster, pt1 is not always the larger one, and a fifth of the pairs are of
equal charge.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scalesmear.errors import InputError
from scalesmear.events import Events
from scalesmear.io.files import existing
from scalesmear.kinematics import pair_mass

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from scalesmear.events import BoolArray

ELECTRON_COLUMNS = (
    "pt", "eta", "phi", "Q", "type", "sigmaEtaEta", "HoverE", "isoTrack", "isoEcal", "isoHcal",
)  # fmt: skip
TYPES = {"EB": 0.0, "EE": 1.0}
CONSTANT_R9 = 0.95
LOOSE, MEDIUM, TIGHT = 4, 8, 16


class Limits(NamedTuple):
    """Upper limits of an identification, barrel and endcap."""

    sigma_eta_eta: tuple[float, float]
    h_over_e: float
    track_isolation: float  # sum / pt
    calorimeter_isolation: float  # each of the two sums / pt


MEDIUM_LIMITS = Limits((0.012, 0.031), 0.05, 0.10, np.inf)
TIGHT_LIMITS = Limits((0.0105, 0.029), 0.04, 0.05, 0.10)
"""Round numbers of the size that CMS used in 2011; the table lacks the other variables."""


@dataclass(frozen=True)
class CsvCandidates:
    """The candidates of the table, electron of larger pt first.

    Attributes
    ----------
    events : Events
        R9 and gain are constants, eta_sc is eta.
    identification : uint32 array, shape (n, 2)
        Bits `LOOSE` (all), `MEDIUM`, `TIGHT`.
    charge : int16 array, shape (n, 2)
    n_dropped : int
        Rows without a finite, positive pt, or with another value that is not finite.
    """

    events: Events
    identification: NDArray[np.uint32]
    charge: NDArray[np.int16]
    n_dropped: int


def read_csv(path: str | os.PathLike[str]) -> CsvCandidates:
    """Read the table.

    Raises
    ------
    InputError
        If the file is missing, lacks a column or has a value that is not a number.
    """
    found = existing(path, "CSV file", "download Zee_Run2011A.csv of CERN Open Data record 5207")
    columns = _read_columns(found)
    electron = {
        name: np.stack([columns[f"{name}{leg}"] for leg in (1, 2)], axis=1)
        for name in ELECTRON_COLUMNS
    }
    good = np.all([np.isfinite(v).all(axis=1) for v in electron.values()], axis=0)
    good &= (electron["pt"] > 0).all(axis=1)
    order = np.argsort(-electron["pt"][good], axis=1, kind="stable")
    ordered = {n: np.take_along_axis(v[good], order, axis=1) for n, v in electron.items()}
    return CsvCandidates(
        events=_events(columns["Run"][good], columns["Event"][good], ordered),
        identification=identification(ordered),
        charge=ordered["Q"].astype(np.int16),
        n_dropped=int(np.count_nonzero(~good)),
    )


def _read_columns(path: os.PathLike[str]) -> dict[str, NDArray[Any]]:
    wanted = ["Run", "Event", *(f"{name}{leg}" for leg in (1, 2) for name in ELECTRON_COLUMNS)]
    values: dict[str, list[float]] = {name: [] for name in wanted}
    cure = "give the table of CERN Open Data record 5207"
    with open(path, newline="", encoding="utf-8") as stream:  # noqa: PTH123
        rows = csv.DictReader(stream)
        missing = [name for name in wanted if name not in (rows.fieldnames or ())]
        if missing:
            raise InputError(path, f"no column {missing[0]!r}", cure)
        for row in rows:
            for name in wanted:
                try:
                    values[name].append(_number(name, row[name]))
                except (TypeError, ValueError, KeyError) as error:
                    where = f"{path}:{rows.line_num}"
                    raise InputError(where, f"{name} is {row[name]!r}", cure) from error
    return {name: np.array(column) for name, column in values.items()}


def _number(name: str, text: str) -> float:
    return TYPES[text.strip()] if name.startswith("type") else float(text)


def _events(run: NDArray[Any], event: NDArray[Any], electron: dict[str, NDArray[Any]]) -> Events:
    pt, eta, phi = (electron[name] for name in ("pt", "eta", "phi"))
    return Events(
        run=run,
        event=event,
        weight=np.ones(len(run)),
        mass=pair_mass(pt, eta, phi),
        et=pt,
        eta=eta,
        phi=phi,
        eta_sc=eta,
        r9=np.full(pt.shape, CONSTANT_R9),
        gain=np.full(pt.shape, 12),
    )


def identification(electron: dict[str, NDArray[Any]]) -> NDArray[np.uint32]:
    """Return the identification bits of electrons, given their variables, shape (n, 2)."""
    bits = np.full(electron["pt"].shape, LOOSE, np.uint32)
    bits[_passes(electron, MEDIUM_LIMITS)] |= MEDIUM
    bits[_passes(electron, TIGHT_LIMITS)] |= TIGHT
    return bits


def _passes(electron: dict[str, NDArray[Any]], limits: Limits) -> BoolArray:
    pt = electron["pt"]
    sigma = np.where(electron["type"] == TYPES["EB"], *limits.sigma_eta_eta)
    passes: BoolArray = (
        (electron["sigmaEtaEta"] < sigma)
        & (electron["HoverE"] < limits.h_over_e)
        & (electron["isoTrack"] < limits.track_isolation * pt)
        & (electron["isoEcal"] < limits.calorimeter_isolation * pt)
        & (electron["isoHcal"] < limits.calorimeter_isolation * pt)
    )
    return passes
