"""Fill the validation plots of one events file, before and after corrections.

Simulation is filled with scales and smearings moved by their errors as well, for the systematic
band of the plots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.cli._filling import (
    add_correction_flags,
    add_event_flags,
    batches,
    exponent_of,
    read_corrections,
)
from scalesmear.io.cutflowfile import read_cut_flow
from scalesmear.io.eventfile import open_events
from scalesmear.io.files import read_settings
from scalesmear.io.plotfile import read_plots, write_cells
from scalesmear.validation import COLUMNS, PlotSettings, fill_plots

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    add_event_flags(parser)
    parser.add_argument("--plots", required=True, metavar="FILE", help="plot file, or a set's name")
    parser.add_argument(
        "--settings", required=True, metavar="FILE", help="settings/validation.json"
    )
    add_correction_flags(parser)
    parser.add_argument("--output", required=True, metavar="FILE", help="filled.npz to write")


def run(args: argparse.Namespace) -> None:
    """Read events and corrections, fill, write."""
    settings = read_settings(args.settings, PlotSettings)
    events = open_events(args.events)
    cut_flow = read_cut_flow(args.cut_flow)
    corrections = read_corrections(args, settings.seed, settings.tails)
    cells = fill_plots(
        batches(events, COLUMNS),
        events.kind,
        read_plots(args.plots),
        settings,
        corrections,
        exponent_of(cut_flow, events.kind, corrections.weights),
    )
    write_cells(args.output, cells)
    dropped = ", ".join(f"{n} {reason}" for reason, n in cells.dropped.items())
    print(
        f"{events.kind}: {cells.n_events} events in {len(cells.plots)} plots; left out: {dropped}"
    )
