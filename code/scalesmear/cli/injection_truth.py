"""Check the values of injection_inputs.yml, and write what is injected and what the jobs are.

Draws scales and smearings, or takes those of an earlier fit. Writes into the output folder truth.json,
with the populations of the categories in generated events; the settings of the other stages;
published.yml says where they are and which toys each job has.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from scalesmear.cli._inputs import PUT_IT_THERE, configure_inputs, read_values
from scalesmear.injection import SURVEY_EVENTS, Injected, draw_values, survey
from scalesmear.injection_inputs import INPUTS, InjectionInputs, resolve
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.files import existing, write_json, write_settings, write_text
from scalesmear.io.fitfile import read_fit
from scalesmear.io.injectionfile import write_injected

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this verb."""
    configure_inputs(parser, INPUTS)
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write into")


def run(args: argparse.Namespace) -> None:
    """Check, draw, write."""
    inputs = resolve(*read_values(args.inputs, INPUTS))
    injected = _injected(inputs)
    folder = Path(args.output).absolute()
    write_injected(folder / "truth.json", injected)
    write_settings(folder / "toys.json", inputs.settings)
    write_settings(folder / "criteria.json", inputs.criteria)
    write_json(folder / "inputs.json", inputs.to_json())
    published = {
        "truth": str(folder / "truth.json"),
        "toys_settings": str(folder / "toys.json"),
        "criteria": str(folder / "criteria.json"),
        "inputs": str(folder / "inputs.json"),
        "jobs": inputs.jobs,
    }
    write_text(folder / "published.yml", yaml.safe_dump(published, sort_keys=False))
    print(
        f"{inputs.n_toys} toys of {inputs.data_events} data and {inputs.sim_events} simulated events, "
        f"{len(injected.scale)} scales and {len(injected.smearing)} smearings, in "
        f"{len(inputs.jobs)} jobs"
    )


def _injected(inputs: InjectionInputs) -> Injected:
    """Return what the inputs ask to inject, and the population of its categories."""
    if inputs.truth is not None:
        fit = read_fit(existing(inputs.truth, "truth", PUT_IT_THERE))
        categories, values = fit.categories, (fit.result.scale, fit.result.smearing)
    else:
        categories = read_categories(inputs.categories)
        drawn = inputs.max_shift, inputs.smearing_range
        values = draw_values(categories, inputs.seed, *drawn)
    n_events = min(SURVEY_EVENTS, inputs.data_events)
    share, resolution = survey(categories, inputs.fill, n_events)
    return Injected(categories, *values, resolution, share)
