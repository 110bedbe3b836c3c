"""Convert the public CMS 2011 table of Z->ee candidates into an ntuple.

Reads Zee_Run2011A.csv (CERN Open Data record 5207) and writes an ECALELF-like tree. No cut is made:
charges are kept, and the identification becomes the bits of eleID,

  0x04  all candidates of the table
  0x08  medium: sigmaEtaEta < 0.012 (barrel) or 0.031 (endcap), H/E < 0.05, track isolation < 0.10 pt
  0x10  tight: 0.0105 or 0.029, 0.04, 0.05 pt, and both calorimeter isolations < 0.10 pt

Energies are pt cosh(eta). The table has no R9, gain or supercluster position: R9 is 0.95 and the gain
12 everywhere, the position is that of the electron. So use categories in eta only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scalesmear.io.csv2011 import MEDIUM, read_csv
from scalesmear.io.ntuples import ntuple_branches, write_ntuple

if TYPE_CHECKING:
    import argparse

    from scalesmear.io.csv2011 import CsvCandidates


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument("--input", required=True, metavar="FILE", help="Zee_Run2011A.csv")
    parser.add_argument("--output", required=True, metavar="FILE", help="ROOT file to write")
    parser.add_argument(
        "--tree", default="selected", metavar="NAME", help="tree to write (default: selected)"
    )


def run(args: argparse.Namespace) -> None:
    """Read the table, write the tree and say what is in it."""
    found = read_csv(args.input)
    branches = ntuple_branches(
        found.events, identification=found.identification, charge=found.charge
    )
    kept = write_ntuple(args.output, [branches], args.tree)
    print(f"{kept} candidates written to {args.output}, {found.n_dropped} dropped, of them")
    for name, count in counts(found).items():
        print(f"{count:8d}  {name}")


def counts(found: CsvCandidates) -> dict[str, int]:
    """Return how many candidates belong to what an analysis may ask for."""
    opposite = found.charge.prod(axis=1) == -1
    medium = ((found.identification & MEDIUM) != 0).all(axis=1)
    abs_eta = found.events.abs_eta
    in_gap = ((abs_eta >= 1.4442) & (abs_eta < 1.566)).any(axis=1)
    numbers = {
        "of opposite charge": opposite,
        "medium identification of both (bit 0x08)": medium,
        "medium and of opposite charge": medium & opposite,
        "  with an electron between barrel and endcap": medium & opposite & in_gap,
    }
    return {name: int(np.count_nonzero(mask)) for name, mask in numbers.items()}
