"""Write the correction files that analyses load, and everything that was derived as JSON.

Into the output folder: <era>_scales.dat (all steps multiplied, by run range, abs(eta) and R9, with
rows for simulation), <era>_smearings.dat (of the last fit), the same for each fit alone as
<era>_<fit>_scales.dat and <era>_<fit>_smearings.dat, and result.json. Every run of the data must
lie in a run range, and the windows must tile barrel and endcap, or nothing is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from scalesmear.cutflow import CutFlow
from scalesmear.export import ExportSettings, Step, build_export, result_json
from scalesmear.io.files import read_json, read_settings, write_json, write_text
from scalesmear.io.fitfile import read_fit
from scalesmear.io.tables import read_run_bins, read_scales, write_scales, write_smearings
from scalesmear.provenance import provenance

if TYPE_CHECKING:
    import argparse

DECIMALS = 6
"""Digits of an exported scale after the point."""


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
    era = read_settings(args.settings, ExportSettings).era
    fits = [read_fit(path) for path in args.fits]
    steps = [Step(fit.name, fit.categories, fit.result) for fit in fits]
    run_bins = read_run_bins(args.run_bins)
    cut_flow = CutFlow.from_json(read_json(args.cut_flow, "cut flow"), args.cut_flow)
    export = build_export(read_scales(args.scales), steps, run_bins, cut_flow.data.runs)

    folder = Path(args.output).resolve()
    files = {
        "scales": folder / f"{era}_scales.dat",
        "smearings": folder / f"{era}_smearings.dat",
        "result": folder / "result.json",
    }
    for step in steps:
        scales, smearings = step.tables()
        write_scales(folder / f"{era}_{step.name}_scales.dat", scales)
        write_smearings(folder / f"{era}_{step.name}_smearings.dat", smearings)
    write_scales(files["scales"], export.scales, DECIMALS)
    write_smearings(files["smearings"], export.smearings)
    write_json(files["result"], result_json(era, export, steps, run_bins, provenance()))
    published = {key: str(path) for key, path in files.items()}
    write_text(folder / "published.yml", yaml.safe_dump(published))
    print(
        f"{era}: {len(export.data_scales)} scales in {len(run_bins)} run ranges and "
        f"{len(export.smearings)} smearings, in {files['scales'].name} and {files['smearings'].name}"
    )
