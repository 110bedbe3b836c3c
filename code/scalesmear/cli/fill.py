"""Fill the mass histograms of one events file, for each pair of categories.

Data energies are multiplied by the scales, if a file of them is given; simulated energies are
smeared, if a file of smearings is given, with draws keyed by run and event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.cutflow import CutFlow
from scalesmear.fill import Corrections, FillSettings, fill_masses
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.eventfile import EventFile, open_events
from scalesmear.io.files import read_json, read_settings
from scalesmear.io.histogramfile import write_histograms
from scalesmear.io.tables import read_scales, read_smearings
from scalesmear.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from scalesmear.events import Events


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument("--events", required=True, metavar="FILE", help="events.arrow")
    parser.add_argument("--cut-flow", required=True, metavar="FILE", help="cut_flow.json")
    parser.add_argument("--categories", required=True, metavar="FILE", help="category file")
    parser.add_argument("--settings", required=True, metavar="FILE", help="settings/fill.json")
    parser.add_argument("--scales", metavar="FILE", help="scales to apply to data, 11 columns")
    parser.add_argument("--smearings", metavar="FILE", help="smearings to apply to simulation")
    parser.add_argument("--output", required=True, metavar="FILE", help="histograms.npz to write")


def run(args: argparse.Namespace) -> None:
    """Read events and corrections, fill, write the histograms."""
    settings = read_settings(args.settings, FillSettings)
    events = open_events(args.events)
    cut_flow = CutFlow.from_json(read_json(args.cut_flow, "cut flow"), args.cut_flow)
    corrections = Corrections(
        scales=read_scales(args.scales) if args.scales else None,
        smearings=read_smearings(args.smearings) if args.smearings else None,
        seed=settings.seed,
    )
    histograms = fill_masses(
        _batches(events, corrections.columns(events.kind)),
        events.kind,
        read_categories(args.categories),
        settings,
        corrections,
        cut_flow.of(events.kind).exponent,
    )
    write_histograms(args.output, histograms)
    dropped = ", ".join(f"{n} {reason}" for reason, n in histograms.dropped.items())
    print(f"{events.kind}: {histograms.n_events} events; not filled: {dropped}")


def _batches(events: EventFile, columns: tuple[str, ...]) -> Iterator[Events]:
    progress = Progress(n_files=1)
    for batch in events.batches(columns):
        yield batch
        progress.advance(events=len(batch))
    progress.advance(files=1)
