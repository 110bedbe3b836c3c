"""The figure of a stack: simulated processes on each other, data over them, and their ratio."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from scalesmear.poisson import poisson_interval
from scalesmear.report.ratios import half_range, inside, mark_outside, scale_ratio
from scalesmear.report.style import (
    BLUE,
    COLUMN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    RED,
    VIOLET,
    margins,
    new_figure,
    sign,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scalesmear.stack import Stack

FILLS = (BLUE, ORANGE, RED, GREY, PURPLE, VIOLET)
"""Of the processes, the largest first."""

BAND: dict[str, Any] = {"fill": False, "hatch": "/////", "edgecolor": INK, "linewidth": 0}
MARK: dict[str, Any] = {"fmt": "o", "color": INK, "markersize": 3.2, "elinewidth": 0.9}


def stack_figure(
    stack: Stack, *, x_label: str, luminosity: str, label: str = "", log: bool = False
) -> Figure:
    """Draw processes, data and ratio; bands hold statistical and systematic errors of simulation.

    Parameters
    ----------
    stack : Stack
    x_label : str
        With the unit in brackets, if there is one.
    luminosity : str
        Stands at the top right.
    label : str
        Stands at the top left.
    log : bool
        Whether numbers of events have a logarithmic axis.
    """
    figure = new_figure(COLUMN, 4.9)
    margins(figure, left=0.85, top=0.42)
    sign(figure, label, luminosity)
    panels: list[Any] = list(
        figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (3, 1), "hspace": 0.06})
    )
    _draw_layers(panels[0], stack)
    _scale(panels[0], stack, log=log)
    panels[0].set_ylabel(f"events / {_unit(x_label)}")
    _draw_ratio(panels[1], stack)
    panels[1].set_xlabel(x_label, parse_math=False)
    panels[1].set_xlim(stack.edges[0], stack.edges[-1])
    panels[1].xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    figure.align_ylabels(panels)
    return figure


def _unit(x_label: str) -> str:
    """Return what stands in brackets at the end of a label."""
    found = re.search(r"\[(.+)\]\s*$", x_label)
    return found[1] if found else "unit of the axis"


def _draw_layers(axes: Axes, stack: Stack) -> None:
    widths = np.diff(stack.edges)
    below = np.zeros(len(widths))
    names = [layer.name for layer in reversed(stack.layers)]
    fills = dict(zip(names, itertools.cycle(FILLS), strict=False))
    for layer in stack.layers:
        top = below + layer.contents / widths
        color = fills[layer.name]
        axes.stairs(top, stack.edges, baseline=below, fill=True, color=color, label=layer.label)
        axes.stairs(top, stack.edges, color=INK, linewidth=0.5)
        below = top
    errors = stack.errors / widths
    what = "stat. + syst." if stack.shifts() else "stat."
    axes.stairs(
        below + errors, stack.edges, baseline=below - errors, label=f"simulation, {what}", **BAND
    )
    axes.errorbar(
        _centres(stack),
        stack.data / widths,
        poisson_interval(stack.data) / widths,
        label="data",
        **MARK,
    )
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="upper right", fontsize=8.5, ncols=2)


def _centres(stack: Stack) -> Any:
    return (stack.edges[1:] + stack.edges[:-1]) / 2


def _scale(axes: Axes, stack: Stack, *, log: bool) -> None:
    """Leave room for the legend above the data."""
    widths = np.diff(stack.edges)
    top = float((np.maximum(stack.data, stack.contents + stack.errors) / widths).max())
    if not log:
        axes.set_ylim(0, 1.45 * top or 1.0)
        return
    smallest = stack.layers[0].contents / widths
    positive = smallest[smallest > 0]
    bottom = max(float(positive.min()) / 3 if len(positive) else 0.1, 1e-6 * top, 1e-3)
    axes.set_yscale("log")
    axes.set_ylim(bottom, top * (top / bottom) ** 0.35)


def _draw_ratio(axes: Axes, stack: Stack) -> None:
    expected = np.where(stack.contents > 0, stack.contents, np.nan)
    band = np.nan_to_num(stack.errors / expected)
    axes.stairs(1 + band, stack.edges, baseline=1 - band, **BAND)
    axes.axhline(1, color=INK, linewidth=0.8)
    ratio = stack.data / expected
    errors = np.nan_to_num(poisson_interval(stack.data) / expected)
    half = half_range(ratio)
    axes.errorbar(_centres(stack), inside(ratio, half), errors, **MARK)
    mark_outside(axes, _centres(stack), ratio, half)
    scale_ratio(axes, half)
    axes.set_ylabel("data / sim.", loc="center")
