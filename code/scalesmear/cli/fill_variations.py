"""Fill the histograms of all variations of one events file, in one pass over its events.

As the verb fill does, but in groups of events, and once for each way in which a variation changes what is
filled. The folder holds a file for each of them, 0.npz for the nominal one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scalesmear.cli._filling import (
    add_correction_flags,
    add_event_flags,
    batches,
    exponent_of,
    read_corrections,
)
from scalesmear.fill import FillSettings
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.cutflowfile import read_cut_flow
from scalesmear.io.eventfile import open_events
from scalesmear.io.files import read_settings
from scalesmear.io.histogramfile import write_histograms
from scalesmear.io.variationsfile import read_variations
from scalesmear.variations import distinct_fillings, fill_variations, variation_columns

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    add_event_flags(parser)
    parser.add_argument("--categories", required=True, metavar="FILE", help="category file")
    parser.add_argument("--variations", required=True, metavar="FILE", help="file of variations")
    parser.add_argument("--settings", required=True, metavar="FILE", help="settings/fill.json")
    add_correction_flags(parser)
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write into")


def run(args: argparse.Namespace) -> None:
    """Read events and corrections, fill, write the histograms."""
    settings = read_settings(args.settings, FillSettings)
    events = open_events(args.events)
    cut_flow = read_cut_flow(args.cut_flow)
    corrections = read_corrections(args, settings.seed)
    fillings = distinct_fillings(read_variations(args.variations))
    found = fill_variations(
        batches(events, variation_columns(corrections, events.kind, fillings)),
        events.kind,
        read_categories(args.categories),
        settings,
        corrections,
        exponent_of(cut_flow, events.kind, corrections.weights),
        fillings,
    )
    for number, histograms in enumerate(found):
        write_histograms(Path(args.output) / f"{number}.npz", histograms)
    print(f"{events.kind}: {found[0].n_events} events in histograms of {len(found)} kinds")
