"""Figures of the position of the mass peak against run, before and after the stability scales."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from scalesmear.report.quantity import range_text
from scalesmear.report.style import GREY, INK, PAGE, SERIES, margins, new_figure, sign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scalesmear.runs import RunRange
    from scalesmear.stability import Region, Stability, StabilityCell, Target

MAX_RUN_LABELS = 30


def cells_of_region(stability: Stability, region: Region) -> list[StabilityCell]:
    """Return the cells of a region in the order of runs."""
    return [cell for cell in stability.cells if cell.region == region]


def stability_figure(stability: Stability, *, label: str, era: str) -> Figure:
    """Draw the median mass of each region in a panel, run bins side by side."""
    n_regions = len(stability.targets)
    figure = new_figure(PAGE, 1.6 + 1.3 * n_regions)
    margins(figure, top=0.62, left=0.75, right=0.4, bottom=1.2)
    sign(figure, label, era)
    panels = figure.subplots(
        n_regions, 1, sharex=True, gridspec_kw={"hspace": 0.08}, squeeze=False
    )[:, 0]
    for axes, target in zip(panels, stability.targets, strict=True):
        _draw_region(axes, cells_of_region(stability, target.region), target)
    runs = [cell.runs for cell in cells_of_region(stability, stability.targets[0].region)]
    _name_runs(panels[-1], runs)
    panels[0].set_ylabel("median mass [GeV]")
    panels[0].legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=4, borderaxespad=0.1, fontsize=9
    )
    return figure


def _draw_region(axes: Axes, cells: Sequence[StabilityCell], target: Target) -> None:
    """Draw medians before and after; cells that share their events are joined by a line."""
    x = np.arange(len(cells), dtype=float)
    before = np.array([cell.before.median for cell in cells])
    after = np.array([cell.after.median for cell in cells])
    error = np.array([cell.error / cell.scale for cell in cells])
    axes.axhline(target.mass, color=GREY, linewidth=0.8, zorder=1, label="target")
    for shift, median, colour, fill, marker, word in (
        (-0.12, before, SERIES[1], "white", "s", "before"),
        (0.12, after, SERIES[0], SERIES[0], "o", "after"),
    ):
        axes.errorbar(
            x + shift, median, median * error, fmt=marker, color=colour, markersize=3.2,
            markerfacecolor=fill, elinewidth=0.9, label=word, zorder=3,
        )  # fmt: skip
    for first, last in merged_groups(cells):
        axes.axvspan(first - 0.45, last + 0.45, color="#ececf0", zorder=0, linewidth=0)
    every = np.concatenate(
        [m * (1 + s * error) for m in (before, after) for s in (-1, 1)] + [[target.mass]]
    )
    room = 0.1 * float(np.ptp(every)) + 0.05
    axes.set_ylim(every.min() - room, every.max() + room)
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.tick_params(axis="x", which="both", length=0)
    axes.text(
        1.01, 0.5, rf"|$\eta$| {range_text(target.region)}", transform=axes.transAxes,
        rotation=-90, va="center", fontsize=9, color=INK,
    )  # fmt: skip


def merged_groups(cells: Sequence[StabilityCell]) -> list[tuple[int, int]]:
    """Return first and last position of neighbours that were merged for lack of events."""
    groups: dict[RunRange, list[int]] = {}
    for position, cell in enumerate(cells):
        if cell.merged:
            groups.setdefault(cell.merged_runs, []).append(position)
    return [(members[0], members[-1]) for members in groups.values()]


def _name_runs(axes: Axes, runs: Sequence[RunRange]) -> None:
    """Name run bins by their ranges; of many bins only some."""
    step = -(-len(runs) // MAX_RUN_LABELS)
    at = range(0, len(runs), step)
    names = [run_text(runs[i]) for i in at]
    axes.set_xticks(at, names, rotation=90, va="top", fontsize=8)
    axes.set_xlim(-0.7, len(runs) - 0.3)
    axes.set_xlabel("run range")


def run_text(runs: RunRange) -> str:
    """Return a run range in words, with one number if it is one run."""
    first, last = runs
    return str(first) if first == last else f"{first}-{last}"
