"""Corrected events: what is in the file is what a fill makes of raw events and corrections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.categories import CategorySet
from scalesmear.cells import Window
from scalesmear.cli import main
from scalesmear.corrected import correct_events
from scalesmear.corrections import ScaleTable, SmearingTable
from scalesmear.draws import standard_normal
from scalesmear.events import COLUMNS
from scalesmear.fill import Corrections, FillSettings, fill_masses
from scalesmear.histogram import Kind, weight_exponent
from scalesmear.io.eventfile import EventWriter, open_events
from scalesmear.io.tables import write_scales, write_smearings
from scalesmear.io.weightsfile import write_weights
from scalesmear.kinematics import pair_mass
from scalesmear.toys import generate, make_truth
from scalesmear.zweights import WeightTable, ZGrid

if TYPE_CHECKING:
    from pathlib import Path

    from scalesmear.events import Events

TRUTH = make_truth(1)
WINDOWS = [Window((0, 1.4442)), Window((1.4442, 2.5))]
SCALES = ScaleTable.of([(0, 999999)] * 2, WINDOWS, [1.02, 0.97], [0.0, 0.0])
SMEARINGS = SmearingTable.of(WINDOWS, [0.01, 0.03], [0.0, 0.0])
WEIGHTS = WeightTable(ZGrid((0.0, 3.0), (0.0, 14000.0)), np.array([[0.5]]))
ALL = Corrections(SCALES, SMEARINGS, WEIGHTS, seed=5)


def toys(kind: Kind, n: int = 3000) -> Events:
    events = generate(TRUTH, kind, n)
    return events.where(np.all(events.abs_eta < 2.5, axis=1))


def test_energies_of_data_are_multiplied_by_their_scales() -> None:
    raw = toys("data")
    found = correct_events(raw, "data", ALL)
    factor = np.where(raw.abs_eta < 1.4442, 1.02, 0.97)
    expected = np.sort(raw.et * factor, axis=1)[:, ::-1]
    np.testing.assert_allclose(found.events.et, expected, rtol=1e-6)
    # of massless electrons: computed from energies and directions
    mass = pair_mass(raw.et * factor, raw.eta.astype(float), raw.phi.astype(float))
    np.testing.assert_allclose(found.events.mass, mass, rtol=1e-5)
    assert np.array_equal(found.events.weight, raw.weight)
    assert found.n_missing == 0


def test_simulation_is_smeared_and_weighted() -> None:
    raw = toys("sim")
    found = correct_events(raw, "sim", ALL)
    sigma = np.where(raw.abs_eta < 1.4442, 0.01, 0.03)
    et = raw.et * (1 + sigma * standard_normal(raw.run, raw.event, 5))
    np.testing.assert_allclose(found.events.et, np.sort(et, axis=1)[:, ::-1], rtol=1e-6)
    assert np.array_equal(found.events.weight, raw.weight * np.float32(0.5))


def test_electrons_that_change_places_take_all_they_have_along() -> None:
    raw = toys("data")
    found = correct_events(raw, "data", ALL).events
    factor = np.where(raw.abs_eta < 1.4442, 1.02, 0.97)
    swapped = (raw.et * factor)[:, 1] > (raw.et * factor)[:, 0]
    assert 0 < swapped.sum() < len(raw)
    for name in ("eta", "phi", "eta_sc", "r9", "gain"):
        assert np.array_equal(getattr(found, name)[swapped], getattr(raw, name)[swapped, ::-1])
        assert np.array_equal(getattr(found, name)[~swapped], getattr(raw, name)[~swapped])


@pytest.mark.parametrize("kind", ["data", "sim"])
def test_a_fill_of_corrected_events_is_the_fill_that_corrects(kind: Kind) -> None:
    raw, settings = toys(kind), FillSettings()
    categories = CategorySet.from_blocks(
        {"scales": [{"abs_eta": [0, 1.5, 2.5]}], "smearings": [{"abs_eta": [0, 1.5, 2.5]}]}
    )
    exponent = weight_exponent(float(np.abs(raw.weight).max())) if kind == "sim" else 0
    fills = [
        fill_masses([events], kind, categories, settings, corrections, exponent)
        for events, corrections in (
            (raw, ALL),
            (correct_events(raw, kind, ALL).events, Corrections()),
        )
    ]
    assert fills[0].dropped == fills[1].dropped
    cells = [fill.contents.reshape(3, -1).cumsum(axis=1) for fill in fills]
    # a mass in float32 may fall to the other side of an edge
    assert np.abs(cells[0] - cells[1]).max() <= 0.002 * np.abs(cells[0]).max()


def test_an_electron_in_no_row_is_counted_and_keeps_its_energy() -> None:
    raw = toys("data")
    barrel = ScaleTable.of([(0, 999999)], WINDOWS[:1], [1.02], [0.0])
    found = correct_events(raw, "data", Corrections(barrel))
    outside = raw.abs_eta >= np.float32(1.4442)
    assert found.n_missing == np.count_nonzero(outside)
    assert len(found.events) == len(raw)
    kept = outside.all(axis=1)
    assert np.array_equal(found.events.et[kept], raw.et[kept])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kind in ("data", "sim"):
        with EventWriter(tmp_path / f"{kind}.arrow", kind) as writer:
            writer.write(toys(kind))
    write_scales(tmp_path / "scales.dat", SCALES)
    write_smearings(tmp_path / "smearings.dat", SMEARINGS)
    write_weights(tmp_path / "weights.tsv", WEIGHTS)
    return tmp_path


def applied(folder: Path, kind: Kind, output: str, *flags: str) -> int:
    paths = [word if word.startswith("--") else str(folder / word) for word in flags]
    words = ["--events", str(folder / f"{kind}.arrow"), "--output", str(folder / output)]
    return main(["apply", *words, *paths, "--seed", "5"])


def test_events_are_written_as_a_step_reads_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--smearings", "smearings.dat", "--weights", "weights.tsv", "--scales", "scales.dat")
    assert applied(folder, "sim", "out.arrow", *flags) == 0
    file, expected = open_events(folder / "out.arrow"), correct_events(toys("sim"), "sim", ALL)
    assert file.kind == "sim"
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(file.read(), name), getattr(expected.events, name))
    assert "0 electrons in no row of a table keep their energy" in capsys.readouterr().out


def test_text_holds_the_same_numbers(folder: Path) -> None:
    assert applied(folder, "data", "out.tsv", "--scales", "scales.dat") == 0
    header, first, *others = (folder / "out.tsv").read_text().splitlines()
    expected = correct_events(toys("data"), "data", ALL).events
    assert len(others) + 1 == len(expected)
    values = dict(zip(header.split("\t"), first.split("\t"), strict=True))
    assert int(values["event"]) == expected.event[0]
    for name in ("et", "eta", "phi", "eta_sc", "r9", "gain"):
        read = [np.float32(values[f"{name}[{i}]"]) for i in (0, 1)]
        assert read == getattr(expected, name)[0].tolist()
    assert np.float32(values["mass"]) == expected.mass[0]


@pytest.mark.parametrize(
    ("kind", "flags", "problem"),
    [
        ("data", ["--smearings", "smearings.dat"], "holds data, for which nothing is given"),
        ("sim", ["--scales", "scales.dat"], "give --smearings or --weights"),
        ("data", ["--scales", "other.dat"], "no row holds run"),
        ("sim", ["--smearings", "smearings.dat", "--seed=-1"], "--seed: is -1"),
    ],
)
def test_what_would_not_be_corrected_is_refused(
    kind: Kind, flags: list[str], problem: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_scales(folder / "other.dat", ScaleTable.of([(1, 2)] * 2, WINDOWS, [1, 1], [0, 0]))
    paths = [word if word.startswith("--") else str(folder / word) for word in flags]
    words = ["--events", str(folder / f"{kind}.arrow"), "--output", str(folder / "out.arrow")]
    assert main(["apply", *words, *paths]) == 1
    assert problem in capsys.readouterr().err
    assert not (folder / "out.arrow").exists()
