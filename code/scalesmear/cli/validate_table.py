"""Check a table of scales or smearings, of this program or another.

Finds what a reader would trip over (comments, missing columns, runs or gains that are no integers, names
that CMSSW reads otherwise), rows that share electrons, holes in barrel and endcap, gaps between run
ranges, missing rows for simulation, and values out of line. The CMSSW reader's own rules are applied to
the whole file. Errors make the verb end with 1, warnings do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.cli._scales import say_findings, summary_lines
from scalesmear.corrections import ScaleTable
from scalesmear.errors import InputError
from scalesmear.inspection import inspect_scales, inspect_smearings, summary
from scalesmear.io.cutflowfile import read_cut_flow
from scalesmear.io.tablescan import scan_table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection

    from scalesmear.inspection import Finding
    from scalesmear.io.tablescan import Scan


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument("table", metavar="FILE", help="scales or smearings")
    parser.add_argument(
        "--cut-flow", metavar="FILE", help="cut_flow.json: its runs must be in the table"
    )
    parser.add_argument("--strict", action="store_true", help="count warnings as errors")


def run(args: argparse.Namespace) -> None:
    """Read with patience, inspect, print, and raise if something is wrong."""
    scan = scan_table(args.table)
    runs: Collection[int] = ()
    if args.cut_flow:
        runs = read_cut_flow(args.cut_flow).data.runs
    findings = [*scan.findings, *_inspect(scan, runs)]
    print("\n".join(_head(args.table, scan)))
    say_findings(findings)
    _judge(args.table, findings, strict=args.strict)


def _inspect(scan: Scan, runs: Collection[int]) -> list[Finding]:
    if scan.table is None:
        return []
    if isinstance(scan.table, ScaleTable):
        return inspect_scales(scan.table, runs)
    return inspect_smearings(scan.table)


def _head(path: str, scan: Scan) -> list[str]:
    if isinstance(scan.table, ScaleTable):
        return summary_lines(path, summary(scan.table))
    n_read = 0 if scan.table is None else len(scan.table)
    return [f"{path}: {scan.kind}, {n_read} of {scan.n_lines} rows make sense"]


def _judge(path: str, findings: list[Finding], *, strict: bool) -> None:
    errors = [finding for finding in findings if strict or finding.severity == "error"]
    warnings = len(findings) - len(errors)
    if errors:
        more = f" and {len(errors) - 1} other problems" if len(errors) > 1 else ""
        problem = f"{errors[0].what} ({errors[0].example}){more}"
        raise InputError(path, problem, "mend the table")
    print(f"no error, {warnings} warnings")
