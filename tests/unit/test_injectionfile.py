"""Files of a study of injections: what is written is read back, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.unit.test_pulls import INJECTED, fits_of, gaussian

from scalesmear.errors import InputError
from scalesmear.io.injectionfile import (
    read_injected,
    read_toy_fits,
    write_injected,
    write_toy_fits,
)
from scalesmear.provenance import provenance

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_injected_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    injected = replace(INJECTED, scale=np.array([1 / 3, np.pi]))
    write_injected(path, injected)
    found = read_injected(path)
    assert found.categories == injected.categories
    for name in ("scale", "smearing", "resolution", "share"):
        np.testing.assert_array_equal(getattr(found, name), getattr(injected, name))


def test_fits_come_back_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / "fits.json"
    fits = replace(fits_of(gaussian(3)), failures={12: "no pair"})
    fits.errors[1, 2] = np.inf
    write_toy_fits(path, fits, provenance())
    found = read_toy_fits(path)
    for name in ("numbers", "parameters", "errors", "independent", "p_value"):
        np.testing.assert_array_equal(getattr(found, name), getattr(fits, name))
    assert found.failures == {12: "no pair"}


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("scale", [1.0], "scale has not 2 numbers"),
        ("share", [1.0], "share has not 3 numbers"),
        ("scale", [1.0, -1.0], "a scale is not positive or a smearing negative"),
        ("smearing", ["x"], "not the truth of an injection"),
        ("categories", None, "not categories"),
    ],
)
def test_a_spoilt_truth_is_refused(tmp_path: Path, key: str, value: object, problem: str) -> None:
    path = tmp_path / "truth.json"
    write_injected(path, INJECTED)
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(InputError, match=rf"truth\.json: .*{problem}"):
        read_injected(path)


def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text("{}")
    with pytest.raises(InputError, match="make it with scalesmear injection-truth"):
        read_injected(path)
    with pytest.raises(InputError, match="make it with scalesmear injection-toys"):
        read_toy_fits(path)
