"""Figures of validation plots: data over simulation with its bands, their ratio, and line shapes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.ticker import MaxNLocator

from scalesmear.poisson import poisson_interval
from scalesmear.report.drawing import Drawing
from scalesmear.report.mass import format_p_value
from scalesmear.report.ratios import half_range, inside, mark_outside, scale_ratio
from scalesmear.report.style import (
    BLUE,
    COLUMN,
    GREY,
    INK,
    PALE_BLUE,
    SERIES,
    USUAL,
    Titles,
    margins,
    new_figure,
    sign,
)
from scalesmear.validation import AFTER, BEFORE, VARIABLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from scalesmear.lineshape import LineShape
    from scalesmear.validation_fits import PlotFits, ValidationPlots

    Floats = NDArray[np.float64]

MEAN_EVENTS, LEAST_BINS = 20, 10
"""Bins are drawn together until they hold so many events in the mean, or so few of them are left."""

PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
CHI2 = "\N{GREEK SMALL LETTER CHI}\N{SUPERSCRIPT TWO}"


def drawings(plots: ValidationPlots, label: str, era: str, titles: Titles = USUAL) -> list[Drawing]:
    """Return a figure for each plot in which there are data."""
    return [
        Drawing(
            f"validation_{plot.result.name}",
            f"{plot.result.name.replace('_', ' ')}: points are data after the corrections, the "
            "histogram is corrected simulation normalised to them; open squares in the lower panel "
            "are the ratio before the corrections, triangles points beyond its range.",
            partial(validation_figure, plot, label=label, era=era, titles=titles),
            vector=False,
        )
        for plot in plots.plots
        if sum(plot.result.data[AFTER])
    ]


def validation_figure(plot: PlotFits, *, label: str, era: str, titles: Titles = USUAL) -> Figure:
    """Draw data and simulation after the corrections over their ratio."""
    figure = new_figure(COLUMN, 4.6)
    margins(figure, top=0.42, right=0.25)
    sign(figure, label, era)
    main, ratio = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": (2.8, 1), "hspace": 0.06}
    )
    _draw_main(main, plot, titles)
    _draw_ratio(ratio, plot)
    _name_axes(main, ratio, plot)
    _annotate(main, plot, titles)
    _explain(main, ratio)
    return figure


class _Bins(NamedTuple):
    """Data and simulation in the bins that are drawn, shape (n,), and their edges, shape (n + 1,)."""

    edges: Floats
    data: Floats
    sim: Floats
    variance: Floats  # of the simulation, statistical
    systematic: Floats  # variance

    @property
    def centres(self) -> Floats:
        """Centres of the bins."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @classmethod
    def of(cls, plot: PlotFits, state: str) -> _Bins:
        """Return the bins of a plot, some in one where events are few.

        Systematic errors of neighbours go up and down together, so that they add, not their variances.
        """
        r = plot.result
        n = merge(sum(r.data[AFTER]), len(r.data[AFTER]))
        data, sim, variance, systematic = (
            np.array(values, np.float64).reshape(-1, n)
            for values in (r.data[state], r.sim[state], r.sim_variance[state], r.systematic)
        )
        return cls(
            np.array(r.edges, np.float64)[::n],
            data.sum(axis=1),
            sim.sum(axis=1),
            variance.sum(axis=1),
            np.sqrt(systematic).sum(axis=1) ** 2,
        )


def merge(n_events: float, n_bins: int) -> int:
    """Return how many neighbours to draw as one bin, so that a bin has `MEAN_EVENTS` in the mean.

    At least `LEAST_BINS` remain, if there were so many.
    """
    divisors = [n for n in range(1, n_bins + 1) if n_bins % n == 0 and n_bins >= n * LEAST_BINS]
    enough = [n for n in divisors if n_events * n >= MEAN_EVENTS * n_bins]
    return min(enough, default=max(divisors, default=1))


