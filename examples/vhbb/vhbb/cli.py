"""The command of the steps: ``vhbb generate``, ``vhbb skim`` and ``vhbb limit``."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.cli._stdin import with_flags_of_stdin
from scalesmear.errors import InputError, ScalesmearError
from scalesmear.io.files import whole_file, write_json
from scalesmear.provenance import adler32, provenance
from scalesmear.report.scaled_figure import RENDER
from scalesmear.report.style import styled
from vhbb import generate as toys
from vhbb.figures import limit_figure, spectrum_figure
from vhbb.files import (
    histogram,
    read_events,
    read_factor,
    read_spectrum,
    write_histograms,
    write_signal,
)
from vhbb.scan import LEVEL, Interpretation
from vhbb.skim import select

if TYPE_CHECKING:
    from collections.abc import Sequence

SIGNAL, EXTERNAL = "recast_daod.root", "external_data.root"
"""Names of the generated files."""

MASS_TITLE, HIST = "mass of the two b jets [GeV]", "h_mjj"


def generate(args: argparse.Namespace) -> None:
    """Generate events of signal, and histograms of background and data."""
    streams = np.random.default_rng(args.seed).spawn(3)
    signal = toys.signal(streams[0])
    contents, variances = toys.background(streams[1])
    events = toys.data(streams[2])
    titles = MASS_TITLE, "events"
    write_signal(Path(args.output) / SIGNAL, signal)
    write_histograms(
        Path(args.output) / EXTERNAL,
        {
            "background": histogram(toys.EDGES, contents, variances, ("background", *titles)),
            "data": histogram(toys.EDGES, events, None, ("data without signal", *titles)),
        },
    )
    print(
        f"{SIGNAL}: {len(signal.weight)} of {signal.n_generated} generated events, "
        f"sum of all weights {signal.sum_of_weights:.8g}"
    )
    print(f"{EXTERNAL}: {contents.sum():.0f} events of background, {events.sum():.0f} of data")


def skim(args: argparse.Namespace) -> None:
    """Select events of signal and fill the mass of their b jets."""
    selected = select(read_events(args.input_file))
    contents, squares = (
        np.histogram(selected.mass, toys.EDGES, weights=selected.weight**power)[0]
        for power in (1, 2)
    )
    titles = "selected events", MASS_TITLE, "sum of weights"
    write_histograms(args.output_file, {HIST: histogram(toys.EDGES, contents, squares, titles)})
    flow = [vars(cut) for cut in selected.cut_flow]
    write_json(Path(args.output_file).with_name("cut_flow.json"), {"cut_flow": flow})
    for cut in selected.cut_flow:
        print(f"{cut.name:12} {cut.events:6d} events, sum of weights {cut.sum_of_weights:9.2f}")


def limit(args: argparse.Namespace) -> None:
    """Compare data with background and signal, and exclude signal strengths."""
    outputs = {Path(args.outputfile): limit_figure, Path(args.plotfile): spectrum_figure}
    for path in outputs:
        if path.suffix not in RENDER:
            cure = f"let its name end with {' or '.join(RENDER)}"
            raise InputError(path, "is a figure of unknown kind", cure)
    spectrum = read_spectrum(
        (args.filedata, args.histdata),
        (args.filebkg, args.histbkg, args.background_uncertainty),
        (args.filesig, args.histsig, args.signal_uncertainty),
    )
    factor = read_factor(args.factor)
    from vhbb.model import model_of  # all else runs without pyhf, too

    found = Interpretation(spectrum, model_of(spectrum).scan(), *factor)
    inputs = dict.fromkeys((args.filedata, args.filebkg, args.filesig, args.factor))
    about = {"inputs": {path: adler32(path) for path in inputs}, "provenance": provenance()}
    about["provenance"]["versions"] |= {name: version(name) for name in ("vhbb", "pyhf")}
    with styled(), ExitStack() as files:
        for path, draw in outputs.items():
            content = RENDER[path.suffix]([draw(found)])
            files.enter_context(whole_file(path)).write_bytes(content)
        record = files.enter_context(whole_file(Path(args.outputfile).with_name("limit.json")))
        write_json(record, found.to_json() | about)
    observed, median = found.limit.observed, found.limit.expected[2]
    times, unit = found.cross_section.value, found.cross_section.unit
    print(f"at {100 * LEVEL:.0f} % CL: signal strength < {observed:#.4g}, expected {median:#.4g}")
    print(f"cross section < {times * observed:#.3g} {unit}, expected {times * median:#.3g} {unit}")


FLAGS: dict[str, dict[str, tuple[type, str]]] = {
    "generate": {
        "--output": (str, "folder to write to"),
        "--seed": (int, "of all random numbers"),
    },
    "skim": {
        "--input-file": (str, "ROOT file with events"),
        "--output-file": (str, "ROOT file to write; cut_flow.json is written beside it"),
    },
    "limit": {
        "--filedata": (str, "ROOT file with the data"),
        "--histdata": (str, "name of the histogram in it"),
        "--filebkg": (str, "ROOT file with the background, scaled to the data"),
        "--histbkg": (str, "name of the histogram in it"),
        "--filesig": (str, "ROOT file with the signal, scaled to the data"),
        "--histsig": (str, "name of the histogram in it"),
        "--factor": (str, "factor.json of the scaling of the signal"),
        "--signal-uncertainty": (float, "relative, of its normalisation; 0 if there is none"),
        "--background-uncertainty": (float, "relative, of its normalisation; 0 if there is none"),
        "--outputfile": (str, "figure of the scan to write; limit.json is written beside it"),
        "--plotfile": (str, "figure of the spectrum to write"),
    },
}
VERBS = {"generate": generate, "skim": skim, "limit": limit}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; every flag of a verb must be given."""
    parser = argparse.ArgumentParser(prog="vhbb", description="Analysis of the RECAST lesson.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, run in VERBS.items():
        one = verbs.add_parser(verb, help=run.__doc__, description=run.__doc__)
        for flag, (kind, text) in FLAGS[verb].items():
            one.add_argument(flag, type=kind, required=True, help=text)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; return 0, or 1 after printing what is wrong in one line."""
    try:
        words = with_flags_of_stdin(list(sys.argv[1:] if argv is None else argv))
        args = build_parser().parse_args(words)
        VERBS[args.verb](args)
    except ScalesmearError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0
