"""Bring the median mass of each run range and region of abs(eta) to the same place.

Uses events with both electrons in the same region. Writes the scales (11 columns), a table of the
peak before and after them, and all of it with errors as JSON. Run ranges with too few events of a
region are merged with their neighbours, in that region only, and named.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from scalesmear.errors import InputError
from scalesmear.io.eventfile import open_events
from scalesmear.io.files import read_settings, write_json, write_text
from scalesmear.io.tables import read_run_bins, write_scales
from scalesmear.progress import Progress
from scalesmear.provenance import provenance
from scalesmear.stability import (
    DATA_COLUMNS,
    SIM_COLUMNS,
    Stability,
    StabilitySettings,
    Target,
    collect_masses,
    collect_simulation,
    derive_stability,
    simulation_targets,
    stability_table,
    z_mass_targets,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from scalesmear.events import Events
    from scalesmear.io.eventfile import EventFile


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument(
        "--events", nargs="+", required=True, metavar="FILE", help="events.arrow of every job"
    )
    parser.add_argument("--run-bins", required=True, metavar="FILE", help="run_bins.dat")
    parser.add_argument("--settings", required=True, metavar="FILE", help="settings/stability.json")
    parser.add_argument("--output", required=True, metavar="FILE", help="scales.dat to write")
    parser.add_argument("--table", required=True, metavar="FILE", help="stability.tsv to write")
    parser.add_argument("--result", required=True, metavar="FILE", help="stability.json to write")


def run(args: argparse.Namespace) -> None:
    """Read masses, derive the scales, write them."""
    settings = read_settings(args.settings, StabilitySettings)
    run_bins = read_run_bins(args.run_bins)
    files = [open_events(path) for path in args.events]
    data = [file for file in files if file.kind == "data"]
    if not data:
        raise InputError("--events", "no file of data among them", "give all files of select")
    targets = _targets([file for file in files if file.kind == "sim"], settings)
    masses = collect_masses(_batches(data, DATA_COLUMNS), settings.regions, run_bins)
    stability = derive_stability(masses, run_bins, targets, settings)
    write_scales(args.output, stability.scale_table)
    write_text(args.table, stability_table(stability))
    about = {"settings": asdict(settings), "provenance": provenance()}
    write_json(args.result, stability.to_json() | about)
    _say(stability, settings)


def _targets(sim: Sequence[EventFile], settings: StabilitySettings) -> tuple[Target, ...]:
    """Return where to put the medians; reads simulation only if they come from it."""
    if settings.target == "z_mass":
        return z_mass_targets(settings.regions)
    masses = collect_simulation(_batches(sim, SIM_COLUMNS), settings.regions)
    return simulation_targets(masses, settings)


def _batches(files: Sequence[EventFile], columns: Sequence[str]) -> Iterator[Events]:
    progress = Progress(n_files=len(files))
    for file in files:
        for batch in file.batches(columns):
            yield batch
            progress.advance(events=len(batch))
        progress.advance(files=1)


def _say(stability: Stability, settings: StabilitySettings) -> None:
    dropped = ", ".join(f"{n} with {reason}" for reason, n in stability.dropped.items())
    print(f"{stability.n_events} data events; not used: {dropped}")
    for target in stability.targets:
        cells = [cell for cell in stability.cells if cell.region == target.region]
        scales = [cell.scale for cell in cells]
        error = max(cell.error for cell in cells)
        print(
            f"abs(eta) {target.region[0]:g}-{target.region[1]:g}: median to {target.mass:.3f} GeV, "
            f"scales {min(scales):.5f}-{max(scales):.5f}, errors up to {error:.5f}"
        )
    for name, n_cells in stability.merged_groups.items():
        print(f"{name}: {n_cells} run bins merged for fewer than {settings.min_events} events")
