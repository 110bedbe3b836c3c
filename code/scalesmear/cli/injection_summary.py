"""Compare what the fits of all toys found with what was injected, and judge it.

Writes into the output folder injection.json and injection.tsv with pull, bias and coverage of every scale
and smearing, injection.html, figures/ and summary.txt. After that it fails if a mean pull or the
width of pulls is not as it should be, a limit does not cover, or fits failed.
"""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from scalesmear.cli._figures import write_figures
from scalesmear.errors import InputError
from scalesmear.injection import InjectionSettings, ToyFits
from scalesmear.io.files import read_json, read_settings, write_json, write_text
from scalesmear.io.injectionfile import read_injected, read_toy_fits
from scalesmear.provenance import provenance
from scalesmear.pulls import PullCriteria, Study, complaints, demand, of_failures

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from scalesmear.injection import Injected
    from scalesmear.report.injection_study import StudyReport


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    parser.add_argument(
        "--truth", required=True, metavar="FILE", help="truth.json of injection-truth"
    )
    parser.add_argument(
        "--settings", required=True, metavar="FILE", help="toys.json of injection-truth"
    )
    parser.add_argument(
        "--criteria", required=True, metavar="FILE", help="criteria.json of injection-truth"
    )
    parser.add_argument(
        "--inputs", required=True, metavar="FILE", help="inputs.json of injection-truth"
    )
    parser.add_argument(
        "--fits", required=True, nargs="+", metavar="FILE", help="fits.json of all jobs"
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write into")


def run(args: argparse.Namespace) -> None:
    """Read the fits, write all that is to be said of them, and judge."""
    injected = read_injected(args.truth)
    fits = _read_fits(args.fits, injected)
    if not len(fits.numbers):
        demand(list(of_failures(fits)))
    study, criteria = Study(injected, fits), read_settings(args.criteria, PullCriteria)
    report = _report(args, study, criteria)
    _write(Path(args.output), report)
    demand(report.complaints)
    print(report.to_text(), end="")


def _read_fits(paths: Sequence[str], injected: Injected) -> ToyFits:
    """Return the toys of all jobs in the order of their numbers."""
    size = len(injected.parameters)
    jobs = [read_toy_fits(path) for path in paths]
    for path, job in zip(paths, jobs, strict=True):
        if len(job.numbers) and job.parameters.shape[1] != size:
            raise InputError(path, f"its fits have not {size} parameters", "give fits to the truth")
    fits = reduce(ToyFits.__add__, sorted(jobs, key=lambda job: job.numbers.tolist()))
    if len(set(fits.numbers.tolist())) < len(fits.numbers):
        raise InputError(" ".join(paths), "toys are there twice", "give each job once")
    return fits


def _report(args: argparse.Namespace, study: Study, criteria: PullCriteria) -> StudyReport:
    """Return all that is said; only here are the packages of figures needed."""
    from scalesmear.report.injection_study import StudyReport, labels

    return StudyReport(
        study=study,
        settings=read_settings(args.settings, InjectionSettings),
        criteria=criteria,
        complaints=tuple(complaints(study, criteria, labels(study))),
        label=read_json(args.inputs).get("label") or "",
        provenance=provenance(),
    )


def _write(folder: Path, report: StudyReport) -> None:
    html, figures = report.to_html()
    write_json(folder / "injection.json", report.to_json())
    write_text(folder / "injection.tsv", report.to_tsv())
    write_text(folder / "injection.html", html)
    write_text(folder / "summary.txt", report.to_text())
    write_figures(folder / "figures", figures)
