"""Write the correction files that analyses load, and everything that was derived as JSON.

Into the output folder: <era>_scales.dat (the final product of all scales, by run range and window, with
rows for simulation) and <era>_smearings.dat; the same pair for each fit, once with all that it builds
on, named as in the field (<era>_RunFineEtaR9Gain_scales.dat), once alone (<era>_<fit>_scales.dat); and
result.json. Smearings of a product are those of its last fit that does not only join the categories of
an earlier one. Every run of the data must lie in a run range, and the windows must tile barrel and
endcap, or nothing is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from scalesmear.export import ExportSettings, Step, build_export, result_json
from scalesmear.io.cutflowfile import read_cut_flow
from scalesmear.io.files import read_settings, write_json, write_text
from scalesmear.io.fitfile import read_fit
from scalesmear.io.tables import read_run_bins, read_scales, write_scales, write_smearings
from scalesmear.provenance import provenance

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from scalesmear.export import Export

DECIMALS = 6
"""Digits of an exported scale or smearing after the point: files do not show on which processor a fit was."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument("--scales", required=True, metavar="FILE", help="scales.dat of stability")
    parser.add_argument(
        "--fits", required=True, nargs="+", metavar="FILE", help="fit.json of all fits, in order"
    )
    parser.add_argument("--run-bins", required=True, metavar="FILE", help="run_bins.dat")
    parser.add_argument("--cut-flow", required=True, metavar="FILE", help="cut_flow.json")
    parser.add_argument("--settings", required=True, metavar="FILE", help="settings/export.json")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write into")


def run(args: argparse.Namespace) -> None:
    """Read the parts, check and join them, write the files."""
    settings = read_settings(args.settings, ExportSettings)
    fits = [read_fit(path) for path in args.fits]
    steps = [Step(fit.name, fit.categories, fit.result) for fit in fits]
    run_bins = read_run_bins(args.run_bins)
    cut_flow = read_cut_flow(args.cut_flow)
    stability = read_scales(args.scales)
    export = build_export(stability, steps, settings.chain, run_bins, cut_flow.data.runs)
    folder = Path(args.output).resolve()
    _write_tables(folder, settings.era, export, steps)
    result = folder / "result.json"
    write_json(result, result_json(settings.era, export, steps, run_bins, provenance()))
    published = {
        "scales": str(folder / f"{settings.era}_scales.dat"),
        "smearings": str(folder / f"{settings.era}_smearings.dat"),
        "result": str(result),
    }
    write_text(folder / "published.yml", yaml.safe_dump(published))
    _say(settings.era, export, len(run_bins))


def _write_tables(folder: Path, era: str, export: Export, steps: Sequence[Step]) -> None:
    """Write scales and smearings of each fit alone, of each product, and of the final one."""
    for step in steps:
        scales, smearings = step.tables()
        write_scales(folder / f"{era}_{step.name}_scales.dat", scales, DECIMALS)
        write_smearings(folder / f"{era}_{step.name}_smearings.dat", smearings, DECIMALS)
    names = {export.chain.name_in_field(fit): fit for fit in export.chain.names}
    for name, product in [
        *((f"{era}_{name}", export.products[fit]) for name, fit in names.items()),
        (era, export.final),
    ]:
        write_scales(folder / f"{name}_scales.dat", product.scales, DECIMALS)
        write_smearings(folder / f"{name}_smearings.dat", product.smearings, DECIMALS)


def _say(era: str, export: Export, n_run_bins: int) -> None:
    final = export.final
    print(
        f"{era}: {len(final.data_scales)} scales in {n_run_bins} run ranges and "
        f"{len(final.smearings)} smearings, in {era}_scales.dat and {era}_smearings.dat; they are "
        f"{export.chain.name_in_field(export.chain.final)} with smearings of {final.smearings_of}"
    )
