"""How time grows with events, categories, files and threads; a table and a figure of each.

python benchmarks/scaling.py events|categories|files|threads ... [--figures FOLDER]

Times are those of the processor, but for threads, where those of the clock stand beside them.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
import numpy as np
from _common import print_table, quietly, seconds
from _samples import SETTINGS, Sample, category_set, in_batches, make_sample
from bench_fill import cases, repeated, selected, write
from bench_select import select
from bench_size import N_TURNS, again, timed
from matplotlib.figure import Figure

from scalesmear.fill import Corrections, fill_masses
from scalesmear.fit import fit_pairs, solve
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import PairHistograms, weight_exponent
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.eventfile import open_events
from scalesmear.io.files import write_settings
from scalesmear.io.samples import Job, JobFile, write_job
from scalesmear.problem import pose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scalesmear.categories import CategorySet
    from scalesmear.events import Events
    from scalesmear.histogram import Kind, MassHistograms

KINDS: tuple[Kind, ...] = ("data", "sim")
N_TOYS = 500_000

EVENTS = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000)
EXPONENT = 16
"""Power of two above the weights of toys."""

N_FILE = 1_000_000
"""Events of the file that is read again and again."""

FEW = 1000
"""Axes that end below have a tick at each point."""

SETS = {
    "coarse": (4, 2, 1),
    "eta x R9": (6, 4, 1),
    "fine": None,
    "eta x R9 x Et, 80": (8, 2, 5),
    "eta x R9 x Et, 160": (8, 4, 5),
    "eta x R9 x Et, 300": (10, 5, 6),
}
"""Windows in abs(eta), R9 and Et; as many smearings as scales, but in the fine set."""

N_OF_SETS = 10_000_000
FILES = (1, 2, 4, 8, 16)
N_OF_FILES = 8_000_000
THREADS = (1, 2, 4, 8)
N_OF_THREADS = 30
"""Times that the file is read."""


class Curve(NamedTuple):
    """Points of one line of a figure."""

    label: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class Plot:
    """What a figure shows, both axes logarithmic."""

    name: str
    x_label: str
    y_label: str
    curves: Sequence[Curve]

    def save(self, folder: Path) -> None:
        """Write `scaling-<name>.svg`, the same bytes for the same numbers."""
        figure = Figure(figsize=(5.2, 3.4), layout="constrained")
        axes = figure.subplots()
        for curve, marker in zip(self.curves, "osD^v", strict=False):
            axes.loglog(curve.x, curve.y, marker=marker, markersize=4, label=curve.label)
        axes.set(xlabel=self.x_label, ylabel=self.y_label)
        points = self.curves[0].x
        if max(points) < FEW:
            axes.set_xticks(points, [str(point) for point in points])
            axes.minorticks_off()
        axes.grid(visible=True, alpha=0.3)
        axes.legend(frameon=False, fontsize="small")
        folder.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context({"svg.hashsalt": self.name, "svg.fonttype": "none"}):
            figure.savefig(folder / f"scaling-{self.name}.svg", metadata={"Date": None})


def filled(batches: Iterable[Events], kind: Kind, categories: CategorySet) -> MassHistograms:
    """Fill events of weight 1."""
    return fill_masses(batches, kind, categories, SETTINGS, Corrections())


def events_of(sample: Sample, kind: Kind) -> Events:
    """Return the events of a kind."""
    return sample.data if kind == "data" else sample.sim


def write_many(folder: Path, toys: Events, kind: Kind, n: int) -> Path:
    """Write a file of so many events, or a million."""
    path = folder / f"{kind}.arrow"
    write(path, kind, in_batches(repeated(toys, min(n, N_FILE))))
    return path


def fill_many(path: Path, kind: Kind, n: int) -> MassHistograms:
    """Fill that file, again and again until so many events are filled."""
    corrections = Corrections()
    source = partial(open_events(path).batches, corrections.columns(kind))
    batches = again(source, -(-n // N_FILE))
    categories = read_categories("fine")
    return fill_masses(batches, kind, categories, SETTINGS, corrections, EXPONENT)


def by_events(folder: Path) -> Plot:
    """Fill and fit samples of the fine set of growing size, from a file."""
    toys, smearing_of = selected(folder), read_categories("fine").smearing_of
    rows, times = [], []
    for n in EVENTS:
        fills = [
            partial(fill_many, write_many(folder, toys[kind], kind, n), kind, n) for kind in KINDS
        ]
        histograms = PairHistograms.of(*(fill() for fill in fills))
        data, sim = (seconds(fill, 3 if n <= N_FILE else 1) for fill in fills)
        fit = seconds(partial(fit_pairs, histograms, smearing_of), 3)
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        per_event = (f"{1e9 * taken / n:.1f}" for taken in (data, sim))
        rows.append((f"{n:.0e}".replace("e+0", "e"), f"{data:.3f}", f"{sim:.3f}", *per_event,
                     f"{fit:.3f}", f"{largest:.2f}"))  # fmt: skip
        times.append((data, sim, fit))
    head = (
        "events of each",
        "data/s",
        "simulation/s",
        "ns/event data",
        "simulation",
        "fit/s",
        "GiB",
    )
    print_table("fine set, from a file, one thread", head, rows)
    labels = ("fill data", "fill simulation", "fit, all errors")
    curves = [Curve(label, EVENTS, y) for label, y in zip(labels, np.transpose(times), strict=True)]
    return Plot("events", "events of data, and of simulation", "processor time [s]", curves)


class Parts(NamedTuple):
    """Times of a fill and of a fit [s]; `errors` are covariance and goodness of fit."""

    fill_data: float
    fill_sim: float
    prepare: float
    solve: float
    errors: float

    @property
    def fit(self) -> float:
        """All but the fill."""
        return self.prepare + self.solve + self.errors


def parts(sample: Sample) -> tuple[Parts, int, int, int]:
    """Return the times, and the numbers of pairs in use, of populated pairs and of evaluations."""
    batches = {kind: in_batches(events_of(sample, kind)) for kind in KINDS}
    fills = [partial(filled, batches[kind], kind, sample.categories) for kind in KINDS]
    histograms = PairHistograms.of(*(fill() for fill in fills))
    smearing_of = sample.categories.smearing_of
    posing = partial(pose, histograms, smearing_of, FitSettings(), None)
    problem, start = posing()
    result = fit_pairs(histograms, smearing_of)
    whole = partial(fit_pairs, histograms, smearing_of)
    prepare, solving, fit = (seconds(f, 3) for f in (posing, partial(solve, problem, start), whole))
    taken = Parts(
        *(seconds(f, 1) for f in fills), prepare, solving, max(0, fit - prepare - solving)
    )
    return taken, len(result.goodness.pairs), len(histograms.pairs), result.n_evaluations


def by_categories(_: Path) -> Plot:
    """Fill and fit sets of categories of growing number, events in memory."""
    rows, numbers, times = [], [], []
    for name, shape in SETS.items():
        categories = category_set(*shape) if shape else read_categories(name)
        few = make_sample(categories, N_TOYS, N_TOYS)
        data, sim = (repeated(events_of(few, kind), N_OF_SETS) for kind in KINDS)
        found = parts(Sample(categories, data, sim, few.scale, few.smearing))
        rows.append((name, len(categories.scales), len(categories.smearings), *found))
        numbers.append(len(categories.scales))
        times.append((found[0].fill_data, found[0].fill_sim, found[0].fit, found[0].errors))
        del data, sim
    (fine,) = (sum(row[3]) for row in rows if row[0] == "fine")
    lines = [
        (name, n, m, populated, used, evaluations, *(f"{part:.2f}" for part in taken),
         f"{sum(taken):.2f}", f"{sum(taken) / fine:.1f}")
        for name, n, m, taken, used, populated, evaluations in rows
    ]  # fmt: skip
    head = ("", "scales", "smearings", "pairs", "used", "evaluations", "fill data/s", "simulation",
            "prepare", "solve", "errors", "all", "to fine")  # fmt: skip
    print_table(f"{N_OF_SETS / 1e6:g} M events of each, in memory, one thread", head, lines)
    labels = ("fill data", "fill simulation", "fit, all errors", "covariance, goodness of fit")
    curves = [
        Curve(label, numbers, y) for label, y in zip(labels, np.transpose(times), strict=True)
    ]
    return Plot("categories", "scale categories", "processor time [s]", curves)


def by_files(folder: Path) -> Plot:
    """Fill the same number of events from one file or several, a process for each as in a run."""
    few = selected(folder)["sim"]
    write_cut_flow(folder)
    write_settings(folder / "settings.json", SETTINGS)
    rows, times = [], []
    for n in FILES:
        jobs = [folder / f"{number}.arrow" for number in range(n)]
        for path in jobs:
            write(path, "sim", in_batches(repeated(few, N_OF_FILES // n)))
        before = children_seconds()
        for path in jobs:
            fill_job(folder, path)
            path.unlink()
        taken = children_seconds() - before
        rows.append((n, f"{N_OF_FILES / n / 1e6:g}", f"{taken:.2f}", f"{taken / n:.2f}"))
        times.append(taken)
    title = f"fill: {N_OF_FILES / 1e6:g} M simulated events, a process for each file"
    print_table(title, ("files", "M events in each", "all/s", "s/file"), rows)
    return Plot("files", "files", "processor time [s]", [Curve("fill simulation", FILES, times)])


def write_cut_flow(folder: Path) -> None:
    """Add up what was selected: simulation, and data once more."""
    (folder / "summary.json").rename(folder / "sim.json")
    write_job(
        folder / "job.json",
        Job("data", (JobFile("selected", "data", folder / "ntuples/data-1.root"),)),
    )
    select(folder)
    summaries = folder / "summary.json", folder / "sim.json"
    quietly("cut-flow", "--summaries", *summaries, "--output", folder / "cut_flow.json")


def children_seconds() -> float:
    """Return the processor time of all processes that were waited for [s]."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def fill_job(folder: Path, path: Path) -> None:
    """Fill one file as a step of a run does."""
    flags = {"events": path, "cut-flow": folder / "cut_flow.json", "categories": "fine",
             "settings": folder / "settings.json", "output": folder / "out.npz"}  # fmt: skip
    words = [str(word) for name, value in flags.items() for word in (f"--{name}", value)]
    command = [sys.executable, "-m", "scalesmear", "fill", *words]
    subprocess.run(command, check=True, capture_output=True)


