"""Show what was derived from what, and how well data and simulation agree now.

Writes into a folder report.html, one file that needs no network, every figure of it as PDF and PNG,
and summary.txt for the terminal. With the recovery of toy data, injected values are compared with derived
ones, and injection.json holds the comparison.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesmear.categories import CategorySet
from scalesmear.cli._figures import write_figures
from scalesmear.cli._histograms import read_jobs
from scalesmear.cli._spectra import read_spectra
from scalesmear.errors import InputError
from scalesmear.histogram import PairHistograms
from scalesmear.io.cutflowfile import read_cut_flow
from scalesmear.io.files import existing, read_json, read_settings, write_text
from scalesmear.io.fitfile import read_closure, read_fit
from scalesmear.io.roothistograms import read_histograms
from scalesmear.io.scaledfile import FACTOR
from scalesmear.io.tables import read_run_bins
from scalesmear.progress import Progress
from scalesmear.provenance import adler32, provenance
from scalesmear.recovery import Recovery
from scalesmear.report.absolute import ScaledMass
from scalesmear.report.build import build
from scalesmear.report.combined import CombinedScales
from scalesmear.report.inputs import NamedClosure, NamedFile, NamedFit, ReportInputs, Spectra
from scalesmear.report.settings import ReportSettings
from scalesmear.reweight import Reweighting
from scalesmear.stability import Stability
from scalesmear.systematics import SystematicErrors
from scalesmear.validation_fits import ValidationPlots

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from scalesmear.report.build import Report

SINGLE = ("cut_flow", "run_bins", "stability", "reweighting", "result", "settings")
SEVERAL = ("fits", "closures", "before", "after", "z_after")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument("--cut-flow", required=True, metavar="FILE", help="cut_flow.json")
    parser.add_argument("--run-bins", required=True, metavar="FILE", help="run_bins.dat")
    parser.add_argument("--stability", required=True, metavar="FILE", help="stability.json")
    parser.add_argument(
        "--fits", required=True, nargs="+", metavar="FILE", help="fit.json of each fit, in order"
    )
    parser.add_argument(
        "--closures", required=True, nargs="+", metavar="FILE", help="closure.json of each fit"
    )
    parser.add_argument(
        "--before", required=True, nargs="+", metavar="FILE", help="histograms.npz, uncorrected"
    )
    parser.add_argument(
        "--after", required=True, nargs="+", metavar="FILE", help="histograms.npz, corrected"
    )
    parser.add_argument("--reweighting", required=True, metavar="FILE", help="reweight.json")
    parser.add_argument(
        "--z-after", required=True, nargs="+", metavar="FILE", help="spectra.json, corrected"
    )
    parser.add_argument(
        "--systematics", nargs="?", metavar="FILE", help="systematics.json, if there is one"
    )
    parser.add_argument(
        "--scaled",
        nargs="?",
        metavar="FILE",
        help="simulation at the luminosity of the data, if known: scaled.root beside factor.json",
    )
    parser.add_argument(
        "--plots", nargs="?", metavar="FILE", help="plots.json of the validation plots, if wanted"
    )
    parser.add_argument(
        "--recovery", nargs="?", metavar="FILE", help="recovery.json, if the data are toys"
    )
    parser.add_argument("--result", required=True, metavar="FILE", help="result.json")
    parser.add_argument("--inputs", metavar="FILE", help="inputs.json, to show all values")
    parser.add_argument("--settings", required=True, metavar="FILE", help="settings/report.json")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write into")


def run(args: argparse.Namespace) -> None:
    """Read all results, build the report, write its files."""
    report = build(read_inputs(args))
    write_report(Path(args.output), report)
    print(f"{Path(args.output) / 'report.html'}: {len(report.figures)} figures")


def read_inputs(args: argparse.Namespace) -> ReportInputs:
    """Read what the flags name.

    Raises
    ------
    InputError
        If a file is missing or not what its flag says, or files do not belong together.
    """
    settings = read_settings(args.settings, ReportSettings)
    fits = tuple(_named_fit(path) for path in args.fits)
    names = [fit.name for fit in fits]
    closures = tuple(_named_closure(path, names) for path in args.closures)
    result = read_json(args.result, "result")
    combined = _combined(result, args.result)
    shown = _shown(fits, result, args.result)
    progress = Progress(n_files=len(args.before) + len(args.after))
    return ReportInputs(
        settings=settings,
        cut_flow=read_cut_flow(args.cut_flow),
        run_bins=tuple(read_run_bins(args.run_bins)),
        stability=Stability.from_json(read_json(args.stability, "stability"), args.stability),
        fits=fits,
        closures=closures,
        smearings_of=shown.name,
        before=_spectra(args.before, shown, progress),
        after=_spectra(args.after, shown, progress),
        scaled=_scaled(args.scaled) if args.scaled else None,
        reweighting=Reweighting.from_json(
            read_json(args.reweighting, "reweighting"), args.reweighting
        ),
        z_after=read_spectra(args.z_after),
        systematics=_systematics(args.systematics) if args.systematics else None,
        plots=_plots(args.plots) if args.plots else None,
        files=tuple(_named_files(args)),
        combined=combined,
        values=read_json(args.inputs, "resolved inputs") if args.inputs else {},
        provenance=provenance(),
        recovery=_recovery(args.recovery, shown) if args.recovery else None,
    )


def write_report(folder: Path, report: Report) -> None:
    """Write page, figures and summary, each file whole or not at all; the page last."""
    write_figures(folder / "figures", report.figures)
    if report.injection is not None:
        write_text(folder / "injection.json", json.dumps(report.injection.to_json(), indent=1))
    write_text(folder / "summary.txt", report.summary)
    write_text(folder / "report.html", report.page)


def _named_fit(path: str) -> NamedFit:
    saved = read_fit(path)
    return NamedFit(saved.name, saved.categories, saved.result, saved.settings, saved.bootstrap)


def _named_closure(path: str, fits: Sequence[str]) -> NamedClosure:
    saved = read_closure(path)
    if saved.name not in fits:
        raise InputError(
            path, f"is the closure of {saved.name!r}", f"give that fit too; there are {fits}"
        )
    return NamedClosure(saved.name, saved.closure, saved.settings)


def _spectra(paths: Sequence[str], shown: NamedFit, progress: Progress) -> Spectra:
    """Add up the histograms of the jobs of data and of simulation."""
    data, sim = read_jobs(paths)
    if (data.grid, data.n_categories) != (sim.grid, sim.n_categories):
        raise InputError(
            paths[0], "data and simulation differ in binning", "fill all with one setting"
        )
    if data.n_categories != len(shown.categories.scales):
        raise InputError(
            paths[0],
            f"has {data.n_categories} categories, the fit {shown.name} has "
            f"{len(shown.categories.scales)}",
            "fill it with the categories of that fit, whose smearings are exported",
        )
    progress.advance(events=data.n_events + sim.n_events, files=len(paths))
    return Spectra(
        PairHistograms.of(data, sim), data.n_events, sim.n_events, data.dropped, sim.dropped
    )


def _scaled(path: str) -> ScaledMass:
    """Read the scaled simulation and, beside it, what its factor is made of."""
    (histogram,) = read_histograms(path, ["simulation"]).histograms
    record = Path(path).with_name(FACTOR)
    content = read_json(record, "record of the scaling")
    try:
        return ScaledMass.of(histogram, content)
    except (KeyError, TypeError, ValueError) as error:
        cure = "make it with scalesmear scale-histogram and a table of samples"
        raise InputError(record, f"not the record of a sample ({error!r})", cure) from error


def _shown(fits: Sequence[NamedFit], result: Mapping[str, Any], path: str) -> NamedFit:
    """Return the fit whose smearings are exported."""
    name = result.get("smearings_of")
    found = next((fit for fit in fits if fit.name == name), None)
    if found is None:
        raise InputError(path, f"holds the smearings of {name!r}", "give that fit, too")
    return found


def _systematics(path: str) -> SystematicErrors:
    content = read_json(path, "systematic errors")
    try:
        categories = CategorySet.from_json(content["categories"], path)
    except KeyError as error:
        cure = "make it with scalesmear systematics"
        raise InputError(path, "no categories in it", cure) from error
    return SystematicErrors.from_json(content, categories, path)


def _plots(path: str) -> ValidationPlots:
    content = read_json(path, "validation plots")
    try:
        return ValidationPlots.from_json(content)
    except (KeyError, TypeError, ValueError) as error:
        cure = "make them with scalesmear plots"
        raise InputError(path, f"not validation plots ({error!r})", cure) from error


def _combined(content: Mapping[str, Any], path: str) -> CombinedScales:
    try:
        return CombinedScales.from_json(content)
    except (KeyError, TypeError, ValueError) as error:
        cure = "make it with scalesmear export"
        raise InputError(path, f"not a result ({error!r})", cure) from error


def _recovery(path: str, shown: NamedFit) -> Recovery:
    content = read_json(path, "recovery")
    cure = "make it with scalesmear recovery and the same fits"
    try:
        recovery = Recovery.from_json(content)
        known = len(recovery.fits[shown.name].electrons) == len(shown.categories.scales)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(path, f"not what toy data are to show ({error!r})", cure) from error
    if not known:
        raise InputError(path, f"has other categories than the fit {shown.name}", cure)
    return recovery


def _named_files(args: argparse.Namespace) -> Iterator[NamedFile]:
    """Yield the files that the flags name, with their checksums."""
    named: list[tuple[str, Any]] = [(flag, getattr(args, flag)) for flag in SINGLE]
    optional = [(flag, getattr(args, flag)) for flag in ("scaled", "plots", "recovery")]
    named += [(flag, path) for flag, path in optional if path]
    named += [(flag, path) for flag in SEVERAL for path in getattr(args, flag)]
    for flag, name in named:
        path = existing(name, flag)
        yield NamedFile(flag.replace("_", " "), name, path.stat().st_size, adler32(path))
