"""Faults of earlier frameworks that concern options and programs, and what happens here instead."""

from __future__ import annotations

import ast
import json
import os
import random
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.mass_toys import random_toy

from scalesmear.cli import main
from scalesmear.config import Inputs, resolve
from scalesmear.cutflow import CutFlow, SampleCutFlow
from scalesmear.draws import standard_normal
from scalesmear.errors import InputError
from scalesmear.fill import BELOW_ET, Corrections, FillSettings, fill_masses
from scalesmear.fit import fit_pairs
from scalesmear.fitsettings import FitSettings
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.eventfile import EventWriter, open_events
from scalesmear.io.files import write_json, write_settings
from scalesmear.io.ntuples import ntuple_branches, write_ntuple
from scalesmear.runs import run_bins
from scalesmear.toys import generate, make_truth, other_branches

CODE = Path(__file__).parents[2] / "code/scalesmear"
SOURCES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in CODE.rglob("*.py")}
TRUTH = make_truth(1)


def inputs(**values: Any) -> Inputs:
    return resolve({"samples": "samples.tsv", "era": "toy"} | values)


def write_ntuples(folder: Path) -> None:
    for kind in ("data", "sim"):
        events = generate(TRUTH, kind, 3000)
        others = other_branches(TRUTH, kind, 3000, 0, 0)
        write_ntuple(folder / f"{kind}.root", [ntuple_branches(events, **others)])
    lines = [f"{kind}\tselected\t{kind}.root\n" for kind in ("data", "sim")]
    (folder / "samples.tsv").write_text("".join(lines))


def test_f08_one_selection_is_stated_made_and_recorded(tmp_path: Path) -> None:
    # the text promised other cuts than the program made, and some depended on the categories
    write_ntuples(tmp_path)
    cuts: dict[str, Any] = {"et_min": [35, 25], "et_margin": 0, "mass_range": [70, 110]}
    samples = str(tmp_path / "samples.tsv")
    values = {"samples": samples, "era": "toy", "mass_window": [80, 100]}
    (tmp_path / "inputs.yml").write_text(json.dumps(values | cuts))
    check = tmp_path / "check"
    assert main(["check", "--inputs", str(tmp_path / "inputs.yml"), "--output", str(check)]) == 0
    job = min((check / "jobs").glob("*.tsv"))
    flags = ["--job", str(job)]
    flags += ["--settings", str(check / "settings/select.json")]
    output, summary = tmp_path / "events.arrow", tmp_path / "summary.json"
    assert main(["select", *flags, "--output", str(output), "--summary", str(summary)]) == 0
    events = open_events(output).read()
    assert len(events) > 500
    assert events.et.min(axis=0).tolist() >= [35, 25]
    assert 70 <= events.mass.min() <= events.mass.max() < 110
    recorded = {cut["name"]: cut["events"] for cut in json.loads(summary.read_text())["cuts"]}
    assert recorded["mass in [70, 110) GeV"] >= len(events) == list(recorded.values())[-1]
    assert any("35/25" in name for name in recorded)
    assert json.loads((check / "inputs.json").read_text())["et_min"] == [35, 25]
    for name in ("eta", "et"):  # categories without Et, and with
        settings = FillSettings(et_min=(40, 30), mass_range=(70, 110))
        filled = fill_masses([events], "data", read_categories(name), settings, Corrections())
        soft = (events.et[:, 0] < 40) | (events.et[:, 1] < 30)
        assert filled.dropped[BELOW_ET] == soft.sum() > 0


def test_f38_unknown_options_are_refused() -> None:
    # some did nothing
    with pytest.raises(InputError, match="unknown key 'min_events'"):
        inputs(min_events=5)
    with pytest.raises(SystemExit):
        main(["fit", "--no-auto-bin"])


