"""Figures with their name and sentence, drawn when asked for, and rendered for page and files."""

from __future__ import annotations

import base64
import io
import multiprocessing
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from scalesmear.report.style import COLUMN, styled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.figure import Figure

DPI = 150
PIXELS = 96
"""Pixels of the page to an inch of a figure."""

PALETTE = 64
"""Colours of a picture inside the page: enough for lines, markers and text, and small."""


@dataclass(frozen=True)
class Drawing:
    """A figure of the report.

    Attributes
    ----------
    name : str
        Stem of the files it is saved in.
    caption : str
        One or two sentences that say what is seen.
    draw : function
        Returns the figure; called inside `style.styled`.
    vector : bool
        Whether the page holds it as SVG; a figure with very many points is smaller as a picture.
    """

    name: str
    caption: str
    draw: Callable[[], Figure]
    vector: bool = True


@dataclass(frozen=True)
class Rendered:
    """A drawn figure as the bytes of its files, and as the address of an image in the page."""

    name: str
    caption: str
    pdf: bytes
    png: bytes
    uri: str
    width: int
    height: int

    @property
    def is_column(self) -> bool:
        """Whether two of its width stand side by side in the page."""
        return self.width <= COLUMN * PIXELS


def render_all(drawings: Sequence[Drawing]) -> list[Rendered]:
    """Draw figures, as many at a time as there are processors for this process."""
    workers = min(len(os.sched_getaffinity(0)), len(drawings))
    if workers < 2:
        return [render(drawing) for drawing in drawings]
    # forked processes find the drawings in memory: their functions cannot be sent
    with multiprocessing.get_context("fork").Pool(workers, _share, (drawings,)) as pool:
        return pool.map(_render_shared, range(len(drawings)), chunksize=1)


_shared: list[Drawing] = []


def _share(drawings: Sequence[Drawing]) -> None:
    _shared[:] = drawings


def _render_shared(number: int) -> Rendered:
    return render(_shared[number])


def render(drawing: Drawing) -> Rendered:
    """Draw a figure; equal figures give equal bytes."""
    with styled():
        figure = drawing.draw()
        pdf = _save(figure, "pdf", metadata={"CreationDate": None})
        png = _save(figure, "png", dpi=DPI, metadata={"Software": None})
        if drawing.vector:
            uri = _uri("svg+xml", _save(figure, "svg", metadata={"Date": None}))
        else:
            uri = _uri("png", _few_colours(png))
        width, height = figure.get_size_inches() * PIXELS
    return Rendered(drawing.name, drawing.caption, pdf, png, uri, round(width), round(height))


def _save(figure: Figure, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, **options)
    return stream.getvalue()


def _few_colours(png: bytes) -> bytes:
    """Return the same picture with `PALETTE` colours."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    stream = io.BytesIO()
    picture.quantize(PALETTE, dither=Image.Dither.NONE).save(stream, "png")
    return stream.getvalue()


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
