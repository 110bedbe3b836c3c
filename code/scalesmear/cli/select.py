"""Select dielectron events from ntuples, or from tables of slim events.

Reads the files of one job, keeps the events that pass all cuts, electron of larger Et first, and
writes them with a summary: the files with their checksums, events and sum of weights left after
each cut, events of each run. If the settings ask for it, the events are written as a table of slim
events too, with .tsv in place of .arrow.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesmear.errors import InputError
from scalesmear.io.eventfile import EventWriter
from scalesmear.io.files import read_settings, write_json
from scalesmear.io.samples import existing_input, read_job
from scalesmear.io.slimevents import SlimWriter
from scalesmear.io.sources import open_source
from scalesmear.progress import Progress
from scalesmear.provenance import adler32, provenance
from scalesmear.selection import SelectSettings, Tally, select

if TYPE_CHECKING:
    import argparse

    from scalesmear.io.sources import Source


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument("--job", required=True, metavar="FILE", help="job, as check wrote it")
    parser.add_argument(
        "--settings", required=True, metavar="FILE", help="cuts, as check wrote them"
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="events.arrow to write")
    parser.add_argument("--summary", required=True, metavar="FILE", help="summary.json to write")


def run(args: argparse.Namespace) -> None:
    """Read a job, select its events, write them and the summary."""
    job = read_job(args.job)
    settings = read_settings(args.settings, SelectSettings)
    progress = Progress(len(job.files))
    total, files, notes = Tally(), [], []
    slim = SlimWriter(Path(args.output).with_suffix(".tsv")) if settings.write_tsv else None
    with (
        EventWriter(args.output, job.kind) as writer,
        slim or nullcontext(),
        ThreadPoolExecutor(1) as pool,
    ):
        for tree, listed_as, place in job.files:
            path = existing_input(place, args.job)
            checksum = pool.submit(adler32, path)
            with open_source(path, tree, job.kind, listed_as, settings) as source:
                total += _select_file(source, settings, writer, slim, progress)
                notes += source.notes
                files.append(_description(source) | {"adler32": checksum.result()})
            progress.advance(files=1)
    content = {
        "kind": job.kind,
        "files": files,
        **_as_json(total, job.kind),
        "notes": notes,
        "provenance": provenance(),
    }
    write_json(args.summary, content)
    _say(total, job.kind)


def _select_file(
    source: Source,
    settings: SelectSettings,
    writer: EventWriter,
    slim: SlimWriter | None,
    progress: Progress,
) -> Tally:
    """Write the selected events of one file and return the account of all."""
    total = Tally()
    for candidates in source.candidates():
        events, tally = select(candidates, settings)
        source.check_gain(events)
        writer.write(events)
        if slim is not None:
            slim.write(events)
        total += tally
        progress.advance(events=len(candidates.events))
    _, sum_of_weights = total.cuts["all"]
    if sum_of_weights <= 0:
        problem = f"the weights of its {source.n_entries} entries add up to {sum_of_weights:g}"
        raise InputError(source.where, problem, "their sum must be positive")
    return total


def _description(source: Source) -> dict[str, Any]:
    return {
        "path": source.listed_as,
        "tree": source.name,
        "entries": source.n_entries,
        "bytes": source.path.stat().st_size,
    }


def _as_json(total: Tally, kind: str) -> dict[str, Any]:
    cuts = [
        {"name": name, "events": events, "sum_of_weights": sum_of_weights}
        for name, (events, sum_of_weights) in total.cuts.items()
    ]
    runs = {str(number): events for number, events in total.runs.items()} if kind == "data" else {}
    return {
        "cuts": cuts,
        "runs": runs,
        "sum_of_weights": total.sum_of_weights,
        "sum_of_squared_weights": total.sum_of_squared_weights,
        "largest_weight": total.largest_weight,
    }


def _say(total: Tally, kind: str) -> None:
    print(f"{kind}: events left after each cut")
    for name, (events, _) in total.cuts.items():
        print(f"{events:12d}  {name}")
