"""Fill the mass histograms of one events file, for each pair of categories.

Data energies are multiplied by the scales, if a file of them is given; simulated energies are
smeared, if a file of smearings is given, with draws keyed by run and event, and simulated events
weighted, if a file of weights is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.cli._filling import (
    add_correction_flags,
    add_event_flags,
    add_thread_flag,
    batches,
    exponent_of,
    read_corrections,
    threads_of,
)
from scalesmear.fill import FillSettings, fill_masses
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.cutflowfile import read_cut_flow
from scalesmear.io.eventfile import open_events
from scalesmear.io.files import read_settings
from scalesmear.io.histogramfile import write_histograms

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    add_event_flags(parser)
    parser.add_argument("--categories", required=True, metavar="FILE", help="category file")
    parser.add_argument("--settings", required=True, metavar="FILE", help="settings/fill.json")
    add_correction_flags(parser)
    parser.add_argument("--output", required=True, metavar="FILE", help="histograms.npz to write")
    add_thread_flag(parser)


def run(args: argparse.Namespace) -> None:
    """Read events and corrections, fill, write the histograms."""
    settings = read_settings(args.settings, FillSettings)
    events = open_events(args.events)
    cut_flow = read_cut_flow(args.cut_flow)
    corrections = read_corrections(args, settings.seed, settings.tails)
    histograms = fill_masses(
        batches(events, corrections.columns(events.kind)),
        events.kind,
        read_categories(args.categories),
        settings,
        corrections,
        exponent_of(cut_flow, events.kind, corrections.weights),
        threads=threads_of(args),
    )
    write_histograms(args.output, histograms)
    dropped = ", ".join(f"{n} {reason}" for reason, n in histograms.dropped.items())
    print(f"{events.kind}: {histograms.n_events} events; not filled: {dropped}")
