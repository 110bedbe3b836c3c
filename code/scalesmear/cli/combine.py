"""Multiply tables of scales.

The product has a row for each overlap of a row of one table with a row of the next, and covers the runs
and windows of the first one: a part of it that another table does not hold is an error, a hole of
the first one stays a hole, and gaps and holes are counted and printed. Rows for simulation (runs 1-2,
scale 1) stay apart, their errors are combined. Relative errors add in quadrature, but where a table is
a finer fit to the same range of runs, its error replaces that of the coarser one. One table alone is
written again, as 11 columns: a way to convert the older dialect and JSON, which are read too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scalesmear.cli._scales import add_output_flags, say_table, write_table
from scalesmear.combining import combine
from scalesmear.io.tables import read_scale_rows

if TYPE_CHECKING:
    import argparse

    from scalesmear.corrections import ScaleTable


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument(
        "--scales", required=True, nargs="+", metavar="FILE", help="tables, the one to refine first"
    )
    parser.add_argument(
        "--simulation-rows", action="store_true", help="write rows for simulation in any case"
    )
    parser.add_argument(
        "--drop-zero",
        action="store_true",
        help="leave out rows with scale 0, as some published tables have them: they become holes",
    )
    add_output_flags(parser)


def run(args: argparse.Namespace) -> None:
    """Read, multiply, write and say what came out."""
    tables = [_read(path, drop_zero=args.drop_zero) for path in args.scales]
    product = combine(tables, add_simulation=args.simulation_rows)
    write_table(args, product)
    say_table(args.output, product)


def _read(path: str, *, drop_zero: bool) -> ScaleTable:
    rows = read_scale_rows(path)
    if drop_zero:
        keep = rows.scale != 0
        print(f"{path}: {np.count_nonzero(~keep)} rows with scale 0 left out")
        rows = rows.take(keep)
    return rows.table()
