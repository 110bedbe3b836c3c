"""Faults of earlier frameworks that concern systematic errors, and what happens here instead."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.cli import main
from scalesmear.corrections import ScaleTable, SmearingTable
from scalesmear.cutflow import CutFlow, SampleCutFlow
from scalesmear.fill import Corrections, FillSettings, fill_masses
from scalesmear.fit import fit_pairs
from scalesmear.fitplan import FitPlan
from scalesmear.histogram import PairHistograms
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.eventfile import EventWriter
from scalesmear.io.files import write_json, write_settings
from scalesmear.io.tables import read_scales, write_scales, write_smearings
from scalesmear.toys import generate, make_truth
from scalesmear.variations import moved

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from scalesmear.events import Events

VARIATIONS = """
- {name: R9 0.95, source: R9 boundary, r9_edge: [0.96, 0.95]}
- {name: R9 0.97, source: R9 boundary, r9_edge: [0.96, 0.97]}
- {name: no weights, source: weights, reweight: false}
- {name: narrow, source: mass window, mass_window: [82, 98]}
"""
COARSE = read_categories("coarse")


def write_inputs(folder: Path, data: Events, sim: Events) -> None:
    for kind, events in (("data", data), ("sim", sim)):
        with EventWriter(folder / f"{kind}.arrow", "data" if kind == "data" else "sim") as writer:
            writer.write(events)
    largest = float(np.abs(sim.weight).max())
    sample = SampleCutFlow((), (), {}, 1.0, 1.0, largest, ())
    write_json(folder / "cut_flow.json", CutFlow(data=sample, sim=sample).to_json())
    write_settings(folder / "fill.json", FillSettings())
    write_settings(folder / "fit.json", FitPlan())
    (folder / "variations.yml").write_text(VARIATIONS)
    ones, zeros = np.ones(8), np.zeros(8)
    scales = ScaleTable.of([(1, 999999)] * 8, COARSE.scales, ones, zeros)
    write_scales(folder / "toy_scales.dat", scales)
    smearings = SmearingTable.of(COARSE.smearings, 0.01 * ones, zeros)
    write_smearings(folder / "toy_smearings.dat", smearings)


def scales_with_edge(data: Events, sim: Events, edge: float | None) -> NDArray[np.float64]:
    """Fit events in categories with another edge in R9, step by step."""
    categories = moved(COARSE, None if edge is None else (0.96, edge))
    exponent = math.ceil(math.log2(float(np.abs(sim.weight).max())))
    filled = [
        fill_masses([data], "data", categories, FillSettings(), Corrections()),
        fill_masses([sim], "sim", categories, FillSettings(), Corrections(), exponent),
    ]
    return fit_pairs(PairHistograms.of(filled[0], filled[1]), COARSE.smearing_of).scale


def test_f34_each_variation_is_compared_with_the_nominal_fit_and_kept(tmp_path: Path) -> None:
    # down used to be compared with up, 0.935 stood for 0.955, and writing ended in an error
    truth = make_truth(1, n_runs=1)
    data, sim = generate(truth, "data", 40_000), generate(truth, "sim", 80_000)
    write_inputs(tmp_path, data, sim)
    common = ["--categories", "coarse", "--variations", str(tmp_path / "variations.yml")]
    for kind in ("data", "sim"):
        flags = ["--events", str(tmp_path / f"{kind}.arrow"), *common, "--cut-flow"]
        flags += [str(tmp_path / "cut_flow.json"), "--settings", str(tmp_path / "fill.json")]
        assert main(["fill-variations", *flags, "--output", str(tmp_path / kind)]) == 0
    flags = ["--histograms", str(tmp_path / "data"), str(tmp_path / "sim"), *common]
    for name in ("scales", "smearings"):
        flags += [f"--{name}", str(tmp_path / f"toy_{name}.dat")]
    output = tmp_path / "systematics"
    flags += ["--settings", str(tmp_path / "fit.json"), "--output", str(output)]
    assert main(["systematics", *flags]) == 0
    content = json.loads((output / "systematics.json").read_text())
    shifts = {shift["name"]: shift for shift in content["variations"]}
    nominal = scales_with_edge(data, sim, None)
    for edge in (0.95, 0.97):
        expected = scales_with_edge(data, sim, edge) / nominal - 1
        np.testing.assert_allclose(shifts[f"R9 {edge}"]["scale"], expected, atol=1e-6)
    # nothing weights the events here, so that leaving weights out changes nothing
    assert not np.any(shifts["no weights"]["scale"])
    kept = {path.stem for path in (output / "sources").glob("*.tsv")}
    assert kept == {"R9_boundary", "weights", "mass_window"}
    boundary = np.abs([shifts[f"R9 {edge}"]["scale"] for edge in (0.95, 0.97)]).max(axis=0)
    total = np.hypot(boundary, shifts["narrow"]["scale"])
    np.testing.assert_allclose(content["total"]["scale"], total, rtol=1e-9)
    table = read_scales(output / "toy_systematics_scales.dat")
    np.testing.assert_allclose(np.sort(table.err), np.sort(total), atol=1e-6)
