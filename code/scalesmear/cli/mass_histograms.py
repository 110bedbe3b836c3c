"""Write the mass of all pairs of data and of simulation as ROOT histograms.

The TH1D ``data`` and ``simulation`` of the output file add up the histograms of all pairs of
categories, in the narrowest bins that a fit may use, of equal width in the logarithm of the mass.
Simulation is not normalised: its contents are sums of generator weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.cli._histograms import pair_histograms
from scalesmear.io.files import whole_file
from scalesmear.io.roothistograms import write_histograms
from scalesmear.roothistogram import th1d

if TYPE_CHECKING:
    import argparse

TITLES = {"data": "data", "simulation": "simulation, sums of weights"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument(
        "--histograms", required=True, nargs="+", metavar="FILE", help="histograms.npz of all jobs"
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="ROOT file to write")


def run(args: argparse.Namespace) -> None:
    """Read, add up, write."""
    pairs = pair_histograms(args.histograms)
    bins = pairs.grid.bins()
    sums = {
        "data": (pairs.data, pairs.data),
        "simulation": (pairs.sim, pairs.sim_variance),
    }
    histograms = [
        th1d(
            name,
            (TITLES[name], "mass [GeV]", "events"),
            bins.edges,
            *(bins.add_up(part.sum(axis=0)) for part in parts),
        )
        for name, parts in sums.items()
    ]
    with whole_file(args.output) as part:
        write_histograms(part, histograms)
    for histogram in histograms:
        print(f"{histogram.path}: sum {histogram.integral():.8g}")