def test_f38_options_that_used_to_do_nothing_do_something() -> None:
    settings = inputs(
        min_events_per_run_bin=50,
        bin_width=0.25,
        binning="freedman-diaconis",
        start="scan",
        ignored_pairs=[{"fit": "coarse", "electrons": [{"number": 0}, {"number": 1}]}],
    ).settings()
    counts = dict.fromkeys(range(1, 9), 25)
    assert len(run_bins(counts, settings["run_bins"].min_events)) == 4
    assert settings["fill"].grid.n_bins > FillSettings().grid.n_bins
    task = settings["fit"].task("coarse", read_categories("coarse"), None)
    toy = random_toy(1, 8, 8)
    h = toy.draw(np.random.default_rng(1), 40_000, 40_000)
    found = fit_pairs(h, toy.smearing_of, task.settings)
    assert 1 in found.dropped  # (0, 1) is pair 1
    assert 1 not in found.goodness.pairs
    assert len(set(found.goodness.ndf.tolist())) > 1  # of each pair its own number of bins


def test_f40_nothing_uses_the_global_random_numbers() -> None:
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    states = str(np.random.get_state()), random.getstate()  # noqa: NPY002
    toy = random_toy(1, 3, 2)
    h = toy.draw(np.random.default_rng(1), 20_000, 20_000)
    settings = FitSettings(start="random", n_starts=3, seed=7)
    first, again = (fit_pairs(h, toy.smearing_of, settings) for _ in range(2))
    assert (str(np.random.get_state()), random.getstate()) == states  # noqa: NPY002
    assert np.array_equal(first.scale, again.scale)


def test_f40_a_draw_belongs_to_its_event_wherever_that_stands() -> None:
    # draws used to depend on the number and order of rows
    run, event = np.repeat([1, 2], 500), np.arange(1000)
    order = np.random.default_rng(1).permutation(1000)[:300]
    found = standard_normal(run[order], event[order], 5)
    assert np.array_equal(found, standard_normal(run, event, 5)[order])
    assert not np.array_equal(found, standard_normal(run[order], event[order], 6))


def test_f41_imports_leave_no_trace(tmp_path: Path) -> None:
    # folders used to be made when a module was imported
    names = [
        ".".join(path.relative_to(CODE.parent).with_suffix("").parts)
        for path in SOURCES
        if path.stem not in ("__init__", "__main__") and "report" not in path.parts
    ]
    text = "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)\n"
    done = subprocess.run(
        [sys.executable, "-c", text, *names],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(CODE.parent)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_f41_nothing_is_asked_and_no_site_is_named() -> None:
    for path, tree in SOURCES.items():
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        names = {call.id for call in calls if isinstance(call, ast.Name)}
        assert not names & {"input", "breakpoint"}, path
        texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
        sites = [t for t in texts if isinstance(t, str) and re.search(r"/(eos|afs|home|cvmfs)/", t)]
        assert not sites, path


def test_f42_one_core_is_enough(tmp_path: Path) -> None:
    # the number of workers used to be that of the cores less one
    write_settings(tmp_path / "fill.json", FillSettings())
    with EventWriter(tmp_path / "events.arrow", "data") as writer:
        for stream in range(3):
            writer.write(generate(TRUTH, "data", 1000, stream))
    sample = SampleCutFlow((), (), {}, 1.0, 1.0, 1.0, ())
    write_json(tmp_path / "cut_flow.json", CutFlow(data=sample, sim=sample).to_json())
    cores = os.sched_getaffinity(0)
    flags = ["--events", str(tmp_path / "events.arrow"), "--settings", str(tmp_path / "fill.json")]
    flags += ["--cut-flow", str(tmp_path / "cut_flow.json"), "--categories", "eta"]
    outputs = [tmp_path / name for name in ("many.npz", "one.npz")]
    try:
        for chosen, output in zip((cores, {min(cores)}), outputs, strict=True):
            os.sched_setaffinity(0, chosen)
            assert main(["fill", *flags, "--output", str(output)]) == 0
    finally:
        os.sched_setaffinity(0, cores)
    assert all(a.read_bytes() == b.read_bytes() for a, b in pairwise(outputs))
