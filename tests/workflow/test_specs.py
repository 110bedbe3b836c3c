"""workflow.yml, its sub-workflows, injection.yml and steps.yml agree with each other, with the commands and the version."""

from __future__ import annotations

import argparse
import re
import shlex
import string
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from scalesmear.chain import FITS
from scalesmear.cli import build_parser, main
from scalesmear.cli._stdin import FROM_STDIN, words_of_flags

REPOSITORY = Path(__file__).parents[2]
STEPS: dict[str, Any] = yaml.safe_load((REPOSITORY / "steps.yml").read_text())
STAGES: dict[str, list[dict[str, Any]]] = {
    name: yaml.safe_load((REPOSITORY / name).read_text())["stages"]
    for name in ("workflow.yml", "fit.yml", "other_simulation.yml", "injection.yml")
}
COMMANDS = [name for name, step in STEPS.items() if step["process"]]
SUB_WORKFLOW_OF = dict.fromkeys(FITS, "fit.yml") | {"other_simulation": "other_simulation.yml"}
"""Sub-workflows of stages that have one; no_<name> is in its place where it is not asked for."""

# What `check` and `export` write to published.yml; test_chain.py compares it with the real ones.
PUBLISHED_BY_CHECK = {
    *(f"{name}_settings" for name in ("select", "run_bins", "stability", "fill", "fit")),
    *(f"{name}_settings" for name in ("reweight", "closure", "export", "validation", "report")),
    *(f"{fit}_{what}" for fit in FITS for what in ("categories", "base")),
    *(
        "mass_categories",
        "variations",
        "systematics_categories",
        "plots",
        "truth",
        "jobs",
        "other_jobs",
        "inputs",
        "sample_table",
        "sample_name",
    ),
}
PUBLISHED_BY_SYSTEMATICS = {"systematics", "table", "scales", "smearings"}
PUBLISHED_BY_EXPORT = {"scales", "smearings", "result"}
PUBLISHED = {
    "check": PUBLISHED_BY_CHECK,
    "export": PUBLISHED_BY_EXPORT,
    "systematics": PUBLISHED_BY_SYSTEMATICS,
    "injection_truth": {"truth", "toys_settings", "criteria", "inputs", "jobs"},
}
"""What steps say themselves that they publish, by their name."""


def steps_of(stage: dict[str, Any]) -> list[str]:
    """Return the names of the steps of which a stage runs one, none if it runs a sub-workflow."""
    scheduler = stage["scheduler"]
    chosen = [
        part["step"]["$ref"] for part in scheduler.get("cases", [scheduler]) if "step" in part
    ]
    return [reference.removeprefix("steps.yml#/") for reference in chosen]


def stages_of(file: str) -> list[dict[str, Any]]:
    """Return the stages of a file of the workflow."""
    found: list[dict[str, Any]] = yaml.safe_load((REPOSITORY / file).read_text())["stages"]
    return found


def all_stages() -> list[tuple[str, dict[str, Any]]]:
    return [(file, stage) for file, stages in STAGES.items() for stage in stages]


def names_in(*templates: str) -> set[str]:
    """Return the names in braces."""
    fields = [field for text in templates for _, field, _, _ in string.Formatter().parse(text)]
    return {field for field in fields if field}


def parameters_of_step(name: str) -> set[str]:
    publisher = STEPS[name]["publisher"]
    process = STEPS[name]["process"] or {"script": ""}
    names = names_in(process["script"], *publisher.get("publish", {}).values())
    return names - {"workdir"}


def published_by(file: str, stage_name: str) -> set[str]:
    if stage_name == "init":
        return parameters_of_sub_workflow(file) if is_inside(file) else {"samples"}
    stage = next(stage for stage in STAGES[file] if stage["name"] == stage_name)
    step, *others = steps_of(stage)
    publish = set(STEPS[step]["publisher"].get("publish") or PUBLISHED[step])
    assert all(set(STEPS[other]["publisher"]["publish"]) == publish for other in others)
    return publish


def is_inside(file: str) -> bool:
    return file in SUB_WORKFLOW_OF.values()


def parameters_of_sub_workflow(file: str) -> set[str]:
    keys = [
        set(stage["scheduler"]["parameters"])
        for stage in STAGES["workflow.yml"]
        if SUB_WORKFLOW_OF.get(stage["name"]) == file
    ]
    assert all(others == keys[0] for others in keys)
    return keys[0]


