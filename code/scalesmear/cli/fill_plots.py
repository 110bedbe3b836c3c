"""Fill the validation plots of one events file, before and after corrections.

Simulation is filled with scales and smearings moved by their errors as well, for the systematic
band of the plots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.cutflow import CutFlow
from scalesmear.fill import Corrections
from scalesmear.io.eventfile import open_events
from scalesmear.io.files import read_json, read_settings
from scalesmear.io.plotfile import read_plots, write_cells
from scalesmear.io.tables import read_scales, read_smearings
from scalesmear.progress import Progress
from scalesmear.validation import COLUMNS, PlotSettings, fill_plots

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from scalesmear.events import Events
    from scalesmear.io.eventfile import EventFile


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument("--events", required=True, metavar="FILE", help="events.arrow")
    parser.add_argument("--cut-flow", required=True, metavar="FILE", help="cut_flow.json")
    parser.add_argument("--plots", required=True, metavar="FILE", help="plot file, or a set's name")
    parser.add_argument("--settings", required=True, metavar="FILE", help="settings/plots.json")
    parser.add_argument("--scales", metavar="FILE", help="scales to apply to data, 11 columns")
    parser.add_argument("--smearings", metavar="FILE", help="smearings to apply to simulation")
    parser.add_argument("--output", required=True, metavar="FILE", help="plots.npz to write")


def run(args: argparse.Namespace) -> None:
    """Read events and corrections, fill, write."""
    settings = read_settings(args.settings, PlotSettings)
    events = open_events(args.events)
    cut_flow = CutFlow.from_json(read_json(args.cut_flow, "cut flow"), args.cut_flow)
    corrections = Corrections(
        scales=read_scales(args.scales) if args.scales else None,
        smearings=read_smearings(args.smearings) if args.smearings else None,
        seed=settings.seed,
    )
    cells = fill_plots(
        _batches(events),
        events.kind,
        read_plots(args.plots),
        settings,
        corrections,
        cut_flow.of(events.kind).exponent,
    )
    write_cells(args.output, cells)
    dropped = ", ".join(f"{n} {reason}" for reason, n in cells.dropped.items())
    print(
        f"{events.kind}: {cells.n_events} events in {len(cells.plots)} plots; left out: {dropped}"
    )


def _batches(events: EventFile) -> Iterator[Events]:
    progress = Progress(n_files=1)
    for batch in events.batches(COLUMNS):
        yield batch
        progress.advance(events=len(batch))
    progress.advance(files=1)
