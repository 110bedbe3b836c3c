"""How figures look: the CMS style of mplhep at the size of a page, and colours for every eye.

The colours are those of Petroff (arXiv:2107.02270), which mplhep's CMS style uses too; what differs by
colour differs by marker or line as well, so that a print in grey can be read.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
import mplhep
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scalesmear.events import FloatArray

BLUE, ORANGE, RED, PURPLE, GREY, VIOLET = (
    "#5790fc",
    "#f89c20",
    "#e42536",
    "#964a8b",
    "#9c9ca1",
    "#7a21dd",
)
SERIES = ("#3f6fd1", "#d97f00", "#b81d2c", "#964a8b", "#6d6d73", "#7a21dd")
"""Petroff's colours, the light ones darkened to carry thin lines on white."""

MARKERS = ("o", "s", "^", "D", "v", "P")
PALE_BLUE = "#d6e3fe"
INK = "#1a1a1a"

COLUMN, PAGE = 5.2, 9.0
"""Widths of figures [inch]: made for a column of 8 cm or a page of 17 cm, where letters keep 6 points."""

FONT_SIZE = 10.0  # [pt]
_CMS_FONT_SIZE = 26.0  # [pt]; what the lengths of mplhep's style are made for


def _style() -> dict[str, Any]:
    """Return mplhep's CMS style with its lengths scaled to `FONT_SIZE`."""
    shrink = FONT_SIZE / _CMS_FONT_SIZE
    style = dict(mplhep.style.CMS)
    fonts = [*style["font.sans-serif"], "DejaVu Sans"]  # the last one for Greek letters
    for side in ("xtick", "ytick"):
        for kind in ("major", "minor"):
            style[f"{side}.{kind}.size"] = 0.75 * shrink * style[f"{side}.{kind}.size"]
            style[f"{side}.{kind}.width"] = 0.7
            style[f"{side}.{kind}.pad"] = 4.0
    return style | {
        "font.size": FONT_SIZE,
        "font.sans-serif": fonts,
        "xtick.minor.visible": False,
        "ytick.minor.visible": False,
        "axes.linewidth": 0.8,
        "axes.edgecolor": INK,
        "axes.formatter.use_mathtext": True,
        "axes.titley": 1.0,  # no search for a place, which takes a tenth of the time
        "lines.linewidth": 1.2,
        "lines.markersize": 3.5,
        "figure.facecolor": "white",
        "svg.fonttype": "path",
        "svg.hashsalt": "scalesmear",
        "pdf.compression": 6,
    }


class Titles(NamedTuple):
    """What figures call data and simulation."""

    data: str = "data"
    simulation: str = "simulation"


USUAL = Titles()


@contextmanager
def styled() -> Iterator[None]:
    """Apply the style to all that is drawn and saved inside the block."""
    settings: Any = _style()
    with mpl.rc_context(settings):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of `width` by `height` [inch], free of any global state."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def sign(figure: Figure, label: str, era: str, top: float = 0.08) -> None:
    """Write program and label at the top left, the era at the top right, `top` inch from the edge."""
    height = figure.get_size_inches()[1]
    y = 1 - top / height
    left, right = figure.subplotpars.left, figure.subplotpars.right
    name = figure.text(left, y, "scalesmear", weight="bold", size=12, va="top")
    if label:
        name_width = name.get_window_extent().width / figure.bbox.width
        x = left + name_width + 0.08 / figure.get_size_inches()[0]
        figure.text(x, y, label, style="italic", size=11, va="top")
    figure.text(right, y, era, size=11, va="top", ha="right")


def margins(
    figure: Figure,
    *,
    left: float = 0.75,
    right: float = 0.2,
    top: float = 0.4,
    bottom: float = 0.55,
) -> None:
    """Set the margins of a figure around its panels [inch]."""
    width, height = figure.get_size_inches()
    figure.subplots_adjust(
        left=left / width,
        right=1 - right / width,
        top=1 - top / height,
        bottom=bottom / height,
    )


def capped(error: FloatArray) -> FloatArray:
    """Return errors of at most four times their median, for the range of an axis."""
    return np.minimum(error, 4 * np.median(error)) if len(error) else error
