"""Make and fit some toys with known scales and smearings, each with data and simulation of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scalesmear.errors import InputError
from scalesmear.injection import InjectionSettings, fit_toys
from scalesmear.io.files import read_settings
from scalesmear.io.injectionfile import read_injected, write_toy_fits
from scalesmear.progress import Progress
from scalesmear.provenance import provenance

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument(
        "--truth", required=True, metavar="FILE", help="truth.json of injection-truth"
    )
    parser.add_argument(
        "--settings", required=True, metavar="FILE", help="toys.json of injection-truth"
    )
    parser.add_argument(
        "--toys", required=True, metavar="FIRST-LAST", help="which toys, such as 0-49"
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="fits.json to write")


def run(args: argparse.Namespace) -> None:
    """Make the toys one after another, and write what their fits found."""
    numbers = numbers_of(args.toys)
    settings = read_settings(args.settings, InjectionSettings)
    injected = read_injected(args.truth)
    progress, n_events = Progress(1), settings.data_events + settings.sim_events
    fits = fit_toys(injected, settings, numbers, lambda: progress.advance(events=n_events))
    write_toy_fits(args.output, fits, provenance())
    progress.advance(files=1)
    print(f"toys {args.toys}: {len(fits.numbers)} fits, {len(fits.failures)} failed")


def numbers_of(text: str) -> range:
    """Return the numbers that words such as 0-49 mean.

    Raises
    ------
    InputError
        If they mean none.
    """
    found = re.fullmatch(r"(\d+)-(\d+)", text)
    if found is None or int(found[1]) > int(found[2]):
        raise InputError("--toys", f"{text!r} means no toys", "write first and last, such as 0-49")
    return range(int(found[1]), int(found[2]) + 1)
