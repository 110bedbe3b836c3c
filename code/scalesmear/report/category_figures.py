"""Figures of a quantity against its categories: readable for a few of them and for some fifty."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from scalesmear.report.quantity import letters, mathematical, range_text, without_eta
from scalesmear.report.style import (
    COLUMN,
    GREY,
    INK,
    MARKERS,
    PAGE,
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

LETTER = 0.058
"""Length of a letter of an upright name [inch]."""

MAX_NARROW = 4
"""So many categories fit in a column."""

RIGHT: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}

SINGLE = {"r9": r"$R_9$", "et": r"$E_T$ [GeV]"}


def chart(quantity: Quantity, name: str, *, label: str, era: str, height: float = 3.6) -> Figure:
    """Draw a quantity in a panel per range of |eta|, in which a category is a slot."""
    groups = eta_groups(quantity.windows)
    upright = len(quantity.windows) > MAX_HORIZONTAL
    few = len(quantity.windows) <= MAX_NARROW
    room = max(map(letters, _slot_names(quantity, upright=True))) * LETTER - 0.1 if upright else 0.0
    figure = new_figure(COLUMN if few else PAGE, height + room)
    margins(figure, top=0.62, left=0.85, bottom=0.65 + room)
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
    return mathematical(without_eta(window))


def _slot_names(quantity: Quantity, *, upright: bool) -> list[str]:
    """Return the names of all slots; those that do not stand upright have a line for each variable."""
    bare = bool(slot_axis_name(quantity.windows))
    names = [slot_text(window, bare=bare) for window in quantity.windows]
    if len(names) > 1 and set(names) == {"all"}:
        return [""] * len(names)  # ranges of |eta|, which stand above
    return names if upright else [name.replace(", ", "\n") for name in names]


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
    names = _slot_names(quantity, upright=upright)
    axes.set_xlim(-0.7, len(x) - 0.3)
    axes.set_xticks(
        x,
        [names[i] for i in index],
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
) -> None:
    """Draw measured values with errors, upper limits as arrows, undetermined ones as crosses."""
    value, upper = quantity.value[index], quantity.upper[index]
    bars, taken = quantity.error_bars[:, index], quantity.open_points[index]
    good, limited = quantity.measured[index], quantity.limited[index]
    for kind, fill in ((good & ~taken, color), (good & taken, "white")):
        axes.errorbar(
            x[kind],
            value[kind],
            bars[:, kind],
            fmt=marker,
            color=color,
            markerfacecolor=fill,
            markersize=4,
            elinewidth=1.1,
            capsize=0,
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
    value, (below, above) = quantity.value[good], map(capped, quantity.error_bars[:, good])
    ends = [value - below, value + above, quantity.upper[limited], quantity.value[limited]]
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
    figure = new_figure(PAGE, 5.4)
    named = any(len(_series(q.windows)) > 1 for q in (upper, lower))
    margins(figure, top=0.42, left=0.85, right=1.45 if named else 0.3)
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


@dataclass(frozen=True)
class _Colouring:
    """Colours by the centre of one variable, where series are too many to be told apart by name."""

    variable: str
    low: float
    high: float
    top: float  # of the colours; more than high, because the brightest are too pale

    @classmethod
    def of(cls, windows: Sequence[Window]) -> _Colouring:
        """Return the colouring by R9 or Et, whichever has more ranges."""
        n_r9, n_et = (len({getattr(w, v) for w in windows}) for v in ("r9", "et"))
        return cls("r9", 0.4, 1.0, 1.12) if n_r9 >= n_et else cls("et", 30.0, 90.0, 100.0)

    @property
    def norm(self) -> Normalize:
        """From the variable to the range of colours."""
        return Normalize(self.low, self.top)

    @property
    def colours(self) -> Any:
        """The map of colours."""
        return colormaps["plasma"]

    def centre(self, window: Window) -> float:
        """Return the centre of a window in the variable, inside the range of colours."""
        low, high = getattr(window, self.variable) or (self.low, self.high)
        inside = (min(max(edge, self.low), self.high) for edge in (low, high))
        return sum(inside) / 2

    def colour(self, window: Window) -> Any:
        """Return the colour of a window."""
        return self.colours(self.norm(self.centre(window)))

    def others(self, windows: Sequence[Window]) -> list[Window]:
        """Return the distinct windows in what is not told by colour, which markers tell."""
        return _series([self._rest(w) for w in windows])

    def marker(self, window: Window, windows: Sequence[Window]) -> str:
        """Return the marker of one of the windows."""
        place = self.others(windows).index(without_eta(self._rest(window)))
        return MARKERS[place % len(MARKERS)]

    def _rest(self, window: Window) -> Window:
        return replace(window, r9=None) if self.variable == "r9" else replace(window, et=None)


def _looks(windows: Sequence[Window]) -> list[tuple[Any, str]]:
    """Return colour and marker of each category: by series if few, else by a colouring."""
    series = _series(windows)
    if len(series) <= len(SERIES):
        places = [series.index(without_eta(w)) for w in windows]
        return [(SERIES[place], MARKERS[place]) for place in places]
    by = _Colouring.of(windows)
    return [(by.colour(w), by.marker(w, windows)) for w in windows]


def _draw_against_eta(axes: Axes, quantity: Quantity) -> None:
    """Draw each category inside its range of |eta|, those of one range side by side."""
    looks = _looks(quantity.windows)
    for eta, members in eta_groups(quantity.windows).items():
        low, high = eta or (0.0, 2.5)
        axes.axvspan(low, high, color="#f4f4f6", zorder=0, linewidth=0)
        axes.axvline(high, color="#d5d5da", linewidth=0.6, zorder=0.5)
        for k, i in enumerate(members):
            x = np.array([low + (k + 0.5) / len(members) * (high - low)])
            colour, marker = looks[i]
            draw_points(axes, x, quantity, np.array([i]), color=colour, marker=marker)
    if quantity.expected is not None:
        axes.axhline(quantity.expected, color=GREY, linewidth=0.8, zorder=1)


def _legend_or_bar(axes: Axes, quantity: Quantity) -> None:
    """Explain colours and markers at the right of the panel."""
    series = _series(quantity.windows)
    colours: Sequence[str] = SERIES
    if len(series) > len(SERIES):
        by = _Colouring.of(quantity.windows)
        _colour_bar(axes, by)
        series, colours = by.others(quantity.windows), [INK] * len(MARKERS)
    for window, colour, marker in zip(series, colours, MARKERS, strict=False):
        text = mathematical(window)
        if text != "all":
            axes.plot([], [], marker, color=colour, markersize=4, linestyle="none", label=text)
    if axes.get_legend_handles_labels()[0]:
        below = colours is not SERIES
        place = {"loc": "lower left", "bbox_to_anchor": (1.0, -0.05)} if below else RIGHT
        axes.legend(fontsize=8.5, handletextpad=0.2, **place)


def _colour_bar(axes: Axes, by: _Colouring) -> None:
    bar = axes.inset_axes((1.02, 0.28, 0.018, 0.6))
    bar.imshow(
        np.linspace(by.low, by.high, 128)[:, None],
        aspect="auto", origin="lower", extent=(0, 1, by.low, by.high), cmap=by.colours, norm=by.norm,
    )  # fmt: skip
    bar.tick_params(left=False, labelleft=False, right=True, labelright=True, bottom=False)
    bar.tick_params(top=False, labelbottom=False, labelsize=8)
    bar.set_title(f"centre in {SINGLE[by.variable]}", fontsize=8.5, loc="left", pad=4)
