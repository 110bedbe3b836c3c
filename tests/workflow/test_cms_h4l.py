"""The example that scales a table of processes and draws real data over them."""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import uproot
import yaml
from tests.workflow.helpers import REPOSITORY

if TYPE_CHECKING:
    from tests.workflow.helpers import Shell

EXAMPLE = REPOSITORY / "examples/cms-h4l"
FILES = {"drell_yan": "DY50TuneZ12", "top": "TTBar12", "data": "DoubleE12"}
# cross section [pb] x k factor x luminosity [pb-1] / generated events
FACTORS = {
    "drell_yan": 2955 * 1.12 * 11580 / 29_426_492,
    "top": 200 * 11580 / 6_423_106,
}


@pytest.fixture
def example(real_commands: Shell) -> Shell:
    """The shell in a copy of the example with the histograms of CMS open data."""
    if "SCALESMEAR_DATA" not in os.environ:
        pytest.skip("SCALESMEAR_DATA is not set")
    for name in ("workflow.yml", "steps.yml", "inputs.yml"):
        (real_commands.folder / name).symlink_to(EXAMPLE / name)
    inputdata = real_commands.folder / "inputdata"
    shutil.copy(EXAMPLE / "inputdata/samples.yml", inputdata)
    for name in FILES.values():
        path = Path(os.environ["SCALESMEAR_DATA"]) / f"cms-h4l-histograms/{name}.root"
        (inputdata / path.name).symlink_to(path)
    return real_commands


def test_factors_yields_errors_and_page_of_real_histograms(example: Shell) -> None:
    outcome = example.workflow("workdir", "-o", "disable_prepub=true")
    assert outcome.code == 0, outcome.said
    assert example.run("scalesmear", "verify", "workdir").code == 0
    found = json.loads((example.folder / "workdir/stack/yields.json").read_text())
    processes = {one["name"]: one for one in found["processes"]}
    assert {name: one["factor"] for name, one in processes.items()} == pytest.approx(FACTORS)
    total = 0.0
    with uproot.open(example.folder / "workdir/stack/stack.root") as stacked:
        for name, factor in FACTORS.items():
            with uproot.open(example.folder / f"inputdata/{FILES[name]}.root") as file:
                before = file["demo/massZto2e"]
                events = before.values(flow=True)
                edges = before.axis().edges()
            assert np.allclose(stacked[name].values(flow=True), events * factor, rtol=1e-14)
            errors = np.sqrt(events) * factor  # no sums of squared weights in the file
            assert np.allclose(stacked[name].errors(flow=True), errors, rtol=1e-14)
            inside = events[1:-1][(edges[:-1] > 79.9) & (edges[1:] < 100.1)].sum()
            assert processes[name]["yield"] == pytest.approx(inside * factor)
            assert processes[name]["statistical"] == pytest.approx(math.sqrt(inside) * factor)
            total += inside * factor
    assert found["data"] == 3_588_499
    assert found["data_over_simulation"]["value"] == pytest.approx(3_588_499 / total)
    luminosity = {"luminosity": pytest.approx(0.026 * total)}
    assert found["total"]["by_source"] == luminosity
    log = example.folder / "workdir/stack/_packtivity/stack.run.log"
    assert log.read_text() in (EXAMPLE / "README.md").read_text(encoding="utf-8")


def test_table_holds_the_processes_that_are_asked_for() -> None:
    inputs = yaml.safe_load((EXAMPLE / "inputs.yml").read_text())
    table = yaml.safe_load((EXAMPLE / "inputdata/samples.yml").read_text())
    assert list(table["samples"]) == inputs["processes"]
