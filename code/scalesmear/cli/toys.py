"""Generate ntuples of data and simulation with known scales, smearings and run drift.

Writes ECALELF-like ROOT files, their sample list samples.tsv, the luminosity and the cross section
that belong to them as samples.yml, and what was put in as truth.json. If events of it are asked for, a
file of another simulation is in the list too, of type other.
Equal seeds give equal events; a file's events do not depend on how many other files there are.

Background is 0 unless asked for: the fits have no model of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from scalesmear.errors import InputError
from scalesmear.io.files import write_json, write_text
from scalesmear.io.ntuples import COMPRESSIONS, ntuple_branches, write_ntuple
from scalesmear.io.samples import OTHER
from scalesmear.progress import Progress
from scalesmear.toys import CROSS_SECTION, chunk_sizes, make_truth, other_branches, produce_chunk

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from scalesmear.histogram import Kind
    from scalesmear.toys import ToyTruth

TREE = "selected"
SAMPLE = "zee"

OTHER_STREAM = 1 << 20
"""Number of the stream of another simulation, above those of all files."""


class Option(NamedTuple):
    """A number that can be chosen: default, allowed range and meaning."""

    default: float
    low: float
    high: float
    text: str


COUNTS = {
    "seed": Option(1, 0, math.inf, "of truth and events"),
    "data-events": Option(1_000_000, 1, math.inf, "events in all data files together"),
    "sim-events": Option(2_000_000, 1, math.inf, "events in all files of simulation together"),
    "other-events": Option(0, 0, math.inf, "events of another simulation, in one file"),
    "data-files": Option(4, 1, math.inf, "number of data files"),
    "sim-files": Option(4, 1, math.inf, "number of files of simulation"),
    "runs": Option(60, 1, 10_000, "number of runs of data"),
}
NUMBERS = {
    "background-fraction": Option(0.0, 0.0, 0.9, "of non-resonant pairs in data"),
    "negative-fraction": Option(0.12, 0.0, 0.4, "of simulated events with a negative weight"),
    "sim-z-pt": Option(1.1, 0.2, 5.0, "factor on the pT of the Z in simulation"),
    "other-z-pt": Option(0.95, 0.2, 5.0, "factor on the pT of the Z in the other simulation"),
    "other-scale": Option(1.0, 0.9, 1.1, "factor on all energies in the other simulation"),
    "gain-6-scale": Option(1.007, 0.5, 2.0, "factor that data need in gain 6"),
    "gain-1-scale": Option(1.02, 0.5, 2.0, "factor that data need in gain 1"),
    "et-slope": Option(0.0, -0.02, 0.02, "rise per 10 GeV of the factor that data need by Et"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write to")
    for options, kind, metavar in ((COUNTS, int, "N"), (NUMBERS, float, "X")):
        for name, option in options.items():
            text = f"{option.text} (default: {option.default})"
            default = kind(option.default)
            parser.add_argument(f"--{name}", type=kind, default=default, metavar=metavar, help=text)
    parser.add_argument(
        "--compression", choices=COMPRESSIONS, default="lz4", help="of the files (default: lz4)"
    )


def run(args: argparse.Namespace) -> None:
    """Write the files, the list of them and the truth."""
    _check(args)
    truth = make_truth(
        args.seed,
        args.runs,
        gain_scales={12: 1.0, 6: args.gain_6_scale, 1: args.gain_1_scale},
        et_slope=args.et_slope,
        background_fraction=args.background_fraction,
        negative_fraction=args.negative_fraction,
        sim_z_pt=args.sim_z_pt,
    )
    folder = Path(args.output)
    progress = Progress(args.data_files + args.sim_files)
    lines = []
    made = {"data": Made(), "sim": Made()}
    numbers: tuple[tuple[Kind, int, int], ...] = (
        ("data", args.data_events, args.data_files),
        ("sim", args.sim_events, args.sim_files),
    )
    for kind, n_events, n_files in numbers:
        for stream in range(n_files):
            name = f"ntuples/{kind}-{stream + 1}.root"
            n = n_events // n_files + (stream < n_events % n_files)
            chunks = _chunks(truth, kind, n, stream, made[kind])
            write_ntuple(folder / name, chunks, TREE, args.compression)
            lines.append(f"{kind}\t{TREE}\t{name}\n")
            progress.advance(events=n, files=1)
    if args.other_events:
        lines.append(_write_other(truth, args))
    write_text(folder / "samples.tsv", "".join(lines))
    write_text(folder / "samples.yml", yaml.safe_dump(table_of(made), sort_keys=False))
    write_json(folder / "truth.json", truth.as_json())
    print(f"{args.data_events} data and {args.sim_events} simulated events in {folder}")


def _write_other(truth: ToyTruth, args: argparse.Namespace) -> str:
    """Write the file of another simulation; return its line of the sample list."""
    other = replace(truth, sim_z_pt=args.other_z_pt, sim_scale=args.other_scale)
    name = "ntuples/other-1.root"
    chunks = _chunks(other, "sim", args.other_events, OTHER_STREAM, Made())
    write_ntuple(Path(args.output) / name, chunks, TREE, args.compression)
    return f"{OTHER}\t{TREE}\t{name}\n"


def _check(args: argparse.Namespace) -> None:
    """Make sure that all numbers are in their range."""
    for name, option in (COUNTS | NUMBERS).items():
        value = getattr(args, name.replace("-", "_"))
        if not option.low <= value <= option.high:
            cure = f"choose between {option.low} and {option.high}"
            raise InputError(f"--{name}", f"is {value}", cure)
    for kind in ("data", "sim"):
        events, files = (getattr(args, f"{kind}_{what}") for what in ("events", "files"))
        if events < files:
            problem = f"is {events}, fewer than {files} files"
            raise InputError(f"--{kind}-events", problem, "each file needs an event")


@dataclass
class Made:
    """Number and sum of weights of all Z bosons that were made for some files."""

    events: float = 0.0
    weights: float = 0.0


def _chunks(
    truth: ToyTruth, kind: Kind, n_events: int, stream: int, made: Made
) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield the branches of one file, chunk by chunk, and add to what was made."""
    for chunk, n in enumerate(chunk_sizes(n_events)):
        produced = produce_chunk(truth, kind, n, stream, chunk)
        made.events += produced.n_made
        made.weights += produced.sum_of_weights
        yield ntuple_branches(produced.events, **other_branches(truth, kind, n, stream, chunk))


def table_of(made: dict[str, Made]) -> dict[str, Any]:
    """Return the content of samples.yml: the luminosity in which the data would be seen."""
    return {
        "luminosity": f"{made['data'].events / CROSS_SECTION:.8g} pb-1",
        "samples": {
            SAMPLE: {
                "cross_section": f"{CROSS_SECTION:g} pb",
                "includes": "the decay to electrons; generated masses of 45 to 170 GeV",
                "k_factor": 1,
                "filter_eff": 1,
                "sum_of_weights": float(f"{made['sim'].weights:.10g}"),
                "source": "scalesmear toys, which counts what it makes",
            }
        },
    }
