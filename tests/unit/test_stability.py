import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from scalesmear.cli import main
from scalesmear.errors import FitError, InputError
from scalesmear.events import COLUMNS, Events
from scalesmear.histogram import Kind
from scalesmear.io.eventfile import EventWriter
from scalesmear.io.tables import read_scales, write_run_bins
from scalesmear.kinematics import Z_MASS
from scalesmear.stability import (
    DATA_COLUMNS,
    DIFFERENT_REGIONS,
    OUTSIDE_REGIONS,
    TABLE_HEADER,
    Stability,
    StabilitySettings,
    collect_masses,
    collect_simulation,
    derive_stability,
    region_number,
    simulation_targets,
    stability_table,
    z_mass_targets,
)

REGIONS = ((0.0, 1.0), (1.566, 2.5))
RUN_BINS = [(1, 9), (10, 19), (20, 29)]


def settings(**changes: Any) -> StabilitySettings:
    values: dict[str, Any] = {
        "regions": REGIONS,
        "target": "z_mass",
        "min_events": 100,
        "mass_window": (80.0, 100.0),
    }
    return StabilitySettings(**(values | changes))


def events(run: ArrayLike, mass: ArrayLike, eta_sc: ArrayLike) -> Events:
    """Return events whose electrons both have the given eta_SC unless it has shape (n, 2)."""
    eta = np.asarray(eta_sc, dtype=np.float32)
    both = np.stack([eta, -eta], axis=1) if eta.ndim == 1 else eta
    return Events(run=np.asarray(run), mass=np.asarray(mass), eta_sc=both)


def peak_events(counts: dict[tuple[int, float], int], seed: int = 3) -> Events:
    """Return events of a normal peak at 90 GeV, so many for each run and eta_SC."""
    draws = np.random.default_rng(seed)
    parts = [
        events(np.full(n, run), draws.normal(90.0, 2.5, n), np.full(n, eta))
        for (run, eta), n in counts.items()
    ]
    return Events.concatenate(parts)


def derive(data: Events, **changes: Any) -> Stability:
    wanted = settings(**changes)
    masses = collect_masses([data], wanted.regions, RUN_BINS)
    return derive_stability(masses, RUN_BINS, z_mass_targets(wanted.regions), wanted)


FULL = {(run, eta): 400 for run in (5, 15, 25) for eta in (0.5, 2.0)}


def test_regions_are_half_open_and_compared_in_float32() -> None:
    abs_eta = np.array([[0.0, 1.0], [1.566, 2.5], [1.2, 2.4999]], dtype=np.float32)
    assert region_number(abs_eta, REGIONS).tolist() == [[0, -1], [1, -1], [-1, 1]]


def test_masses_are_sorted_into_regions_and_run_bins() -> None:
    data = events([25, 5, 5, 15], [92, 91, 90, 93], [0.1, 0.2, -0.3, 2.0])
    collected = collect_masses([data], REGIONS, RUN_BINS)
    assert [[cell.tolist() for cell in row] for row in collected.masses] == [
        [[90.0, 91.0], [], [92.0]],
        [[], [93.0], []],
    ]


def test_dropped_events_are_counted_by_reason() -> None:
    eta = [[0.5, -0.5], [0.5, 2.0], [0.5, 1.5], [1.5, 1.5]]
    collected = collect_masses([events([5] * 4, [90] * 4, eta)], REGIONS, RUN_BINS)
    assert collected.n_events == 4
    assert collected.dropped == {DIFFERENT_REGIONS: 1, OUTSIDE_REGIONS: 2}


def test_a_run_in_no_bin_is_an_error() -> None:
    with pytest.raises(InputError, match="run 30 lies in no bin"):
        collect_masses([events([5, 30], [90, 90], [0.5, 0.5])], REGIONS, RUN_BINS)


def test_no_events_make_empty_cells() -> None:
    collected = collect_masses([], REGIONS, RUN_BINS)
    assert [[len(cell) for cell in row] for row in collected.masses] == [[0] * 3] * 2


def test_cells_are_listed_runs_outer_and_keep_their_own_events() -> None:
    stability = derive(peak_events(FULL))
    assert [(cell.runs, cell.region) for cell in stability.cells] == [
        (runs, region) for runs in RUN_BINS for region in REGIONS
    ]
    assert all(cell.before.events == 400 for cell in stability.cells)
    assert stability.merged == []


def test_every_cell_reaches_the_target() -> None:
    for cell in derive(peak_events(FULL)).cells:
        assert cell.after.median == pytest.approx(Z_MASS, abs=1e-12)
        # medians of 400 events of a peak 2.5 GeV wide scatter by 1.25 * 2.5 / 20 = 0.16 GeV
        assert cell.scale == pytest.approx(Z_MASS / 90, abs=4 * 0.16 / 90)
        assert cell.error == pytest.approx(0.16 / 90, rel=0.3)


