"""Add systematic errors to a table of scales.

A table of systematic errors has 8 columns, etaMin etaMax r9Min r9Max etMin etMax gain percent, with -1
for what is not used. A row holds for the scales that lie inside all windows that it uses; two rows for
the same scales are an error, and so are scales in none. Each file is one source; sources add in
quadrature, with each other and with the error that the table has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scalesmear.cli._scales import add_output_flags, write_table
from scalesmear.combining import add_systematics
from scalesmear.io.systematicsfile import read_systematics
from scalesmear.io.tables import read_scales

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument("--scales", required=True, metavar="FILE", help="table of scales")
    parser.add_argument(
        "--systematics", required=True, nargs="+", metavar="FILE", help="one source in each file"
    )
    parser.add_argument(
        "--replace-errors", action="store_true", help="drop the errors that the table has"
    )
    parser.add_argument(
        "--keep-unmatched",
        action="store_true",
        help="let scales that no row holds keep their error",
    )
    add_output_flags(parser)


def run(args: argparse.Namespace) -> None:
    """Read, add, write."""
    table = read_scales(args.scales)
    sources = [read_systematics(path) for path in args.systematics]
    found = add_systematics(
        table,
        sources,
        replace_errors=args.replace_errors,
        keep_unmatched=args.keep_unmatched,
    )
    write_table(args, found.table)
    for path, unmatched in zip(args.systematics, found.unmatched, strict=True):
        print(f"{path}: for {len(table) - unmatched:,} of {len(table):,} rows")
    relative = 100 * found.table.err / found.table.scale
    least, middle, largest = (float(q) for q in np.quantile(relative, [0, 0.5, 1]))
    print(f"{args.output}: errors {least:.4g} to {largest:.4g} %, median {middle:.4g} %")
