"""Run benchmarks, and put what they print between the marks of docs/performance.md.

python benchmarks/write_performance.py [TABLE ...] [--quick] [--print]

All tables, or those that are named; `--quick` leaves out what takes minutes. A benchmark that fails
leaves its table as it was, and the others are made. `--print` writes no page.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from scalesmear.workflow.venvs import ONE_THREAD

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "performance.md"
FIGURES = "--figures docs/figures"


class Table(NamedTuple):
    """The command that prints a table, without its folder, and whether it is done in a minute."""

    command: str
    is_quick: bool = False


TABLES = {
    "fill": Table("bench_fill.py", True),
    "threads": Table("bench_size.py", True),
    "fit": Table("bench_fit.py", True),
    "lookup": Table("bench_lookup.py", True),
    "select": Table("bench_select.py 1000000", True),
    "migration": Table("bench_migration.py 300000 1", True),
    "minimisers": Table("bench_migrad.py coarse", True),
    "minimisers-fine": Table("bench_migrad.py fine"),
    "earlier": Table("bench_earlier.py"),
    "ijazz": Table("bench_ijazz.py 8"),
    "ijazz-24": Table("bench_ijazz.py 24 --samples 4"),
    "scaling-events": Table(f"scaling.py events {FIGURES}"),
    "scaling-categories": Table(f"scaling.py categories {FIGURES}"),
    "scaling-files": Table(f"scaling.py files {FIGURES}"),
    "scaling-threads": Table(f"scaling.py threads {FIGURES}"),
    "stages": Table("profile_run.py stages"),
    "functions": Table("profile_run.py functions"),
}


def output_of(command: str) -> str | None:
    """Return what a benchmark prints, or None and its last line if it fails."""
    script, *words = command.split()
    done = subprocess.run(
        [sys.executable, f"benchmarks/{script}", *words],
        cwd=REPOSITORY,
        env=os.environ | ONE_THREAD,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"{command}: failed, its table stays as it was ({last})", file=sys.stderr)
        return None
    return done.stdout.rstrip()


def with_table(page: str, name: str, printed: str) -> str:
    """Return the page with another table of this name.

    Raises
    ------
    ValueError
        If the page does not have exactly one place for it.
    """
    mark = f"<!-- table {name} -->"
    pattern = re.compile(rf"({re.escape(mark)}\n```\n).*?(\n```\n)", re.DOTALL)
    page, n = pattern.subn(lambda found: f"{found[1]}{printed}{found[2]}", page)
    if n != 1:
        raise ValueError(f"{n} places for the table {name} in the page, not one: {mark}")
    return page


def main() -> int:
    """Make the tables; return 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(TABLES))
    parser.add_argument("--quick", action="store_true", help="only what takes less than a minute")
    parser.add_argument("--print", action="store_true", dest="only_print", help="write no page")
    args = parser.parse_args()
    unknown = [name for name in args.tables if name not in TABLES]
    if unknown:
        parser.error(f"no table {unknown[0]}; there are {', '.join(TABLES)}")
    names = args.tables or [name for name in TABLES if TABLES[name].is_quick or not args.quick]
    failed = False
    for name in names:
        command = TABLES[name].command
        print(f"== {name}: python benchmarks/{command}", flush=True)
        printed = output_of(command)
        if not printed:
            failed |= printed is None
            continue
        print(printed, flush=True)
        if not args.only_print:
            shown = f"$ python benchmarks/{command}\n\n{printed}"
            PAGE.write_text(with_table(PAGE.read_text(), name, shown))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