def test_a_cell_with_few_events_joins_its_neighbour_in_that_region_only() -> None:
    stability = derive(peak_events(FULL | {(25, 2.0): 30}))
    assert stability.merged_groups == {"runs 10-29, |eta| 1.566-2.5": 2}
    merged = stability.merged
    assert [cell.name for cell in merged] == [
        "runs 10-19, |eta| 1.566-2.5",
        "runs 20-29, |eta| 1.566-2.5",
    ]
    assert merged[0].scale == merged[1].scale
    assert merged[0].before.events == 430


def test_an_empty_cell_joins_its_neighbour() -> None:
    counts = {cell: n for cell, n in FULL.items() if cell != (5, 0.5)}
    stability = derive(peak_events(counts))
    assert stability.cells[0].merged_runs == (1, 19)
    assert stability.cells[0].before.events == 400


def test_a_region_without_events_is_an_error() -> None:
    counts = {cell: n for cell, n in FULL.items() if cell[1] < 1} | {(5, 2.0): 9}
    with pytest.raises(InputError, match=r"region \|eta\| 1.566-2.5: 9 data events"):
        derive(peak_events(counts))


def test_a_cell_that_cannot_be_solved_is_named() -> None:
    # a peak at 90 * 1.15 = 103.5 GeV needs a scale of 0.88
    data = peak_events(FULL)
    shifted = Events(run=data.run, mass=data.mass * np.float32(1.15), eta_sc=data.eta_sc)
    with pytest.raises(FitError, match=r"runs 1-9, \|eta\| 0-1: no scale within 10% of 1"):
        derive(shifted, min_events=1)


def test_target_from_simulation_is_its_weighted_median() -> None:
    data = peak_events({(1, 0.5): 3000, (1, 2.0): 1000})
    weight = np.ones(len(data), dtype=np.float32)
    sim = Events(weight=weight, mass=data.mass, eta_sc=data.eta_sc)
    targets = simulation_targets(collect_simulation([sim], REGIONS), settings())
    for target, eta, n in zip(targets, (0.5, 2.0), (3000, 1000), strict=True):
        mass = data.mass[data.eta_sc[:, 0] == np.float32(eta)].astype(float)
        inside = mass[(mass >= 80) & (mass < 100)]
        assert target.mass == pytest.approx(np.median(inside), abs=1e-12)
        assert target.events == len(inside)
        assert target.error == pytest.approx(1.2533 * 2.5 / np.sqrt(n), rel=0.15)


def test_data_like_the_simulation_need_no_scale() -> None:
    data = peak_events(FULL)
    sim = Events(weight=np.full(len(data), 0.25), mass=data.mass, eta_sc=data.eta_sc)
    targets = simulation_targets(collect_simulation([sim], REGIONS), settings())
    one_bin = [(1, 29)]
    masses = collect_masses([data], REGIONS, one_bin)
    stability = derive_stability(masses, one_bin, targets, settings(target="simulation"))
    assert [cell.scale for cell in stability.cells] == pytest.approx([1.0, 1.0], abs=1e-12)


def test_simulation_without_events_in_a_region_is_an_error() -> None:
    data = peak_events({(1, 0.5): 100})
    sim = Events(weight=np.ones(100), mass=data.mass, eta_sc=data.eta_sc)
    with pytest.raises(InputError, match=r"\|eta\| 1.566-2.5: 0 simulated events"):
        simulation_targets(collect_simulation([sim], REGIONS), settings())


def test_simulation_whose_weights_cancel_is_an_error() -> None:
    data = peak_events({(1, 0.5): 100, (1, 2.0): 100})
    sim = Events(weight=-np.ones(200), mass=data.mass, eta_sc=data.eta_sc)
    with pytest.raises(FitError, match=r"simulation in \|eta\| 0-1: the weights near"):
        simulation_targets(collect_simulation([sim], REGIONS), settings())


def test_table_has_a_header_and_a_row_per_cell() -> None:
    stability = derive(peak_events(FULL))
    rows = [line.split("\t") for line in stability_table(stability).splitlines()]
    assert rows[0] == list(TABLE_HEADER)
    assert len(rows) == 1 + 6
    first, cell = dict(zip(TABLE_HEADER, rows[1], strict=True)), stability.cells[0]
    assert (first["run_min"], first["run_max"], first["eta_max"]) == ("1", "9", "1.0")
    assert float(first["scale"]) == cell.scale
    assert float(first["median_corr"]) == cell.after.median
    assert float(first["scale_error"]) == cell.error
    assert first["events"] == "400"


