"""The page of a study of injections: what was injected, pulls and biases of every parameter."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.jsonable import jsonable
from scalesmear.report.drawing import Drawing
from scalesmear.report.page import Fact, page, render_sections
from scalesmear.report.pull_figures import bias_figure, means_figure, pulls_figure
from scalesmear.report.quantity import plain
from scalesmear.report.sections import Section
from scalesmear.report.tables import Table, number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scalesmear.injection import InjectionSettings
    from scalesmear.pulls import PullCriteria, Study, Together
    from scalesmear.report.drawing import Rendered

COLUMNS = (
    *("kind", "category", "injected", "toys", "error", "bias", "bias_error", "mean_pull"),
    *("rms_pull", "within_1", "within_2", "at_zero", "limit_holds", "near_zero"),
)
"""What is known of each parameter, see `pulls.PullStatistics`."""

PASSES = "What was injected is found, within the errors that are quoted."

WAYS = {
    "histograms": (
        "Poisson numbers around expected mass histograms, which share no code with the fit; pairs of "
        "categories have the populations of generated events."
    ),
    "events": (
        "Generated events, filled and fitted like those of a derivation, with the migration over edges "
        "of Et."
    ),
}


@dataclass(frozen=True)
class StudyReport:
    """All that is said of a study.

    Attributes
    ----------
    study : Study
    settings : InjectionSettings
    criteria : PullCriteria
    complaints : tuple of str
        What is not as it should be.
    label : str
    provenance : dict
    """

    study: Study
    settings: InjectionSettings
    criteria: PullCriteria
    complaints: tuple[str, ...]
    label: str
    provenance: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the content of injection.json; numbers that do not exist are None."""
        return {
            "passed": not self.complaints,
            "complaints": list(self.complaints),
            "settings": asdict(self.settings),
            "criteria": asdict(self.criteria),
            "toys": len(self.study.fits.numbers),
            "failures": {str(n): text for n, text in self.study.fits.failures.items()},
            "together": {name: _summary(part) for name, part in self.study.together.items()},
            "parameters": [
                {name: jsonable(value) for name, value in zip(COLUMNS, row, strict=True)}
                for row in rows(self.study)
            ],
            "provenance": self.provenance,
        }

    def to_tsv(self) -> str:
        """Return the rows of all parameters as text, a dash for what does not exist."""
        lines = [COLUMNS, *([_word(value) for value in row] for row in rows(self.study))]
        return "".join("\t".join(line) + "\n" for line in lines)

    def to_text(self) -> str:
        """Return what a terminal shows: all pulls together, then the verdict."""
        lines = [_together_table(self.study.together).text(), "", *(self.complaints or (PASSES,))]
        return "\n".join(lines) + "\n"

    def to_html(self) -> tuple[str, tuple[Rendered, ...]]:
        """Return the page and its figures."""
        rendered = render_sections(_sections(self))
        title = "Injection: what fits find of known scales and smearings"
        figures = tuple(figure for part in rendered for figure in part.figures)
        return page(title, self.label, _facts(self), rendered), figures


def labels(study: Study) -> list[str]:
    """Return the names of all parameters."""
    categories = study.injected.categories
    scales = [f"scale of {plain(window)}" for window in categories.scales]
    return scales + [f"smearing of {plain(window)}" for window in categories.smearings]


def rows(study: Study) -> Iterator[tuple[Any, ...]]:
    """Yield the `COLUMNS` of each parameter."""
    statistics, injected = study.statistics, study.injected
    values = [*injected.scale.tolist(), *injected.smearing.tolist()]
    for i, (value, window) in enumerate(
        zip(values, (*injected.categories.scales, *injected.categories.smearings), strict=True)
    ):
        names = ("error", "bias", "bias_error", "mean", "rms", "within_1", "within_2")
        numbers = [float(getattr(statistics, name)[i]) for name in (*names, *LIMITS)]
        kind = "scale" if i < statistics.n_scales else "smearing"
        near_zero = bool(statistics.near_zero[i])
        yield kind, plain(window), value, int(statistics.n_toys[i]), *numbers, near_zero


LIMITS = ("at_zero", "limit_holds")


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}" if np.isfinite(value) else "-"
    return str(value)


def _summary(part: Together) -> dict[str, float]:
    return {
        "pulls": len(part.pulls),
        "independent": part.independent,
        "mean": part.mean,
        "rms": part.rms,
        "rms_error": part.rms_error,
        "within_1": part.within(1),
        "within_2": part.within(2),
    }


def _facts(report: StudyReport) -> list[Fact]:
    study = report.study
    n = len(study.fits.numbers)
    facts = [
        Fact(f"{n:,}", "toys"),
        Fact(f"{len(study.injected.scale)} + {len(study.injected.smearing)}", "scales + smearings"),
        Fact(f"{report.settings.data_events:,}", "data events each"),
        Fact(f"{report.settings.sim_events:,}", "simulated events each"),
    ]
    for name, part in study.together.items():
        facts.append(Fact(f"{part.rms:.3f}", f"rms pull of {name}"))
    worst = np.abs(study.statistics.mean) * np.sqrt(study.statistics.n_toys)
    judged = study.statistics.judged
    facts.append(
        Fact(number(float(worst[judged].max(initial=0)), 2), "largest mean pull [1/sqrt(N)]")
    )
    return [*facts, Fact("passes" if not report.complaints else "does not pass", "the study")]


