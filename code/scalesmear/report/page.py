"""The page: one HTML file that needs nothing else, neither a network nor a neighbour."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

from scalesmear.report.drawing import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalesmear.report.drawing import Rendered
    from scalesmear.report.sections import Section
    from scalesmear.report.tables import Table

TEMPLATE = "template.html.j2"


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
    return [RenderedSection(s, tuple(render(d) for d in s.drawings)) for s in sections]


def page(title: str, label: str, facts: Sequence[Fact], sections: Sequence[RenderedSection]) -> str:
    """Return the HTML of the report."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("scalesmear.report").joinpath(TEMPLATE).read_text(encoding="utf-8")
    template = environment.from_string(source)
    return template.render(title=title, label=label, facts=facts, sections=sections) + "\n"
