"""Check all values of inputs.yml, and write what the other stages are to do.

Checks the values themselves, the sample list and its files, the category files, and all that scales
simulation to luminosity. Then writes the settings of each stage, the categories, the jobs that the
files are split into, and the table of the simulation with its sum of weights; published.yml lists them.
A fit that is not made has neither categories nor a base there. Nothing is written if anything is wrong.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from scalesmear.chain import FITS
from scalesmear.cli._ingredients import DataSet, Ingredients, read_ingredients, resolved_table
from scalesmear.cli._inputs import PUT_IT_THERE, configure_inputs, read_values
from scalesmear.cli._truth import read_truth
from scalesmear.config import Inputs, resolve
from scalesmear.errors import InputError
from scalesmear.export import ExportSettings, check_refinements, fit_of_smearings
from scalesmear.io.categoryfile import read_categories, write_categories
from scalesmear.io.files import (
    existing,
    plain_path,
    write_json,
    write_settings,
    write_text,
)
from scalesmear.io.fitfile import read_fit
from scalesmear.io.pileupfile import read_pileup
from scalesmear.io.plotfile import read_plots, write_plots
from scalesmear.io.samples import (
    NO_TREE,
    OTHER,
    Job,
    Sample,
    check_slim,
    read_samples,
    split_jobs,
    write_job,
)
from scalesmear.io.samplestable import read_sample
from scalesmear.io.slimevents import open_slim
from scalesmear.io.variationsfile import copy_variations, read_variations
from scalesmear.report.settings import ReportSettings

if TYPE_CHECKING:
    import argparse

    from scalesmear.categories import CategorySet
    from scalesmear.chain import Chain
    from scalesmear.selection import SelectSettings

INPUTS = "inputs.yml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    configure_inputs(parser, INPUTS)
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write to")


def run(args: argparse.Namespace) -> None:
    """Read and check everything, then write everything."""
    inputs = resolve(*read_values(args.inputs, INPUTS))
    samples = _read_both_kinds(inputs.samples)
    _check_slim(inputs, samples)
    categories = {
        fit: read_categories(getattr(inputs, f"{fit}_categories")) for fit in inputs.chain.names
    }
    check_refinements(inputs.chain, categories)
    _check_systematics(inputs, categories)
    _check_other(inputs, samples)
    if inputs.truth is not None:
        read_truth(str(existing(inputs.truth, "truth", PUT_IT_THERE)))
    plan = inputs.settings()["fit"]
    plan.check(categories)
    if plan.start_file is not None:
        read_fit(existing(plan.start_file, "start_file", PUT_IT_THERE))
    to_luminosity = _read_ingredients(inputs)
    if inputs.plots is not None:
        read_plots(inputs.plots)
    jobs = _split(inputs, samples)
    _publish(Path(args.output).absolute(), inputs, categories, jobs, to_luminosity)
    _say(samples, jobs, inputs.chain, categories)


def _read_both_kinds(path: str) -> tuple[Sample, ...]:
    """Read the sample list and refuse one without data or without simulation.

    Its path is the only value of inputs.yml that meets a shell, in the script of `select`.
    """
    samples = read_samples(existing(plain_path(path), "sample list", PUT_IT_THERE))
    for kind, name in (("data", "data"), ("sim", "simulation")):
        if not any(sample.kind == kind and not sample.other for sample in samples):
            raise InputError(path, f"no file of {name}", f"list at least one of type {kind}")
    return samples


def _check_slim(inputs: Inputs, samples: tuple[Sample, ...]) -> None:
    """Refuse to use what slim events do not have, and tables without a column, if some are listed."""
    slim = [sample for sample in samples if sample.tree == NO_TREE]
    if not slim:
        return
    settings = _select_settings(inputs)
    for sample in slim:
        check_slim(settings, sample.kind, sample.path)
    if inputs.reweight:
        problem = "slim events have no sign of eta, so the rapidity of the Z is not known"
        raise InputError(slim[0].path, problem, "write reweight: false")
    for sample in slim:
        open_slim(Path(inputs.samples).parent / sample.path, sample.kind)


class Jobs(NamedTuple):
    """The jobs of `select`, and those of another simulation."""

    nominal: tuple[Job, ...]
    other: tuple[Job, ...]


def _split(inputs: Inputs, samples: tuple[Sample, ...]) -> Jobs:
    """Return the jobs that the files are split into."""
    folder = Path(inputs.samples).absolute().parent
    parts = ([s for s in samples if s.other is other] for other in (False, True))
    return Jobs(*(split_jobs(part, inputs.files_per_job, folder) for part in parts))


def _read_ingredients(inputs: Inputs) -> Ingredients | None:
    """Read what scales the simulation to luminosity; None if that is not asked for."""
    if inputs.sample_table is None or inputs.sample_name is None:
        return None
    table = existing(inputs.sample_table, "table of samples", PUT_IT_THERE)
    sample = read_sample(table, inputs.sample_name)
    if "luminosity" not in sample.values:
        cure = "write that of the data, with its unit, such as 59.8 fb-1"
        raise InputError(table, "key 'luminosity' is missing", cure)
    return read_ingredients({}, sample, DataSet(folder_of_table=table.parent))


def _publish(
    output: Path,
    inputs: Inputs,
    categories: dict[str, CategorySet],
    jobs: Jobs,
    to_luminosity: Ingredients | None,
) -> None:
    """Write all files beside their places, then move them there."""
    output.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=output, prefix=".check.") as temporary:
        part = Path(temporary)
        published = _write(part, output, inputs, categories, jobs)
        published |= _write_table(part, output, to_luminosity)
        write_text(part / "published.yml", yaml.safe_dump(published, sort_keys=False))
        for path in sorted(part.iterdir(), key=lambda path: path.name == "published.yml"):
            _replace(output / path.name, path)


def _replace(place: Path, new: Path) -> None:
    """Move a file or folder to its place, in place of what an earlier run left there."""
    if place.is_dir():
        shutil.rmtree(place)
    new.replace(place)


def _write(
    part: Path,
    output: Path,
    inputs: Inputs,
    categories: dict[str, CategorySet],
    jobs: Jobs,
) -> dict[str, Any]:
    """Write all files into `part`; return what to publish, with the paths in `output`."""
    published: dict[str, Any] = {}
    write_json(part / "inputs.json", inputs.to_json())
    published["truth"] = None
    if inputs.truth is not None:
        shutil.copyfile(inputs.truth, part / "truth.json")
        published["truth"] = str(output / "truth.json")
    settings_of = _settings(inputs)
    start_file = settings_of["fit"].start_file
    if start_file is not None:
        shutil.copyfile(start_file, part / "start_fit.json")
        moved = replace(settings_of["fit"], start_file=str(output / "start_fit.json"))
        settings_of["fit"] = moved
    for stage, settings in settings_of.items():
        write_settings(part / "settings" / f"{stage}.json", settings)
        published[f"{stage}_settings"] = str(output / "settings" / f"{stage}.json")
    for fit, chosen in categories.items():
        write_categories(part / "categories" / f"{fit}.yml", chosen)
    published |= _fits(inputs.chain, categories, output)
    names = _job_names(jobs.nominal)
    others = [f"other_{number:03d}.tsv" for number in range(len(jobs.other))]
    for name, job in zip(names + others, jobs.nominal + jobs.other, strict=True):
        write_job(part / "jobs" / name, job)
    published["plots"] = None
    if inputs.plots is not None:
        write_plots(part / "plots.tsv", read_plots(inputs.plots))
        published["plots"] = str(output / "plots.tsv")
    published["inputs"] = str(output / "inputs.json")
    published |= _write_variations(part, output, inputs)
    published["jobs"] = [str(output / "jobs" / name) for name in names]
    published["other_jobs"] = [str(output / "jobs" / name) for name in others] or None
    return published


def _check_systematics(inputs: Inputs, categories_of: dict[str, CategorySet]) -> None:
    """Refuse variations that cannot be made, and categories that exported smearings do not refine."""
    if inputs.systematics is None:
        return
    categories = read_categories(inputs.systematics_categories)
    path = [(fit, categories_of[fit]) for fit in inputs.chain.path(inputs.chain.final)]
    fit = fit_of_smearings(path)
    for window in categories_of[fit].smearings:
        if not any(wide.encloses(window) for wide in categories.smearings):
            problem = f"no smearing category of {inputs.systematics_categories} holds {window}"
            cure = f"take categories that those of the fit {fit} refine, or no systematics"
            raise InputError("systematics_categories", f"{problem} of the fit {fit}", cure)
    for variation in read_variations(inputs.systematics):
        variation.check(categories, inputs.fill)


def _check_other(inputs: Inputs, samples: tuple[Sample, ...]) -> None:
    """Refuse a variation that takes another simulation without one, and another one that none takes."""
    variations = () if inputs.systematics is None else read_variations(inputs.systematics)
    wanted = [variation.name for variation in variations if variation.simulation == OTHER]
    listed = [sample.path for sample in samples if sample.other]
    if wanted and not listed:
        problem = f"variation {wanted[0]!r} takes another simulation, but none is listed"
        cure = f"list its files in {inputs.samples} with type {OTHER}, or take other variations"
        raise InputError("systematics", problem, cure)
    if listed and not wanted:
        problem = f"{listed[0]} is of type {OTHER}, but no variation takes another simulation"
        cure = "write systematics: standard-other, or take the files off the list"
        raise InputError(inputs.samples, problem, cure)


def _write_variations(part: Path, output: Path, inputs: Inputs) -> dict[str, str | None]:
    """Write what the stages of systematic errors are to know: nothing, if there are none."""
    if inputs.systematics is None:
        return {"variations": None, "systematics_categories": None}
    names = {"variations": "variations.yml", "systematics_categories": "categories/systematics.yml"}
    copy_variations(inputs.systematics, part / names["variations"])
    categories = read_categories(inputs.systematics_categories)
    write_categories(part / names["systematics_categories"], categories)
    return {key: str(output / name) for key, name in names.items()}


def _write_table(part: Path, output: Path, to_luminosity: Ingredients | None) -> dict[str, Any]:
    """Write what scales the simulation; return its table and its name in it, if there is one."""
    if to_luminosity is None or to_luminosity.sample is None:
        return {"sample_table": None, "sample_name": None}
    content = yaml.safe_dump(resolved_table(to_luminosity), sort_keys=False)
    write_text(part / "samples.yml", content)
    return {"sample_table": str(output / "samples.yml"), "sample_name": to_luminosity.sample.name}


def _fits(
    chain: Chain, categories: dict[str, CategorySet], output: Path
) -> dict[str, str | int | None]:
    """Return what the stages of the fits are to know: nothing for those that are not made."""

    def file_of(fit: str) -> str:
        return str(output / "categories" / f"{fit}.yml")

    published: dict[str, str | int | None] = {}
    for fit in FITS:
        made = fit in chain.names
        published[f"{fit}_categories"] = file_of(fit) if made else None
        published[f"{fit}_base"] = chain.place_of_base(fit) if made else None
    path = [(fit, categories[fit]) for fit in chain.path(chain.final)]
    return published | {"mass_categories": file_of(fit_of_smearings(path))}


def _settings(inputs: Inputs) -> dict[str, Any]:
    """Return the settings of all stages."""
    return inputs.settings() | {
        "select": _select_settings(inputs),
        "export": ExportSettings(
            era=inputs.era, links=inputs.chain.links, final=inputs.chain.final
        ),
        "report": ReportSettings(
            era=inputs.era,
            label=inputs.label or "",
            data_title=inputs.data_title,
            simulation_title=inputs.simulation_title,
        ),
    }


def _select_settings(inputs: Inputs) -> SelectSettings:
    """Return the settings of the selection with the weights of pile-up."""
    settings: SelectSettings = inputs.settings()["select"]
    if inputs.pileup_weights is None:
        return settings
    return replace(settings, pileup_weights=read_pileup(inputs.pileup_weights))


def _job_names(jobs: tuple[Job, ...]) -> list[str]:
    """Return data_000.tsv, data_001.tsv ..., sim_000.tsv ..."""
    names = []
    for number, job in enumerate(jobs):
        before = sum(other.kind == job.kind for other in jobs[:number])
        names.append(f"{job.kind}_{before:03d}.tsv")
    return names


def _say(
    samples: tuple[Sample, ...],
    jobs: Jobs,
    chain: Chain,
    categories: dict[str, CategorySet],
) -> None:
    n_data = sum(sample.kind == "data" for sample in samples)
    n_other = sum(sample.other for sample in samples)
    n_sim = len(samples) - n_data - n_other
    print(f"{n_data} files of data, {n_sim} of simulation, in {len(jobs.nominal)} jobs")
    if n_other:
        print(f"{n_other} files of another simulation, in {len(jobs.other)} jobs")
    for fit, base in chain.links:
        chosen = categories[fit]
        print(
            f"{fit}, after {base}: {len(chosen.scales)} scales, {len(chosen.smearings)} smearings"
        )