def stages_of_fits() -> list[dict[str, Any]]:
    return [stage for stage in STAGES["workflow.yml"] if stage["name"] in FITS]


def selections() -> list[tuple[str, str, str, str]]:
    """Return (file, stage, selector, output) of everything that a stage takes from others."""
    found = []
    for file, stage in all_stages():
        for value in stage["scheduler"]["parameters"].values():
            if isinstance(value, dict) and "output" in value:
                selector = value.get("step") or value["stages"]
                found.append((file, stage["name"], selector, value["output"]))
    return found


def sources(file: str, selector: str) -> list[tuple[str, str]]:
    """Return the (file, stage)s that a selector means."""
    inside = re.search(r"\[\*\]\.(\w+)", selector)
    return [
        (SUB_WORKFLOW_OF[name], inside[1]) if inside and name in SUB_WORKFLOW_OF else (file, name)
        for name in beginnings(selector)
    ]


def beginnings(selector: str) -> list[str]:
    """Return the stages that a selector such as ``stability|((coarse|fine)[*].fit)`` begins at."""
    return re.findall(r"\w+", re.sub(r"\[\*\]\.\w+", "", selector))


@pytest.mark.parametrize(("file", "stage"), all_stages())
def test_stage_supplies_exactly_the_parameters_of_its_step(
    file: str, stage: dict[str, Any]
) -> None:
    steps = steps_of(stage)
    if not steps:
        inside = SUB_WORKFLOW_OF[stage["name"]]
        wanted = {
            output for f, _, source, output in selections() if (f, source) == (inside, "init")
        }
        cases = stage["scheduler"]["cases"]
        assert [c["workflow"]["$ref"] for c in cases] == [inside, f"no_{inside}"]
    else:
        wanted = {name.removesuffix("!r") for step in steps for name in parameters_of_step(step)}
        # containers see the folders of what a stage takes from others, here that of the inputs
        wanted |= {"inputdata"} if stage["name"] == "select" else set()
    assert set(stage["scheduler"]["parameters"]) == wanted, file


@pytest.mark.parametrize(("file", "stage", "selector", "output"), selections())
def test_what_a_stage_reads_is_published(file: str, stage: str, selector: str, output: str) -> None:
    for source_file, source in sources(file, selector):
        assert output in published_by(source_file, source), stage


@pytest.mark.parametrize(("file", "stage"), all_stages())
def test_stage_waits_for_what_it_reads(file: str, stage: dict[str, Any]) -> None:
    names = {s["name"] for s in STAGES[file]} | {"init"}
    waits_for = {d.partition("[")[0] for d in stage["dependencies"]}
    assert waits_for <= names
    before = {stage["name"]: set(stage["dependencies"]) for stage in STAGES[file]}
    reachable, todo = set(waits_for), list(waits_for)
    while todo:
        for name in {d.partition("[")[0] for d in before.get(todo.pop(), ())} - reachable:
            reachable.add(name)
            todo.append(name)
    for f, name, selector, _ in selections():
        if (f, name) == (file, stage["name"]):
            assert set(beginnings(selector)) <= reachable


def test_each_fit_may_build_on_all_before_it_and_waits_for_them() -> None:
    stages = stages_of_fits()
    assert tuple(stage["name"] for stage in stages) == FITS
    for place, stage in enumerate(stages):
        scales = stage["scheduler"]["parameters"]["scales"]
        before = list(FITS[:place])
        assert beginnings(scales["stages"]) == ["stability", *before]
        assert {f"{name}[*].fit" for name in before} <= set(stage["dependencies"])


def test_a_fit_that_is_not_made_hands_over_empty_lists() -> None:
    (fit,) = stages_of("no_fit.yml")
    assert fit["name"] == "fit"
    read = [
        value
        for stage in STAGES["workflow.yml"]
        for value in stage["scheduler"]["parameters"].values()
        if isinstance(value, dict) and value.get("stages", "").rstrip(")").endswith("[*].fit")
    ]
    assert all(selection["flatten"] for selection in read)
    empty = fit["scheduler"]["step"]["publisher"]["publish"]
    assert empty == {selection["output"]: [] for selection in read}


