"""Correct events and write them, for analyses of one's own.

Energies of data are multiplied by the scales, those of simulation smeared with draws keyed by run and
event, and simulated events weighted; Et, mass and weight of each event change, nothing else. Nothing is
cut: an electron in no row of a table keeps its energy and is counted. The output is an events file as
select writes it, or, if its name ends in .tsv, text with a line per event. Its events are corrected:
do not give them to a step that corrects again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scalesmear.cli._filling import add_correction_flags, batches, read_corrections
from scalesmear.corrected import correct_events
from scalesmear.errors import InputError
from scalesmear.events import COLUMNS
from scalesmear.io.eventfile import EventWriter, open_events
from scalesmear.io.eventtext import EventTextWriter

if TYPE_CHECKING:
    import argparse

    from scalesmear.fill import Corrections
    from scalesmear.histogram import Kind


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument("--events", required=True, metavar="FILE", help="events.arrow")
    add_correction_flags(parser)
    parser.add_argument(
        "--seed", type=int, default=1, help="of the draws of the smearing (default: 1)"
    )
    parser.add_argument("--output", required=True, metavar="FILE", help=".arrow or .tsv to write")


def run(args: argparse.Namespace) -> None:
    """Read events and corrections, apply, write."""
    source = open_events(args.events)
    corrections = _demanded(args, source.kind)
    text = Path(args.output).suffix == ".tsv"
    n_missing = 0
    with EventTextWriter(args.output) if text else EventWriter(args.output, source.kind) as writer:
        for events in batches(source, tuple(COLUMNS)):
            found = correct_events(events, source.kind, corrections)
            writer.write(found.events)
            n_missing += found.n_missing
    print(
        f"{source.kind}: {source.n_events} events written to {args.output}; "
        f"{n_missing} electrons in no row of a table keep their energy"
    )


def _demanded(args: argparse.Namespace, kind: Kind) -> Corrections:
    """Read the corrections; refuse to copy events as they are, because a flag is missing then."""
    if not 0 <= args.seed < 1 << 32:
        raise InputError("--seed", f"is {args.seed}", "give a whole number from 0 to 4294967295")
    given, flags = (
        (args.scales, "--scales")
        if kind == "data"
        else (args.smearings or args.weights, "--smearings or --weights")
    )
    if not given:
        raise InputError(args.events, f"holds {kind}, for which nothing is given", f"give {flags}")
    return read_corrections(args, args.seed)
