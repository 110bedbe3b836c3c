"""The page: one HTML file that needs nothing else, neither a network nor a neighbour."""

from __future__ import annotations

import base64
import io
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from fontTools import subset  # type: ignore[import-untyped]
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from matplotlib import font_manager

from scalesmear.report.drawing import render_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalesmear.report.drawing import Rendered
    from scalesmear.report.sections import Section
    from scalesmear.report.tables import Table

TEMPLATE = "template.html.j2"

FONT = "TeX Gyre Heros"
"""The font of the figures, which mplhep brings; the page holds the letters that it needs."""

SYMBOLS = {
    "chi2": "\N{GREEK SMALL LETTER CHI}\N{SUPERSCRIPT TWO}",
    "|eta|": "|\N{GREEK SMALL LETTER ETA}|",
    " +- ": " \N{PLUS-MINUS SIGN} ",
    ">=": "\N{GREATER-THAN OR EQUAL TO}",
}


@dataclass(frozen=True)
class Fact:
    """A number at the head of the page with its name."""

    value: str
    name: str


@dataclass(frozen=True)
class RenderedSection:
    """A section whose figures are drawn."""

    section: Section
    figures: tuple[Rendered, ...]

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that hold at least one row."""
        return tuple(table for table in self.section.tables if table.rows)


def render_sections(sections: Sequence[Section]) -> list[RenderedSection]:
    """Draw all figures."""
    figures = iter(render_all([drawing for s in sections for drawing in s.drawings]))
    return [RenderedSection(s, tuple(next(figures) for _ in s.drawings)) for s in sections]


def page(title: str, label: str, facts: Sequence[Fact], sections: Sequence[RenderedSection]) -> str:
    """Return the HTML of the report."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("scalesmear.report").joinpath(TEMPLATE).read_text(encoding="utf-8")
    environment.filters["pretty"] = pretty
    template = environment.from_string(source)
    return (
        template.render(
            title=title, label=label, facts=facts, sections=sections, fonts=Markup(font_faces())
        )
        + "\n"
    )


def pretty(text: str) -> str:
    """Write the symbols of a plain text as a page can."""
    for word, symbol in SYMBOLS.items():
        text = text.replace(word, symbol)
    return text


def font_faces() -> str:
    """Return CSS that holds the letters of the figures' font, regular and bold."""
    return "\n".join(
        f'@font-face {{ font-family: "{FONT}"; font-weight: {weight}; '
        f"src: url(data:font/woff;base64,{_woff(weight)}) format('woff'); }}"
        for weight in ("normal", "bold")
    )


def _woff(weight: str) -> str:
    """Return the Latin letters of the font as base64."""
    options = subset.Options(flavor="woff", notdef_outline=True)
    found = font_manager.findfont(font_manager.FontProperties(family=FONT, weight=weight))
    stream = io.BytesIO()
    with closing(subset.load_font(found, options)) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=[*range(0x20, 0x180), *range(0x2010, 0x2030), 0x2265])
        subsetter.subset(font)
        subset.save_font(font, stream, options)
    return base64.b64encode(stream.getvalue()).decode("ascii")
