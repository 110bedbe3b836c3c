"""The verb migration, and what fit makes of its files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scalesmear.categories import CategorySet
from scalesmear.cli import main
from scalesmear.corrections import ALL_RUNS, ScaleTable
from scalesmear.cutflow import CutFlow, SampleCutFlow
from scalesmear.fill import Corrections, FillSettings
from scalesmear.fitplan import FitPlan
from scalesmear.io.eventfile import EventWriter
from scalesmear.io.files import write_json, write_settings
from scalesmear.io.fitfile import read_fit
from scalesmear.io.flowsfile import read_flows, write_flows
from scalesmear.io.tables import write_scales
from scalesmear.migration import Expected, migrate
from scalesmear.toys import generate, make_truth

CATEGORY_FILE = """
scales: &bins
  - {abs_eta: [0, 1.4442], et: [0, 42, 48, .inf]}
  - {abs_eta: [1.566, 2.5]}
smearings: *bins
"""
BLOCKS = [
    {"abs_eta": [0, 1.4442], "et": [0, 42, 48, np.inf]},
    {"abs_eta": [1.566, 2.5]},
]
CATEGORIES = CategorySet.from_blocks({"scales": BLOCKS, "smearings": BLOCKS})
TRUTH = make_truth(3)
JOBS = {"data": ("data", 0), "sim_0": ("sim", 0), "sim_1": ("sim", 1)}


def verb(*words: object) -> int:
    return main([str(word) for word in words])


def of_job(job: str) -> list[object]:
    return [
        *("--events", f"{job}.arrow", "--cut-flow", "cut_flow.json"),
        *("--categories", "bins.yml", "--settings", "fill.json"),
    ]


def fit(output: str, *migration: str) -> int:
    histograms = [f"{job}.npz" for job in JOBS]
    words = ["--name", "et", "--histograms", *histograms, "--categories", "bins.yml"]
    words += ["--settings", "fit.json", "--scales", "one.dat", "--output", output]
    return verb("fit", *words, *(("--migration", *migration) if migration else ()))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to a folder with events that are filled and fitted."""
    monkeypatch.chdir(tmp_path)
    Path("bins.yml").write_text(CATEGORY_FILE)
    write_settings("fill.json", FillSettings())
    write_settings("fit.json", FitPlan())
    write_scales("one.dat", ScaleTable.of([ALL_RUNS] * 4, CATEGORIES.scales, [1.0] * 4, [0.0] * 4))
    sample = SampleCutFlow((), (), {}, 1.0, 1.0, 32768.0, ())
    write_json("cut_flow.json", CutFlow(data=sample, sim=sample).to_json())
    for job, (kind, stream) in JOBS.items():
        with EventWriter(f"{job}.arrow", kind) as writer:  # type: ignore[arg-type]
            writer.write(generate(TRUTH, kind, 10_000, stream))  # type: ignore[arg-type]
        assert verb("fill", *of_job(job), "--output", f"{job}.npz") == 0
    assert fit("first") == 0


def test_flows_of_files_add_up_to_those_of_all_events_and_move_the_fit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = read_fit("first/fit.json").result
    for job in JOBS:
        words = [*of_job(job), "--fit", "first/fit.json", "--output", f"{job}.flows"]
        assert verb("migration", *words) == 0
        assert "files=1/1" in capsys.readouterr().err  # of data, too, though nothing in them moves
    parts = [read_flows(f"{job}.flows") for job in JOBS]
    assert [part.n_events for part in parts] == [0, 10_000, 10_000]
    at = Expected(first.scale, first.smearing)
    events = [generate(TRUTH, "sim", 10_000, stream) for stream in (0, 1)]
    whole = migrate(events, CATEGORIES, FillSettings(), Corrections(), at, exponent=15)
    np.testing.assert_array_equal((parts[0] + parts[1] + parts[2]).sums, whole.sums)
    assert fit("second", *(f"{job}.flows" for job in JOBS)) == 0
    second = read_fit("second/fit.json").result
    assert np.abs(second.scale / first.scale - 1).max() > 1e-4


def test_flows_that_belong_to_something_else_are_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [*of_job("sim_0"), "--fit", "first/fit.json", "--output", "sim_0.flows"]
    assert verb("migration", *words) == 0
    assert fit("second", "sim_0.flows") == 1  # the events of sim_1 are missing
    assert "give those of the same events and settings" in capsys.readouterr().err
    flows = read_flows("sim_0.flows")
    write_flows("other.flows", replace(flows, parameters=(0.0,) * len(flows.parameters)))
    assert fit("second", "sim_0.flows", "other.flows") == 1
    assert "compute all for one fit" in capsys.readouterr().err
    assert not Path("second").exists()


def test_a_fit_of_other_categories_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("bins.yml").write_text(CATEGORY_FILE.replace("42,", "41,"))
    words = [*of_job("sim_0"), "--fit", "first/fit.json", "--output", "sim_0.flows"]
    assert verb("migration", *words) == 1
    assert "not the categories of first/fit.json" in capsys.readouterr().err
