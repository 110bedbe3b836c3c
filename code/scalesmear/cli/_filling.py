"""What all verbs share that go through one job's events: corrections to read, batches to count."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from scalesmear.cli._base import chosen, configure_base
from scalesmear.effective import Tails
from scalesmear.fill import Corrections
from scalesmear.io.tables import read_scales, read_smearings
from scalesmear.io.weightsfile import read_weights
from scalesmear.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from scalesmear.cutflow import CutFlow
    from scalesmear.events import Events
    from scalesmear.histogram import Kind
    from scalesmear.io.eventfile import EventFile
    from scalesmear.zweights import WeightTable

MAX_THREADS = 4
"""Each has histograms of its own, and the others of its job wait for the file."""


def add_event_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name one job's events and the cut flow of all jobs."""
    parser.add_argument("--events", required=True, metavar="FILE", help="events.arrow")
    parser.add_argument("--cut-flow", required=True, metavar="FILE", help="cut_flow.json")


def add_correction_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name what is applied to events."""
    configure_base(parser, required=False)
    parser.add_argument("--smearings", metavar="FILE", help="smearings to apply to simulation")
    parser.add_argument("--weights", metavar="FILE", help="weights of simulation by pT and y of Z")


def add_thread_flag(parser: argparse.ArgumentParser) -> None:
    """Add the flag for the number of threads."""
    parser.add_argument(
        "--threads", type=int, default=MAX_THREADS, help="at most this many, and no more than cores"
    )


def threads_of(args: argparse.Namespace) -> int:
    """Return how many threads share the events."""
    return max(1, min(int(args.threads), len(os.sched_getaffinity(0))))


def read_corrections(
    args: argparse.Namespace, seed: int, tails: Tails | None = None
) -> Corrections:
    """Read what those flags name; weights that are all 1 need not be looked up."""
    weights = read_weights(args.weights) if args.weights else None
    return Corrections(
        scales=read_scales(chosen(args.scales, args.base)) if args.scales else None,
        smearings=read_smearings(args.smearings) if args.smearings else None,
        weights=None if weights is None or weights.is_one else weights,
        seed=seed,
        tails=tails or Tails(),
    )


def exponent_of(cut_flow: CutFlow, kind: Kind, weights: WeightTable | None) -> int:
    """Return the power of two above all weights of a sample, those by pT and y included."""
    sample = cut_flow.of(kind)
    if kind == "data" or weights is None:
        return sample.exponent
    return weights.exponent(sample.largest_weight)


def batches(events: EventFile, columns: tuple[str, ...]) -> Iterator[Events]:
    """Yield all events with some columns, and say how far it is."""
    progress = Progress(n_files=1)
    for batch in events.batches(columns):
        yield batch
        progress.advance(events=len(batch))
    progress.advance(files=1)
