"""Figures of a study of injections: all pulls, their means by category, biases beside errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter
from scipy import stats

from scalesmear.report.category_figures import chart
from scalesmear.report.quantity import Quantity
from scalesmear.report.style import (
    GREY,
    INK,
    MARKERS,
    PAGE,
    PALE_BLUE,
    SERIES,
    margins,
    new_figure,
    sign,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scalesmear.cells import Window
    from scalesmear.pulls import PullCriteria, PullStatistics, Together

REACH = 5.0
"""Pulls beyond this are drawn in the outermost bins."""


def pulls_figure(together: dict[str, Together], *, label: str, era: str) -> Figure:
    """Draw the pulls of scales and of smearings over a Gaussian of width 1."""
    figure = new_figure(PAGE, 3.6)
    margins(figure, top=0.62, left=0.9)
    sign(figure, label, era)
    panels = figure.subplots(1, 2, gridspec_kw={"wspace": 0.22})
    for axes, (name, part) in zip(panels, together.items(), strict=False):
        axes.set_title(name, fontsize=9.5, pad=4)
        _draw_pulls(axes, part)
    for axes in panels[len(together) :]:
        axes.set_axis_off()
    panels[0].set_ylabel("fits of toys")
    return figure


def _draw_pulls(axes: Axes, part: Together) -> None:
    edges = np.linspace(-REACH, REACH, 41)
    inside = np.clip(part.pulls, -REACH + 1e-9, REACH - 1e-9)
    x = np.linspace(-REACH, REACH, 201)
    expected = len(part.pulls) * (edges[1] - edges[0]) * stats.norm.pdf(x)
    axes.stairs(np.histogram(inside, edges)[0], edges, fill=True, color=PALE_BLUE)
    axes.stairs(np.histogram(inside, edges)[0], edges, color=INK, linewidth=1.0)
    axes.plot(x, expected, color=SERIES[1], linestyle="--", label="Gaussian of width 1")
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlim(-REACH, REACH)
    axes.set_ylim(0, 1.3 * axes.get_ylim()[1])
    axes.set_xlabel("(found - injected) / error")
    text = f"{len(part.pulls):,} pulls\nmean {part.mean:+.3f}\nrms {part.rms:.3f}"
    axes.text(0.03, 0.95, text, transform=axes.transAxes, va="top", fontsize=9)
    axes.legend(loc="upper right", fontsize=9)


def means_figure(
    windows: Sequence[Window],
    statistics: PullStatistics,
    part: slice,
    criteria: PullCriteria,
    *,
    label: str,
    era: str,
) -> Figure:
    """Draw the mean pull of each category of a kind, with the band in which it passes."""
    n = np.maximum(statistics.n_toys[part], 1)
    judged = statistics.judged[part]
    quantity = Quantity(
        windows=tuple(windows),
        value=np.where(judged, statistics.mean[part], np.nan),
        error=np.where(judged, statistics.rms[part] / np.sqrt(n), np.nan),
        upper=np.full(len(n), np.nan),
        tolerance=np.where(judged, criteria.tolerance / np.sqrt(n), np.nan),
        expected=0.0,
    )
    return chart(quantity, "mean pull", label=label, era=era)


def bias_figure(
    statistics: PullStatistics, criteria: PullCriteria, *, label: str, era: str
) -> Figure:
    """Draw the bias of each parameter against its statistical error in one fit, in units of 1e-4."""
    figure = new_figure(PAGE, 4.0)
    margins(figure, top=0.62, left=0.9)
    sign(figure, label, era)
    panels = figure.subplots(1, 2, gridspec_kw={"wspace": 0.22})
    split = statistics.n_scales
    parts = {"scales": slice(0, split), "smearings": slice(split, None)}
    for axes, (name, part), colour, marker in zip(
        panels, parts.items(), SERIES, MARKERS, strict=False
    ):
        axes.set_title(name, fontsize=9.5, pad=4)
        _draw_bias(axes, statistics, part, criteria, colour, marker)
    panels[0].set_ylabel("mean of found - injected [$10^{-4}$]")
    return figure


def _draw_bias(
    axes: Axes,
    statistics: PullStatistics,
    part: slice,
    criteria: PullCriteria,
    colour: str,
    marker: str,
) -> None:
    judged = statistics.judged[part]
    error, bias, bias_error = (
        1e4 * getattr(statistics, name)[part][judged] for name in ("error", "bias", "bias_error")
    )
    axes.set_xlabel("statistical error of one fit [$10^{-4}$]")
    if not len(error):
        return
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    x = np.geomspace(0.8 * error.min(), 1.25 * error.max(), 101)
    allowed = criteria.tolerance * x / np.sqrt(float(np.median(statistics.n_toys[part][judged])))
    axes.fill_between(x, -allowed, allowed, color=PALE_BLUE, linewidth=0)
    for sign_of in (-1, 1):
        axes.plot(x, sign_of * 0.1 * x, color=GREY, linestyle=":", linewidth=0.9)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.errorbar(
        error, bias, bias_error, fmt=marker, color=colour, markersize=4, elinewidth=1.0, zorder=3
    )
    axes.set_xlim(x[0], x[-1])
    if len(error) > 1:
        axes.set_ylim(-1.15 * allowed[-1], 1.15 * allowed[-1])
