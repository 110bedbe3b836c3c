"""Tables of the report: the same rows for the page and for the terminal."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.histogram import pair_categories
from scalesmear.report.fates import fates, pair_fates
from scalesmear.report.mass import format_p_value
from scalesmear.report.quantity import plain
from scalesmear.report.truth import WITHIN
from scalesmear.validation import AFTER, BEFORE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scalesmear.cutflow import CutFlow, SampleCutFlow
    from scalesmear.events import FloatArray
    from scalesmear.report.inputs import NamedClosure, NamedFile, NamedFit, ReportInputs
    from scalesmear.report.mass import MassSpectrum
    from scalesmear.report.quantity import Quantity
    from scalesmear.report.truth import Comparison
    from scalesmear.stability import Stability
    from scalesmear.systematics import SystematicErrors
    from scalesmear.validation_fits import PlotFits, ValidationPlots

Row = tuple[str, ...]

WORST_PAIRS = 10


@dataclass(frozen=True)
class Table:
    """A table of words; the first `n_names` columns name a row, the others hold numbers.

    Attributes
    ----------
    title : str
    header : tuple of str
    rows : tuple of tuple of str
    n_names : int
    long : bool
        Whether the page folds it away.
    """

    title: str
    header: Row
    rows: tuple[Row, ...]
    n_names: int = 1
    long: bool = False

    def text(self, max_width: int = 100) -> str:
        """Return the table as lines of at most `max_width` characters, columns aligned."""
        widths = [max(map(len, column)) for column in zip(self.header, *self.rows, strict=True)]
        spare = max_width - sum(widths) - 2 * (len(widths) - 1)
        widths[0] = max(8, widths[0] + min(0, spare))
        lines = [self._line(self.header, widths), self._line(["-" * w for w in widths], widths)]
        lines += [self._line(row, widths) for row in self.rows]
        return "\n".join(lines)

    def _line(self, row: Sequence[str], widths: Sequence[int]) -> str:
        cells = [
            cell[:width].ljust(width) if i < self.n_names else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()


def number(value: float, digits: int) -> str:
    """Return a number with `digits` decimals, a dash if it is none."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def big(value: float) -> str:
    """Return a large number in full, a very large or a small one with six digits."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.6g}"


def sample_table(cut_flow: CutFlow) -> Table:
    """Return files, events and sums of weights of data and simulation."""
    return Table(
        "Samples",
        ("sample", "files", "entries", "events selected", "sum of weights", "effective events"),
        tuple(
            (
                name,
                f"{len(part.files):,}",
                f"{sum(f.entries for f in part.files):,}",
                f"{part.n_events:,}",
                big(part.sum_of_weights),
                f"{part.effective_events:,.0f}",
            )
            for name, part in (("data", cut_flow.data), ("simulation", cut_flow.sim))
        ),
    )


def cut_flow_table(part: SampleCutFlow, name: str) -> Table:
    """Return what each cut left."""
    rows = []
    for i, cut in enumerate(part.cuts):
        before = part.cuts[max(0, i - 1)].events
        rows.append(
            (
                cut.name,
                f"{cut.events:,}",
                f"{before - cut.events:,}",
                f"{100 * cut.events / before:.2f} %" if before else "-",
                big(cut.sum_of_weights),
            )
        )
    return Table(
        f"Cut flow of {name}",
        ("after", "events", "removed", "kept", "sum of weights"),
        tuple(rows),
    )


def dropped_table(inputs: ReportInputs) -> Table:
    """Return how many selected events took no part in each later step, by reason."""
    rows = [
        ("stability", "data", reason, f"{n:,}") for reason, n in inputs.stability.dropped.items()
    ]
    made, after = inputs.reweighting, inputs.z_after
    for step, spectra in (("spectra of the Z", (made.data, made.sim)), ("the same after", after)):
        for kind, part_of_z in zip(("data", "simulation"), spectra, strict=True):
            rows += [(step, kind, reason, f"{n:,}") for reason, n in part_of_z.dropped.items()]
    for step, part in (("masses before", inputs.before), ("masses after", inputs.after)):
        for kind, dropped in (("data", part.dropped_data), ("simulation", part.dropped_sim)):
            rows += [(step, kind, reason, f"{n:,}") for reason, n in dropped.items()]
    return Table(
        "Selected events that a step did not use",
        ("step", "sample", "reason", "events"),
        tuple(rows),
        n_names=3,
    )


def variations_table(found: SystematicErrors) -> Table:
    """Return what each variation changes, and how significant that is."""
    rows = tuple(
        (
            shift.source,
            shift.name,
            f"{100 * float(np.sqrt(np.mean(shift.scale**2))):.4f}",
            _largest(shift.scale, shift.scale_error),
            f"{significance(shift.scale, shift.scale_error):.1f}",
            _largest(shift.smearing, shift.smearing_error),
            f"{significance(shift.smearing, shift.smearing_error):.1f}",
            f"{shift.chi2:.0f}/{shift.ndf}",
        )
        for shift in found.shifts
    )
    header = (
        *("source", "variation", "rms of scales [%]", "largest, scales [%]", "significance"),
        *("largest, smearings [%]", "significance", "chi2/ndf"),
    )
    return Table("Variations against the nominal fit", header, rows, n_names=2)


def _largest(change: FloatArray, error: FloatArray) -> str:
    worst = int(np.argmax(np.abs(change)))
    return f"{100 * float(change[worst]):+.4f} \N{PLUS-MINUS SIGN} {100 * float(error[worst]):.4f}"


def significance(change: FloatArray, error: FloatArray) -> float:
    """Return how many of its errors a set of changes is off 0: sqrt(sum of squared pulls / n)."""
    pulls = change / np.where(error > 0, error, np.inf)
    return float(np.sqrt(np.mean(pulls**2)))


def sources_table(found: SystematicErrors) -> Table:
    """Return the systematic error of each category from each source, and the total."""
    parts = [found.of_source(source)[0] for source in found.sources]
    rows = tuple(
        (plain(window), *(f"{100 * p[i]:.4f}" for p in parts), f"{100 * total:.4f}")
        for i, (window, total) in enumerate(
            zip(found.categories.scales, found.total[0], strict=True)
        )
    )
    title = "Systematic errors of scales [%], sources in quadrature"
    return Table(title, ("category", *found.sources, "total"), rows)


def z_table(inputs: ReportInputs) -> Table:
    """Return how far pT and rapidity of the Z in simulation are from data, before and after."""
    after = "after, weighted" if inputs.reweighting.settings.enabled else "after, not weighted"
    rows = tuple(
        (
            word,
            f"{part.chi2:.1f}/{part.ndf}",
            f"{part.p_value:.2g}",
            f"{100 * part.rms:.2f} %",
            f"{100 * part.largest:+.1f} \N{PLUS-MINUS SIGN} {100 * part.largest_error:.1f} %",
            f"{1e5 * part.mass_shift:+.2f}",
            f"{1e5 * part.mass_noise:.2f}",
            f"{1e5 * part.mass_error:.2f}",
        )
        for word, part in zip(("before", after), inputs.z_agreement, strict=True)
    )
    return Table(
        "pT and rapidity of the Z; the mean mass in units of 0.001 %",
        (
            "simulation",
            "chi2/ndf",
            "p",
            "rms difference",
            "largest difference",
            "would move the mass by",
            "its noise",
            "error of the mass",
        ),
        rows,
    )


def agreement_table(title: str, comparisons: Sequence[tuple[MassSpectrum, MassSpectrum]]) -> Table:
    """Return events and chi2 of each spectrum before and after."""
    return Table(
        title,
        ("events with", "data", "chi2/ndf before", "p before", "chi2/ndf after", "p after"),
        tuple(
            (after.title, f"{after.n_data:,}", *_chi2_cells(before), *_chi2_cells(after))
            for before, after in comparisons
        ),
        long=len(comparisons) > 12,
    )


def _chi2_cells(part: MassSpectrum) -> tuple[str, str]:
    agreement = part.agreement()
    if agreement.p_value is None:
        return "-", "-"
    _, _, p_value = str(agreement).partition(", p ")
    return f"{agreement.chi2:.1f}/{agreement.ndf}", p_value.removeprefix("= ")


def validation_table(plots: ValidationPlots) -> Table:
    """Return how well data and simulation agree in each validation plot, before and after."""
    rows = []
    for plot in plots.plots:
        cells = []
        for state in (BEFORE, AFTER):
            found = plot.agreement(state)
            p_value = "-" if found.p_value is None else format_p_value(found.p_value)
            cells += [f"{found.chi2:.1f}/{found.ndf}", p_value.removeprefix("= ")]
        events = sum(plot.result.data[AFTER])
        rows.append((plot.result.name.replace("_", " "), f"{events:,.0f}", *cells))
    header = ("plot", "data", "chi2/ndf before", "p before", "chi2/ndf after", "p after")
    return Table("Agreement in each plot", header, tuple(rows), long=len(rows) > 20)


def peak_tables(plots: ValidationPlots) -> list[Table]:
    """Return fitted peaks and resolutions before and after [GeV], if there are any."""
    tables = []
    for title, name in (("Peaks of the mass [GeV]", "peak"), ("Resolutions [GeV]", "resolution")):
        rows = tuple(
            (plot.result.name.replace("_", " "), *_fitted_cells(plot, name))
            for plot in plots.plots
            if plot.shapes
        )
        header = ("plot", "data before", "sim. before", "data after", "sim. after", "data - sim.")
        tables += [Table(title, header, rows, long=len(rows) > 20)] if rows else []
    return tables


def _fitted_cells(plot: PlotFits, name: str) -> list[str]:
    """Return a fitted number with its error of data and simulation, and the last difference."""
    found = [
        plot.shapes.get(f"{kind} {state}") for state in (BEFORE, AFTER) for kind in ("data", "sim")
    ]
    numbers = [
        None if shape is None else (getattr(shape, name), getattr(shape, f"{name}_error"))
        for shape in found
    ]
    data, sim = numbers[2:]
    difference = None if data is None or sim is None else _difference(data, sim)
    return ["-" if n is None else f"{n[0]:.3f} +- {n[1]:.3f}" for n in (*numbers, difference)]


def _difference(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return a[0] - b[0], math.hypot(a[1], b[1])


def quantity_table(quantity: Quantity, name: str, title: str) -> Table:
    """Return the value with its error of each category, or its upper limit."""
    rows = tuple(_quantity_row(quantity, i) for i in range(len(quantity.windows)))
    return Table(title, ("category", name, "error"), rows, long=len(rows) > 12)


def _quantity_row(quantity: Quantity, i: int) -> Row:
    name, upper = plain(quantity.windows[i]), float(quantity.upper[i])
    if math.isfinite(upper):
        return name, f"< {upper:.5f}", "95 % limit"
    return name, number(quantity.value[i], 5), number(quantity.error[i], 5)


def fates_table(fits: Sequence[NamedFit]) -> Table:
    """Return the categories that were not simply fitted, and what became of them."""
    rows = [
        (fit.name, f"{fate.kind} of {fate.category}", fate.what, fate.detail)
        for fit in fits
        for fate in fates(fit)
    ]
    title = "Categories that were not simply fitted"
    return Table(
        title, ("fit", "category", "what", "value"), tuple(rows), n_names=4, long=len(rows) > 20
    )


def pair_fates_table(fit: NamedFit) -> Table:
    """Return the pairs of a fit that were dropped, or used though they have few events."""
    return Table(
        f"Pairs of {fit.name} that were left out or flagged",
        ("one electron", "other electron", "", "why"),
        tuple(
            (pair.one, pair.other, "used" if pair.used else "left out", pair.why)
            for pair in pair_fates(fit)
        ),
        n_names=4,
        long=True,
    )


def bootstrap_table(fit: NamedFit) -> Table:
    """Return the scatter of bootstrap replicas beside the error of the fit; none without replicas."""
    header = ("parameter", "value", "error", "scatter", "scatter / error")
    found, result = fit.bootstrap, fit.result
    if found is None:
        return Table("", header, ())
    n = len(result.scale)
    squared_error = np.sqrt(np.diag(result.covariance)[n:])
    parts = (
        ("scale", fit.categories.scales, result.scale, result.scale_error, found.scale_error, 5),
        (
            *("smearing squared", fit.categories.smearings, result.smearing**2, squared_error),
            *(found.smearing_variance_error, 7),
        ),
    )
    rows = [
        (
            f"{word} {plain(w)}",
            number(v, digits),
            number(e, digits),
            number(s, digits),
            _ratio(s, e),
        )
        for word, windows, values, errors, scatters, digits in parts
        for w, v, e, s in zip(windows, values, errors, scatters, strict=True)
    ]
    title = f"Bootstrap of {fit.name}: scatter of the replicas beside the error of the fit"
    return Table(title, header, tuple(rows), long=len(rows) > 12)


def _ratio(scatter: float, error: float) -> str:
    return f"{scatter / error:.2f}" if 0 < error < math.inf else "-"


def closure_table(named: NamedClosure, fit: NamedFit) -> Table:
    """Return residual, error, tolerance and verdict of each category."""
    scales, smearings = named.quantities(fit.categories)
    passed = (named.closure.scale_passed, named.closure.smearing_passed)
    rows = [
        (
            f"{what} {plain(window)}",
            number(part.value[i], 5),
            number(part.error[i], 5),
            number(0.0 if part.tolerance is None else float(part.tolerance[i]), 5),
            "yes" if good[i] else "NO",
        )
        for what, part, good in zip(("scale", "smearing"), (scales, smearings), passed, strict=True)
        for i, window in enumerate(part.windows)
    ]
    header = ("residual", "value", "error", "tolerance", "passes")
    return Table(f"Closure of {named.name}", header, tuple(rows), long=len(rows) > 12)


def worst_pairs_table(fit: NamedFit) -> Table:
    """Return the pairs with the smallest p-values of a fit."""
    good = fit.result.goodness
    order = sorted(range(len(good.pairs)), key=lambda i: good.p_value[i])[:WORST_PAIRS]
    legs = pair_categories(good.pairs)
    return Table(
        f"Pairs of {fit.name} with the smallest p-values",
        ("one electron", "other electron", "data", "chi2/ndf", "p"),
        tuple(
            (
                plain(fit.categories.scales[legs[i, 0]]),
                plain(fit.categories.scales[legs[i, 1]]),
                f"{good.n_data[i]:,.0f}",
                f"{good.chi2[i]:.1f}/{good.ndf[i]}",
                f"{good.p_value[i]:.2g}",
            )
            for i in order
        ),
        n_names=2,
    )


def stability_table(stability: Stability) -> Table:
    """Return the median of each run range and region before and after."""
    return Table(
        "Run ranges and regions",
        ("runs", "|eta|", "events", "median before", "median after", "scale", "error", "merged"),
        tuple(
            (
                f"{cell.runs[0]}-{cell.runs[1]}",
                f"{cell.region[0]:g}-{cell.region[1]:g}",
                f"{cell.before.events:,}",
                f"{cell.before.median:.3f}",
                f"{cell.after.median:.3f}",
                f"{cell.scale:.5f}",
                f"{cell.error:.5f}",
                f"{cell.merged_runs[0]}-{cell.merged_runs[1]}" if cell.merged else "",
            )
            for cell in stability.cells
        ),
        n_names=2,
        long=True,
    )


def comparison_table(title: str, comparisons: Sequence[Comparison]) -> Table:
    """Return injected, derived, error and pull; a star marks what does not agree."""
    return Table(
        title,
        ("", "injected", "derived", "error", "pull"),
        tuple(
            (
                c.name,
                f"{c.injected:.5f}",
                f"{c.derived:.5f}",
                f"{c.error:.5f}",
                f"{c.pull:+.2f}{'*' if abs(c.pull) > WITHIN else ''}",
            )
            for c in comparisons
        ),
        long=len(comparisons) > 12,
    )


def input_files_table(cut_flow: CutFlow) -> Table:
    """Return the ROOT files with checksums."""
    return Table(
        "Files of events",
        ("file", "tree", "sample", "entries", "bytes", "Adler-32"),
        tuple(
            (f.path, f.tree, name, f"{f.entries:,}", f"{f.bytes:,}", f.adler32)
            for name, part in (("data", cut_flow.data), ("simulation", cut_flow.sim))
            for f in part.files
        ),
        n_names=3,
        long=len(cut_flow.data.files) + len(cut_flow.sim.files) > 12,
    )


def report_files_table(files: Sequence[NamedFile]) -> Table:
    """Return the results that the report was made from, with checksums."""
    return Table(
        "Results that this report was made from",
        ("what", "file", "bytes", "Adler-32"),
        tuple((f.role, f.name, f"{f.bytes:,}", f.adler32) for f in files),
        n_names=2,
        long=True,
    )


def values_table(values: Mapping[str, object]) -> Table:
    """Return the values of inputs.yml, defaults included."""
    rows = tuple((key, json.dumps(value)) for key, value in values.items())
    return Table("Values of inputs.yml", ("key", "value"), rows, n_names=2, long=True)


def versions_table(versions: Mapping[str, str]) -> Table:
    """Return the versions of the packages."""
    return Table("Versions", ("package", "version"), tuple(versions.items()))
