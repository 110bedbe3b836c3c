"""Scale histograms of simulation to cross section times luminosity.

Multiplies TH1, TH2 and TProfile, under- and overflow included, by

  filter_eff * k_factor * cross_section * luminosity / sum_of_weights

and errors with them; means of a profile stay, the weights of its entries are scaled. Writes the
histograms under their names into a new ROOT file, a figure of each before and after, and beside the
ROOT file factor.json with every number, its unit and where it comes from.

Numbers come from flags or, with --samples and --sample, from a table; none may be given twice. A bare
number is in fb or fb-1. The sum of weights is that of all events produced: a number, or what --files
of the whole data set hold: Runs (NanoAOD), "histogram NAME[BIN]", mcGenWeight (ntuples of all events),
or events (to normalise by number).
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesmear.cli._ingredients import DataSet, read_ingredients
from scalesmear.errors import InputError
from scalesmear.io.files import existing, whole_file, write_json
from scalesmear.io.roothistograms import ALL, read_histograms, write_histograms
from scalesmear.io.samplestable import read_sample
from scalesmear.io.scaledfile import FACTOR
from scalesmear.mcsamples import SOURCES, TREE, UNCERTAINTY
from scalesmear.normalisation import Given
from scalesmear.provenance import adler32, provenance
from scalesmear.report.scaled_figure import RENDER, validation_plot
from scalesmear.roothistogram import scaled

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from scalesmear.cli._ingredients import Ingredients
    from scalesmear.io.roothistograms import Found
    from scalesmear.mcsamples import McSample
    from scalesmear.roothistogram import RootHistogram

    Pairs = Sequence[tuple[RootHistogram, RootHistogram]]

MOST_IN_PNG = 20
"""Histograms that one picture may show below each other."""

FLAGS = {
    "cross_section": ("-c", "with its unit: 44.837 fb, 2475 pb, 1.2 nb"),
    "sum_of_weights": ("-s", f"of all events produced: a number, or from --files: {SOURCES}"),
    "k_factor": ("-k", "higher orders over the cross section given; 1 if there is none"),
    "filter_eff": ("-f", "fraction that the generator's filter lets pass; 1 if there is none"),
    "luminosity": ("-l", "with its unit: 140.1 fb-1, 2330 pb-1"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb; the short ones are those of the RECAST scaling lesson."""
    for short, name, text in (
        ("-i", "--input-file", "ROOT file with the histograms, unless the table names it"),
        ("-o", "--output-file", "ROOT file to write"),
        ("-p", "--validation-plot", "figure to write, .pdf or .png"),
    ):
        required = name != "--input-file"
        parser.add_argument(short, name, required=required, metavar="FILE", help=text)
    for name, (short, text) in FLAGS.items():
        parser.add_argument(short, _flag(name), nargs="+", metavar="X", help=text)
    parser.add_argument(
        "-g", "--hist", nargs="+", required=True, metavar="NAME",
        help=f"names, with their folder: demo/mass; {ALL} for every histogram",
    )  # fmt: skip
    for name, ingredient in UNCERTAINTY.items():
        text = f"of the {ingredient.replace('_', ' ')}: 5 %%, or absolute with its unit"
        parser.add_argument(_flag(name), nargs="+", metavar="X", help=text)
    parser.add_argument("--samples", metavar="FILE", help="table samples.yml, instead of numbers")
    parser.add_argument("--sample", metavar="NAME", help="which one of the table")
    parser.add_argument(
        "--files", nargs="+", metavar="FILE", help="all files of the data set, to read sums from"
    )
    parser.add_argument("--tree", metavar="NAME", help=f"of ntuples in --files (default: {TREE})")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def run(args: argparse.Namespace) -> None:
    """Read, scale, write; nothing is written unless all of it can be."""
    sample = read_table(args)
    input_file = find_input(args, sample)
    _check_paths(args, input_file)
    ingredients = read_ingredients(_flags_given(args), sample, _data_set(args))
    found = read_histograms(input_file, args.hist)
    factor = ingredients.normalisation.factor
    pairs = [(histogram, scaled(histogram, factor)) for histogram in found.histograms]
    write_outputs(args, input_file, ingredients, found, pairs)
    print(f"factor = {ingredients.normalisation.spelled_out}")
    for before, after in pairs:
        print(f"{before.path}: sum {before.integral():.8g} -> {after.integral():.8g}")
    for note, names in _names_by_note(found.histograms).items():
        print(f"{note}: {names[0] if len(names) == 1 else f'{len(names)} histograms'}")


