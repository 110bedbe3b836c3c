"""Check, describe and draw a set of categories.

Takes the name of a set of this package, or a category file: blocks in YAML, or rows of the earlier
calibrations. A set that overlaps, leaves a hole, or has a scale category without a smearing category
is refused. Prints its categories; with events also the electrons in each category, and the events
with both in it. With an output folder writes categories.yml, categories.tsv, pairs.tsv and figures:
plane (which category is where) and pairs, as PDF and PNG.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.cli._figures import write_figures
from scalesmear.histogram import pair_categories
from scalesmear.io.categoryfile import read_categories, write_categories
from scalesmear.io.eventfile import open_events
from scalesmear.io.files import write_text
from scalesmear.population import Population, columns_of, count
from scalesmear.report.quantity import plain
from scalesmear.report.tables import Table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

    from scalesmear.categories import CategorySet
    from scalesmear.events import Events

KINDS = {"data": "data", "sim": "simulation"}

Populations = dict[str, Population]
"""By kind of events, in the order of `KINDS`."""

Row = tuple[str | int, ...]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument(
        "categories", metavar="NAME|FILE", help="set such as fine, or category file"
    )
    parser.add_argument(
        "--events", nargs="+", default=[], metavar="FILE", help="events.arrow of data or simulation"
    )
    parser.add_argument("--output", metavar="DIR", help="folder to write tables and figures into")


def run(args: argparse.Namespace) -> None:
    """Read the set, count, print, write."""
    categories = read_categories(args.categories)
    populations = _populations(args.events, categories)
    rows = list(category_rows(categories, populations))
    print(
        f"{args.categories}: {len(categories.scales)} scales, {len(categories.smearings)} smearings"
    )
    print(category_table(rows).text(max_width=200))
    for kind, population in populations.items():
        print(_sentence(kind, population))
    if args.output:
        _write(Path(args.output), args.categories, categories, populations, rows)


def _populations(paths: Iterable[str], categories: CategorySet) -> Populations:
    """Return the population of the files of each kind."""
    files = [open_events(path) for path in paths]
    of_kind = {kind: [file for file in files if file.kind == kind] for kind in KINDS}

    def batches(kind: str) -> Iterator[Events]:
        for file in of_kind[kind]:
            yield from file.batches(columns_of(categories))

    return {kind: count(batches(kind), categories) for kind in KINDS if of_kind[kind]}


def category_rows(categories: CategorySet, populations: Populations) -> Iterator[Row]:
    """Yield a header, then number, window, smearing category and population of each category."""
    counts = {
        f"{name} {KINDS[kind]}": numbers
        for kind, population in populations.items()
        for name, numbers in (
            ("electrons", population.electrons),
            ("both in it", population.diagonal),
        )
    }
    yield "number", "scale category", "its smearing category", *counts
    for number, window in enumerate(categories.scales):
        smearing = categories.smearings[categories.smearing_of[number]]
        numbers = (int(column[number]) for column in counts.values())
        yield number + 1, plain(window), plain(smearing), *numbers


def category_table(rows: Sequence[Row]) -> Table:
    """Return the rows of `category_rows` for the eye."""
    words = [tuple(f"{v:,}" if isinstance(v, int) else v for v in row) for row in rows]
    return Table("Categories", words[0], tuple(words[1:]), n_names=3)


def _sentence(kind: str, population: Population) -> str:
    pairs = population.pairs
    return (
        f"{KINDS[kind]}: {population.n_events:,} events, {population.n_outside:,} with an electron in "
        f"no category; {int((pairs > 0).sum()):,} of {len(pairs):,} pairs have events, "
        f"{int((pairs >= 20).sum()):,} have 20 or more"
    )


def _write(
    folder: Path, name: str, categories: CategorySet, populations: Populations, rows: Sequence[Row]
) -> None:
    write_categories(folder / "categories.yml", categories)
    write_text(folder / "categories.tsv", _tsv(rows))
    if populations:
        write_text(folder / "pairs.tsv", _tsv(_pair_rows(populations)))
    _draw(folder, Path(name).stem, categories, populations)


def _tsv(rows: Iterable[Row]) -> str:
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


def _pair_rows(populations: Populations) -> Iterator[Row]:
    """Yield a header, then the two numbers of each pair and its events of each kind."""
    yield "first", "second", *(f"events {KINDS[kind]}" for kind in populations)
    counts = [population.pairs for population in populations.values()]
    legs = pair_categories(np.arange(len(counts[0]))) + 1
    for pair, (first, second) in enumerate(legs.tolist()):
        yield first, second, *(int(numbers[pair]) for numbers in counts)


def _draw(folder: Path, name: str, categories: CategorySet, populations: Populations) -> None:
    """Write the figures; only here is matplotlib needed."""
    from scalesmear.report.category_plane import pairs_figure, plane_figure
    from scalesmear.report.drawing import Drawing, render_all

    if populations:
        drawings = [
            drawing
            for kind, population in populations.items()
            for drawing in (
                Drawing(
                    f"plane_{kind}",
                    "",
                    partial(
                        plane_figure, categories, population.electrons, label=KINDS[kind], era=name
                    ),
                ),
                Drawing(
                    f"pairs_{kind}",
                    "",
                    partial(
                        pairs_figure, categories, population.matrix(), label=KINDS[kind], era=name
                    ),
                ),
            )
        ]
    else:
        drawings = [Drawing("plane", "", partial(plane_figure, categories, era=name))]
    write_figures(folder, render_all(drawings))
