"""Figure of systematic errors: what each variation changes in each category, and the total."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scalesmear.report.quantity import mathematical
from scalesmear.report.style import (
    GREY,
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
    from numpy.typing import NDArray

    from scalesmear.cells import Window
    from scalesmear.systematics import SystematicErrors

    Floats = NDArray[np.float64]

SPREAD = 0.36
"""Variations stand within so much of the centre of their category."""


def systematics_figure(found: SystematicErrors, *, label: str, era: str) -> Figure:
    """Draw the changes of scales over those of smearings, variations of a source in one colour."""
    figure = new_figure(PAGE, 5.8)
    margins(figure, top=0.42, left=0.8, right=1.5, bottom=0.5)
    sign(figure, label, era)
    upper, lower = figure.subplots(2, 1, gridspec_kw={"hspace": 0.24})
    scale, smearing = found.total
    changes = [(s.source, 100 * s.scale, 100 * s.scale_error) for s in found.shifts]
    _draw(upper, found, found.categories.scales, 100 * scale, changes)
    upper.set_ylabel("change of the scale [%]")
    changes = [(s.source, 100 * s.smearing, 100 * s.smearing_error) for s in found.shifts]
    _draw(lower, found, found.categories.smearings, 100 * smearing, changes)
    lower.set_ylabel("change of the smearing [%]")
    upper.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), fontsize=8.5, handletextpad=0.4)
    return figure


def _draw(
    axes: Axes,
    found: SystematicErrors,
    windows: Sequence[Window],
    total: Floats,
    changes: Sequence[tuple[str, Floats, Floats]],
) -> None:
    """Draw the total as boxes, and a point with its statistical error for each variation."""
    x = np.arange(len(windows), dtype=float)
    axes.bar(x, 2 * total, 0.9, -total, color=PALE_BLUE, linewidth=0, zorder=1, label="total")
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=1.5)
    named: set[str] = set()
    for place, (source, change, error) in zip(
        np.linspace(-SPREAD, SPREAD, len(changes)), changes, strict=True
    ):
        number = found.sources.index(source)
        second = (number // len(SERIES)) % 2 == 1
        colour = SERIES[number % len(SERIES)]
        axes.errorbar(
            x + place,
            change,
            error,
            fmt=MARKERS[number % len(MARKERS)],
            color=colour,
            markerfacecolor="white" if second else colour,
            markersize=4,
            elinewidth=0.9,
            label=None if source in named else source,
            zorder=3,
        )
        named.add(source)
    names = [mathematical(window).replace(", ", "\n") for window in windows]
    axes.set_xticks(x, names, fontsize=8 if len(x) <= 10 else 7)
    axes.tick_params(axis="x", length=0, top=False)
    axes.set_xlim(-0.6, len(x) - 0.4)
    reach = max((float(np.max(np.abs(c) + e)) for _, c, e in changes), default=0.0)
    reach = 1.1 * max(reach, float(total.max()), 1e-4)
    axes.set_ylim(-reach, reach)