def test_another_simulation_that_is_not_listed_hands_over_an_empty_name() -> None:
    (fill,) = stages_of("no_other_simulation.yml")
    (last,) = [s for s in STAGES["other_simulation.yml"] if s["name"] == fill["name"]]
    publish = fill["scheduler"]["step"]["publisher"]["publish"]
    assert publish == dict.fromkeys(published_by("other_simulation.yml", last["name"]), "")


@pytest.mark.parametrize(("file", "stage"), all_stages())
def test_select_and_every_fill_is_scattered(file: str, stage: dict[str, Any]) -> None:
    by_file = ("select", "fill", "migration", "z_spectra", "injection_toys")
    heavy = any(step.startswith(by_file) for step in steps_of(stage))
    kind = "multistep-stage" if heavy else "singlestep-stage"
    assert stage["scheduler"]["scheduler_type"] == kind, file


def words_of(step: str) -> list[str]:
    """Return the command of a step as the shell splits it, with a value for every parameter."""
    values = {
        name: "1" if name in {"base", "seed"} or "_" in name else name
        for name in parameters_of_step(step)
    }
    script = STEPS[step]["process"]["script"].format_map(values | {"inputs": "inputs"})
    command, _, document = script.partition("<<")
    lines = command.removesuffix(" \\\n").splitlines()
    assert lines[0] == "set -euo pipefail"
    words = shlex.split(" ".join(line.removesuffix("\\") for line in lines[1:]))
    assert words[0] == "scalesmear"
    if FROM_STDIN in words:
        words.remove(FROM_STDIN)
        words += words_of_flags(document.partition("\n")[2].removesuffix("FLAGS\n"))
    return words[1:]


@pytest.mark.parametrize("step", COMMANDS)
def test_command_line_of_step_is_understood(step: str) -> None:
    words = words_of(step)
    parser = build_parser(words)
    args = parser.parse_args(words)
    assert args.verb == words[0]


@pytest.mark.parametrize("step", COMMANDS)
def test_flags_are_in_the_order_of_the_help(step: str) -> None:
    words = words_of(step)
    choices = next(
        action.choices
        for action in build_parser(words)._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    known = [option for a in choices[words[0]]._actions for option in a.option_strings]
    used = [word for word in words if word.startswith("--")]
    assert used == sorted(used, key=known.index)


@pytest.mark.parametrize("step", COMMANDS)
def test_parameter_is_called_like_its_flag(step: str) -> None:
    script = STEPS[step]["process"]["script"]
    pairs = re.findall(r"--([a-z-]+) \{(\w+)(?:!r)?\}", script)
    assert pairs
    assert all(flag.replace("-", "_") == parameter for flag, parameter in pairs)


def test_flags_of_a_step_stand_on_lines_of_their_own() -> None:
    for step in COMMANDS:
        lines = STEPS[step]["process"]["script"].splitlines()
        assert all(line.count(" --") <= 1 for line in lines)


@pytest.mark.parametrize("step", COMMANDS)
def test_image_tag_is_the_version_of_the_package(step: str) -> None:
    environment = STEPS[step]["environment"]
    assert environment["image"] == "scalesmear/scalesmear"
    assert environment["imagetag"] == version("scalesmear")


def test_sample_list_whose_name_is_a_command_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # the only value of inputs.yml that a script holds unquoted
    samples = tmp_path / "$(touch hacked).tsv"
    samples.touch()
    inputs = tmp_path / "inputs.yml"
    inputs.write_text(yaml.safe_dump({"samples": str(samples), "era": "toy"}))
    assert main(["check", "--inputs", str(inputs), "--output", str(tmp_path / "out")]) == 1
    assert "the path has a blank or a special character" in capsys.readouterr().err


def validated(command: str, spec: str) -> str:
    program = Path(sys.executable).with_name(command)
    done = subprocess.run(
        [program, spec], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("workflow", ["workflow.yml", "injection.yml"])
def test_workflow_is_valid(workflow: str) -> None:
    assert "workflow validates against schema" in validated("yadage-validate", workflow)


@pytest.mark.parametrize("step", ["check", "toys", "no_scaling"])  # one with each publisher
def test_step_is_valid(step: str) -> None:
    assert "definition is valid" in validated("packtivity-validate", f"steps.yml#/{step}")
