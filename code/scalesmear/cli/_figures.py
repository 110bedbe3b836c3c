"""Write figures into a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.io.files import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from scalesmear.report.drawing import Rendered


def write_figures(folder: Path, figures: Iterable[Rendered]) -> None:
    """Write each figure as PDF and PNG, each file whole or not at all."""
    for figure in figures:
        for suffix, content in (("pdf", figure.pdf), ("png", figure.png)):
            with whole_file(folder / f"{figure.name}.{suffix}") as part:
                part.write_bytes(content)
