"""Figures of the mass of data and simulation, before and after the corrections side by side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from scalesmear.poisson import poisson_interval
from scalesmear.report.quantity import typeset
from scalesmear.report.ratios import half_range, inside, mark_outside, scale_ratio
from scalesmear.report.style import (
    BLUE,
    COLUMN,
    INK,
    PAGE,
    PALE_BLUE,
    USUAL,
    Titles,
    margins,
    new_figure,
    sign,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

    from scalesmear.report.mass import MassSpectrum

Comparison = tuple["MassSpectrum", "MassSpectrum"]  # before, after


def mass_figure(
    comparisons: Sequence[Comparison],
    *,
    label: str,
    era: str,
    titles: Titles = USUAL,
    per_row: int = 1,
    row_height: float = 3.4,
    log: bool = False,
) -> Figure:
    """Draw each comparison as two panels, before and after, over panels of data / simulation."""
    n_rows = math.ceil(len(comparisons) / per_row)
    figure = new_figure(PAGE, (0.95 if per_row == 1 else 1.23) + row_height * n_rows)
    margins(figure, top=0.62 if per_row == 1 else 0.9)
    sign(figure, label, era)
    grid = figure.add_gridspec(n_rows, per_row, hspace=0.55 / row_height, wspace=0.22)
    for i, comparison in enumerate(comparisons):
        panels = _panels(figure, grid[divmod(i, per_row)], wspace=0.11 * per_row)
        _draw_comparison(panels, comparison, titles, log=log, small=per_row > 1)
        if i + per_row >= len(comparisons):
            for panel in panels[1]:
                panel.set_xlabel("mass [GeV]", labelpad=2)
        if i == 0:
            handles, names = panels[0][1].get_legend_handles_labels()
    corner = (figure.subplotpars.right, 1 - 0.32 / figure.get_size_inches()[1])
    figure.legend(
        handles, names, loc="upper right", bbox_to_anchor=corner,
        ncols=2, borderaxespad=0, borderpad=0, fontsize=9,
    )  # fmt: skip
    return figure


def absolute_figure(part: MassSpectrum, *, label: str, era: str, titles: Titles = USUAL) -> Figure:
    """Draw data over simulation that is not normalised to them, and their ratio."""
    figure = new_figure(COLUMN, 4.5)
    margins(figure, top=0.62)
    sign(figure, label, era)
    grid = figure.add_gridspec(2, 1, height_ratios=(2.6, 1), hspace=0.06)
    main, below = (figure.add_subplot(grid[row]) for row in (0, 1))
    draw_spectrum(main, part, titles)
    draw_ratio(below, part)
    _scale_x(main, below, part, last=True)
    _scale_y(main, max((part.data / part.widths).max(), 1e-3), log=False)
    main.set_title(part.title, loc="left", fontsize=10, weight="bold", pad=4)
    main.set_ylabel("events / GeV")
    main.legend(loc="upper right")
    below.set_ylabel("data / sim.", loc="center")
    below.set_xlabel("mass [GeV]", labelpad=2)
    return figure


def _panels(figure: Figure, cell: SubplotSpec, wspace: float) -> tuple[list[Axes], list[Axes]]:
    """Return the main and the ratio panels, (before, after) each, of one cell of the grid."""
    grid = cell.subgridspec(2, 2, height_ratios=(2.6, 1), hspace=0.06, wspace=wspace)
    mains, ratios = ([figure.add_subplot(grid[row, i]) for i in (0, 1)] for row in (0, 1))
    mains[1].tick_params(labelleft=False)
    return mains, ratios


def _draw_comparison(
    panels: tuple[list[Axes], list[Axes]],
    comparison: Comparison,
    titles: Titles,
    *,
    log: bool,
    small: bool,
) -> None:
    """Draw before and after; the main panels share their range, each ratio has its own."""
    top = max(*((part.data / part.widths).max() for part in comparison), 1e-3)
    for word, part, main, ratio in zip(("before", "after"), comparison, *panels, strict=True):
        draw_spectrum(main, part, titles)
        draw_ratio(ratio, part)
        _scale_x(main, ratio, part, last=word == "after")
        _scale_y(main, top, log=log)
        _annotate(main, word, part, size=8.0 if small else 10.0)
        main.tick_params(which="both", top=False, right=False)  # they would touch the words
    panels[0][0].set_ylabel("events / GeV")
    panels[1][0].set_ylabel("data / sim.", loc="center")
    panels[0][0].set_title(
        typeset(comparison[0].title), loc="left", fontsize=10, weight="bold", pad=4
    )


def _scale_y(main: Axes, top: float, *, log: bool) -> None:
    if log:
        main.set_yscale("log")
        main.set_ylim(top * 2e-4, top * 12)
        return
    main.set_ylim(0, top * 1.42)
    main.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 4, 5, 10], prune=None))


def _scale_x(main: Axes, ratio: Axes, part: MassSpectrum, *, last: bool) -> None:
    """Set range and ticks; only the last of two neighbours names the end of its axis."""
    low, high = part.edges[0], part.edges[-1]
    step = 5 if high - low < 30 else 10
    ticks = np.arange(math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6) + 1) * step
    for axes in (main, ratio):
        axes.set_xlim(low, high)
        axes.set_xticks(ticks if last or high - ticks[-1] > 0.1 else ticks[:-1])
    main.tick_params(labelbottom=False)


def _annotate(main: Axes, word: str, part: MassSpectrum, *, size: float) -> None:
    """Write before or after and the number of events at the left, chi2 at the right of the peak."""
    agreement = part.agreement()
    place: dict[str, Any] = {"transform": main.transAxes, "va": "top", "fontsize": size}
    main.text(0.05, 0.955, word, weight="bold", **place)
    main.text(0.05, 0.855, f"{part.n_data:,} events", **place)
    chi2, _, p_value = str(agreement).partition(", ")
    chi2 = chi2.replace("chi2", "\N{GREEK SMALL LETTER CHI}\N{SUPERSCRIPT TWO}")
    main.text(0.95, 0.965, chi2, ha="right", **place)
    main.text(0.95, 0.855, p_value, ha="right", **place)


def draw_spectrum(axes: Axes, part: MassSpectrum, titles: Titles = USUAL) -> None:
    """Draw simulation with its statistical band, and data with Poisson errors."""
    sim, error = part.sim / part.widths, np.sqrt(part.sim_variance) / part.widths
    axes.stairs(sim, part.edges, fill=True, color=PALE_BLUE, label=titles.simulation)
    axes.stairs(sim + error, part.edges, baseline=sim - error, fill=True, color=BLUE, alpha=0.55)
    axes.stairs(sim, part.edges, color=BLUE, linewidth=0.9)
    axes.errorbar(
        part.centres,
        part.data / part.widths,
        poisson_interval(part.data) / part.widths,
        fmt="o",
        color=INK,
        markersize=2.4,
        elinewidth=0.8,
        label=titles.data,
    )


def draw_ratio(axes: Axes, part: MassSpectrum) -> None:
    """Draw data / simulation; the band is the statistical error of the simulation."""
    sim = np.where(part.sim > 0, part.sim, np.nan)
    band = np.nan_to_num(np.sqrt(part.sim_variance) / sim)
    axes.stairs(1 + band, part.edges, baseline=1 - band, fill=True, color=BLUE, alpha=0.45)
    axes.axhline(1, color=BLUE, linewidth=0.8)
    ratio = part.data / sim
    errors = np.nan_to_num(poisson_interval(part.data) / sim)
    half = half_range(ratio)
    axes.errorbar(
        part.centres,
        inside(ratio, half),
        errors,
        fmt="o",
        color=INK,
        markersize=2.4,
        elinewidth=0.8,
    )
    mark_outside(axes, part.centres, ratio, half)
    scale_ratio(axes, half)
