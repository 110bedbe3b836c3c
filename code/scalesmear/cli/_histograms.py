"""Read the histograms of all jobs for a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.cli._jobs import sum_of, sum_of_each
from scalesmear.errors import InputError
from scalesmear.flows import Flows, add_up
from scalesmear.histogram import MassHistograms, PairHistograms
from scalesmear.io.flowsfile import read_flows
from scalesmear.io.histogramfile import read_histograms

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def read_jobs(paths: Sequence[str]) -> tuple[MassHistograms, MassHistograms]:
    """Return the sums of all jobs of data and of simulation.

    Raises
    ------
    InputError
        If there is no data or no simulation among them, or they differ in their binning.
    """
    return sum_of_each([read_histograms(path) for path in paths], paths, "histograms")


def read_simulation(paths: Sequence[str]) -> MassHistograms:
    """Return the sum of all jobs of simulation.

    Raises
    ------
    InputError
        If there is none among them, or they differ in their binning.
    """
    return sum_of("sim", [read_histograms(path) for path in paths], paths, "histograms")


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
        total = add_up(map(read_flows, paths))
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