def test_json_is_plain_and_marks_merged_cells() -> None:
    content = derive(peak_events(FULL | {(25, 2.0): 30})).to_json()
    again = json.loads(json.dumps(content))
    assert [cell["merged"] for cell in again["cells"]] == [False] * 3 + [True, False, True]
    assert again["cells"][0]["before"]["events"] == 400
    assert again["targets"][1] == {
        "region": [1.566, 2.5],
        "mass": Z_MASS,
        "error": 0.0,
        "events": 0,
    }


def test_the_result_survives_a_json_file() -> None:
    stability = derive(peak_events(FULL | {(25, 2.0): 30}))
    assert Stability.from_json(json.loads(json.dumps(stability.to_json()))) == stability


@pytest.mark.parametrize("content", [{}, {"cells": 3}, {"targets": [{"mass": 91.0}], "cells": []}])
def test_something_else_is_not_a_stability(content: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"file.json: not a stability"):
        Stability.from_json(content, "file.json")


def test_scale_table_has_the_scale_of_every_cell() -> None:
    stability = derive(peak_events(FULL))
    table = stability.scale_table
    run = np.array([cell.runs[1] for cell in stability.cells])
    abs_eta = np.array([cell.region[0] for cell in stability.cells])
    any_r9, any_et = np.full(6, 0.9), np.full(6, 45.0)
    found = table.lookup(run, abs_eta, any_r9, any_et)
    assert found.n_missing == 0
    assert found.scale.tolist() == [cell.scale for cell in stability.cells]


def test_overlapping_regions_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        region_number(np.array([0.5], dtype=np.float32), [(0.0, 1.0), (0.5, 2.0)])


def test_only_the_stated_columns_are_used() -> None:
    assert peak_events(FULL).columns == DATA_COLUMNS


def write_events(path: Path, kind: Kind, data: Events) -> str:
    """Write a file of events whose other columns are zero."""
    n = len(data)
    shapes = {name: (n, 2) if about.per_electron else (n,) for name, about in COLUMNS.items()}
    columns = {name: np.zeros(shape) for name, shape in shapes.items()}
    known = {name: getattr(data, name) for name in data.columns}
    with EventWriter(path, kind) as writer:
        writer.write(Events(**(columns | {"weight": np.ones(n)} | known)))
    return str(path)


def run_verb(folder: Path, files: list[str], **changes: Any) -> dict[str, Path]:
    """Run the verb on events files; return the files that it wrote."""
    folder.mkdir()
    (folder / "stability.json").write_text(json.dumps(asdict(settings(**changes))))
    write_run_bins(folder / "run_bins.dat", RUN_BINS)
    wrote = {flag: folder / f"out.{flag}" for flag in ("output", "table", "result")}
    flags = [word for flag, path in wrote.items() for word in (f"--{flag}", str(path))]
    flags += ["--run-bins", str(folder / "run_bins.dat")]
    flags += ["--settings", str(folder / "stability.json")]
    assert main(["stability", "--events", *files, *flags]) == 0
    return wrote


def test_the_verb_writes_scales_table_and_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = peak_events(FULL | {(25, 2.0): 30})
    file = write_events(tmp_path / "data.arrow", "data", data)
    wrote = run_verb(tmp_path / "out", [file])
    expected = derive(data)
    assert Stability.from_json(json.loads(wrote["result"].read_text())) == expected
    assert wrote["table"].read_text() == stability_table(expected)
    table = read_scales(wrote["output"])
    assert table.scale.tolist() == [cell.scale for cell in expected.cells]
    said = capsys.readouterr().out
    assert "runs 10-29, |eta| 1.566-2.5: 2 run bins merged for fewer than 100 events" in said


def test_files_in_another_order_give_the_same_bytes(tmp_path: Path) -> None:
    data = peak_events(FULL)
    split = [data.where(slice(i, None, 3)) for i in range(3)]
    sim = write_events(tmp_path / "sim.arrow", "sim", peak_events({(1, 0.5): 90, (1, 2.0): 90}))
    files = [write_events(tmp_path / f"{i}.arrow", "data", part) for i, part in enumerate(split)]
    whole = [write_events(tmp_path / "all.arrow", "data", data)]
    orders = {"a": [sim, *files], "b": [*reversed(files), sim], "c": [*whole, sim]}
    written = {
        name: run_verb(tmp_path / name, order, target="simulation")
        for name, order in orders.items()
    }
    for flag in ("output", "table"):
        assert len({wrote[flag].read_bytes() for wrote in written.values()}) == 1


def test_events_without_data_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sim = write_events(tmp_path / "sim.arrow", "sim", peak_events({(1, 0.5): 10}))
    with pytest.raises(AssertionError):
        run_verb(tmp_path / "out", [sim])
    assert "no file of data among them" in capsys.readouterr().err
    assert not (tmp_path / "out" / "out.output").exists()
