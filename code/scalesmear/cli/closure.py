"""Fit corrected events again: nothing should be left to correct.

The histograms are those of data that carry the scales that a fit wrote, and of simulation smeared as it
wrote. Writes the residuals, and fails where one is larger than the tolerance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.cli._histograms import pair_histograms
from scalesmear.closure import ClosureSettings, close, demand, residual_fit
from scalesmear.errors import InputError
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.files import read_settings
from scalesmear.io.fitfile import SavedClosure, read_fit, write_closure
from scalesmear.provenance import provenance

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument(
        "--histograms", required=True, nargs="+", metavar="FILE", help="corrected histograms.npz"
    )
    parser.add_argument("--categories", required=True, metavar="FILE", help="category file")
    parser.add_argument("--settings", required=True, metavar="FILE", help="settings/closure.json")
    parser.add_argument("--fit", required=True, metavar="FILE", help="fit.json of the fit")
    parser.add_argument("--output", required=True, metavar="FILE", help="closure.json to write")


def run(args: argparse.Namespace) -> None:
    """Read the corrected histograms, fit them, write and judge what is left."""
    fit = read_fit(args.fit)
    categories = read_categories(args.categories)
    if categories != fit.categories:
        raise InputError(
            args.categories, f"not the categories of {args.fit}", "give the file the fit used"
        )
    settings = read_settings(args.settings, ClosureSettings)
    residual = residual_fit(pair_histograms(args.histograms), categories, fit.settings)
    closure = close(residual, fit.result.smearing, settings)
    write_closure(args.output, SavedClosure(fit.name, categories, settings, closure, provenance()))
    labels = tuple([w.label for w in ws] for ws in (categories.scales, categories.smearings))
    demand(closure, fit.name, (labels[0], labels[1]))
    print(
        f"closure of {fit.name} passes: largest residual scale {abs(closure.scale - 1).max():.6f}, "
        f"smearing {abs(closure.smearing).max():.6f}"
    )
