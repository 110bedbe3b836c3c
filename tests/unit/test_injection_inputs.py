"""The values of injection_inputs.yml: schema, file and page agree; what is wrong is told in one line."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from tests.unit.test_config import comments_of

from scalesmear.config import schema as schema_of_derivation
from scalesmear.errors import InputError
from scalesmear.fill import FillSettings
from scalesmear.fitsettings import FitSettings
from scalesmear.injection import InjectionSettings
from scalesmear.injection_inputs import InjectionInputs, reference_table, resolve, schema
from scalesmear.pulls import PullCriteria

REPOSITORY = Path(__file__).parents[2]
PROPERTIES = schema()["properties"]


def test_schema_is_one_and_every_default_is_allowed() -> None:
    Draft7Validator.check_schema(schema())
    for key, about in PROPERTIES.items():
        assert Draft7Validator(about).is_valid(about["default"]), key


def test_keys_of_fits_are_those_of_a_derivation() -> None:
    shared = schema_of_derivation()["properties"]
    for key in ("mass_window", "bin_width", "min_category_events", "low_statistics", "minimiser"):
        assert PROPERTIES[key] == shared[key]


def test_the_file_holds_every_key_with_its_comment_and_default() -> None:
    path = REPOSITORY / "injection_inputs.yml"
    expected = {
        key: f"{about['description']} Default: {json.dumps(about['default'])}."
        for key, about in PROPERTIES.items()
    }
    assert dict(comments_of(path)) == expected
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert content == {key: about["default"] for key, about in PROPERTIES.items()}
    assert resolve(content) == resolve({})


def test_the_page_holds_the_table_of_keys() -> None:
    page = (REPOSITORY / "docs/injection.md").read_text(encoding="utf-8")
    assert reference_table() in page


def test_inputs_hold_the_keys_of_the_schema() -> None:
    assert [field.name for field in fields(InjectionInputs)] == list(PROPERTIES)


def test_defaults_are_those_of_the_stages() -> None:
    assert resolve({}).settings == InjectionSettings()
    assert resolve({}).criteria == PullCriteria()


def test_values_reach_the_settings() -> None:
    values: dict[str, Any] = {
        "level": "events",
        "data_events": 1000,
        "mass_window": [82, 98],
        "low_statistics": "merge",
        "tolerance": 5,
    }
    inputs = resolve(values)
    assert inputs.settings == InjectionSettings(
        level="events",
        data_events=1000,
        fill=FillSettings(mass_window=(82.0, 98.0)),
        fit=FitSettings(low_statistics="merge"),
    )
    assert inputs.criteria == PullCriteria(tolerance=5.0)
    assert inputs.to_json()["n_toys"] == 200


@pytest.mark.parametrize(
    ("n_toys", "per_job", "jobs"),
    [(4, 2, ["0-1", "2-3"]), (5, 2, ["0-1", "2-3", "4-4"]), (3, 50, ["0-2"])],
)
def test_jobs_have_all_toys(n_toys: int, per_job: int, jobs: list[str]) -> None:
    assert resolve({"n_toys": n_toys, "toys_per_job": per_job}).jobs == jobs


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_toy": 5}, "unknown key 'n_toy'; did you mean 'n_toys'?"),
        ({"n_toys": 1}, "n_toys: 1 is not allowed; it must be a whole number >= 2"),
        ({"level": "event"}, 'level: "event" is not allowed; it must be "histograms" or "events"'),
        ({"smearing_range": [0.02, 0.01]}, r"smearing_range: \[0.02, 0.01\] falls"),
        ({"smearing_range": [0.01, 0.2]}, r"smearing_range\[1\]: 0.2 is not allowed"),
        ({"mass_window": [100, 80]}, r"mass_window: \[100, 80\] does not rise"),
        ({"mass_window": [60, 100]}, r"mass_window: \[60, 100\] is not 3% inside mass_range"),
        ({"bin_width": 5, "mass_window": [82, 98]}, "bin_width: 5 makes less than 4 bins"),
    ],
)
def test_wrong_values_are_told(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=rf"^injection_inputs\.yml(: )?.*{message}"):
        resolve(values)