def _sections(report: StudyReport) -> list[Section]:
    return [_result(report), _scales(report), _smearings(report), _provenance(report)]


def _result(report: StudyReport) -> Section:
    study, criteria = report.study, report.criteria
    signs = {"label": report.label, "era": f"{len(study.fits.numbers)} toys"}
    p_values = study.fits.p_value
    return Section(
        "result",
        "Are they found?",
        (
            f"{WAYS[report.settings.level]} Every toy has data and simulation of its own.",
            (
                f"A mean pull passes within {criteria.tolerance:g} / sqrt(N) of 0 for N toys. The root mean "
                "square of pulls passes where chi2 lets it scatter as often as a Gaussian by "
                f"{criteria.tolerance:g} standard deviations, and within {criteria.rms_tolerance:g} of 1. "
                "Smearings near zero have upper limits to judge in place of pulls. All together count as "
                "many independent pulls as the correlations of the fits leave."
            ),
            f"{np.mean(p_values < 0.05):.1%} of the fits have a goodness of fit with p < 5 %.",
        ),
        items=report.complaints or (PASSES,),
        drawings=(
            Drawing(
                "pulls",
                "Pulls of all toys; smearings near zero are left out.",
                partial(pulls_figure, study.together, **signs),
            ),
            Drawing(
                "biases",
                "Bias against the statistical error of one fit; the band is where a mean pull passes, "
                "dotted lines are a tenth of the error.",
                partial(bias_figure, study.statistics, criteria, **signs),
            ),
        ),
        tables=(_together_table(study.together),),
    )


def _together_table(together: dict[str, Together]) -> Table:
    header = ("pulls of all", "number", "mean", "rms", "within 1", "within 2")
    lines = tuple(
        (
            name,
            f"{len(part.pulls):,}",
            f"{part.mean:+.4f}",
            f"{part.rms:.4f} +- {part.rms_error:.4f}",
            f"{part.within(1):.4f}",
            f"{part.within(2):.4f}",
        )
        for name, part in together.items()
    )
    return Table("All together; a Gaussian has 0.6827 within 1, 0.9545 within 2", header, lines)


def _scales(report: StudyReport) -> Section:
    statistics = report.study.statistics
    part = slice(0, statistics.n_scales)
    table = parameter_table(report.study, "scale", "Scales; error and bias in units of 1e-4")
    return _kind(report, "scales", part, report.study.injected.categories.scales, table)


def _smearings(report: StudyReport) -> Section:
    statistics = report.study.statistics
    part = slice(statistics.n_scales, None)
    table = parameter_table(report.study, "smearing", "Smearings; error and bias in units of 1e-4")
    return _kind(report, "smearings", part, report.study.injected.categories.smearings, table)


def _kind(
    report: StudyReport, name: str, part: slice, windows: Sequence[Any], table: Table
) -> Section:
    signs = {"label": report.label, "era": f"{len(report.study.fits.numbers)} toys"}
    draw = partial(means_figure, windows, report.study.statistics, part, report.criteria, **signs)
    caption = (
        f"Mean pull of the {name} of each category with its error; the band is where it passes. A cross "
        "marks what is not judged."
    )
    drawing = Drawing(f"mean_pulls_{name}", caption, draw)
    return Section(name, name.capitalize(), drawings=(drawing,), tables=(table,))


def parameter_table(study: Study, kind: str, title: str) -> Table:
    """Return the rows of all scales or all smearings for the eye."""
    limits = ("at 0", "95 % limit holds") if kind == "smearing" else ()
    header = (
        *("category", "injected", "error", "bias", "mean pull", "rms", "within 1", "within 2"),
        *limits,
        "toys",
    )
    lines = tuple(
        _line(dict(zip(COLUMNS, row, strict=True)), with_limits=bool(limits))
        for row in rows(study)
        if row[0] == kind
    )
    return Table(title, header, lines)


def _line(row: dict[str, Any], *, with_limits: bool) -> tuple[str, ...]:
    limits = tuple(number(row[name], 3) for name in LIMITS) if with_limits else ()
    return (
        row["category"],
        f"{row['injected']:.5f}",
        number(1e4 * row["error"], 2),
        f"{number(1e4 * row['bias'], 2)} +- {number(1e4 * row['bias_error'], 2)}",
        number(row["mean_pull"], 3),
        number(row["rms_pull"], 3),
        number(row["within_1"], 3),
        number(row["within_2"], 3),
        *limits,
        f"{row['toys']}",
    )


def _provenance(report: StudyReport) -> Section:
    versions = report.provenance["versions"]
    lines = tuple((name, str(value)) for name, value in versions.items())
    settings = asdict(report.settings)
    simple = {k: v for k, v in settings.items() if not isinstance(v, dict)}
    lines += tuple((name, str(value)) for name, value in simple.items())
    return Section(
        "provenance", "Provenance", tables=(Table("Versions and settings", ("what", ""), lines),)
    )
