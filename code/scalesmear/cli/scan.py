"""Scan one parameter of a fit: every other one is fitted again at each value.

The parameter is a scale or a smearing, by its number in the category file or by the name of its
window (such as absEta_0.0000_1.0000-R9_0.9600_10.0000). Writes the scores, the 68 % interval and
the 95 % upper limit into scan.json of the output folder, and the figure scan.pdf and scan.png.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scalesmear.cli._figures import write_figures
from scalesmear.cli._histograms import configure_migration, pair_histograms
from scalesmear.errors import InputError
from scalesmear.io.files import write_json
from scalesmear.io.fitfile import read_fit
from scalesmear.jsonable import jsonable
from scalesmear.profile import profile
from scalesmear.provenance import provenance
from scalesmear.report.drawing import Drawing, render
from scalesmear.report.profile_figure import profile_figure
from scalesmear.report.quantity import mathematical

if TYPE_CHECKING:
    import argparse

    from scalesmear.cells import Window
    from scalesmear.io.fitfile import SavedFit


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument("--fit", required=True, metavar="FILE", help="fit.json of the fit")
    parser.add_argument(
        "--histograms", required=True, nargs="+", metavar="FILE", help="histograms.npz it fitted"
    )
    configure_migration(parser)
    parser.add_argument(
        "--parameter",
        required=True,
        nargs=2,
        metavar=("KIND", "CATEGORY"),
        help="scale or smearing, and number or name of the category",
    )
    parser.add_argument("--points", type=int, default=25, metavar="N", help="values (default: 25)")
    parser.add_argument(
        "--sigmas",
        type=float,
        default=4.0,
        metavar="X",
        help="how far to both sides, in errors of the fit (default: 4)",
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write into")
    parser.add_argument("--era", default="", help="text at the top right of the figure")
    parser.add_argument("--label", default="", help="text beside the name of the program")


def run(args: argparse.Namespace) -> None:
    """Read the fit and its histograms, scan, write."""
    fit = read_fit(args.fit)
    place, window = _find(fit, *args.parameter)
    if args.points < 2 or not 0 < args.sigmas < math.inf:
        raise InputError(
            "--points, --sigmas",
            f"{args.points} values up to {args.sigmas:g} errors are no scan",
            "give at least 2 values and a positive distance",
        )
    found = profile(
        pair_histograms(args.histograms, args.migration),
        fit.categories.smearing_of,
        fit.settings,
        fit.result,
        place,
        n_points=args.points,
        n_sigmas=args.sigmas,
        neighbours=fit.categories.neighbours,
    )
    folder = Path(args.output)
    about = {"fit": fit.name, "category": window.to_json()}
    write_json(folder / "scan.json", about | jsonable(found) | {"provenance": provenance()})
    title = f"{found.kind} of {fit.name}, {mathematical(window)}"
    draw = partial(profile_figure, found, title=title, label=args.label, era=args.era)
    write_figures(folder, [render(Drawing("scan", "", draw))])
    low, high = found.interval
    limit = f", below {found.upper:.6f} at 95 %" if found.kind == "smearing" else ""
    print(
        f"{found.parameter} of {fit.name} ({window}): {found.best:.6f}, "
        f"68 % from {low:.6f} to {high:.6f}{limit}"
    )


def _find(fit: SavedFit, kind: str, category: str) -> tuple[int, Window]:
    """Return the place of a parameter among all, and its window."""
    kinds = {"scale": fit.categories.scales, "smearing": fit.categories.smearings}
    if kind not in kinds:
        raise InputError("--parameter", f"{kind!r} is neither", "write scale or smearing")
    labels = [window.label for window in kinds[kind]]
    numbers = [str(number) for number in range(len(labels))]
    for names in (numbers, labels):
        if category in names:
            number = names.index(category)
            first = 0 if kind == "scale" else len(fit.categories.scales)
            return first + number, kinds[kind][number]
    raise InputError(
        "--parameter",
        f"{fit.name} has no {kind} {category!r}",
        f"give a number below {len(labels)} or a name such as {labels[0]}",
    )
