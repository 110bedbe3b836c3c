"""Figure of the profile of one parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from scalesmear.report.style import BLUE, GREY, INK, PALE_BLUE, margins, new_figure, sign

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scalesmear.profile import Profile

LEVELS = ((1.0, "68 %"), (1.96**2, "95 %"))
HIGHEST = 16.0


def profile_figure(profile: Profile, *, label: str, era: str) -> Figure:
    """Draw the squared score of each value, and the parabola of value and error of the fit."""
    figure = new_figure(5.4, 3.9)
    margins(figure, top=0.62)
    sign(figure, "", era)
    axes = figure.subplots()
    low, high = profile.interval
    axes.axvspan(low, high, color=PALE_BLUE, linewidth=0, label="68 % interval")
    axes.plot(profile.values, profile.z**2, color=INK, label="others fitted again")
    fine = np.linspace(profile.values[0], profile.values[-1], 200)
    parabola = ((fine - profile.best) / profile.error) ** 2
    axes.plot(fine, parabola, color=BLUE, linestyle="--", label="value and error of the fit")
    for level, name in LEVELS:
        axes.axhline(level, color=GREY, linewidth=0.7)
        axes.annotate(
            name, (1, level), xycoords=("axes fraction", "data"), xytext=(-3, 2),
            textcoords="offset points", ha="right", fontsize=8, color=GREY,
        )  # fmt: skip
    axes.set_xlim(profile.values[0], profile.values[-1])
    axes.set_ylim(0, min(HIGHEST, 1.35 * float((profile.z**2).max())))
    axes.set_xlabel(profile.parameter.split()[0])
    axes.set_ylabel(r"$z^2$ (score test)")
    axes.set_title(label, fontsize=8.5, loc="left", pad=4)
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.xaxis.set_major_locator(MaxNLocator(5))  # room for six digits
    axes.legend(loc="upper center", fontsize=8, frameon=False)
    return figure
