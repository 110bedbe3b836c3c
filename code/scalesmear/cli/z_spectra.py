"""Fill the spectra of pT and abs(rapidity) of the Z of one events file.

Counts the events that fits see, with energies as corrected by what the flags name; writes exact
sums for each cell of the standard table.
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
from scalesmear.fill import FillSettings
from scalesmear.io.cutflowfile import read_cut_flow
from scalesmear.io.eventfile import open_events
from scalesmear.io.files import read_settings, write_json
from scalesmear.provenance import provenance
from scalesmear.spectra import fill_spectra, spectra_columns

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    add_event_flags(parser)
    parser.add_argument("--settings", required=True, metavar="FILE", help="settings/fill.json")
    add_correction_flags(parser)
    parser.add_argument("--output", required=True, metavar="FILE", help="spectra.json to write")


def run(args: argparse.Namespace) -> None:
    """Read events and corrections, fill, write the spectra."""
    settings = read_settings(args.settings, FillSettings)
    events = open_events(args.events)
    cut_flow = read_cut_flow(args.cut_flow)
    corrections = read_corrections(args, settings.seed, settings.tails)
    spectra = fill_spectra(
        batches(events, spectra_columns(corrections, events.kind)),
        events.kind,
        settings,
        corrections,
        exponent_of(cut_flow, events.kind, corrections.weights),
    )
    write_json(args.output, spectra.to_json() | {"provenance": provenance()})
    dropped = ", ".join(f"{n} {reason}" for reason, n in spectra.dropped.items())
    print(f"{events.kind}: {spectra.n_events} events; not filled: {dropped}")