def _draw_main(axes: Axes, plot: PlotFits, titles: Titles) -> None:
    bins = _Bins.of(plot, AFTER)
    edges, data, sim, variance, systematic = bins
    width, centres = np.diff(edges), bins.centres
    band, errors = np.sqrt(variance + systematic) / width, poisson_interval(data) / width
    axes.stairs(sim / width, edges, fill=True, color=PALE_BLUE, label=titles.simulation)
    axes.stairs(
        sim / width + band, edges, baseline=sim / width - band, fill=True, color=BLUE, alpha=0.6
    )
    axes.stairs(sim / width, edges, color=BLUE, linewidth=0.9)
    axes.errorbar(
        centres,
        data / width,
        errors,
        fmt="o",
        color=INK,
        markersize=2.4,
        elinewidth=0.8,
        label=titles.data,
    )
    shape = plot.shapes.get(f"data {AFTER}")
    if shape is not None:
        axes.plot(
            centres,
            shape.expected(edges, float(data.sum())) / width,
            color=SERIES[1],
            linestyle="--",
            linewidth=1.1,
            label=r"Breit-Wigner $\otimes$ Crystal Ball",
        )
    top = max(float((data / width + errors[1]).max()), float((sim / width + band).max()), 1e-3)
    axes.set_ylim(0, (1.75 if plot.shapes else 1.55) * top)  # room for words
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def _annotate(axes: Axes, plot: PlotFits, titles: Titles) -> None:
    """Write the name, agreement and fitted numbers at the left."""
    lines = [plot.result.name.replace("_", " "), f"{sum(plot.result.data[AFTER]):,.0f} events"]
    found = plot.agreement()
    if found.p_value is not None:
        chi2 = f"{CHI2}/ndf = {found.chi2:.1f}/{found.ndf}"
        lines.append(f"{chi2}, p {format_p_value(found.p_value)}")
    for kind, title in zip(("data", "sim"), titles, strict=True):
        shape = plot.shapes.get(f"{kind} {AFTER}")
        lines += [] if shape is None else _numbers(title, shape)
    for i, line in enumerate(lines):
        axes.text(
            0.03,
            0.96 - 0.061 * i,
            line,
            transform=axes.transAxes,
            va="top",
            fontsize=9.5 if i == 0 else 8,
            weight="bold" if i == 0 else "normal",
        )


def _numbers(title: str, shape: LineShape) -> list[str]:
    """Return the lines of peak and resolution."""
    mark = "" if shape.valid else " (not valid)"
    return [
        f"{title}{mark}:",
        f"  peak {shape.peak:.3f} {PLUS_MINUS} {shape.peak_error:.3f} GeV",
        f"  resolution {shape.resolution:.3f} {PLUS_MINUS} {shape.resolution_error:.3f} GeV",
    ]


def _draw_ratio(axes: Axes, plot: PlotFits) -> None:
    """Draw data / simulation; the dark band is statistical, the light one with the systematic."""
    bins = _Bins.of(plot, AFTER)
    edges, data, sim, variance, systematic = bins
    centres, expected = bins.centres, np.where(sim > 0, sim, np.nan)
    total = np.nan_to_num(np.sqrt(variance + systematic) / expected)
    statistical = np.nan_to_num(np.sqrt(variance) / expected)
    for band, alpha, name in ((total, 0.28, "stat. + syst."), (statistical, 0.5, "stat.")):
        axes.stairs(
            1 + band, edges, baseline=1 - band, fill=True, color=BLUE, alpha=alpha, label=name
        )
    axes.axhline(1, color=BLUE, linewidth=0.8)
    ratio, errors = data / expected, np.nan_to_num(poisson_interval(data) / expected)
    half = half_range(ratio)
    raw = _Bins.of(plot, BEFORE)
    before = raw.data / np.where(raw.sim > 0, raw.sim, np.nan)
    axes.plot(
        centres,
        inside(before, half),
        "s",
        color=GREY,
        fillstyle="none",
        markersize=2.6,
        markeredgewidth=0.7,
        label="before corrections",
    )
    axes.errorbar(
        centres, inside(ratio, half), errors, fmt="o", color=INK, markersize=2.4, elinewidth=0.8
    )
    mark_outside(axes, centres, ratio, half)
    scale_ratio(axes, half)


def _explain(main: Axes, ratio: Axes) -> None:
    """Name what both panels show at the right of the upper one."""
    parts = [axes.get_legend_handles_labels() for axes in (main, ratio)]
    handles, names = (upper + lower for upper, lower in zip(*parts, strict=True))
    main.legend(handles, names, loc="upper right", fontsize=8, borderaxespad=0.3, handlelength=1.6)


def _name_axes(main: Axes, ratio: Axes, plot: PlotFits) -> None:
    variable = VARIABLES[plot.result.variable]
    unit = f" [{variable.unit}]" if variable.unit else ""
    ratio.set_xlabel(f"{variable.title}{unit}")
    ratio.set_xlim(plot.result.edges[0], plot.result.edges[-1])
    ratio.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ratio.set_ylabel("data / sim.", loc="center")
    main.set_ylabel(f"events / {variable.unit}" if variable.unit else "events / unit")
