"""Make the validation plots of what all jobs filled, and fit line shapes to their masses.

Writes plots.json with every number, and peaks.tsv, the table of fitted peaks and resolutions; with
--figures every plot as PDF and PNG too, which in the derivation is left to the report.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scalesmear.cli._figures import write_figures
from scalesmear.cli._jobs import sum_of_each
from scalesmear.io.files import read_settings, write_json, write_text
from scalesmear.io.plotfile import read_cells, read_plots
from scalesmear.report.drawing import render_all
from scalesmear.report.style import USUAL, Titles
from scalesmear.report.validation_figures import drawings
from scalesmear.validation import PlotSettings, results
from scalesmear.validation_fits import fit_plots

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument(
        "--filled", required=True, nargs="+", metavar="FILE", help="plots.npz of each job"
    )
    parser.add_argument("--plots", required=True, metavar="FILE", help="plot file, or a set's name")
    parser.add_argument("--settings", required=True, metavar="FILE", help="settings/plots.json")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write into")
    parser.add_argument("--figures", action="store_true", help="draw the plots too")
    parser.add_argument("--era", default="", help="text at the top right of figures")
    parser.add_argument("--label", default="", help="text beside the name of the program")
    parser.add_argument("--data-title", default=USUAL.data, help="what figures call the data")
    parser.add_argument(
        "--simulation-title", default=USUAL.simulation, help="what figures call the simulation"
    )


def run(args: argparse.Namespace) -> None:
    """Add up, fit, write."""
    settings = read_settings(args.settings, PlotSettings)
    plots = read_plots(args.plots)
    filled = [read_cells(path) for path in args.filled]
    data, sim = sum_of_each(filled, args.filled, "filled plots")
    found = fit_plots(results(data, sim, plots, settings), settings)
    folder = Path(args.output)
    write_json(folder / "plots.json", found.to_json())
    write_text(folder / "peaks.tsv", found.peaks_table())
    if args.figures:
        titles = Titles(args.data_title, args.simulation_title)
        drawn = render_all(drawings(found, args.label, args.era, titles))
        write_figures(folder / "figures", drawn)
    print(f"{folder / 'plots.json'}: {len(plots)} plots, {found.n_fits} line shapes")
