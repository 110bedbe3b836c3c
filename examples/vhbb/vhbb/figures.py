"""The two figures of the interpretation: the spectrum, and the scan of the signal strength."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.poisson import poisson_interval
from scalesmear.report.scaled_figure import typeset
from scalesmear.report.style import INK, PALE_BLUE, RED, margins, new_figure, sign
from vhbb.scan import LEVEL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vhbb.scan import Counts, Doubles, Interpretation, Limit, Spectrum

ONE_SIGMA, TWO_SIGMA = "#607641", "#f5bb54"
"""Of CMS's bands of expected limits, which differ in lightness too."""

POINTS: dict[str, Any] = {"fmt": "o", "color": INK, "markersize": 3.2, "elinewidth": 0.9}
BAND: dict[str, Any] = {"fill": False, "hatch": "/////", "edgecolor": INK, "linewidth": 0}
LABEL = "generated events"


def spectrum_figure(found: Interpretation) -> Figure:
    """Draw data over background, the signal at its limit, and data minus background."""
    figure = new_figure(6.4, 5.8)
    margins(figure, left=0.9, top=0.42)
    sign(figure, LABEL, typeset(str(found.luminosity)))
    panels: list[Any] = list(
        figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (3, 1.3), "hspace": 0.06})
    )
    _draw_sum(panels[0], found.spectrum, found.limit.observed)
    _draw_difference(panels[1], found.spectrum, found.limit.observed)
    edges = found.spectrum.edges
    panels[1].set_xlim(edges[0], edges[-1])
    panels[1].set_xlabel("mass of the two b jets [GeV]")
    figure.align_ylabels(panels)
    return figure


def _draw_sum(axes: Axes, spectrum: Spectrum, strength: float) -> None:
    edges, expected = spectrum.edges, spectrum.background.contents
    error, top = _error(spectrum.background), expected + strength * spectrum.signal.contents
    times = f"{strength:.2g} \N{MULTIPLICATION SIGN} signal"
    axes.stairs(expected, edges, fill=True, color=PALE_BLUE, label="background")
    axes.stairs(top, edges, baseline=expected, fill=True, color=RED, label=times)
    axes.stairs(
        expected + error,
        edges,
        baseline=expected - error,
        label="uncertainty of background",
        **BAND,
    )
    axes.errorbar(
        _centres(edges), spectrum.data, poisson_interval(spectrum.data), label="data", **POINTS
    )
    axes.set_ylim(0, 1.25 * float(np.maximum(spectrum.data, top).max()))
    axes.set_ylabel(f"events / {edges[1] - edges[0]:g} GeV")
    handles, labels = axes.get_legend_handles_labels()
    order = [3, 1, 2, 0]
    axes.legend(
        [handles[i] for i in order], [labels[i] for i in order], loc="upper right", fontsize=10
    )


def _draw_difference(axes: Axes, spectrum: Spectrum, strength: float) -> None:
    error, signal = _error(spectrum.background), strength * spectrum.signal.contents
    axes.stairs(signal, spectrum.edges, fill=True, color=RED)
    axes.stairs(error, spectrum.edges, baseline=-error, **BAND)
    axes.axhline(0, color=INK, linewidth=0.8)
    difference = spectrum.data - spectrum.background.contents
    errors = poisson_interval(spectrum.data)
    axes.errorbar(_centres(spectrum.edges), difference, errors, **POINTS)
    reach = 1.1 * float(np.max([np.abs(difference) + errors.max(axis=0), error, signal]))
    axes.set_ylim(-reach, reach)
    axes.set_ylabel("data - backgr.", loc="center")


def _centres(edges: Doubles) -> Doubles:
    return (edges[1:] + edges[:-1]) / 2


def _error(background: Counts) -> Doubles:
    """Return the error of each bin, normalisation and simulated events in quadrature."""
    normalisation = background.uncertainty * background.contents
    error: Doubles = np.sqrt(normalisation**2 + background.variances)
    return error


def limit_figure(found: Interpretation) -> Figure:
    """Draw CLs against the signal strength, observed and expected, and the limits."""
    figure = new_figure(6.4, 5.2)
    margins(figure, left=0.85, top=0.42)
    sign(figure, LABEL, typeset(str(found.luminosity)))
    axes: Any = figure.subplots()
    x = np.concatenate([[0.0], found.scan.strength])
    observed = np.concatenate([[1.0], found.scan.observed])
    expected = np.concatenate([np.ones((1, 5)), found.scan.expected])
    bands = ((0, 4, TWO_SIGMA, "95 % expected"), (1, 3, ONE_SIGMA, "68 % expected"))
    for low, high, color, label in bands:
        axes.fill_between(x, expected[:, low], expected[:, high], color=color, label=label, lw=0)
    axes.plot(x, expected[:, 2], "--", color=INK, label="median expected")
    axes.plot(x, observed, "-o", color=INK, markersize=3, label="observed")
    axes.axhline(1 - LEVEL, color=RED, linewidth=1.2)
    axes.text(x[-1], 1.08 * (1 - LEVEL), f"{1 - LEVEL:.2g} ", color=RED, ha="right", va="bottom")
    axes.set_yscale("log")
    axes.set_xlim(0, x[-1])
    axes.set_ylim(2e-3, 10)
    axes.set_xlabel("signal strength \N{GREEK SMALL LETTER MU}")
    axes.set_ylabel(r"CL$_\mathrm{s}$")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="upper right", fontsize=10)
    axes.text(0.04, 0.96, _in_words(found.limit), transform=axes.transAxes, va="top", fontsize=10)
    return figure


def _in_words(limit: Limit) -> str:
    """Return the limits with as many decimals as give the median three digits."""
    low, median, high = limit.expected[1:4]
    n = max(0, 2 - math.floor(math.log10(median)))
    spread = f"$_{{-{median - low:.{n}f}}}^{{+{high - median:.{n}f}}}$"
    return (
        f"\N{GREEK SMALL LETTER MU} < {limit.observed:.{n}f} at {100 * LEVEL:.0f} % CL\n"
        f"expected {median:.{n}f} {spread}"
    )
