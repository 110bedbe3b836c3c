"""The specs of the examples agree with themselves, with the commands, and with the images."""

from __future__ import annotations

import string
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.workflow.helpers import REPOSITORY

from scalesmear.cli import build_parser
from scalesmear.cli._stdin import FROM_STDIN, words_of_flags

EXAMPLES = [path.parent for path in sorted(REPOSITORY.glob("examples/*/workflow.yml"))]
STEPS: dict[tuple[str, str], dict[str, Any]] = {
    (example.name, name): step
    for example in EXAMPLES
    for name, step in yaml.safe_load((example / "steps.yml").read_text()).items()
}
STAGES: dict[tuple[str, str], dict[str, Any]] = {
    (example.name, stage["name"]): stage
    for example in EXAMPLES
    for stage in yaml.safe_load((example / "workflow.yml").read_text())["stages"]
}


def step_of(example: str, stage: dict[str, Any]) -> dict[str, Any]:
    name = stage["scheduler"]["step"]["$ref"].removeprefix("steps.yml#/")
    return STEPS[example, name]


def names_in(*templates: str) -> set[str]:
    """Return the names in braces."""
    fields = [field for text in templates for _, field, _, _ in string.Formatter().parse(text)]
    return {field for field in fields if field}


def parameters_of(step: dict[str, Any]) -> set[str]:
    names = names_in(step["process"]["script"], *step["publisher"]["publish"].values())
    return names - {"workdir"}


def selections(stage: dict[str, Any]) -> set[tuple[str, str]]:
    """Return (stage, output) of all that a stage takes from others."""
    values = stage["scheduler"]["parameters"].values()
    return {
        (value.get("step") or value["stages"], value["output"])
        for value in values
        if isinstance(value, dict)
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_inputs_are_the_keys_that_the_workflow_asks_for(example: Path) -> None:
    inputs = yaml.safe_load((example / "inputs.yml").read_text())
    asked = {
        output
        for (name, _), stage in STAGES.items()
        if name == example.name
        for source, output in selections(stage)
        if source == "init"
    }
    assert set(inputs) == asked


@pytest.mark.parametrize(("example", "stage"), STAGES)
def test_stage_supplies_its_step_and_reads_what_is_published(example: str, stage: str) -> None:
    spec = STAGES[example, stage]
    assert set(spec["scheduler"]["parameters"]) == parameters_of(step_of(example, spec))
    for source, output in selections(spec) - {("init", o) for _, o in selections(spec)}:
        assert source in spec["dependencies"]
        published = step_of(example, STAGES[example, source])["publisher"]["publish"]
        assert output in published


@pytest.mark.parametrize(("example", "step"), STEPS)
def test_image_is_one_of_ours_with_the_version_of_the_package(example: str, step: str) -> None:
    environment = STEPS[example, step]["environment"]
    images = {path.parent.name for path in REPOSITORY.glob("images/*/Dockerfile")}
    assert environment["image"].removeprefix("scalesmear/") in images
    assert environment["imagetag"] == version("scalesmear")


@pytest.mark.parametrize(("example", "step"), STEPS)
def test_values_arrive_on_standard_input_called_like_their_flags(example: str, step: str) -> None:
    script = STEPS[example, step]["process"]["script"]
    first, command, *flags, last = script.splitlines()
    assert first == "set -euo pipefail"
    assert command.endswith(f"{FROM_STDIN} <<'FLAGS'")
    assert last == "FLAGS"
    for line in flags:
        flag, parameter = line.split()
        assert parameter == f"{{{flag.removeprefix('--').replace('-', '_')}!r}}"


@pytest.mark.parametrize(
    ("example", "step"),
    [key for key, step in STEPS.items() if step["environment"]["image"] == "scalesmear/scalesmear"],
)
def test_command_line_of_step_is_understood(example: str, step: str) -> None:
    spec = STEPS[example, step]
    values = dict.fromkeys(parameters_of(spec), "1") | {"range": "80 100"}
    _, command, *flags, _ = spec["process"]["script"].format_map(values).splitlines()
    words = command.partition(f" {FROM_STDIN}")[0].split()
    assert words[0] == "scalesmear"
    words = [*words[1:], *words_of_flags("\n".join(flags))]
    assert build_parser(words).parse_args(words).verb == words[0]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_workflow_is_valid(example: Path) -> None:
    program = Path(sys.executable).with_name("yadage-validate")
    done = subprocess.run(
        [program, "workflow.yml"], cwd=example, capture_output=True, text=True, check=False
    )
    assert "workflow validates against schema" in done.stdout + done.stderr
