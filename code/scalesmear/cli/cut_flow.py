"""Add up the summaries of all jobs of `select`.

Writes cut_flow.json: for data and simulation the files read, how many events each cut left, the
number of events of each run and the sums of weights. For another simulation the data come from the cut
flow of the nominal one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.cutflow import SampleCutFlow, merge_summaries
from scalesmear.io.cutflowfile import read_cut_flow
from scalesmear.io.files import read_json, write_json
from scalesmear.provenance import provenance

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument(
        "--summaries", nargs="+", required=True, metavar="FILE", help="summary.json of each job"
    )
    parser.add_argument(
        "--data-of",
        metavar="FILE",
        help="cut_flow.json to take the data from, in place of summaries",
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="cut_flow.json to write")


def run(args: argparse.Namespace) -> None:
    """Read the summaries, add them up, write the cut flow."""
    data = read_cut_flow(args.data_of).data if args.data_of else None
    cut_flow = merge_summaries(((p, read_json(p, "summary")) for p in args.summaries), data)
    write_json(args.output, cut_flow.to_json() | {"provenance": provenance()})
    _say("data", cut_flow.data)
    _say("simulation", cut_flow.sim)


def _say(kind: str, sample: SampleCutFlow) -> None:
    print(f"{kind}: {len(sample.files)} files, {sample.effective_events:.0f} effective events")
    for cut in sample.cuts:
        print(f"  {cut.events:>12}  {cut.name}")
