"""Fit again what was varied, and write systematic errors.

Writes into the output folder systematics.json with every variation against the nominal fit, systematics.tsv
with the total in percent of the scale, sources/ with the same for each source, and the tables of scales
and smearings with errors that hold all sources; published.yml says where they are.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml

from scalesmear.cells import Boxes
from scalesmear.cli._histograms import read_jobs, read_simulation
from scalesmear.combining import Systematics, add_systematics
from scalesmear.errors import InputError
from scalesmear.fitplan import FitPlan
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.files import read_settings, write_json, write_text
from scalesmear.io.systematicsfile import write_systematics
from scalesmear.io.tables import read_scales, read_smearings, write_scales, write_smearings
from scalesmear.io.variationsfile import read_variations
from scalesmear.provenance import provenance
from scalesmear.systematics import SystematicErrors, derive_systematics, with_smearing_errors
from scalesmear.variations import GroupedPairs, distinct_fillings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from scalesmear.systematics import Floats
    from scalesmear.variations import Filling, Variation


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument(
        "--histograms", required=True, nargs="+", metavar="DIR", help="of fill-variations, all jobs"
    )
    parser.add_argument(
        "--other", nargs="*", default=(), metavar="DIR", help="the same of another simulation"
    )
    parser.add_argument("--categories", required=True, metavar="FILE", help="category file")
    parser.add_argument("--variations", required=True, metavar="FILE", help="file of variations")
    parser.add_argument("--settings", required=True, metavar="FILE", help="settings/fit.json")
    parser.add_argument("--scales", required=True, metavar="FILE", help="exported scales")
    parser.add_argument("--smearings", required=True, metavar="FILE", help="exported smearings")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write into")


def run(args: argparse.Namespace) -> None:
    """Read the histograms, fit, write the errors and the tables."""
    variations = read_variations(args.variations)
    categories = read_categories(args.categories)
    settings = replace(read_settings(args.settings, FitPlan).settings, start="default")
    grouped, other = _grouped(args.histograms, args.other, variations)
    found = derive_systematics(grouped, categories, settings, variations, other=other)
    folder = Path(args.output).absolute()
    total, smearing = found.total
    source = _table(found, total)
    scales = add_systematics(read_scales(args.scales), [source]).table
    smearings = with_smearing_errors(read_smearings(args.smearings), categories, smearing)
    write_json(folder / "systematics.json", found.to_json() | {"provenance": provenance()})
    write_systematics(folder / "systematics.tsv", source)
    for name in found.sources:
        path = folder / "sources" / f"{re.sub(r'[^A-Za-z0-9]+', '_', name)}.tsv"
        write_systematics(path, _table(found, found.of_source(name)[0]))
    names = [folder / _with_systematics(path) for path in (args.scales, args.smearings)]
    write_scales(names[0], scales, decimals=6)
    write_smearings(names[1], smearings, decimals=6)
    published = {
        "systematics": str(folder / "systematics.json"),
        "table": str(folder / "systematics.tsv"),
        "scales": str(names[0]),
        "smearings": str(names[1]),
    }
    write_text(folder / "published.yml", yaml.safe_dump(published, sort_keys=False))
    print("\n".join(describe(found)))


def _with_systematics(path: str) -> str:
    """Return the name of a table with systematic errors: era_systematics_scales.dat."""
    stem, _, kind = Path(path).name.rpartition("_")
    return f"{stem}_systematics_{kind}" if stem else f"systematics_{kind}"


def _grouped(
    folders: Sequence[str], others: Sequence[str], variations: Sequence[Variation]
) -> tuple[dict[Filling, GroupedPairs], dict[Filling, GroupedPairs]]:
    """Add up the histograms of all jobs, for each filling: with the nominal simulation, and with the other.

    Raises
    ------
    InputError
        If a variation takes another simulation and there is none.
    """
    with_other = {v.filling: v.name for v in variations if v.simulation == "other"}
    nominal, other = {}, {}
    for number, filling in enumerate(distinct_fillings(variations)):
        data, sim = read_jobs(_files(folders, number))
        nominal[filling] = GroupedPairs.of(data, sim)
        if filling in with_other:
            if not others:
                problem = (
                    f"not given, but variation {with_other[filling]!r} takes another simulation"
                )
                raise InputError("--other", problem, "give the folders of its histograms")
            other[filling] = GroupedPairs.of(data, read_simulation(_files(others, number)))
    return nominal, other


def _files(folders: Sequence[str], number: int) -> list[str]:
    """Return the histograms of a filling of all jobs, as fill-variations numbers them."""
    return [f"{folder}/{number}.npz" for folder in folders]


def _table(found: SystematicErrors, relative: Floats) -> Systematics:
    lines = tuple(window.label for window in found.categories.scales)
    return Systematics(Boxes.of(found.categories.scales), 100 * relative, lines)


def describe(found: SystematicErrors) -> Iterator[str]:
    """Say what each variation changes at most, and how significant that is."""
    for shift in found.shifts:
        worst = int(np.argmax(np.abs(shift.scale)))
        pull = np.abs(shift.scale) / np.where(shift.scale_error > 0, shift.scale_error, np.inf)
        yield (
            f"{shift.source}, {shift.name}: scales move by {100 * np.sqrt(np.mean(shift.scale**2)):.4f}"
            f" % rms, at most {100 * shift.scale[worst]:+.4f} +- {100 * shift.scale_error[worst]:.4f}"
            f" %; largest significance {pull.max():.1f}; chi2/ndf = {shift.chi2:.0f}/{shift.ndf}"
        )
    total, smearing = found.total
    yield f"total of scales: {100 * total.min():.4f} to {100 * total.max():.4f} %"
    yield f"total of smearings: {smearing.min():.5f} to {smearing.max():.5f}"
