"""Figure of the profile of one parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator
from scipy.interpolate import PchipInterpolator

from scalesmear.report.style import (
    BLUE,
    COLUMN,
    GREY,
    INK,
    PALE_BLUE,
    SERIES,
    margins,
    new_figure,
    sign,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from scalesmear.profile import Profile

    Floats = NDArray[np.float64]

LEVELS = ((1.0, "68 %"), (1.96**2, "95 %"))
HIGHEST = 16.0
FREE = 0.78
"""Share of the height below the legend."""

UNITS = {"scale": "scale", "smearing": "smearing, relative width"}


def profile_figure(profile: Profile, *, title: str, label: str = "", era: str = "") -> Figure:
    """Draw the curve that stands for -2 ln of a likelihood ratio, with interval and limit.

    The dashed parabola is what value and error of the fit would give; of a smearing it is one in its
    square, whose errors are Gaussian.
    """
    figure = new_figure(COLUMN, 4.0)
    margins(figure, top=0.68, left=0.7)
    sign(figure, label, era)
    axes = figure.subplots()
    low, high = profile.interval
    axes.axvspan(low, high, ymax=FREE, color=PALE_BLUE, linewidth=0, label="68 % interval")
    fine = np.linspace(profile.values[0], profile.values[-1], 200)
    axes.plot(fine, _curve(profile, fine), color=INK)
    axes.plot(
        profile.values, profile.ratio, "o", color=INK, markersize=3, label="others fitted again"
    )
    parabola = profile.parabola(fine)
    axes.plot(fine, parabola, color=BLUE, linestyle="--", label="value and error of the fit")
    axes.axvline(profile.best, ymax=FREE, color=INK, linewidth=0.8, linestyle=":")
    if profile.one_sided:
        axes.axvline(
            profile.upper, ymax=FREE, color=SERIES[1], linestyle="-.", label="95 % upper limit"
        )
    _draw_levels(axes)
    axes.set_xlim(profile.values[0], profile.values[-1])
    axes.set_ylim(0, min(HIGHEST, max(5.0, float(profile.ratio.max()))) / FREE)
    axes.set_xlabel(UNITS[profile.kind])
    axes.set_ylabel(r"$z^2$ of the score, as $-2\,\Delta\ln L$")
    axes.set_title(f"{title}: {text(profile)}", fontsize=8.5, loc="left", pad=5)
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.xaxis.set_major_locator(MaxNLocator(5))  # room for six digits
    axes.legend(loc="upper center", fontsize=8, ncols=2, columnspacing=1.2)
    return figure


def _curve(profile: Profile, values: Floats) -> Floats:
    """Return the curve between the points of the scan; the score falls, and so does what joins it."""
    z = np.sqrt(profile.ratio) * np.where(profile.values > profile.best, -1, 1)
    return np.asarray(PchipInterpolator(profile.values, z)(values) ** 2)


def _draw_levels(axes: Axes) -> None:
    """Draw the heights at which a two-sided interval ends."""
    for level, name in LEVELS:
        axes.axhline(level, color=GREY, linewidth=0.7)
        axes.annotate(
            name, (1, level), xycoords=("axes fraction", "data"), xytext=(-3, 2),
            textcoords="offset points", ha="right", fontsize=8, color="#5c5f66",
        )  # fmt: skip


def text(profile: Profile) -> str:
    """Return value and 68 % interval for the text of a figure, or the limit of a one-sided one."""
    low, high = profile.interval
    if profile.one_sided:
        return f"< {profile.upper:.5f} (95 %)"
    up, down = high - profile.best, profile.best - low
    return rf"${profile.best:.5f}^{{+{up:.5f}}}_{{-{down:.5f}}}$"
