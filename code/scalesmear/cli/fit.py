"""Fit scales of the data and smearings of the simulation to the mass of all pairs at once.

Writes into the output folder: scales.dat and smearings.dat of this fit alone, combined.dat (the product
with all scales so far, which the data carried when they were filled), and fit.json with errors, covariance and
goodness of fit.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scalesmear.bootstrap import Bootstrap, bootstrap
from scalesmear.cli._base import chosen, configure_base
from scalesmear.cli._histograms import configure_migration, pair_histograms
from scalesmear.corrections import multiply, tables_of_fit
from scalesmear.fit import fit_pairs
from scalesmear.fitplan import FitPlan
from scalesmear.fitresult import FitResult
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.files import read_settings
from scalesmear.io.fitfile import SavedFit, read_fit, write_fit
from scalesmear.io.tables import read_scales, write_scales, write_smearings
from scalesmear.provenance import provenance
from scalesmear.uncorrected import before_own_scales, in_uncorrected_et

if TYPE_CHECKING:
    import argparse

    import numpy as np
    from numpy.typing import NDArray

    from scalesmear.categories import CategorySet

    Floats = NDArray[np.float64]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument("--name", required=True, help="name of the fit, such as coarse or fine")
    parser.add_argument(
        "--histograms", required=True, nargs="+", metavar="FILE", help="histograms.npz of all jobs"
    )
    configure_migration(parser)
    parser.add_argument("--categories", required=True, metavar="FILE", help="category file")
    parser.add_argument("--settings", required=True, metavar="FILE", help="settings/fit.json")
    configure_base(parser, required=True)
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write into")


def run(args: argparse.Namespace) -> None:
    """Read the histograms, fit, write the tables."""
    categories = read_categories(args.categories)
    plan = read_settings(args.settings, FitPlan)
    task = plan.task(args.name, categories, _earlier(plan.start_file))
    before = read_scales(chosen(args.scales, args.base))
    histograms = pair_histograms(args.histograms, args.migration)
    around = categories.smearing_of, task.settings
    start = task.scale, task.smearing
    result = fit_pairs(histograms, *around, start, categories.neighbours)
    replicas = (
        bootstrap(histograms, *around, result, plan.bootstrap, categories.neighbours)
        if plan.bootstrap
        else None
    )
    scales, smearings = tables_of_fit(result, categories)
    folder = Path(args.output)
    write_scales(folder / "scales.dat", scales)
    moved = in_uncorrected_et(before_own_scales(scales), before)
    write_scales(folder / "combined.dat", multiply(before, moved))
    write_smearings(folder / "smearings.dat", smearings)
    saved = SavedFit(args.name, categories, task.settings, result, provenance(), replicas)
    write_fit(folder / "fit.json", saved)
    print(describe(args.name, result, replicas))


def _earlier(path: str | None) -> tuple[CategorySet, Floats, Floats] | None:
    """Return categories, scales and smearings of a fit to start from."""
    if path is None:
        return None
    fit = read_fit(path)
    return fit.categories, fit.result.scale, fit.result.smearing


def describe(name: str, result: FitResult, replicas: Bootstrap | None = None) -> str:
    """Return what a person wants to know of a fit, a line for each warning."""
    goodness = result.goodness
    first = (
        f"{name}: {len(result.scale)} scales and {len(result.smearing)} smearings from "
        f"{len(goodness.pairs)} pairs ({len(result.dropped)} not used), {result.n_evaluations} "
        f"evaluations; {result.reason}; chi2/ndf = {goodness.total_chi2:.1f}/{goodness.total_ndf}, "
        f"p = {goodness.total_p_value:.3g}"
    )
    if replicas is not None:
        first += (
            f"; {replicas.n_replicas} bootstrap replicas ({replicas.n_failed} failed) scatter "
            f"{replicas.ratio:.3f} times as much as the errors say"
        )
    return "\n".join([first, *(f"warning: {warning}" for warning in result.warnings)])