def _names_by_note(histograms: Sequence[RootHistogram]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for histogram in histograms:
        for note in histogram.notes():
            names.setdefault(note, []).append(histogram.path)
    return names


def read_table(args: argparse.Namespace) -> McSample | None:
    """Return what the table says about the sample, None if there is no table.

    Raises
    ------
    InputError
        If a table is given without the name of a sample or the other way round, or is wrong.
    """
    if (args.samples is None) != (args.sample is None):
        raise InputError("--samples, --sample", "one is given without the other", "give both")
    return None if args.samples is None else read_sample(args.samples, args.sample)


def find_input(args: argparse.Namespace, sample: McSample | None) -> Path:
    """Return the file with the histograms, which is named by the flag or in the table.

    Raises
    ------
    InputError
        If it is named by both or neither, or does not exist.
    """
    listed = None if sample is None else sample.histograms
    if args.input_file is None:
        if listed is None:
            raise InputError("--input-file", "is missing", "give it, or name it in the table")
        return existing(
            Path(args.samples).parent / listed.text, "input file", f"see {listed.where}"
        )
    if listed is not None:
        raise InputError(
            "--input-file", f"is also given in {listed.where}", "leave one of them out"
        )
    return existing(args.input_file, "input file")


def _check_paths(args: argparse.Namespace, input_file: Path) -> None:
    """Refuse to overwrite the input, one output with another, or a figure of unknown kind."""
    paths = {
        "--input-file": input_file,
        "--output-file": Path(args.output_file),
        "--validation-plot": Path(args.validation_plot),
        FACTOR: Path(args.output_file).with_name(FACTOR),
    }
    seen: dict[Path, str] = {}
    for flag, path in paths.items():
        other = seen.setdefault(path.resolve(), flag)
        if other != flag:
            raise InputError(path, f"is {other} and {flag} at once", "choose another name")
    if paths["--validation-plot"].suffix not in RENDER:
        cure = f"let its name end with {' or '.join(RENDER)}"
        raise InputError(args.validation_plot, "is a figure of unknown kind", cure)


def _flags_given(args: argparse.Namespace) -> dict[str, Given]:
    values = {name: getattr(args, name) for name in (*FLAGS, *UNCERTAINTY)}
    return {
        name: Given(" ".join(words), _flag(name))
        for name, words in values.items()
        if words is not None
    }


def _data_set(args: argparse.Namespace) -> DataSet:
    return DataSet(
        files=tuple(Given(name, "--files") for name in args.files or ()),
        tree=args.tree,
        folder_of_table=Path(args.samples or "").parent,
    )


def write_outputs(
    args: argparse.Namespace,
    input_file: Path,
    ingredients: Ingredients,
    found: Found,
    pairs: Pairs,
) -> None:
    """Write histograms, figure and record, all or none of them."""
    suffix = Path(args.validation_plot).suffix
    if suffix == ".png" and len(pairs) > MOST_IN_PNG:
        problem = f"{len(pairs)} histograms are too many for one picture"
        raise InputError(args.validation_plot, problem, "ask for .pdf, which has a page for each")
    name = "" if ingredients.sample is None else ingredients.sample.label
    record = record_of(input_file, ingredients, found, pairs)
    with ExitStack() as stack:
        output, plot, factor = (
            stack.enter_context(whole_file(path))
            for path in (
                args.output_file,
                args.validation_plot,
                Path(args.output_file).with_name(FACTOR),
            )
        )
        write_histograms(output, [after for _, after in pairs])
        plot.write_bytes(validation_plot(pairs, ingredients.normalisation, suffix, name))
        write_json(factor, record)


def record_of(
    input_file: Path, ingredients: Ingredients, found: Found, pairs: Pairs
) -> dict[str, Any]:
    """Return the content of factor.json."""
    sample = ingredients.sample
    about: Mapping[str, Any] = {} if sample is None else {
        "sample": sample.name,
        "label": sample.label,
        "includes": sample.includes,
        "source": sample.source,
    }  # fmt: skip
    return {
        **about,
        **ingredients.normalisation.to_json(),
        "normalised_by": ingredients.normalised_by,
        "sum_of_weights_by_file": [
            {"path": one.path, "what": one.what, "value": one.value} for one in ingredients.sums
        ],
        "input_file": {
            "path": str(input_file),
            "size": input_file.stat().st_size,
            "adler32": adler32(input_file),
        },
        "histograms": [
            {
                "name": before.path,
                "class": before.class_name,
                "written_as": after.class_name,
                "sum_before": before.integral(),
                "sum_after": after.integral(),
                "notes": before.notes(),
            }
            for before, after in pairs
        ],
        "not_scaled": dict(found.others),
        "provenance": provenance(),
    }
