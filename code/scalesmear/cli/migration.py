"""Find what simulation of one events file crosses edges of Et, with the scales and smearings of a fit.

The fit after it adds these flows between pairs of categories to the simulation that it was filled
with. A file of data holds nothing of that kind; its flows are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.cli._filling import (
    add_event_flags,
    add_thread_flag,
    batches,
    exponent_of,
    read_corrections,
    threads_of,
)
from scalesmear.errors import InputError
from scalesmear.fill import FillSettings
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.cutflowfile import read_cut_flow
from scalesmear.io.eventfile import open_events
from scalesmear.io.files import read_settings
from scalesmear.io.fitfile import read_fit
from scalesmear.io.flowsfile import write_flows
from scalesmear.migration import Expected, migrate
from scalesmear.progress import Progress

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    add_event_flags(parser)
    parser.add_argument("--categories", required=True, metavar="FILE", help="category file")
    parser.add_argument("--settings", required=True, metavar="FILE", help="settings/fill.json")
    parser.add_argument("--fit", required=True, metavar="FILE", help="fit.json of the fit before")
    parser.add_argument("--weights", metavar="FILE", help="weights of simulation by pT and y of Z")
    parser.add_argument("--output", required=True, metavar="FILE", help="flows.npz to write")
    add_thread_flag(parser)
    parser.set_defaults(scales=None, smearings=None)


def run(args: argparse.Namespace) -> None:
    """Read events and fit, follow the electrons, write the flows."""
    settings = read_settings(args.settings, FillSettings)
    fit, categories = read_fit(args.fit), read_categories(args.categories)
    if categories != fit.categories:
        raise InputError(
            args.categories, f"not the categories of {args.fit}", "give the file the fit used"
        )
    events = open_events(args.events)
    cut_flow = read_cut_flow(args.cut_flow)
    corrections = read_corrections(args, settings.seed)
    simulated = events.kind == "sim"
    flows = migrate(
        batches(events, corrections.columns("sim")) if simulated else (),
        categories,
        settings,
        corrections,
        Expected(fit.result.scale, fit.result.smearing, fit.settings.tails),
        exponent_of(cut_flow, "sim", corrections.weights),
        threads=threads_of(args),
    )
    write_flows(args.output, flows)
    if not simulated:  # a file all the same, for those who count them
        Progress(n_files=1).advance(files=1)
    print(f"{events.kind}: {flows.n_events} events, {len(flows.pairs)} flows between pairs")
