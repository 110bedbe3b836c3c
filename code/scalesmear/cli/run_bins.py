"""Divide the runs of the data into contiguous ranges with enough events each.

Writes two columns, first and last run, both inside the range. A run with enough events is a range
of its own; a short last range is merged into the one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.io.cutflowfile import read_cut_flow
from scalesmear.io.files import read_settings
from scalesmear.io.tables import write_run_bins
from scalesmear.runs import RunBinSettings, events_per_bin, run_bins

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument("--cut-flow", required=True, metavar="FILE", help="cut_flow.json")
    parser.add_argument("--settings", required=True, metavar="FILE", help="settings/run_bins.json")
    parser.add_argument("--output", required=True, metavar="FILE", help="run_bins.dat to write")


def run(args: argparse.Namespace) -> None:
    """Read the run counts, divide them, write the ranges."""
    counts = read_cut_flow(args.cut_flow).data.runs
    settings = read_settings(args.settings, RunBinSettings)
    bins = run_bins(counts, settings.min_events)
    write_run_bins(args.output, bins)
    fewest = min(events_per_bin(counts, bins))
    print(f"{len(counts)} runs in {len(bins)} run bins, the smallest with {fewest} events")
    if fewest < settings.min_events:
        print(f"all runs together have fewer than min_events_per_run_bin = {settings.min_events}")
