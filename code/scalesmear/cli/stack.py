"""Put scaled histograms of simulated processes on each other, and data over them.

Reads what scale-histogram wrote for each process, its factor.json included, and the histogram of the
data. Writes a ROOT file with each process under its name, their sum `total` and `data`; a figure with
the ratio; and yields.json, the numbers of events in the range with their errors.

Errors of cross sections and k factors move a process as a whole, that of the luminosity all of them.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesmear.errors import InputError
from scalesmear.io.files import whole_file, write_json
from scalesmear.io.roothistograms import read_histograms, write_histograms
from scalesmear.io.scaledfile import read_process
from scalesmear.provenance import adler32, provenance
from scalesmear.report.scaled_figure import RENDER, typeset
from scalesmear.report.stack_figure import stack_figure
from scalesmear.report.style import styled
from scalesmear.stack import DATA, stacked, total_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from scalesmear.roothistogram import RootHistogram
    from scalesmear.stack import Process, Stack, Yield


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument(
        "--scaled", nargs="+", required=True, metavar="FILE",
        help="ROOT files of scale-histogram, factor.json beside each",
    )  # fmt: skip
    for name, metavar, text in (
        ("--data", "FILE", "ROOT file with the data"),
        ("--hist", "NAME", "histogram, with its folder, in all of these files"),
        ("--output", "FILE", "ROOT file to write"),
        ("--figure", "FILE", "figure to write, .pdf or .png"),
        ("--yields", "FILE", "JSON file to write"),
    ):
        parser.add_argument(name, required=True, metavar=metavar, help=text)
    parser.add_argument(
        "--range", nargs=2, type=float, metavar=("LOW", "HIGH"), help="edges of bins between which"
        " to draw and to count (default: all of the axis)",
    )  # fmt: skip
    parser.add_argument(
        "--x-label", nargs="+", metavar="TEXT", help="of the axis (default: that of the data)"
    )
    parser.add_argument("--label", nargs="+", metavar="TEXT", help="what the figure shows")
    parser.add_argument("--log", action="store_true", help="logarithmic numbers of events")


def run(args: argparse.Namespace) -> None:
    """Read, compare, write; nothing is written unless all of it can be."""
    suffix = Path(args.figure).suffix
    if suffix not in RENDER:
        cure = f"let its name end with {' or '.join(RENDER)}"
        raise InputError(args.figure, "is a figure of unknown kind", cure)
    processes = [read_process(path, args.hist) for path in args.scaled]
    (data,) = read_histograms(args.data, [args.hist]).histograms
    stack = stacked(processes, data, None if args.range is None else tuple(args.range))
    record = record_of(args, processes, stack)
    figure = draw(args, processes, stack, data)
    with ExitStack() as files:
        output, picture, yields = (
            files.enter_context(whole_file(path))
            for path in (args.output, args.figure, args.yields)
        )
        write_histograms(output, _named(processes, data))
        picture.write_bytes(figure)
        write_json(yields, record)
    _say(stack)


def draw(
    args: argparse.Namespace, processes: Sequence[Process], stack: Stack, data: RootHistogram
) -> bytes:
    """Return the file of the figure."""
    x_label = data.axes[0].title if args.x_label is None else " ".join(args.x_label)
    with styled():
        figure = stack_figure(
            stack,
            x_label=x_label,
            luminosity=typeset(str(processes[0].luminosity)),
            label=" ".join(args.label or ()),
            log=args.log,
        )
        return RENDER[Path(args.figure).suffix]([figure])


def _named(processes: Sequence[Process], data: RootHistogram) -> list[RootHistogram]:
    """Return the histograms under the names that they have in the output."""
    scaled = [replace(process.histogram, path=process.name) for process in processes]
    return [*scaled, total_of(scaled), replace(data, path=DATA, n_functions=0)]


def record_of(
    args: argparse.Namespace, processes: Sequence[Process], stack: Stack
) -> dict[str, Any]:
    """Return the content of the file of yields."""
    factors = {process.name: process.factor for process in processes}
    return {
        "histogram": args.hist,
        "range": [float(stack.edges[0]), float(stack.edges[-1])],
        "luminosity": str(processes[0].luminosity),
        "processes": [
            {
                "name": layer.name,
                "label": layer.label,
                "factor": factors[layer.name],
                **layer.sum().to_json(),
            }
            for layer in stack.layers
        ],
        "total": stack.sum().to_json(),
        "data": int(stack.data.sum()),
        "data_over_simulation": stack.ratio().to_json(),
        "inputs": [
            {"path": str(path), "adler32": adler32(path)} for path in (*args.scaled, args.data)
        ],
        "provenance": provenance(),
    }


def _say(stack: Stack) -> None:
    ratio = stack.ratio()
    for name, found in (
        *((layer.name, layer.sum()) for layer in reversed(stack.layers)),
        ("all", stack.sum()),
    ):
        print(f"{name}: {_in_words(found)}")
    print(f"data: {int(stack.data.sum())}")
    print(
        f"data / simulation = {ratio.value:.4f} +{ratio.data_up:.4f} -{ratio.data_down:.4f} (data)"
        f" +- {ratio.statistical:.4f} (simulated events) +- {ratio.systematic:.4f} (normalisation)"
    )


def _in_words(found: Yield) -> str:
    return f"{found.value:.1f} +- {found.statistical:.1f} (stat.) +- {found.systematic:.1f} (syst.)"
