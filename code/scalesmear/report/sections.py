"""The sections of the report, in the order in which a reader asks."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from scalesmear.histogram import pair_categories
from scalesmear.report import tables
from scalesmear.report.absolute import absolute_spectrum, ratio
from scalesmear.report.category_figures import chart, eta_figure
from scalesmear.report.category_maps import has_map, map_figure
from scalesmear.report.drawing import Drawing
from scalesmear.report.fates import counts
from scalesmear.report.fit_figures import correlation_figure, p_value_figure
from scalesmear.report.injection_figures import injection_figure
from scalesmear.report.mass import membership, spectrum
from scalesmear.report.mass_figures import absolute_figure, mass_figure
from scalesmear.report.quantity import plain, region
from scalesmear.report.stability_figures import stability_figure
from scalesmear.report.style import Titles
from scalesmear.report.systematics_figures import systematics_figure
from scalesmear.report.truth import Pulls
from scalesmear.report.validation_figures import drawings as validation_drawings
from scalesmear.report.z_figures import weights_figure, z_figure
from scalesmear.reweight import ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from scalesmear.categories import CategorySet
    from scalesmear.cells import Window
    from scalesmear.events import BoolArray, FloatArray
    from scalesmear.fitresult import FitResult
    from scalesmear.report.absolute import ScaledMass
    from scalesmear.report.inputs import NamedClosure, NamedFit, ReportInputs
    from scalesmear.report.mass_figures import Comparison
    from scalesmear.report.quantity import Quantity
    from scalesmear.report.settings import ReportSettings
    from scalesmear.report.tables import Table
    from scalesmear.report.truth import Injection
    from scalesmear.reweight import Reweighting
    from scalesmear.systematics import SystematicErrors
    from scalesmear.validation_fits import ValidationPlots

PER_FIGURE = 8
"""Categories in one figure of masses."""

NAMED_BY_FATE = re.compile(r"\d+ is not determined|has joined category|is used nevertheless")
NUMBERED = re.compile(r"\b(scale|smearing|category) (\d+)\b")

SYSTEMATICS = (
    "The fit to data that carry all scales, made differently. A variation shares most of its events with the "
    "nominal fit: the error of a change is that of a jackknife in which both leave out the same tenth of "
    "the events, and the significance is the root mean square of change / error over the categories; "
    "about 1 is what statistics alone would give. All changes count, significant or not."
)
MARKS = (
    "Open points are fixed or share the scale of a neighbour with too few events; a cross at the axis "
    "marks a category that no pair determines, and errors far above the typical one leave the panel."
)
WEIGHTED = (
    "Simulation is weighted so that its Z have the pT and rapidity of stable data, before the first "
    "fit. What is left after all corrections, because smearing moves pT, stands below: how far the "
    "mean mass would move if simulation were weighted by it once more, and how far the statistical "
    "noise of the weights moves it, beside the error that the events give."
)
NOT_WEIGHTED = (
    "Simulation is not weighted (reweight is false); this is how far it is from the data."
)
NO_RAPIDITY = "eta is never below 0: its sign was lost, so the rapidity of the Z is not known."

DETECTORS = ("EB", "EE", "")


@dataclass(frozen=True)
class Section:
    """A section of the page: its sentences, list, figures and tables."""

    anchor: str
    title: str
    text: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Masses:
    """Spectra before and after: of all events, of parts of the detector and of each category."""

    everything: Comparison
    detector: tuple[Comparison, ...]
    categories: tuple[Comparison, ...]


class _Signs(TypedDict):
    label: str
    era: str


def _signs(settings: ReportSettings) -> _Signs:
    return {"label": settings.label or "", "era": settings.era}


def _titles(settings: ReportSettings) -> Titles:
    return Titles(settings.data_title, settings.simulation_title)


def masses_of(inputs: ReportInputs) -> Masses:
    """Add up the histograms of pairs to the spectra that are shown."""
    windows = inputs.shown.categories.scales
    return Masses(
        everything=_comparison(inputs, "all events", lambda pairs: np.ones(len(pairs), bool)),
        detector=tuple(
            _comparison(inputs, name, partial(_between, windows=windows, name=name))
            for name in ("EB-EB", "EB-EE", "EE-EE")
        ),
        categories=tuple(
            _comparison(inputs, plain(window), partial(_containing, n=len(windows), category=i))
            for i, window in enumerate(windows)
        ),
    )


def _comparison(
    inputs: ReportInputs, title: str, choose: Callable[[NDArray[np.int32]], BoolArray]
) -> Comparison:
    """Return the spectra before and after of the pairs that `choose` tells from their numbers."""
    before, after = (part.pairs for part in (inputs.before, inputs.after))
    return (
        spectrum(before, choose(before.pairs), title),
        spectrum(after, choose(after.pairs), title),
    )


def _containing(pairs: NDArray[np.int32], n: int, category: int) -> BoolArray:
    chosen: BoolArray = membership(pairs, n)[category]
    return chosen


def _between(pairs: NDArray[np.int32], windows: Sequence[Window], name: str) -> BoolArray:
    """Tell which pairs join two parts of the detector, such as EB-EE."""
    part = np.array([DETECTORS.index(region(window)) for window in windows])
    legs = np.sort(part[pair_categories(pairs)], axis=1)
    wanted = sorted(DETECTORS.index(half) for half in name.split("-"))
    return np.asarray((legs == wanted).all(axis=1))


def sections(inputs: ReportInputs, masses: Masses, injection: Injection | None) -> list[Section]:
    """Return all sections of the report."""
    every = [
        _derived_from(inputs),
        _agreement(inputs, masses),
        *([] if inputs.scaled is None else [_absolute(inputs, inputs.scaled)]),
        _exported(inputs),
        _stability(inputs),
        _reweighting(inputs),
        _fits(inputs),
        _closure(inputs),
        _goodness(inputs),
        _categories(inputs, masses),
        *([] if inputs.plots is None else [_validation(inputs, inputs.plots)]),
        _cut_flow(inputs),
        _warnings(inputs),
    ]
    if inputs.systematics is not None:
        every.insert(6, _systematics(inputs.systematics, inputs.settings))
    if injection is not None:
        every.append(_injection(inputs, injection))
    return [*every, _provenance(inputs)]


def _derived_from(inputs: ReportInputs) -> Section:
    runs = inputs.cut_flow.data.runs
    steps = ", then ".join(
        f"{fit.name} ({len(fit.categories.scales)} scales and "
        f"{len(fit.categories.smearings)} smearings)"
        for fit in inputs.fits
    )
    return Section(
        "derived-from",
        "What was derived from what",
        (
            (
                f"Energy scales for data and smearings for simulation of {inputs.settings.era}, from "
                f"dielectron events in {len(runs)} runs between {min(runs)} and {max(runs)}."
            ),
            (
                f"The chain: scales in {len(inputs.run_bins)} run ranges and "
                f"{len(inputs.stability.targets)} regions of |eta| put the median mass of data on its "
                f"target; on top of them come the fits {steps}, each to data that carry what was "
                "found before."
            ),
        ),
        tables=(tables.sample_table(inputs.cut_flow),),
    )


def _agreement(inputs: ReportInputs, masses: Masses) -> Section:
    signs, titles = _signs(inputs.settings), _titles(inputs.settings)
    detector = [_zoomed(c) for c in masses.detector if c[1].n_data or c[0].n_data]
    drawings = [
        Drawing(
            "mass_inclusive",
            "Mass of all selected pairs before and after the corrections; points are data with "
            "Poisson errors, the histogram is simulation normalised to data in the window, its "
            "band the statistical error of the simulation; each ratio has a range of its own, with "
            "triangles for points beyond it.",
            partial(
                mass_figure, [_zoomed(masses.everything)], row_height=3.5, titles=titles, **signs
            ),
        ),
        Drawing(
            "mass_inclusive_wide",
            "The same over the whole range of the histograms on a logarithmic axis; chi2 and the "
            "normalisation are those of the window.",
            partial(
                mass_figure, [masses.everything], row_height=3.5, log=True, titles=titles, **signs
            ),
        ),
    ]
    if detector:
        drawings.append(
            Drawing(
                "mass_detector",
                "Mass of pairs in the barrel (EB-EB), of one electron in the barrel and one in "
                "an endcap (EB-EE), and of pairs in the endcaps (EE-EE).",
                partial(mass_figure, detector, row_height=2.6, titles=titles, **signs),
                vector=False,
            )
        )
    return Section(
        "agreement",
        "Do data and simulation agree now",
        (
            (
                "chi2 = \N{GREEK CAPITAL LETTER SIGMA} (D \N{MINUS SIGN} S)\N{SUPERSCRIPT TWO} / (S + Var S) runs "
                "over the bins of the window with at least five expected events; the fitted parameters "
                "are not taken off its degrees of freedom."
            ),
        ),
        drawings=tuple(drawings),
        tables=(
            tables.agreement_table(
                "All events and parts of the detector", [masses.everything, *masses.detector]
            ),
        ),
    )


def _absolute(inputs: ReportInputs, scaled: ScaledMass) -> Section:
    part = absolute_spectrum(scaled, inputs.after.pairs)
    found = ratio(part, scaled.uncertainties)
    return Section(
        "absolute",
        "Absolute normalisation",
        (
            (
                f"The simulation {scaled.sample} scaled to luminosity times cross section: factor = "
                f"{scaled.spelled_out}. The cross section includes {scaled.includes} "
                f"({scaled.source})."
            ),
            (
                f"In the window there are {found.data:,.0f} events of data where "
                f"{found.expected:,.0f} are expected: data / simulation = {found}. What simulation "
                "does not describe is in this ratio: efficiencies, background, events that were not "
                "recorded or not listed."
            ),
        ),
        drawings=(
            Drawing(
                "mass_absolute",
                "Mass of all selected pairs after the corrections; simulation has the normalisation "
                "of its own cross section and the luminosity of the data.",
                partial(
                    absolute_figure,
                    part.zoomed(),
                    titles=_titles(inputs.settings),
                    **_signs(inputs.settings),
                ),
            ),
        ),
    )


def _categories(inputs: ReportInputs, masses: Masses) -> Section:
    zoomed = [_zoomed(c) for c in masses.categories]
    return Section(
        "categories",
        "Mass in every category",
        (
            (
                "An event counts for a category if at least one of its electrons lies in it, so that "
                "the same event can be seen in two categories."
            ),
        ),
        drawings=tuple(
            _category_drawings(zoomed, _signs(inputs.settings), _titles(inputs.settings))
        ),
        tables=(tables.agreement_table("Categories", masses.categories),),
    )


def _validation(inputs: ReportInputs, plots: ValidationPlots) -> Section:
    return Section(
        "validation",
        "Validation plots",
        (
            (
                "An event enters if the harder and the softer electron pass the Et windows of the plot, "
                "and the windows on |eta| and R9 hold for the two in either order. Dark bands are "
                "the statistics of the simulation, light ones have the errors of scales and "
                "smearings added, each moved for all categories at once."
            ),
            (
                "Peak and resolution are those of a Breit-Wigner with the mass and width of the Z "
                "convolved with a Crystal Ball. Plots without data stand in the table only."
            ),
        ),
        drawings=tuple(
            validation_drawings(plots, **_signs(inputs.settings), titles=_titles(inputs.settings))
        ),
        tables=(tables.validation_table(plots), *tables.peak_tables(plots)),
    )


def _zoomed(comparison: Comparison) -> Comparison:
    before, after = comparison
    return before.zoomed(), after.zoomed()


def _category_drawings(
    comparisons: Sequence[Comparison], signs: _Signs, titles: Titles
) -> Iterator[Drawing]:
    """Put `PER_FIGURE` categories in a figure."""
    for first in range(0, len(comparisons), PER_FIGURE):
        part = comparisons[first : first + PER_FIGURE]
        yield Drawing(
            f"mass_categories_{first // PER_FIGURE + 1}",
            f"Mass in categories {first + 1} to {first + len(part)} of {len(comparisons)}, each "
            "before and after the corrections.",
            partial(mass_figure, part, per_row=2, row_height=2.5, titles=titles, **signs),
            vector=False,
        )


def _exported(inputs: ReportInputs) -> Section:
    signs, total, smearings = (
        _signs(inputs.settings),
        inputs.total_scales,
        inputs.shown.smearings,
    )
    return Section(
        "corrections",
        "Scales and smearings",
        (
            (
                "What the exported files hold: the product of all scales, here averaged over the events "
                f"of all run ranges with the error of the {inputs.smearings_of} fit, for electrons of "
                "gain 12 and 45 GeV where the figure does not say more, and the smearings of that fit."
            ),
        ),
        drawings=(
            Drawing(
                "total_eta",
                "Total scales and smearings against |eta|; categories of the same range of |eta| "
                "stand side by side.",
                partial(eta_figure, total, smearings, ("total scale", "smearing"), **signs),
            ),
            Drawing(
                "total_scales",
                "Total scales, factors on the energies of data. " + MARKS,
                partial(chart, total, "total scale", **signs),
            ),
            *_maps("total", "Total scales and smearings", total, smearings, signs),
        ),
        tables=(
            tables.quantity_table(total, "total scale", "Total scales"),
            tables.quantity_table(smearings, "smearing", "Smearings"),
        ),
    )


def _fits(inputs: ReportInputs) -> Section:
    signs = _signs(inputs.settings)
    drawings = [drawing for fit in inputs.fits for drawing in _fit_drawings(fit, signs)]
    return Section(
        "fits",
        "Fit by fit",
        (
            (
                "Each fit sees data that already carry the scales of the steps before it, so its scales "
                "are what was left; smearings are those of the last fit alone."
            ),
        ),
        items=tuple(_bootstrap_items(inputs.fits)),
        drawings=tuple(drawings),
        tables=(
            tables.fates_table(inputs.fits),
            *(
                tables.quantity_table(quantity, word, f"{word.capitalize()}s of the {fit.name} fit")
                for fit in inputs.fits
                for quantity, word in ((fit.scales, "scale"), (fit.smearings, "smearing"))
            ),
            *map(tables.pair_fates_table, inputs.fits),
            *map(tables.bootstrap_table, inputs.fits),
        ),
    )


def _fit_drawings(fit: NamedFit, signs: _Signs) -> Iterator[Drawing]:
    """Yield the figures of one fit."""
    if len({window.abs_eta for window in fit.categories.scales}) > 1:
        yield Drawing(
            f"{fit.name}_eta",
            f"Scales and smearings of the {fit.name} fit against |eta|; categories of the same "
            "range of |eta| stand side by side.",
            partial(eta_figure, fit.scales, fit.smearings, ("scale", "smearing"), **signs),
        )
    yield Drawing(
        f"{fit.name}_scales",
        f"Scales of the {fit.name} fit, factors on the energies of data, with errors from "
        "the statistics of data and simulation. " + MARKS,
        partial(chart, fit.scales, "scale", **signs),
    )
    if len(fit.categories.smearings) > 1:
        yield Drawing(
            f"{fit.name}_smearings",
            f"Smearings of the {fit.name} fit, relative widths put on the energies of "
            "simulation; an arrow reaches from a smearing at its bound to the upper limit at "
            "95 % confidence. " + MARKS,
            partial(chart, fit.smearings, "smearing", **signs),
        )
    words = f"Scales and smearings of the {fit.name} fit"
    yield from _maps(fit.name, words, fit.scales, fit.smearings, signs)


def _maps(
    name: str, words: str, scales: Quantity, smearings: Quantity, signs: _Signs
) -> Iterator[Drawing]:
    """Yield the map of scales and smearings, if their categories make one."""
    if has_map(scales.windows):
        yield Drawing(
            f"{name}_map",
            f"{words} as a map, in per cent; the second line of a cell is the error, a cross is a "
            "category that no pair determines.",
            partial(map_figure, scales, smearings, **signs),
        )


def _bootstrap_items(fits: Sequence[NamedFit]) -> Iterator[str]:
    """Say how the scatter of bootstrap replicas compares with the errors."""
    for fit in fits:
        if fit.bootstrap is not None:
            found = fit.bootstrap
            failed = f", of which {found.n_failed} did not converge" if found.n_failed else ""
            yield (
                f"Bootstrap of {fit.name}: {found.n_replicas} replicas{failed}; their scatter is "
                f"{found.ratio:.2f} of the errors of the fit in the mean."
            )


def _stability(inputs: ReportInputs) -> Section:
    return Section(
        "stability",
        "Stability over runs",
        (
            (
                "Both electrons of an event lie in the region. Scales move the median mass inside the "
                "window onto its target; run ranges with few events share one scale."
            ),
        ),
        drawings=(
            Drawing(
                "stability",
                "Median mass per run range and region, before (open squares) and after (points) "
                "the scales; the line is the target, grey bands join run ranges that share their "
                "events.",
                partial(stability_figure, inputs.stability, **_signs(inputs.settings)),
            ),
        ),
        tables=(tables.stability_table(inputs.stability),),
    )


def _closure(inputs: ReportInputs) -> Section:
    fits = {fit.name: fit for fit in inputs.fits}
    drawings: list[Drawing] = []
    for named in inputs.closures:
        drawings += _closure_drawings(named, fits[named.name], _signs(inputs.settings))
    verdicts = tuple(
        f"{named.name}: {'passes' if named.closure.passed else 'DOES NOT PASS'}; chi2/ndf of the "
        f"residual fit over all pairs {named.closure.chi2:.1f}/{named.closure.ndf}, "
        f"p = {named.closure.p_value:.2g}."
        for named in inputs.closures
    )
    return Section(
        "closure",
        "Closure",
        (
            (
                "The same fit once more, to data with the scales and simulation with the smearings "
                "applied: scales of 1 and smearings of 0 are expected."
            ),
        ),
        items=verdicts,
        drawings=tuple(drawings),
        tables=tuple(tables.closure_table(named, fits[named.name]) for named in inputs.closures),
    )


def _closure_drawings(named: NamedClosure, fit: NamedFit, signs: _Signs) -> list[Drawing]:
    rule = (
        f"the boxes are the tolerance, {named.settings.tolerance:g} errors or "
        f"{named.settings.floor:g}, whichever is larger"
    )
    scales, smearings = named.quantities(fit.categories)
    return [
        Drawing(
            f"{named.name}_closure_scales",
            f"Residual scale per category after the {named.name} fit; {rule}.",
            partial(chart, scales, "residual scale", height=3.6, **signs),
        ),
        Drawing(
            f"{named.name}_closure_smearings",
            f"By how much smearings would still have to grow after the {named.name} fit; {rule}.",
            partial(chart, smearings, "residual smearing", height=3.6, **signs),
        ),
    ]


def _p_values(result: FitResult) -> FloatArray:
    """Return the p values of the pairs that were compared."""
    return result.goodness.p_value[result.goodness.ndf > 0]


def _reweighting(inputs: ReportInputs) -> Section:
    made = inputs.reweighting
    signs, weighted = _signs(inputs.settings), made.settings.enabled
    if not made.has_signs:
        return Section("z-spectra", "pT and rapidity of the Z", (NO_RAPIDITY,))
    drawings = [
        Drawing(
            "z_spectra",
            "pT and |y| of the Z in data and simulation, normalised to the data; before: stable data "
            "and simulation as it came; after: all corrections applied"
            + (", simulation weighted." if weighted else ".")
            + " Cells beyond 100 GeV are not drawn.",
            partial(
                z_figure,
                (made.data, made.sim),
                inputs.z_after,
                weighted=weighted,
                titles=_titles(inputs.settings),
                **signs,
            ),
        )
    ]
    if weighted:
        drawings.append(
            Drawing(
                "z_weights",
                "Weights of simulation by pT and |y| of the Z; the last cell reaches to the end of "
                "the table. Cells that share a weight have one colour, grey ones have weight 1.",
                partial(weights_figure, made, **signs),
            )
        )
    return Section(
        "z-spectra",
        "pT and rapidity of the Z",
        (WEIGHTED if weighted else NOT_WEIGHTED,),
        items=tuple(_weight_items(made)) if weighted else (),
        drawings=tuple(drawings),
        tables=(tables.z_table(inputs),),
    )


def _weight_items(made: Reweighting) -> Iterator[str]:
    """Say what the weights are, and what has none."""
    known = made.group != ALONE
    yield (
        f"{int(made.group.max()) + 1} weights for {known.sum()} of {known.size} cells, from "
        f"{made.weight[known].min():.3f} to {made.weight[known].max():.3f}; {made.n_undetermined} "
        f"cells, with fewer than {made.settings.min_events} events even with their neighbours in "
        "pT, have weight 1."
    )
    for name, part in (("data", made.data), ("simulation", made.sim)):
        share = part.outside_weight / (part.outside_weight + part.weight.sum())
        yield f"Of the {name}, {100 * share:.3g} % lie outside the table and have weight 1."


def _systematics(found: SystematicErrors, settings: ReportSettings) -> Section:
    return Section(
        "systematics",
        "Systematic errors",
        (SYSTEMATICS,),
        drawings=(
            Drawing(
                "systematics",
                "Change of scales and smearings by each variation, with the statistical error of the "
                "change; variations of one source have one colour. Boxes are the total: of each "
                "source the largest change, in quadrature.",
                partial(systematics_figure, found, **_signs(settings)),
            ),
        ),
        tables=(tables.variations_table(found), tables.sources_table(found)),
    )


def _goodness(inputs: ReportInputs) -> Section:
    signs = _signs(inputs.settings)
    last = inputs.shown
    return Section(
        "goodness",
        "Goodness of fit",
        items=tuple(_fit_verdict(fit) for fit in inputs.fits),
        drawings=(
            Drawing(
                "p_values",
                "p-values of chi2 of the pairs in each fit; the band is what a flat distribution "
                "would show with its statistical error.",
                partial(
                    p_value_figure,
                    [(fit.name, _p_values(fit.result)) for fit in inputs.fits],
                    **signs,
                ),
            ),
            Drawing(
                f"{last.name}_correlations",
                f"Correlations of the parameters of the {last.name} fit, ln(scale) then squared "
                "smearing; grey where a parameter is not determined.",
                partial(
                    correlation_figure,
                    last.result.covariance,
                    last.categories.scales,
                    last.categories.smearings,
                    **signs,
                ),
            ),
        ),
        tables=tuple(tables.worst_pairs_table(fit) for fit in inputs.fits),
    )


def _fit_verdict(fit: NamedFit) -> str:
    good = fit.result.goodness
    return (
        f"{fit.name}: {len(good.pairs)} pairs, chi2/ndf = {good.total_chi2:.1f}/{good.total_ndf}, "
        f"p = {good.total_p_value:.2g}; {fit.result.n_iterations} iterations, "
        f"{fit.result.reason}."
    )


def _cut_flow(inputs: ReportInputs) -> Section:
    flow = inputs.cut_flow
    return Section(
        "cut-flow",
        "Cut flow and dropped events",
        items=tuple(
            f"{name}: {note}"
            for name, part in (("data", flow.data), ("simulation", flow.sim))
            for note in part.notes
        ),
        tables=(
            tables.cut_flow_table(flow.data, "data"),
            tables.cut_flow_table(flow.sim, "simulation"),
            tables.dropped_table(inputs),
        ),
    )


def _warnings(inputs: ReportInputs) -> Section:
    found = warnings_of(inputs)
    text = "" if found else "There are none."
    return Section("warnings", "Warnings", (text,) if text else (), items=tuple(found))


def warnings_of(inputs: ReportInputs) -> list[str]:
    """Return what a user should know: merged cells, undetermined parameters, dropped pairs."""
    found = [
        f"closure of {named.name} does not pass"
        for named in inputs.closures
        if not named.closure.passed
    ]
    merged = inputs.stability.merged
    if merged:
        found.append(
            f"stability: {len(merged)} of {len(inputs.stability.cells)} cells had too few events "
            "and share a scale with their neighbours"
        )
    for fit in inputs.fits:
        found += _fit_warnings(fit)
    return found


def _fit_warnings(fit: NamedFit) -> Iterator[str]:
    result, categories = fit.result, fit.categories
    yield from (f"{fit.name}: {text} (named under Fit by fit)" for text in counts(fit))
    n_pairs = len(result.dropped) + len(result.goodness.pairs)
    for reason, n in Counter(map(_kind_of_reason, result.dropped.values())).items():
        yield f"{fit.name}: {n} of {n_pairs} pairs not used: {reason}"
    for warning in result.warnings:
        if not NAMED_BY_FATE.search(warning):
            yield f"{fit.name}: {_named(warning, categories)}"


def _named(warning: str, categories: CategorySet) -> str:
    """Write the window of each category beside its number."""

    def with_window(found: re.Match[str]) -> str:
        kind, number = found[1], int(found[2])
        windows = categories.smearings if kind == "smearing" else categories.scales
        return f"{kind} {number} ({plain(windows[number])})"

    return NUMBERED.sub(with_window, warning)


def _kind_of_reason(reason: str) -> str:
    """Return why a pair was dropped without its own number of events."""
    if NUMBERED.match(reason):
        return "too few events in one of its categories"
    return re.sub(r"^[-\d.]+ ", "too few ", reason)


def _injection(inputs: ReportInputs, injection: Injection) -> Section:
    kinds = {name: part for name, part in injection.kinds.items() if part}
    items = [f"{name}: {Pulls.of(part)}" for name, part in kinds.items()]
    items += [f"not compared: {text}" for text in injection.skipped]
    drawing = Drawing(
        "injection",
        "Derived minus injected values with their errors, and their pulls beside the standard "
        "normal distribution.",
        partial(injection_figure, injection, **_signs(inputs.settings)),
    )
    return Section(
        "injection",
        "Injected against derived",
        (
            (
                "These are toy data made with known values. Exported scales and those that electrons need "
                "are averaged over the data in each category: in total, and for Et and the gain what "
                "remains without all else that is needed. The run dependence of a region is relative to "
                "its average. Errors are those of the fit with these categories; pulls of "
                "smearings are taken in their squares, whose errors are Gaussian."
            ),
        ),
        items=tuple(items),
        drawings=(drawing,) if kinds else (),
        tables=tuple(
            tables.comparison_table(name.capitalize(), part) for name, part in kinds.items()
        ),
    )


def _provenance(inputs: ReportInputs) -> Section:
    made = inputs.provenance
    return Section(
        "provenance",
        "Provenance",
        (
            f"Made by: {' '.join(map(str, made['command']))} (image: {made['image']})",
            "Every figure of this page lies beside it in figures/ as PDF and PNG.",
        ),
        tables=(
            tables.versions_table(made["versions"]),
            tables.input_files_table(inputs.cut_flow),
            tables.report_files_table(inputs.files),
            tables.values_table(inputs.values),
        ),
    )
