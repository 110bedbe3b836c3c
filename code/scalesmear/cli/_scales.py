"""Reading and writing tables of scales, and saying what is in them: shared by several verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.inspection import inspect_scales, summary
from scalesmear.io.tables import write_scales, write_scales_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from scalesmear.corrections import ScaleTable
    from scalesmear.inspection import Finding, Summary

SHOWN_GAPS = 3
SHOWN_FINDINGS = 30


def add_output_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say where and how a table is written."""
    parser.add_argument("--output", required=True, metavar="FILE", help="scales to write")
    parser.add_argument(
        "--decimals", type=int, metavar="N", help="digits of a scale (default: all that count)"
    )
    parser.add_argument("--json", metavar="FILE", help="the same as JSON")


def write_table(args: argparse.Namespace, table: ScaleTable) -> None:
    """Write a table where the flags say."""
    write_scales(args.output, table, args.decimals)
    if args.json:
        write_scales_json(args.json, table)


def say_table(name: str, table: ScaleTable) -> None:
    """Print a table in a few lines, with the holes and gaps that it has."""
    print("\n".join(summary_lines(name, summary(table))))
    say_findings(inspect_scales(table))


def say_findings(findings: Sequence[Finding]) -> None:
    """Print findings, errors first, at most `SHOWN_FINDINGS` of them."""
    for finding in sorted(findings, key=lambda finding: finding.severity)[:SHOWN_FINDINGS]:
        print(_line(finding))
    if len(findings) > SHOWN_FINDINGS:
        print(f"... and {len(findings) - SHOWN_FINDINGS} more")


def summary_lines(name: str, numbers: Summary) -> list[str]:
    """Return the summary of a table in words."""
    gaps = ", ".join(f"{first}-{last}" for first, last in numbers.gaps[:SHOWN_GAPS])
    gains = ", ".join(map(str, numbers.gains))
    more = ", ..." if len(numbers.gaps) > SHOWN_GAPS else ""
    return [
        f"{name}: {numbers.rows:,} rows, {numbers.simulation_rows:,} of them for simulation",
        f"  {numbers.run_ranges:,} run ranges from {numbers.first_run} to {numbers.last_run}, "
        f"{len(numbers.gaps)} gaps between them" + (f" ({gaps}{more})" if gaps else ""),
        f"  {numbers.windows} windows, gain {gains}; {numbers.least:.6g} to {numbers.largest:.6g}",
    ]


def _line(finding: Finding) -> str:
    times = f" ({finding.count:,} times)" if finding.count > 1 else ""
    return f"{finding.severity}: {finding.what}{times}; first: {finding.example}"
