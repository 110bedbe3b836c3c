"""Read the histograms of all jobs for a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.errors import InputError
from scalesmear.histogram import MassHistograms, PairHistograms, add_up
from scalesmear.io.histogramfile import read_histograms

if TYPE_CHECKING:
    from collections.abc import Sequence


def read_jobs(paths: Sequence[str]) -> tuple[MassHistograms, MassHistograms]:
    """Return the sums of all jobs of data and of simulation.

    Raises
    ------
    InputError
        If there is no data or no simulation among them, or they differ in their binning.
    """
    jobs = [read_histograms(path) for path in paths]
    sums = {}
    for kind in ("data", "sim"):
        parts = [job for job in jobs if job.kind == kind]
        if not parts:
            raise InputError(
                " ".join(paths), f"no histograms of {kind} among them", "give data and simulation"
            )
        try:
            sums[kind] = add_up(parts)
        except ValueError as error:
            raise InputError(" ".join(paths), str(error), "fill all with one setting") from error
    return sums["data"], sums["sim"]


def pair_histograms(paths: Sequence[str]) -> PairHistograms:
    """Return data and simulation of all jobs on the same pairs."""
    return PairHistograms.of(*read_jobs(paths))
