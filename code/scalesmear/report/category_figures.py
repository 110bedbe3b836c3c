"""Figures of a quantity against its categories: readable for a few of them and for some fifty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from scalesmear.report.quantity import mathematical, range_text, without_eta
from scalesmear.report.style import (
    GREY,
    INK,
    MARKERS,
    PALE_BLUE,
    SERIES,
    capped,
    margins,
    new_figure,
    sign,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scalesmear.cells import Range, Window
    from scalesmear.events import BoolArray
    from scalesmear.report.quantity import Quantity

MAX_HORIZONTAL = 12
"""With more categories than this their names stand upright."""

SINGLE = {"r9": r"$R_9$", "et": r"$E_T$ [GeV]"}


def chart(quantity: Quantity, name: str, *, label: str, era: str, height: float = 4.2) -> Figure:
    """Draw a quantity in a panel per range of |eta|, in which a category is a slot."""
    groups = eta_groups(quantity.windows)
    upright = len(quantity.windows) > MAX_HORIZONTAL
    figure = new_figure(11.0, height + (0.45 if upright else 0.0))
    margins(figure, top=0.62, left=0.85, bottom=1.1 if upright else 0.65)
    sign(figure, label, era)
    panels = figure.subplots(
        1,
        len(groups),
        sharey=True,
        width_ratios=[len(members) + 0.4 for members in groups.values()],
        gridspec_kw={"wspace": 0.0},
        squeeze=False,
    )[0]
    for axes, (eta, members) in zip(panels, groups.items(), strict=True):
        _draw_slots(axes, quantity, members, upright=upright)
        name_of_eta = r"|$\eta$| " if axes is panels[0] else ""
        title = "all" if eta is None else name_of_eta + range_text(eta)
        axes.set_title(title, fontsize=9.5, pad=4)
    panels[0].set_ylabel(name)
    panels[-1].set_xlabel(slot_axis_name(quantity.windows))
    _fit_y(panels[0], quantity)
    return figure


def eta_groups(windows: Sequence[Window]) -> dict[Range | None, list[int]]:
    """Return the positions of the categories of each range of |eta|, both in rising order."""
    order = sorted(range(len(windows)), key=lambda i: _sort_key(windows[i]))
    groups: dict[Range | None, list[int]] = {}
    for i in order:
        groups.setdefault(windows[i].abs_eta, []).append(i)
    return groups


def _sort_key(window: Window) -> tuple[Any, ...]:
    none = (-np.inf, -np.inf)
    ranges = [r or none for r in (window.abs_eta, window.r9, window.et)]
    return (*ranges, -(window.gain or 0))


def slot_axis_name(windows: Sequence[Window]) -> str:
    """Return the name of the variable that tells slots apart, empty if it stands in their names."""
    used = [name for name in SINGLE if any(getattr(w, name) is not None for w in windows)]
    single = len(used) == 1 and all(w.gain is None for w in windows)
    return SINGLE[used[0]] if single else ""


def slot_text(window: Window, *, bare: bool) -> str:
    """Return the name of a slot; `bare` leaves out the variable, which then names the axis."""
    if bare:
        return range_text(*((window.r9, "r9") if window.r9 else (window.et or (0, np.inf), "et")))
    return mathematical(without_eta(window)).replace(", ", "\n")


def _draw_slots(axes: Axes, quantity: Quantity, members: Sequence[int], *, upright: bool) -> None:
    """Draw the categories `members` at x = 0, 1, 2 ..."""
    index = np.asarray(members)
    x = np.arange(len(index), dtype=float)
    if quantity.tolerance is not None and quantity.expected is not None:
        band = np.nan_to_num(quantity.tolerance[index])
        axes.bar(x, 2 * band, 0.8, quantity.expected - band, color=PALE_BLUE, zorder=1, linewidth=0)
    if quantity.expected is not None:
        axes.axhline(quantity.expected, color=GREY, linewidth=0.8, zorder=1.5)
    draw_points(axes, x, quantity, index, color=SERIES[0], marker="o")
    bare = bool(slot_axis_name(quantity.windows))
    axes.set_xlim(-0.7, len(x) - 0.3)
    axes.set_xticks(
        x,
        [slot_text(quantity.windows[i], bare=bare) for i in index],
        rotation=90 if upright else 0,
        fontsize=7.5 if upright else 9,
    )
    axes.tick_params(axis="x", length=0, top=False)
    axes.grid(axis="y", color="#e6e6ea", linewidth=0.6, linestyle="-")
    axes.set_axisbelow(True)


def draw_points(
    axes: Axes,
    x: Any,
    quantity: Quantity,
    index: Any,
    *,
    color: Any,
    marker: str,
    label: str | None = None,
) -> None:
    """Draw measured values with errors, upper limits as arrows, undetermined ones as crosses."""
    value, error, upper = quantity.value[index], quantity.error[index], quantity.upper[index]
    good, limited = quantity.measured[index], quantity.limited[index]
    axes.errorbar(
        x[good],
        value[good],
        error[good],
        fmt=marker,
        color=color,
        markersize=4,
        elinewidth=1.1,
        capsize=0,
        label=label,
        zorder=3,
    )
    if limited.any():
        style = {"color": color, "linestyle": "none", "zorder": 3}
        axes.plot(x[limited], upper[limited], marker="_", markersize=8, **style)
        axes.vlines(x[limited], value[limited], upper[limited], color=color, linewidth=0.8)
        axes.plot(x[limited], value[limited], marker="v", markersize=4, **style)
    _mark_undetermined(axes, x, ~good & ~limited)


def _mark_undetermined(axes: Axes, x: Any, missing: BoolArray) -> None:
    if missing.any():
        axes.plot(
            x[missing],
            np.full(int(missing.sum()), 0.04),
            "x",
            color=INK,
            markersize=4,
            transform=axes.get_xaxis_transform(),
        )


def _fit_y(axes: Axes, quantity: Quantity) -> None:
    """Set the range of y to what is drawn, with a little room.

    Errors and tolerances far above the typical one are not waited for: they leave the panel.
    """
    good, limited = quantity.measured, quantity.limited
    value, error = quantity.value[good], capped(quantity.error[good])
    ends = [value - error, value + error, quantity.upper[limited], quantity.value[limited]]
    if quantity.expected is not None:
        tolerance = quantity.tolerance if quantity.tolerance is not None else np.zeros(0)
        reach = capped(tolerance[np.isfinite(tolerance)]).max(initial=0.0)
        ends.append(quantity.expected + np.array([-reach, reach]))
    every = np.concatenate(ends)
    if not len(every):
        return
    room = max(0.08 * float(np.ptp(every)), 2e-4)
    axes.set_ylim(every.min() - room, every.max() + room)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.ticklabel_format(axis="y", useOffset=False)


def eta_figure(
    upper: Quantity, lower: Quantity, names: tuple[str, str], *, label: str, era: str
) -> Figure:
    """Draw two quantities against |eta|, one over the other; other variables by colour."""
    figure = new_figure(11.0, 6.2)
    margins(figure, top=0.62, left=0.85, right=2.0)
    sign(figure, label, era)
    panels = figure.subplots(2, 1, sharex=True, gridspec_kw={"hspace": 0.08})
    for axes, quantity, name in zip(panels, (upper, lower), names, strict=True):
        _draw_against_eta(axes, quantity)
        axes.set_ylabel(name)
        _fit_y(axes, quantity)
        _legend_or_bar(axes, quantity)
    high = max((w.abs_eta or (0.0, 2.5))[1] for w in (*upper.windows, *lower.windows))
    panels[1].set_xlim(0, high)
    panels[1].set_xlabel(r"|$\eta$|")
    return figure


def _series(windows: Sequence[Window]) -> list[Window]:
    """Return the distinct windows in the variables other than |eta|, in rising order."""
    return sorted({without_eta(w) for w in windows}, key=_sort_key)


def _colour_of(windows: Sequence[Window]) -> list[tuple[Any, str]]:
    """Return colour and marker of each category: by series if few, else by the centre in R9."""
    series = _series(windows)
    if len(series) <= len(SERIES):
        return [
            (SERIES[series.index(without_eta(w))], MARKERS[series.index(without_eta(w))])
            for w in windows
        ]
    norm, cmap = _r9_colours()
    return [(cmap(norm(r9_centre(w))), "o") for w in windows]


def _r9_colours() -> tuple[Normalize, Any]:
    return Normalize(0.4, 1.12), colormaps["plasma"]


def r9_centre(window: Window) -> float:
    """Return the centre of the R9 range, taken to end between 0.2 and 1."""
    low, high = window.r9 or (0.2, 1.0)
    return (max(low, 0.2) + min(high, 1.0)) / 2


def _draw_against_eta(axes: Axes, quantity: Quantity) -> None:
    """Draw each category inside its range of |eta|, those of one range side by side."""
    colours = _colour_of(quantity.windows)
    for eta, members in eta_groups(quantity.windows).items():
        low, high = eta or (0.0, 2.5)
        axes.axvspan(low, high, color="#f4f4f6", zorder=0, linewidth=0)
        axes.axvline(high, color="#d5d5da", linewidth=0.6, zorder=0.5)
        for k, i in enumerate(members):
            x = np.array([low + (k + 0.5) / len(members) * (high - low)])
            colour, marker = colours[i]
            draw_points(axes, x, quantity, np.array([i]), color=colour, marker=marker)
    if quantity.expected is not None:
        axes.axhline(quantity.expected, color=GREY, linewidth=0.8, zorder=1)


def _legend_or_bar(axes: Axes, quantity: Quantity) -> None:
    """Explain the colours at the right of the panel."""
    series = _series(quantity.windows)
    if len(series) > len(SERIES):
        norm, cmap = _r9_colours()
        bar = axes.inset_axes((1.02, 0.05, 0.018, 0.85))
        bar.imshow(
            np.linspace(0.4, 1.0, 128)[:, None],
            aspect="auto", origin="lower", extent=(0, 1, 0.4, 1.0), cmap=cmap, norm=norm,
        )  # fmt: skip
        bar.tick_params(left=False, labelleft=False, right=True, labelright=True, bottom=False)
        bar.tick_params(top=False, labelbottom=False, labelsize=8)
        bar.set_title(r"centre in $R_9$", fontsize=9, loc="left", pad=4)
        return
    for window, colour, marker in zip(series, SERIES, MARKERS, strict=False):
        text = mathematical(window)
        if text != "all":
            axes.plot([], [], marker, color=colour, markersize=4, linestyle="none", label=text)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), fontsize=9, handletextpad=0.2)
