"""ECALELF ntuples: one entry per dielectron event, arrays of three slots for the electrons.

The third slot is not used, and neither the first nor the second is trusted to be the leading one.
The gain is stored as a bit mask, which is decoded here and nowhere else.
"""

from __future__ import annotations

import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import uproot

from scalesmear.errors import InputError
from scalesmear.events import Events
from scalesmear.io.ahead import one_ahead
from scalesmear.io.files import whole_file
from scalesmear.io.rootfile import damage_is_an_input_error, open_root
from scalesmear.kinematics import transverse_energy
from scalesmear.selection import Candidates

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from scalesmear.events import FloatArray
    from scalesmear.histogram import Kind

    Arrays = Mapping[str, NDArray[Any]]

CHUNK_SIZE = 1 << 17
"""Entries read at a time."""

ELECTRON_BRANCHES = {
    "r9": "R9Ele",
    "eta": "etaEle",
    "eta_sc": "etaSCEle",
    "phi": "phiEle",
    "energy": "energy_ECAL_ele",
    "gain_code": "gainSeedSC",
    "identification": "eleID",
}
EVENT_BRANCHES = {"run": "runNumber", "mass": "invMass_ECAL_ele"}
CHARGE, WEIGHT, EVENT = "chargeEle", "mcGenWeight", "eventNumber"
PILEUP = "nPU"

UNKNOWN_GAIN = 0
GAIN_OF_CODE = np.full(256, UNKNOWN_GAIN, np.uint8)
GAIN_OF_CODE[:4] = (12, 6, 1, 1)
"""Bit 0 of the code: the seed crystal switched to gain 6; bit 1: to gain 1."""

CODE_OF_GAIN = {12: 0, 6: 1, 1: 2}


@dataclass(frozen=True)
class Ntuple:
    """A tree of an open ntuple file, see `open_ntuple`.

    Attributes
    ----------
    path : pathlib.Path
    listed_as : str
        How the sample list calls the file.
    name : str
        Of the tree, with its folder in the file.
    tree : uproot.TTree
    kind : {"data", "sim"}
    pileup_weights : tuple of float
        Factor on the weight of a simulated event by its number of pile-up interactions; empty for
        none.
    """

    path: Path
    listed_as: str
    name: str
    tree: Any
    kind: Kind
    pileup_weights: tuple[float, ...] = ()

    @property
    def where(self) -> str:
        """File and tree, for messages."""
        return f"{self.path}: tree {self.name!r}"

    @property
    def n_entries(self) -> int:
        """Number of events in the tree."""
        return int(self.tree.num_entries)

    def has(self, branch: str) -> bool:
        """Tell whether an optional branch exists."""
        return branch in self.tree

    @property
    def notes(self) -> list[str]:
        """What is missing, and what is done without it."""
        wanted = {
            CHARGE: "the charge is not cut on",
            EVENT: "events are numbered by file and entry",
        }
        if self.kind == "sim":
            wanted[WEIGHT] = "all weights are 1"
        missing = [(name, result) for name, result in wanted.items() if not self.has(name)]
        return [f"{self.listed_as}: no branch {name}, so {result}" for name, result in missing]

    def candidates(self) -> Iterator[Candidates]:
        """Return the pairs of electrons, leading first, in chunks of `CHUNK_SIZE` entries.

        A thread makes the next chunk while one is worked on.

        Raises
        ------
        InputError
            If the file is damaged, or a generator weight is not a number.
        """
        return one_ahead(self._all_candidates())

    def _all_candidates(self) -> Iterator[Candidates]:
        start = 0
        for arrays in self._chunks():
            yield self._candidates(arrays, start)
            start += len(arrays[EVENT_BRANCHES["run"]])

    def _branches(self) -> list[str]:
        optional = [CHARGE, EVENT] + [WEIGHT] * (self.kind == "sim")
        required = [*EVENT_BRANCHES.values(), *ELECTRON_BRANCHES.values()]
        required += [PILEUP] * self._uses_pileup
        return required + [name for name in optional if self.has(name)]

    def _chunks(self) -> Iterator[Arrays]:
        names = self._branches()
        with damage_is_an_input_error(self.where):
            yield from self.tree.iterate(names, step_size=CHUNK_SIZE, library="np")

    def _candidates(self, arrays: Arrays, start: int) -> Candidates:
        electrons = {name: arrays[branch] for name, branch in ELECTRON_BRANCHES.items()}
        energy, eta = (
            first_two(values).astype(np.float32, copy=False)
            for values in (electrons.pop("energy"), electrons["eta"])
        )
        with np.errstate(over="ignore", invalid="ignore"):
            electrons["et"] = et = transverse_energy(energy, eta)
        if CHARGE in arrays:
            electrons["charge"] = arrays[CHARGE]
        swapped = np.flatnonzero(et[:, 1] > et[:, 0])
        ordered = {name: leading_first(values, swapped) for name, values in electrons.items()}
        charge = ordered.pop("charge", None)
        events = Events(
            run=arrays[EVENT_BRANCHES["run"]],
            event=arrays[EVENT] if EVENT in arrays else numbered(self.listed_as, start, len(et)),
            weight=self._weights(arrays, start, len(et)),
            mass=arrays[EVENT_BRANCHES["mass"]],
            gain=gain_of_code(ordered.pop("gain_code")),
            **ordered,
        )
        return Candidates(events, charge)

    @property
    def _uses_pileup(self) -> bool:
        return self.kind == "sim" and len(self.pileup_weights) > 0

    def _weights(self, arrays: Arrays, start: int, n: int) -> NDArray[np.float32]:
        """Return the weight of the generator times that of the pile-up."""
        weight = self._generator_weights(arrays, start, n)
        if not self._uses_pileup:
            return weight
        return weight * self._pileup_weights(arrays[PILEUP], start)

    def _pileup_weights(self, n_pu: NDArray[Any], start: int) -> NDArray[np.float32]:
        table = np.array(self.pileup_weights, np.float32)
        unknown = np.flatnonzero((n_pu < 0) | (n_pu >= len(table)))
        if len(unknown):
            raise InputError(
                self.where,
                f"branch {PILEUP!r} is {n_pu[unknown[0]]} in entry {start + unknown[0]}, the table "
                f"of pile-up weights ends at {len(table) - 1}",
                "add lines to it, of weight 0 if data have no such events",
            )
        return table[n_pu.astype(np.intp)]

    def _generator_weights(self, arrays: Arrays, start: int, n: int) -> NDArray[np.float32]:
        if WEIGHT not in arrays:
            return np.ones(n, np.float32)
        weight: NDArray[np.float32] = arrays[WEIGHT].astype(np.float32, copy=False)
        if not np.isfinite(weight.sum(dtype=np.float64)):
            bad = int(np.flatnonzero(~np.isfinite(weight))[0])
            problem = f"branch {WEIGHT!r} is {weight[bad]} in entry {start + bad}"
            raise InputError(self.where, problem, "remove the event or mend its weight")
        return weight

    def check_gain(self, selected: Events) -> None:
        """Make sure that the gain of selected events was a known code.

        Raises
        ------
        InputError
            If a code was neither 0, 1, 2 nor 3.
        """
        check_gain(selected, self.where, f"branch {ELECTRON_BRANCHES['gain_code']!r}")


