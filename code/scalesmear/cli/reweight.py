"""Weight simulation so that pT and rapidity of its Z are distributed as in the data.

Reads the spectra of all jobs. Writes the weights of 10 ranges of abs(rapidity) times 46 of pT, and as
JSON what they were made from and how far simulation was from the data. If the settings do not ask
for weights, all are 1. For another simulation the data come from the reweighting of the nominal one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scalesmear.cli._spectra import read_spectra, read_spectra_of_simulation
from scalesmear.io.files import read_json, read_settings, write_json
from scalesmear.io.weightsfile import write_weights
from scalesmear.provenance import provenance
from scalesmear.reweight import Reweighting, ReweightSettings, agreement, derive_weights

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from scalesmear.spectra import ZSpectra


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument(
        "--spectra", required=True, nargs="+", metavar="FILE", help="spectra.json of all jobs"
    )
    parser.add_argument(
        "--data-of", metavar="FILE", help="reweight.json to take the data from, in place of spectra"
    )
    parser.add_argument("--settings", required=True, metavar="FILE", help="settings/reweight.json")
    parser.add_argument("--output", required=True, metavar="FILE", help="weights.tsv to write")
    parser.add_argument("--result", required=True, metavar="FILE", help="reweight.json to write")


def run(args: argparse.Namespace) -> None:
    """Read the spectra, derive the weights, write them."""
    settings = read_settings(args.settings, ReweightSettings)
    found = derive_weights(*_spectra(args.spectra, args.data_of), settings)
    write_weights(args.output, found.table)
    write_json(args.result, found.to_json() | {"provenance": provenance()})
    print(describe(found))


def _spectra(paths: Sequence[str], data_of: str | None) -> tuple[ZSpectra, ZSpectra]:
    """Return the spectra of data and of simulation."""
    if data_of is None:
        return read_spectra(paths)
    nominal = Reweighting.from_json(read_json(data_of, "reweighting"), data_of)
    return nominal.data, read_spectra_of_simulation(paths)


def describe(found: Reweighting) -> str:
    """Return what a person wants to know of the weights."""
    state = agreement(found.data, found.sim, found.group)
    first = (
        f"pT and rapidity of the Z in simulation differ from data by chi2/ndf = "
        f"{state.chi2:.1f}/{state.ndf}, at most {100 * state.largest:+.1f} +- "
        f"{100 * state.largest_error:.1f} %"
    )
    if not found.settings.enabled:
        return f"{first}; not weighted"
    weights = (
        f"weights {found.weight.min():.3f}-{found.weight.max():.3f} in {found.group.max() + 1} "
        f"groups of cells; {found.n_undetermined} cells have too few events and weight 1"
    )
    lines = [first, weights]
    for name, part in (("data", found.data), ("simulation", found.sim)):
        outside = part.outside_weight / max(part.weight.sum() + part.outside_weight, np.spacing(1))
        lines.append(f"{name}: {100 * outside:.3f} % of the weight is outside the table")
    return "\n".join(lines)
