"""Read the histograms of all jobs for a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.errors import InputError
from scalesmear.flows import Flows
from scalesmear.flows import add_up as add_up_flows
from scalesmear.histogram import MassHistograms, PairHistograms, add_up
from scalesmear.io.flowsfile import read_flows
from scalesmear.io.histogramfile import read_histograms

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from scalesmear.histogram import Kind


def read_jobs(paths: Sequence[str]) -> tuple[MassHistograms, MassHistograms]:
    """Return the sums of all jobs of data and of simulation.

    Raises
    ------
    InputError
        If there is no data or no simulation among them, or they differ in their binning.
    """
    jobs = [read_histograms(path) for path in paths]
    return _sum_of(jobs, "data", paths), _sum_of(jobs, "sim", paths)


def read_simulation(paths: Sequence[str]) -> MassHistograms:
    """Return the sum of all jobs of simulation.

    Raises
    ------
    InputError
        If there is none among them, or they differ in their binning.
    """
    return _sum_of([read_histograms(path) for path in paths], "sim", paths)


def _sum_of(jobs: Sequence[MassHistograms], kind: Kind, paths: Sequence[str]) -> MassHistograms:
    parts = [job for job in jobs if job.kind == kind]
    if not parts:
        raise InputError(
            " ".join(paths), f"no histograms of {kind} among them", "give data and simulation"
        )
    try:
        return add_up(parts)
    except ValueError as error:
        raise InputError(" ".join(paths), str(error), "fill all with one setting") from error


def configure_migration(parser: argparse.ArgumentParser) -> None:
    """Add the flag that names flows."""
    parser.add_argument(
        "--migration", nargs="+", default=(), metavar="FILE", help="flows.npz of all jobs"
    )


def pair_histograms(paths: Sequence[str], migration: Sequence[str] = ()) -> PairHistograms:
    """Return data and simulation of all jobs on the same pairs, with flows between these.

    Raises
    ------
    InputError
        As `read_jobs`, and if flows differ among each other or from the histograms.
    """
    data, sim = read_jobs(paths)
    flows = _read_flows(migration, sim) if migration else None
    return PairHistograms.of(data, sim, flows=flows)


def _read_flows(paths: Sequence[str], sim: MassHistograms) -> Flows:
    try:
        total = add_up_flows(map(read_flows, paths))
    except ValueError as error:
        raise InputError(" ".join(paths), str(error), "compute all for one fit") from error
    mine = (total.grid, total.n_categories, total.exponent, total.n_events)
    theirs = (sim.grid, sim.n_categories, sim.exponent, sim.n_events)
    if mine != theirs:
        raise InputError(
            " ".join(paths),
            f"flows of {mine} do not belong to simulation of {theirs}",
            "give those of the same events and settings",
        )
    return total.flows
