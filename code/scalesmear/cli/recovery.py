"""Compare the exported scales with what toy data were made with, electron by electron.

Averages the factors that electrons need, and those of the table, over the data in the categories of each
fit that the table is a product of, and writes them with the truth: the report shows them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.chain import Chain
from scalesmear.cli._filling import batches
from scalesmear.cli._truth import read_truth
from scalesmear.errors import InputError
from scalesmear.fill import FillSettings
from scalesmear.io.eventfile import open_events
from scalesmear.io.files import read_json, read_settings, write_json
from scalesmear.io.fitfile import read_fit
from scalesmear.io.tables import read_scales
from scalesmear.provenance import provenance
from scalesmear.recovery import COLUMNS, recover

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from scalesmear.events import Events


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument(
        "--events", required=True, nargs="+", metavar="FILE", help="events.arrow of all jobs"
    )
    parser.add_argument("--truth", required=True, metavar="FILE", help="truth.json of the toys")
    parser.add_argument("--scales", required=True, metavar="FILE", help="exported scales")
    parser.add_argument(
        "--fits", required=True, nargs="+", metavar="FILE", help="fit.json of all fits, in order"
    )
    parser.add_argument("--settings", required=True, metavar="FILE", help="settings/fill.json")
    parser.add_argument("--result", required=True, metavar="FILE", help="result.json of the export")
    parser.add_argument("--output", required=True, metavar="FILE", help="recovery.json to write")


def run(args: argparse.Namespace) -> None:
    """Read everything, compare, write the means."""
    fits = {fit.name: fit.categories for fit in map(read_fit, args.fits)}
    path = _path(args.result)
    if missing := [name for name in path if name not in fits]:
        problem = f"holds the fit {missing[0]!r}"
        raise InputError(args.result, problem, "give that fit, too")
    found = recover(
        _data(args.events),
        read_truth(args.truth),
        read_scales(args.scales),
        {name: fits[name] for name in path},
        read_settings(args.settings, FillSettings),
    )
    content = {
        "truth": read_json(args.truth, "truth"),
        "fits": {name: means.to_json() for name, means in found.items()},
        "provenance": provenance(),
    }
    write_json(args.output, content)
    print(f"{int(found[path[-1]].electrons.sum())} electrons in categories of {', '.join(found)}")


def _path(result: str) -> tuple[str, ...]:
    """Return the fits that the exported table is a product of."""
    content = read_json(result, "result")
    try:
        links = tuple((step["name"], step["after"]) for step in content["steps"])
        return Chain(links, content["final"]).path(content["final"])
    except (KeyError, TypeError) as error:
        cure = "make it with scalesmear export"
        raise InputError(result, f"not a result ({error!r})", cure) from error


def _data(paths: Sequence[str]) -> Iterator[Events]:
    """Yield the events of the files of data; those of simulation need no scale."""
    for events in map(open_events, paths):
        if events.kind == "data":
            yield from batches(events, COLUMNS)
