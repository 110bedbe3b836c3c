"""The whole report from its inputs: page, figures, summary, and injected against derived."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scalesmear.report.page import Fact, page, render_sections
from scalesmear.report.sections import Masses, masses_of, sections, warnings_of
from scalesmear.report.summary import summary
from scalesmear.report.truth import compare

if TYPE_CHECKING:
    from scalesmear.report.drawing import Rendered
    from scalesmear.report.inputs import ReportInputs
    from scalesmear.report.truth import Injection


@dataclass(frozen=True)
class Report:
    """What a report consists of; `injection` is None for real data."""

    page: str
    summary: str
    figures: tuple[Rendered, ...]
    injection: Injection | None


def build(inputs: ReportInputs) -> Report:
    """Compute, draw and write out everything, in memory."""
    injection = None
    if inputs.recovery is not None:
        runs = inputs.cut_flow.data.runs
        injection = compare(inputs.recovery, inputs.stability, inputs.fits, inputs.shown, runs)
    masses = masses_of(inputs)
    rendered = render_sections(sections(inputs, masses, injection))
    return Report(
        page=page(
            f"Energy scales and smearings, {inputs.settings.era}",
            inputs.settings.label or "",
            facts(inputs, masses),
            rendered,
        ),
        summary=summary(inputs, masses, injection),
        figures=tuple(figure for part in rendered for figure in part.figures),
        injection=injection,
    )


def facts(inputs: ReportInputs, masses: Masses) -> list[Fact]:
    """Return the numbers at the head of the page."""
    before, after = (part.agreement() for part in masses.everything)
    closed = all(named.closure.passed for named in inputs.closures)
    last = inputs.shown
    return [
        Fact(f"{inputs.cut_flow.data.n_events:,}", "data events"),
        Fact(f"{inputs.cut_flow.sim.n_events:,}", "simulated events"),
        Fact(f"{len(inputs.run_bins)}", "run ranges"),
        Fact(
            f"{len(last.categories.scales)} + {len(last.categories.smearings)}",
            f"scales + smearings, {last.name}",
        ),
        Fact(f"{before.chi2:.0f}/{before.ndf}", "chi2/ndf of the mass before"),
        Fact(f"{after.chi2:.0f}/{after.ndf}", "chi2/ndf of the mass after"),
        Fact("passes" if closed else "does not pass", "closure"),
        Fact(f"{len(warnings_of(inputs))}", "warnings"),
    ]