def by_threads(folder: Path) -> Plot:
    """Fill with one thread and more, up to as many as there are processors."""
    toys, categories = selected(folder), read_categories("fine")
    threads = [n for n in THREADS if n <= len(os.sched_getaffinity(0))]
    rows, curves = [], []
    for case in cases(categories):
        few, path = toys[case.kind], folder / "many.arrow"
        exponent = weight_exponent(float(np.abs(few.weight).max()))
        write(path, case.kind, in_batches(repeated(few, N_FILE)))
        source = partial(open_events(path).batches, case.corrections.columns(case.kind))
        fill = partial(timed, case, source, categories, exponent)
        fill(1, 1)  # compiles
        turns = [[fill(N_OF_THREADS, n) for n in threads] for _ in range(N_TURNS)]
        clock = [statistics.median(t.clock for t in taken) for taken in zip(*turns, strict=True)]
        work = [statistics.median(t.processor for t in taken) for taken in zip(*turns, strict=True)]
        rows += [
            (case.name, n, f"{clock[i]:.2f}", f"{work[i]:.2f}", f"{clock[0] / clock[i]:.2f}")
            for i, n in enumerate(threads)
        ]
        curves.append(Curve(case.name, threads, [clock[0] / seconds for seconds in clock]))
    title = f"fine set: {N_OF_THREADS * N_FILE / 1e6:g} M events from a file"
    print_table(title, ("", "threads", "clock/s", "cpu/s", "faster"), rows)
    return Plot("threads", "threads", "times as fast, by the clock", curves)


CURVES: dict[str, Callable[[Path], Plot]] = {
    "events": by_events,
    "categories": by_categories,
    "files": by_files,
    "threads": by_threads,
}


def main() -> None:
    """Print the tables that are asked for, and save their figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("curves", nargs="+", choices=CURVES)
    parser.add_argument("--figures", type=Path, help="folder for the figures")
    args = parser.parse_args()
    for name in args.curves:
        with tempfile.TemporaryDirectory() as folder:
            plot = CURVES[name](Path(folder))
        if args.figures:
            plot.save(args.figures)


if __name__ == "__main__":
    main()
