"""The report in plain text, for the terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from scalesmear.report import tables
from scalesmear.report.absolute import absolute_spectrum, ratio
from scalesmear.report.sections import warnings_of
from scalesmear.report.truth import WITHIN, Pulls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scalesmear.report.inputs import ReportInputs
    from scalesmear.report.sections import Masses
    from scalesmear.report.truth import Injection

WIDTH = 100

MAX_ROWS = 24
"""Longer tables of categories are left to the page."""

MAX_COMPARISONS = 60
"""Longer tables of injected and derived values are left to the page."""


def summary(inputs: ReportInputs, masses: Masses, injection: Injection | None) -> str:
    """Return the text of the summary, lines of at most `WIDTH` characters."""
    parts = [
        _head(inputs),
        tables.sample_table(inputs.cut_flow).text(WIDTH),
        tables.agreement_table("", [masses.everything, *masses.detector]).text(WIDTH),
        _absolute(inputs),
        _spectra_of_z(inputs),
        _exported(inputs),
        _closures(inputs),
    ]
    if injection is not None:
        parts += _injection(injection)
    parts.append(_warnings(inputs))
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(inputs: ReportInputs) -> str:
    runs = inputs.cut_flow.data.runs
    chain = ", ".join(["stability", *(fit.name for fit in inputs.fits)])
    return _wrapped(
        f"scalesmear {inputs.settings.label or ''}: {inputs.settings.era}, {len(runs)} runs "
        f"{min(runs)}-{max(runs)} in {len(inputs.run_bins)} run ranges; chain: {chain}"
    )


def _spectra_of_z(inputs: ReportInputs) -> str:
    """Say how far pT and rapidity of the Z in simulation are from data."""
    if not inputs.reweighting.has_signs:
        return ""
    before, after = inputs.z_agreement
    word = "weighted" if inputs.reweighting.settings.enabled else "not weighted"
    return _wrapped(
        f"pT and rapidity of the Z, simulation {word}: chi2/ndf = {before.chi2:.0f}/{before.ndf} "
        f"before, {after.chi2:.0f}/{after.ndf} after all corrections, rms difference "
        f"{100 * before.rms:.1f} % and {100 * after.rms:.1f} %"
    )


def _absolute(inputs: ReportInputs) -> str:
    """Return data over simulation at its own normalisation, nothing if that is not known."""
    if inputs.scaled is None:
        return ""
    part = absolute_spectrum(inputs.scaled, inputs.after.pairs)
    found = ratio(part, inputs.scaled.uncertainties)
    return _wrapped(
        f"absolute normalisation of {inputs.scaled.sample}, factor {inputs.scaled.spelled_out}: "
        f"{found.data:.0f} data events, {found.expected:.0f} expected, data / simulation = {found}"
    )


def _exported(inputs: ReportInputs) -> str:
    """Return the total scales and the smearings, one table each."""
    both = []
    smearings = inputs.shown.smearings
    for quantity, word in ((inputs.total_scales, "total scale"), (smearings, "smearing")):
        table = tables.quantity_table(quantity, word, "")
        if len(table.rows) <= MAX_ROWS:
            both.append(table.text(WIDTH))
        else:
            both.append(f"{len(table.rows)} {word}s: see report.html")
    return "\n\n".join(both)


def _closures(inputs: ReportInputs) -> str:
    return "\n".join(
        _wrapped(
            f"closure of {named.name}: {'passes' if named.closure.passed else 'DOES NOT PASS'}; "
            f"largest residual scale {abs(named.closure.scale - 1).max():.5f}, "
            f"smearing {abs(named.closure.smearing).max():.5f}"
        )
        for named in inputs.closures
    )


def _injection(injection: Injection) -> Iterator[str]:
    """Return the tables of injected against derived, their pulls, and what they amount to."""
    for name, comparisons in injection.kinds.items():
        if not comparisons:
            continue
        if len(comparisons) <= MAX_COMPARISONS and name != "run dependence":
            yield tables.comparison_table("", comparisons).text(WIDTH)
        beyond = sum(abs(c.pull) > WITHIN for c in comparisons)
        verdict = (
            f"{beyond} beyond {WITHIN:g} errors" if beyond else f"all within {WITHIN:g} errors"
        )
        yield _wrapped(f"injected against derived, {name}: {Pulls.of(comparisons)}; {verdict}")
    every = [c for part in injection.kinds.values() for c in part]
    if every:
        yield f"injected against derived, all: {Pulls.of(every)}"
    if injection.skipped:
        yield "\n".join(_wrapped(f"not compared: {text}") for text in injection.skipped)


def _warnings(inputs: ReportInputs) -> str:
    found = warnings_of(inputs)
    return "\n".join(_wrapped(f"warning: {text}") for text in found) or "no warnings"


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH, subsequent_indent="  ")
