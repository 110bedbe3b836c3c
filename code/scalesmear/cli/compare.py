"""Say what moved from one derivation to another.

Each of the two is a work directory, a folder of exported files, or a result.json. Compares, as far
as both hold it: the values of inputs.yml and the settings of stages, the files that were read, run
bins, the scales and smearings of each fit in units of the error of their difference, closures, and
the exported tables, evaluated in all cells that the edges of both cut. Says which stages of the new
work directory were run and which were kept from before.

Errors are correlated if both have the same events; the statement says what it divides by.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scalesmear.comparison import Change, Comparison, Files, compare
from scalesmear.io.derivationfolder import read_derivation
from scalesmear.io.files import write_json
from scalesmear.provenance import provenance

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from scalesmear.comparison import Difference, QuantityComparison

SHOWN = 5
"""Differences of a fit, and names of files, that are listed at most; the JSON file holds all."""

LONGEST = 60
"""Characters of a value that are shown."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument("old", help="work directory, folder of exported files, or result.json")
    parser.add_argument("new", help="the same of the other derivation")
    parser.add_argument("--output", metavar="FILE", help="JSON file to write, with all numbers")


def run(args: argparse.Namespace) -> None:
    """Read both, compare, print, write."""
    found = compare(read_derivation(args.old), read_derivation(args.new))
    print("\n".join(statement(found)))
    if args.output:
        write_json(args.output, found.to_json() | {"provenance": provenance()})


def statement(found: Comparison) -> Iterator[str]:
    """Yield the lines of the statement."""
    yield f"from {found.old} to {found.new}"
    yield from _changes("inputs.yml", found.inputs)
    yield from _changes("settings of stages", found.settings)
    for kind, files in (("data", found.data), ("simulation", found.sim)):
        if files is not None:
            yield from _files(kind, files)
    yield _run_bins(found)
    yield from _stages(found)
    yield ""
    yield f"errors: {found.yardstick.meaning}"
    for name, fits in (("old", found.only_old_steps), ("new", found.only_new_steps)):
        if fits:
            yield f"fits of the {name} one only: {', '.join(fits)}"
    for quantity in found.quantities:
        yield from _quantity(quantity)
    for name, verdicts in found.closures.items():
        yield f"closure of {name}: " + ", now ".join(
            f"{'passes' if v.passed else 'DOES NOT PASS'} (largest residual scale {v.scale:.5f}, "
            f"smearing {v.smearing:.5f})"
            for v in verdicts
        )
    yield ""
    for table in found.tables:
        further = ", ".join(
            f"{n} cells of the {name} one only"
            for name, n in (("old", table.only_old), ("new", table.only_new))
            if n
        )
        place = f" at {table.where}" if table.where else ""
        yield (
            f"exported {table.kind}s in {table.cells} cells: largest difference "
            f"{table.largest:+.6f}{place}, rms {table.rms:.6f}{'; ' + further if further else ''}"
        )
    yield "nothing moved" if found.nothing_moved else "results moved"


def _changes(what: str, found: tuple[Change, ...]) -> Iterator[str]:
    yield f"{what}: {'no value differs' if not found else ''}".rstrip()
    for change in found:
        yield f"  {change.key}: {_shown(change.old)} -> {_shown(change.new)}"


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _files(kind: str, files: Files) -> Iterator[str]:
    yield (
        f"{kind}: {files.relation.value}; {files.old_events:,} -> {files.new_events:,} selected "
        "events"
    )
    for word, names in (("no longer", files.removed), ("new", files.added)):
        for name in names[:SHOWN]:
            yield f"  {word}: {name}"
        if len(names) > SHOWN:
            yield f"  {word}: {len(names) - SHOWN} more"


def _run_bins(found: Comparison) -> str:
    old, new = found.run_bins
    if old == new:
        return f"run bins: the same {len(old)}"
    kept = len(set(old) & set(new))
    return f"run bins: {len(old)} -> {len(new)}, of which {kept} are the same"


def _stages(found: Comparison) -> Iterator[str]:
    """Say which stages the last run of the new work directory ran."""
    if not found.stages:
        return
    kept = [name for name, stage in found.stages.items() if not stage.run]
    mixed = [name for name, stage in found.stages.items() if stage.run and stage.kept]
    run_again = [name for name, stage in found.stages.items() if not stage.kept]
    for words, names in (
        ("kept from before", kept),
        ("run in part", [_in_part(found, name) for name in mixed]),
        ("run", run_again),
    ):
        yield f"stages {words}: {', '.join(names) or 'none'}"


def _in_part(found: Comparison, name: str) -> str:
    stage = found.stages[name]
    return f"{name} ({stage.run} of {stage.run + stage.kept} jobs)"


def _quantity(quantity: QuantityComparison) -> Iterator[str]:
    notes = [
        f"{n} {words}"
        for n, words in (
            (quantity.only_old, "categories of the old one only"),
            (quantity.only_new, "categories of the new one only"),
            (quantity.not_determined, "not determined in both"),
        )
        if n
    ]
    also = f"; {', '.join(notes)}" if notes else ""
    what = f"{quantity.step} {quantity.kind}"
    largest = quantity.largest
    if largest is None:
        yield f"{what}: none in common{also}"
        return
    yield (
        f"{what}, {len(quantity.differences)} in common: rms difference {quantity.rms:.6f}, at "
        f"most {abs(largest.pull):.2f} errors{also}"
    )
    moved = sorted((d for d in quantity.differences if d.value), key=_by_pull)
    for difference in moved[:SHOWN]:
        yield (
            f"  {difference.label}: {difference.old.value:.5f} -> {difference.new.value:.5f}, "
            f"{difference.value:+.6f} = {difference.pull:+.2f} errors"
        )
    if len(moved) > SHOWN:
        yield f"  and {len(moved) - SHOWN} more"


def _by_pull(difference: Difference) -> float:
    return -abs(difference.pull)
