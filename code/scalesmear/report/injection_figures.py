"""Figure of injected against derived values: differences with errors, and their pulls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator
from scipy import stats

from scalesmear.report.style import (
    BLUE,
    GREY,
    INK,
    PAGE,
    SERIES,
    capped,
    margins,
    new_figure,
    sign,
)
from scalesmear.report.truth import Pulls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scalesmear.report.truth import Comparison, Injection

REACH = 5.0
"""Pulls beyond this are drawn in the outermost bins."""


def injection_figure(injection: Injection, *, label: str, era: str) -> Figure:
    """Draw derived - injected of each kind over the pulls of that kind."""
    kinds = {name: part for name, part in injection.kinds.items() if part}
    figure = new_figure(PAGE, 5.4)
    margins(figure, top=0.66, left=0.8)
    sign(figure, label, era)
    panels = figure.subplots(
        2, max(2, len(kinds)), squeeze=False, gridspec_kw={"hspace": 0.36, "wspace": 0.36}
    )
    for axes in panels[:, len(kinds) :].ravel():
        axes.set_axis_off()
    for (name, part), (upper, lower) in zip(kinds.items(), panels.T, strict=False):
        upper.set_title(name, fontsize=9.5, pad=4)
        _draw_differences(upper, part)
        _draw_pulls(lower, part)
    panels[0, 0].set_ylabel("derived - injected")
    panels[1, 0].set_ylabel("values")
    return figure


def _draw_differences(axes: Axes, comparisons: Sequence[Comparison]) -> None:
    difference = np.array([c.derived - c.injected for c in comparisons])
    error = np.array([c.error for c in comparisons])
    x = np.arange(len(comparisons))
    axes.axhline(0, color=GREY, linewidth=0.8)
    size = 4 if len(x) < 30 else 2.2
    axes.errorbar(
        x, difference, error, fmt="o", color=SERIES[0], markersize=size, elinewidth=0.8, zorder=3
    )
    reach = 1.1 * float(np.max(np.abs(difference) + capped(error)))
    axes.set_ylim(-reach, reach)
    axes.set_xlim(-0.8, len(x) - 0.2)
    axes.set_xticks([])
    axes.set_xlabel("in the order of the table")
    axes.ticklabel_format(axis="y", scilimits=(-3, 3), useMathText=True)


def _draw_pulls(axes: Axes, comparisons: Sequence[Comparison]) -> None:
    pulls = np.clip([c.pull for c in comparisons], -REACH + 1e-9, REACH - 1e-9)
    edges = np.linspace(-REACH, REACH, 21)
    x = np.linspace(-REACH, REACH, 201)
    axes.stairs(np.histogram(pulls, edges)[0], edges, color=INK, linewidth=1.2)
    axes.plot(x, len(pulls) * (edges[1] - edges[0]) * stats.norm.pdf(x), color=BLUE)
    axes.set_xlim(-REACH, REACH)
    axes.set_ylim(0, 1.45 * axes.get_ylim()[1])
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("pull")
    summary = Pulls.of(comparisons)
    text = f"mean {summary.mean:+.2f}\nrms {summary.rms:.2f}"
    axes.text(0.04, 0.95, text, transform=axes.transAxes, va="top", fontsize=9)
