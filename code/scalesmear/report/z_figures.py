"""Figures of pT and rapidity of the Z: data and simulation before and after, and the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from scalesmear.report.ratios import half_range, inside, mark_outside, scale_ratio
from scalesmear.report.style import (
    INK,
    PAGE,
    SERIES,
    USUAL,
    Titles,
    margins,
    new_figure,
    sign,
)
from scalesmear.reweight import ALONE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from scalesmear.reweight import Reweighting
    from scalesmear.spectra import ZSpectra

    Floats = NDArray[np.float64]
    Both = tuple[ZSpectra, ZSpectra]  # data, simulation

LAST_P_T = 100.0
"""Figures end at this pT [GeV]; the last cell reaches to the end of the table."""

P_T, ABS_Y = 1, 0
"""Axes of the table."""

NAMES = {P_T: r"$p_T$ of the Z [GeV]", ABS_Y: r"$|y|$ of the Z"}


@dataclass(frozen=True)
class Projection:
    """Data and simulation against one variable, simulation normalised to all data.

    Attributes
    ----------
    edges : float array, shape (n + 1,)
    data, sim, sim_error : float arrays, shape (n,)
    """

    edges: Floats
    data: Floats
    sim: Floats
    sim_error: Floats

    @classmethod
    def of(cls, spectra: Both, axis: int) -> Projection:
        """Add up the cells along the other axis."""
        data, sim = spectra
        other = 1 - axis
        edges = np.array(data.grid.p_t if axis == P_T else data.grid.abs_y)
        scale = data.weight.sum() / sim.weight.sum()
        return cls(
            edges,
            data.weight.sum(axis=other),
            scale * sim.weight.sum(axis=other),
            scale * np.sqrt(sim.variance.sum(axis=other)),
        )

    @property
    def widths(self) -> Floats:
        """Widths of the bins."""
        return np.diff(self.edges)

    @property
    def ratio(self) -> tuple[Floats, Floats]:
        """Data / simulation and its error; not a number where there is neither."""
        sim = np.where(self.sim > 0, self.sim, np.nan)
        data = np.where(self.data > 0, self.data, np.nan)
        ratio = data / sim
        return ratio, ratio * np.sqrt(1 / data + (self.sim_error / sim) ** 2)


def z_figure(
    before: Both,
    after: Both,
    *,
    weighted: bool,
    label: str,
    era: str,
    titles: Titles = USUAL,
) -> Figure:
    """Draw pT and abs(y) of data and simulation before and after, over data / simulation."""
    figure = new_figure(PAGE, 4.4)
    margins(figure, top=0.42, left=0.8)
    sign(figure, label, era)
    grid = {"height_ratios": (2.4, 1), "hspace": 0.07, "wspace": 0.22}
    panels = figure.subplots(2, 2, sharex="col", gridspec_kw=grid)
    after_name = "weighted" if weighted else "after"
    names = (f"{titles.simulation}, before", f"{titles.simulation}, {after_name}", titles.data)
    for axis, (main, ratio) in zip((P_T, ABS_Y), panels.T, strict=True):
        parts = [Projection.of(part, axis) for part in (before, after)]
        _draw_spectra(main, parts, names)
        highest = LAST_P_T if axis == P_T else float(parts[0].edges[-1])
        _draw_ratios(ratio, parts, highest)
        ratio.set_xlabel(NAMES[axis])
        ratio.set_xlim(0, highest)
    panels[0, 0].set_yscale("log")
    panels[0, 0].set_ylim(*_log_range(Projection.of(after, P_T)))
    panels[0, 0].set_ylabel("events / GeV")
    panels[0, 1].set_ylabel("events / unit")
    panels[0, 1].set_ylim(0, 1.15 * panels[0, 1].get_ylim()[1])
    panels[0, 1].yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    panels[1, 0].set_ylabel("data / sim.", loc="center")
    panels[0, 0].legend(loc="upper right", fontsize=9)
    figure.align_ylabels(panels[:, 0])
    return figure


def _log_range(part: Projection) -> tuple[float, float]:
    """Return the range of a logarithmic axis for the cells that are drawn."""
    drawn = (part.data / part.widths)[(part.edges[1:] <= LAST_P_T) & (part.data > 0)]
    return (0.5 * float(drawn.min()), 3 * float(drawn.max())) if len(drawn) else (0.5, 2.0)


def _draw_spectra(axes: Axes, parts: list[Projection], names: tuple[str, str, str]) -> None:
    """Draw both simulations as lines and the corrected data as points."""
    after = parts[1]
    for part, name, colour, line in zip(parts, names, (SERIES[1], SERIES[0]), ("--", "-"), strict=False):  # fmt: skip
        axes.stairs(part.sim / part.widths, part.edges, color=colour, linestyle=line, label=name)
    centres = (after.edges[1:] + after.edges[:-1]) / 2
    axes.errorbar(
        centres,
        after.data / after.widths,
        np.sqrt(after.data) / after.widths,
        fmt="o",
        color=INK,
        markersize=2.4,
        elinewidth=0.8,
        label=names[2],
    )


def _draw_ratios(axes: Axes, parts: list[Projection], highest: float) -> None:
    """Draw data / simulation of the bins up to `highest`."""
    axes.axhline(1, color=INK, linewidth=0.6)
    half = half_range(*(part.ratio[0][part.edges[1:] <= highest] for part in parts))
    for part, colour, fill, marker in zip(parts, (SERIES[1], SERIES[0]), ("white", SERIES[0]), ("s", "o"), strict=True):  # fmt: skip
        ratio, error = part.ratio
        centres = (part.edges[1:] + part.edges[:-1]) / 2
        axes.errorbar(
            centres, inside(ratio, half), error, fmt=marker, color=colour, markerfacecolor=fill,
            markersize=2.6, elinewidth=0.8,
        )  # fmt: skip
        mark_outside(axes, centres, ratio, half, colour)
    scale_ratio(axes, half)


def weights_figure(found: Reweighting, *, label: str, era: str) -> Figure:
    """Draw the weight of each cell; grey where none is determined."""
    figure = new_figure(PAGE, 3.9)
    margins(figure, top=0.42, left=0.75, right=0.35)
    sign(figure, label, era)
    axes = figure.subplots()
    weight = np.where(found.group == ALONE, np.nan, found.weight)
    known = np.isfinite(weight)
    far = float(np.quantile(np.abs(weight[known] - 1), 0.98)) if known.any() else 0.0
    half = max(0.02, np.ceil(50 * far) / 50)
    image = axes.pcolormesh(
        np.minimum(found.sim.grid.p_t, LAST_P_T * 1.1),
        found.sim.grid.abs_y,
        weight,
        cmap="RdBu_r",
        norm=Normalize(1 - half, 1 + half),
        rasterized=True,
    )
    axes.set_facecolor("#dddddd")
    axes.set_xticks(
        [0, 20, 40, 60, 80, 100, 105],
        ["0", "20", "40", "60", "80", "", "\N{GREATER-THAN OR EQUAL TO} 100"],
    )
    axes.tick_params(which="both", direction="out", top=False, right=False)
    axes.set_xlabel(NAMES[P_T])
    axes.set_ylabel(NAMES[ABS_Y])
    bar = figure.colorbar(image, ax=axes, fraction=0.045, pad=0.02, extend="both", label="weight")
    bar.outline.set_linewidth(0.6)
    return figure
