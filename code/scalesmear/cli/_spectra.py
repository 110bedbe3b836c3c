"""Read the spectra of the Z of all jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.errors import InputError
from scalesmear.io.files import read_json
from scalesmear.spectra import ZSpectra, add_spectra

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalesmear.histogram import Kind


def read_spectra(paths: Sequence[str]) -> tuple[ZSpectra, ZSpectra]:
    """Return the sums of all jobs of data and of simulation.

    Raises
    ------
    InputError
        If there is no data or no simulation among them, or they do not add up.
    """
    jobs = _read(paths)
    return _sum_of(jobs, "data", paths), _sum_of(jobs, "sim", paths)


def read_spectra_of_simulation(paths: Sequence[str]) -> ZSpectra:
    """Return the sum of all jobs of simulation.

    Raises
    ------
    InputError
        If there is none among them, or they do not add up.
    """
    return _sum_of(_read(paths), "sim", paths)


def _read(paths: Sequence[str]) -> list[ZSpectra]:
    return [ZSpectra.from_json(read_json(path, "spectra"), path) for path in paths]


def _sum_of(jobs: Sequence[ZSpectra], kind: Kind, paths: Sequence[str]) -> ZSpectra:
    parts = [job for job in jobs if job.kind == kind]
    if not parts:
        raise InputError(
            " ".join(paths), f"no spectra of {kind} among them", "give data and simulation"
        )
    try:
        return add_spectra(parts)
    except ValueError as error:
        raise InputError(" ".join(paths), str(error), "fill all with one setting") from error
