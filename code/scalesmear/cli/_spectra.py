"""Read the spectra of the Z of all jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.cli._jobs import sum_of, sum_of_each
from scalesmear.io.files import read_json
from scalesmear.spectra import ZSpectra

if TYPE_CHECKING:
    from collections.abc import Sequence


def read_spectra(paths: Sequence[str]) -> tuple[ZSpectra, ZSpectra]:
    """Return the sums of all jobs of data and of simulation.

    Raises
    ------
    InputError
        If there is no data or no simulation among them, or they do not add up.
    """
    return sum_of_each(_read(paths), paths, "spectra")


def read_spectra_of_simulation(paths: Sequence[str]) -> ZSpectra:
    """Return the sum of all jobs of simulation.

    Raises
    ------
    InputError
        If there is none among them, or they do not add up.
    """
    return sum_of("sim", _read(paths), paths, "spectra")


def _read(paths: Sequence[str]) -> list[ZSpectra]:
    return [ZSpectra.from_json(read_json(path, "spectra"), path) for path in paths]