def check_gain(selected: Events, where: str, what: str) -> None:
    """Make sure that the gain of selected events was a known code.

    Raises
    ------
    InputError
        If a code was neither 0, 1, 2 nor 3.
    """
    if np.any(selected.gain == UNKNOWN_GAIN):
        cure = "store the bit mask of ECALELF (bit 0: gain 6, bit 1: gain 1), not the gain"
        raise InputError(where, f"{what} holds other codes than 0, 1, 2 and 3", cure)


def gain_of_code(code: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the gain 12, 6 or 1 of each code, `UNKNOWN_GAIN` for what is none."""
    if code.dtype != np.uint8:
        code = np.where((code < 0) | (code > 255), 255, code).astype(np.uint8)
    flat = code.reshape(-1)
    gain = np.full(flat.shape, GAIN_OF_CODE[0])
    others = np.flatnonzero(flat)  # few
    gain[others] = GAIN_OF_CODE[flat[others]]
    return gain.reshape(code.shape)


def code_of_gain(gain: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the code of each gain 12, 6 or 1."""
    code = np.zeros(max(CODE_OF_GAIN) + 1, np.uint8)
    code[list(CODE_OF_GAIN)] = list(CODE_OF_GAIN.values())
    return code[gain]


def numbered(listed_as: str, start: int, n: int) -> NDArray[np.uint64]:
    """Return event numbers that differ between the files of a list: its name, then the entry."""
    first = (zlib.crc32(listed_as.encode()) << 32) + start
    return np.arange(first, first + n, dtype=np.uint64)


def first_two(values: NDArray[Any]) -> NDArray[Any]:
    """Return the first two columns, shape (n, 2)."""
    out = np.empty((len(values), 2), values.dtype)
    for column in (0, 1):  # much faster than both at once
        out[:, column] = values[:, column]
    return out


def leading_first(values: NDArray[Any], swapped: NDArray[np.intp]) -> NDArray[Any]:
    """Return the first two columns, shape (n, 2), with the electrons of some events swapped."""
    ordered = first_two(values)
    ordered[swapped] = ordered[swapped, ::-1]
    return ordered


@contextmanager
def open_ntuple(
    path: Path,
    tree: str,
    kind: Kind,
    listed_as: str | None = None,
    pileup_weights: tuple[float, ...] = (),
) -> Iterator[Ntuple]:
    """Open a tree of an ntuple file.

    Raises
    ------
    InputError
        If the file is damaged, has not the tree, or the tree is empty or lacks a branch.
    """
    with open_root(path) as file:
        found = _tree(file, path, tree)
        ntuple = Ntuple(path, listed_as or str(path), tree, found, kind, pileup_weights)
        _check_branches(ntuple)
        yield ntuple


def _tree(file: Any, path: Path, name: str) -> Any:
    with damage_is_an_input_error(path):
        found = file.get(name)
        classes = file.classnames(cycle=False)
    if not isinstance(found, uproot.TTree):
        problem = f"there is no tree {name!r}"
        if found is not None:
            problem = f"{name!r} is a {classes.get(name, type(found).__name__)}"
        trees = sorted(key for key, kind in classes.items() if kind == "TTree")
        have = f"it has {', '.join(trees)}" if trees else "it has no tree at all"
        raise InputError(path, problem, f"{have}; mend the sample list")
    if found.num_entries == 0:
        raise InputError(path, f"tree {name!r} is empty", "remove the file from the sample list")
    return found


def _check_branches(ntuple: Ntuple) -> None:
    """Make sure that all branches are there, as numbers or arrays of at least two numbers."""
    per_electron = {*ELECTRON_BRANCHES.values(), CHARGE}
    cure = "produce the ntuple with it"
    for name in ntuple._branches():
        if not ntuple.has(name):
            raise InputError(ntuple.where, f"no branch {name!r}", cure)
        with damage_is_an_input_error(ntuple.where):
            branch = ntuple.tree[name]
            shape = getattr(branch.interpretation, "inner_shape", None)
        expected = shape is not None and len(shape) == (name in per_electron)
        if not expected or (shape and shape[0] < 2):
            need = "an array of 2 or 3 numbers" if name in per_electron else "a number"
            problem = f"branch {name!r} is of type {branch.typename}"
            raise InputError(ntuple.where, problem, f"it must be {need} per entry")


def ntuple_branches(
    events: Events,
    *,
    identification: NDArray[np.uint32],
    charge: NDArray[np.int16],
    **others: NDArray[Any],
) -> dict[str, NDArray[Any]]:
    """Return events as the branches of an ntuple.

    Parameters
    ----------
    events : Events
        With all columns.
    identification, charge : int arrays, shape (n, 2)
    **others : arrays, shape (n,) or (n, 2)
        Further branches by name.
    """
    branches: dict[str, NDArray[Any]] = {
        EVENT_BRANCHES["run"]: events.run,
        EVENT: events.event,
        WEIGHT: events.weight,
        ELECTRON_BRANCHES["r9"]: events.r9,
        ELECTRON_BRANCHES["eta"]: events.eta,
        ELECTRON_BRANCHES["eta_sc"]: events.eta_sc,
        ELECTRON_BRANCHES["phi"]: events.phi,
        ELECTRON_BRANCHES["energy"]: energy(events.et, events.eta),
        EVENT_BRANCHES["mass"]: events.mass,
        ELECTRON_BRANCHES["gain_code"]: code_of_gain(events.gain),
        ELECTRON_BRANCHES["identification"]: identification.astype(np.uint32),
        CHARGE: charge.astype(np.int16),
    }
    return {
        name: _three_slots(values) if values.ndim == 2 else values
        for name, values in (branches | others).items()
    }


def energy(et: FloatArray, eta: FloatArray) -> NDArray[np.float32]:
    """Return Et cosh(eta) [GeV]."""
    return (et * np.cosh(eta)).astype(np.float32)


def _three_slots(values: NDArray[Any]) -> NDArray[Any]:
    """Return an array of shape (n, 3) whose third electron is missing, as ECALELF marks it."""
    filler = {"f": -999, "i": -100}.get(values.dtype.kind, 0)
    out = np.full((len(values), 3), filler, values.dtype)
    out[:, :2] = values
    return out


COMPRESSIONS = {
    "none": None,
    "lz4": uproot.LZ4(1),
    "zstd": uproot.ZSTD(1),
    "zlib": uproot.ZLIB(1),
    "lzma": uproot.LZMA(1),
}


def write_ntuple(
    path: str | os.PathLike[str],
    chunks: Iterable[Arrays],
    tree: str = "selected",
    compression: str = "lz4",
) -> int:
    """Write an ntuple file, whole or not at all; each chunk becomes a basket of every branch.

    Parameters
    ----------
    path : path
    chunks : iterable of dict
        Branch name -> array, shape (n,) or (n, m); see `ntuple_branches`.
    tree : str
    compression : str
        A key of `COMPRESSIONS`.

    Returns
    -------
    int
        The number of entries.
    """
    n_entries = 0
    with (
        whole_file(path) as part,
        uproot.recreate(part, compression=COMPRESSIONS[compression]) as file,
    ):
        writer = None
        for chunk in one_ahead(chunks):
            types = {name: np.dtype((v.dtype, v.shape[1:])) for name, v in chunk.items()}
            writer = writer or file.mktree(tree, types)
            writer.extend(dict(chunk))
            n_entries += len(next(iter(chunk.values())))
    return n_entries
