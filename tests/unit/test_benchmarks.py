"""The benchmarks: the page that they fill, and what ours is compared with."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalesmear.io.categoryfile import read_categories

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module


def test_every_table_has_one_place_in_the_page_with_its_command(module: Any) -> None:
    write_performance = module("write_performance")
    page = write_performance.PAGE.read_text(encoding="utf-8")
    marks = re.findall(r"<!-- table (\S+) -->\n```\n\$ python benchmarks/(.*)\n", page)
    assert dict(marks) == {name: t.command for name, t in write_performance.TABLES.items()}
    assert len(marks) == len(write_performance.TABLES)
    assert all((BENCHMARKS / command.split()[0]).is_file() for _, command in marks)


def test_a_table_replaces_the_one_of_its_name_only(module: Any) -> None:
    with_table = module("write_performance").with_table
    page = "".join(f"<!-- table {name} -->\n```\nold {name}\n```\ntext\n" for name in ("a", "b"))
    assert with_table(page, "b", r"new \1") == page.replace("old b", r"new \1")
    with pytest.raises(ValueError, match="0 places for the table c"):
        with_table(page, "c", "new")


def test_results_of_our_fit_are_compared_with_what_was_put_in(module: Any) -> None:
    samples = module("_samples")
    sample = samples.make_sample(read_categories("coarse"), 30_000, 60_000)
    result = samples.fit_sample(sample, repeat=1).result
    pulls = (result.scale - sample.scale) / result.scale_error
    assert np.abs(pulls).max() < 4
    assert np.abs(sample.scale - 1).max() > 10 * result.scale_error.min()


def test_earlier_objective_is_0_where_data_are_the_simulation(module: Any) -> None:
    pair = module("_earlier").Pair
    masses = np.random.default_rng(1).normal(91, 3, 1000).astype(np.float32)
    same = pair(masses, np.tile(masses, 4), (0, 1, 2, 2))
    assert same.deviance(np.array([1.0, 1.0, 0.0])) == pytest.approx(0, abs=1e-9)
    assert same.deviance(np.array([1.01, 1.0, 0.01])) > 10


@pytest.mark.parametrize(
    ("n_data", "n_sim", "copies"),
    [
        (10, 1000, 1),  # too few data
        (1000, 100, 1),  # too little simulation
        (500, 1000, 64),  # 50000 events at least
        (3000, 10_000, 16),  # 50 times the data
        (1_000_000, 400_000, 4),  # a million is enough
        (1000, 60_000, 1),
    ],
)
def test_earlier_copies_of_simulation(module: Any, n_data: int, n_sim: int, copies: int) -> None:
    assert 1 << module("_earlier").n_doublings(n_data, n_sim) == copies


def test_work_of_a_gradient_is_what_finite_differences_smear(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = module("_earlier")
    monkeypatch.setattr(earlier, "ENOUGH", 1)  # few copies
    monkeypatch.setattr(earlier, "COPIES", 5)
    for scan in ("SCALES", "SMEARINGS"):
        monkeypatch.setattr(earlier, scan, np.empty(0))
    sample = module("_samples").make_sample(read_categories("coarse"), 3000, 6000)
    objective = earlier.Objective.of(sample, copies=True)
    objective(objective.start)
    before = objective.n_smeared
    assert before == earlier.Workload.of(sample).per_call.sum()
    for place in range(len(objective.start)):
        moved = objective.start
        moved[place] += 1e-3
        objective(moved)
        objective(objective.start)
    assert objective.n_smeared - before == earlier.Workload.of(sample).of_fit(n_gradients=1)


@pytest.mark.parametrize(
    ("place", "stage"),
    [
        ("select_3/events.arrow", "select"),
        ("fine/closure_fill_0/histograms.npz", "fits closure_fill"),
        ("coarse/fit", "fits fit"),
        ("report", "report"),
    ],
)
def test_stages_of_the_profile(module: Any, place: str, stage: str) -> None:
    step = module("profile_run").Step(place, 0.0, 1.0, 1.0, 1000, None)
    assert step.stage == stage


@pytest.mark.parametrize(
    ("stack", "place"),
    [
        ("<module> (scalesmear:10);run (scalesmear/cli/fill.py:40);work (scalesmear/fill.py:7)", "fill.work"),
        ("run (scalesmear/cli/fill.py:40);read (pyarrow/ipc.py:1);x (a.py:1)", "cli.fill.run > pyarrow"),
        ("run (scalesmear/a.py:4);f.<locals>.g (scalesmear/io/b.py:7)", "io.b.f"),
        ("run (scalesmear/a.py:4);load (<frozen importlib._bootstrap>:7)", "importing"),
        ("run (scalesmear/a.py:4);f (numba/core/dispatcher.py:7)", "compiling or loading kernels (numba)"),
        ("main (yaml/reader.py:4)", "Python itself"),
        ("run (scalesmear/a.py:4);wait (threading.py:7)", None),
    ],
)  # fmt: skip
def test_what_a_stack_of_the_profile_is_doing(module: Any, stack: str, place: str | None) -> None:
    assert module("profile_run").place_of(stack) == place
