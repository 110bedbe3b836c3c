"""docs/coming-from-pymin.md names every option of the earlier framework, and nothing that is not here."""

from __future__ import annotations

import argparse
import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from scalesmear.cli import build_parser, verbs
from scalesmear.config import resolve, schema

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs/coming-from-pymin.md").read_text(encoding="utf-8")

DERIVATION = """
-i --inputFile --prune --pruned-file-dest --run-divide --min-events -c --cats --time-stability -s
--scales --smearings -w --weights -o --output --closure --ignore --hist-min --hist-max --no-auto-bin
--bin-size --start-style --scan-min --scan-max --scan-step --min-step-size --fix-scales
--no-reweight --condor --queue --from-condor --rewrite --combine-files --only-step --plot --plot-dir
--lumi-label --test-method-accuracy --scan-nll --scan-scales -h
"""
VALIDATION = """
-i --in-file -o --output-file --data-title --mc-title --lumi-label --binning --systematics-study
--no-reweight --write --fit --debug
"""
CONFIGURATION = "DATA MC SCALES SMEARINGS WEIGHTS CATS"


def rows(heading: str) -> list[list[str]]:
    """Return the cells of all tables under a heading, without their heads."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[0] not in {"option", "key", "tool"}]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


TABLES = [
    *rows("pymin, option by option"),
    *rows("pyval, option by option"),
    *rows("The other tools"),
]
HERE = sorted({text for row in TABLES for text in quoted(row[1])})


@pytest.mark.parametrize(
    ("heading", "options"), [("pymin", DERIVATION), ("pyval", VALIDATION + CONFIGURATION)]
)
def test_every_option_stands_in_its_table(heading: str, options: str) -> None:
    found = [text for row in rows(f"{heading}, option by option") for text in quoted(row[0])]
    assert found == options.split()


def test_every_option_has_something_here_or_is_gone_for_a_reason() -> None:
    for option, here, *remark in TABLES:
        is_gone = here == "gone" and remark[0]
        assert is_gone or quoted(here), option


@cache
def flags_of(verb: str) -> set[str]:
    """Return the flags of a verb; the empty set if there is no such verb."""
    if verb not in verbs():
        return set()
    (choices,) = [
        action.choices
        for action in build_parser([verb])._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    return {flag for action in choices[verb]._actions for flag in action.option_strings}


def problem_with(text: str) -> str | None:
    """Return what is wrong with a key, a key with a value, a command or a file of a run."""
    if text.startswith("scalesmear "):
        _, verb, *flags = text.split()
        missing = {flag for flag in flags if flag.startswith("--")} - flags_of(verb)
        return f"no verb {verb}" if verb not in verbs() else f"no {missing}" if missing else None
    if text.startswith("workdir/"):
        return None
    key, _, value = text.partition(": ")
    if key not in schema()["properties"]:
        return f"no key {key}"
    if value:
        resolve({"samples": "s", "era": "e", "start_file": "f.json"} | yaml.safe_load(text))
    return None


@pytest.mark.parametrize("text", HERE)
def test_what_the_tables_name_exists(text: str) -> None:
    assert problem_with(text) is None


@pytest.mark.parametrize(
    "text", ["scalesmear prune", "scalesmear fill --closure", "hist_min", "minEvents: 3"]
)
def test_what_does_not_exist_would_be_noticed(text: str) -> None:
    assert problem_with(text) is not None


def test_other_keys_and_commands_of_the_page_exist() -> None:
    texts = quoted(re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL))
    commands = [text for text in texts if text.startswith("scalesmear ") and "..." not in text]
    values = [text for text in texts if re.fullmatch(r"[a-z_]+: .+", text)]
    assert len(commands) > 20
    assert len(values) > 5
    wrong = {text: problem_with(text) for text in (*commands, *values) if "--help" not in text}
    assert not any(wrong.values()), wrong


def test_the_example_is_a_valid_inputs_yml() -> None:
    (example,) = [b for b in re.findall(r"```\n(.*?)```", PAGE, re.DOTALL) if "samples:" in b]
    assert resolve(yaml.safe_load(example)).final == "gain"


def test_every_fault_that_is_named_has_a_test_of_its_number() -> None:
    differences = rows("What differs in the results, and why")
    named = {number for row in differences for number in re.findall(r"F(\d+)", row[-1])}
    bodies = [
        ast.parse(path.read_text(encoding="utf-8")).body
        for path in (REPOSITORY / "tests/faults").glob("*.py")
    ]
    tests = [node.name for body in bodies for node in body if isinstance(node, ast.FunctionDef)]
    tested = {str(int(n)) for name in tests for n in re.findall(r"^test_f(\d\d)_", name)}
    assert len(named) > 10
    assert named <= tested
