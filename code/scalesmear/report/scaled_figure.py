"""Figures of histograms before and after scaling, with the factor spelled out above them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.colors import Normalize
from PIL import Image

from scalesmear.normalisation import FORMULA
from scalesmear.report.drawing import DPI
from scalesmear.report.style import BLUE, INK, PAGE, margins, new_figure, sign, styled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scalesmear.normalisation import Normalisation
    from scalesmear.roothistogram import Doubles, RootAxis, RootHistogram

MOST_LABELS = 40
"""Number of bins up to which their labels are written."""

SIGNS = {" * ": " \N{MULTIPLICATION SIGN} ", "b-1": "b$^{-1}$"}


def scaled_figure(
    before: RootHistogram, after: RootHistogram, normalisation: Normalisation, sample: str = ""
) -> Figure:
    """Draw one histogram before and after scaling, side by side, under the factor."""
    figure = new_figure(PAGE, 4.2)
    margins(figure, top=1.3, left=0.85, bottom=0.65)
    figure.subplots_adjust(wspace=0.32)
    sign(figure, sample or "scaled to luminosity", before.path)
    _write_factor(figure, normalisation)
    luminosity = typeset(str(normalisation.luminosity))
    panels: list[Any] = list(figure.subplots(1, 2))
    for axes, histogram, word in zip(
        panels, (before, after), ("before", f"after, {luminosity}"), strict=True
    ):
        _draw(axes, histogram)
        title = f"{word}: sum {_readable(histogram.integral())}"
        axes.set_title(title, loc="left", fontsize=10, weight="bold", pad=4)
    return figure


def _write_factor(figure: Figure, normalisation: Normalisation) -> None:
    height = figure.get_size_inches()[1]
    numbers = normalisation.spelled_out
    lines = (f"factor = {FORMULA.replace('_', ' ')}", f"= {numbers}")
    for i, line in enumerate(lines):
        y = 1 - (0.48 + 0.24 * i) / height
        figure.text(figure.subplotpars.left, y, typeset(line), size=9.5, va="top")


def _readable(number: float) -> str:
    """Return a number with six digits, or all before the point if there are more."""
    return f"{number:,.0f}" if 1e5 <= abs(number) < 1e12 else f"{number:.6g}"


def typeset(text: str) -> str:
    """Return a text with multiplication signs and exponents of inverse units as print has them."""
    for plain, typeset in SIGNS.items():
        text = text.replace(plain, typeset)
    return text


def _draw(axes: Axes, histogram: RootHistogram) -> None:
    if histogram.n_dimensions == 2:
        _draw_map(axes, histogram)
    elif histogram.profile is not None:
        _draw_profile(axes, histogram)
    else:
        _draw_bins(axes, histogram)
    _name_axis(axes, histogram.axes[0])


def _draw_bins(axes: Axes, histogram: RootHistogram) -> None:
    edges = histogram.axes[0].all_edges()
    values = histogram.as_grid(histogram.contents)
    errors = np.sqrt(histogram.as_grid(histogram.variances()))
    axes.stairs(values, edges, color=BLUE, fill=True, alpha=0.35)
    axes.stairs(values, edges, color=BLUE)
    centres = (edges[1:] + edges[:-1]) / 2
    axes.errorbar(centres, values, errors, fmt="none", ecolor=INK, elinewidth=0.8)
    top = max(float((values + errors).max()), 0.0)
    bottom = min(float((values - errors).min()), 0.0)
    axes.set_ylim(bottom * 1.1, top * 1.18 or 1.0)
    axes.set_ylabel(histogram.axes[1].title or "sum of weights", parse_math=False)


def _draw_profile(axes: Axes, histogram: RootHistogram) -> None:
    edges = histogram.axes[0].all_edges()
    means, errors = (histogram.as_grid(values) for values in histogram.means())
    filled = np.isfinite(means)
    centres, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    axes.errorbar(
        centres[filled], means[filled], errors[filled], widths[filled], fmt="o", color=BLUE
    )
    axes.set_xlim(edges[0], edges[-1])
    axes.margins(y=0.18)
    axes.set_ylabel(histogram.axes[1].title or "mean", parse_math=False)


def _draw_map(axes: Axes, histogram: RootHistogram) -> None:
    x, y = (axis.all_edges() for axis in histogram.axes[:2])
    values: Doubles = histogram.as_grid(histogram.contents)
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    norm = Normalize(low, high if high > low else low + 1)
    image = axes.pcolormesh(x, y, values.T, norm=norm, cmap="viridis", rasterized=True)
    figure = axes.figure
    figure.colorbar(image, ax=axes, pad=0.02)
    axes.set_ylabel(histogram.axes[1].title, parse_math=False)


def _name_axis(axes: Axes, axis: RootAxis) -> None:
    edges = axis.all_edges()
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel(axis.title, parse_math=False)
    if axis.labels and axis.n_bins <= MOST_LABELS:
        centres = (edges[1:] + edges[:-1]) / 2
        ticks = [centres[number - 1] for number in axis.labels]
        axes.set_xticks(ticks, list(axis.labels.values()), parse_math=False)
        if axis.n_bins > 5:
            axes.tick_params(axis="x", labelrotation=90)


def as_pdf(figures: Iterable[Figure]) -> bytes:
    """Return a PDF with a page for each figure; call it inside `style.styled`."""
    stream = io.BytesIO()
    with PdfPages(stream, metadata={"CreationDate": None}) as pages:
        for figure in figures:
            pages.savefig(figure)
    return stream.getvalue()


def as_png(figures: Iterable[Figure]) -> bytes:
    """Return one picture with the figures below each other; call it inside `style.styled`."""
    pictures = list(_pictures(figures))
    width = max(picture.width for picture in pictures)
    whole = Image.new("RGB", (width, sum(picture.height for picture in pictures)), "white")
    y = 0
    for picture in pictures:
        whole.paste(picture, (0, y))
        y += picture.height
    stream = io.BytesIO()
    whole.save(stream, "png", dpi=(DPI, DPI))
    return stream.getvalue()


def _pictures(figures: Iterable[Figure]) -> Iterator[Image.Image]:
    for figure in figures:
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=DPI)
        yield Image.open(stream).convert("RGB")


RENDER = {".pdf": as_pdf, ".png": as_png}
"""How to make a file of figures, by its suffix."""


def validation_plot(
    pairs: Iterable[tuple[RootHistogram, RootHistogram]],
    normalisation: Normalisation,
    suffix: str,
    sample: str = "",
) -> bytes:
    """Return a file with a figure for each pair of histograms, before and after scaling.

    Parameters
    ----------
    pairs : iterable of (RootHistogram, RootHistogram)
    normalisation : Normalisation
    suffix : str
        A key of `RENDER`.
    sample : str
        Name that stands above the figures.
    """
    with styled():
        return RENDER[suffix](
            scaled_figure(before, after, normalisation, sample) for before, after in pairs
        )
