"""Toy events: what is drawn from which stream, and what the truth says."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import uproot

from scalesmear import toys
from scalesmear.cli import main
from scalesmear.cli._ingredients import DataSet, read_ingredients
from scalesmear.cli.toys import NUMBERS, OTHER_STREAM
from scalesmear.events import Events
from scalesmear.io.ntuples import open_ntuple
from scalesmear.io.samples import read_samples
from scalesmear.io.samplestable import read_sample
from scalesmear.kinematics import pair_mass
from scalesmear.toys import (
    chunk_sizes,
    et_factor,
    generate,
    generate_chunk,
    make_truth,
    produce_chunk,
    region,
    true_scale,
    true_smearing,
)

if TYPE_CHECKING:
    from pathlib import Path

    from scalesmear.histogram import Kind


def same(a: Events, b: Events) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in a.columns)


@pytest.mark.parametrize("kind", ["data", "sim"])
def test_equal_seeds_give_equal_events(kind: Kind) -> None:
    first, second = (generate(make_truth(5), kind, 500) for _ in range(2))
    assert len(first) == 500
    assert same(first, second)


def test_seeds_streams_and_kinds_give_other_events() -> None:
    truth = make_truth(5)
    samples = [
        generate(truth, "data", 200),
        generate(truth, "data", 200, stream=1),
        generate(truth, "sim", 200),
        generate(make_truth(6), "data", 200),
    ]
    masses = np.concatenate([sample.mass for sample in samples])
    assert len(np.unique(masses)) == len(masses)


def test_a_chunk_does_not_depend_on_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toys, "CHUNK_SIZE", 300)
    truth = make_truth(1)
    assert list(chunk_sizes(700)) == [300, 300, 100]
    events = generate(truth, "data", 700, stream=3)
    assert same(generate_chunk(truth, "data", 300, 3, 1), events.where(slice(300, 600)))
    assert len(np.unique(events.event)) == 700


def test_no_event_number_occurs_in_two_streams() -> None:
    truth = make_truth(1)
    first, second = (generate(truth, "sim", 50, stream=stream) for stream in (0, 1))
    assert not set(first.event) & set(second.event)


def test_a_longer_stream_starts_with_a_shorter_one() -> None:
    truth = make_truth(8)
    short, long = (generate(truth, "sim", n) for n in (200, 5000))
    assert same(short, long.where(slice(0, 200)))


def test_no_events_can_be_asked_for() -> None:
    assert len(generate(make_truth(1), "sim", 0)) == 0


def test_leading_comes_first_and_the_mass_is_that_of_the_electrons() -> None:
    events = generate(make_truth(1), "data", 2000)
    assert np.all(events.et[:, 0] >= events.et[:, 1])
    expected = pair_mass(
        events.et.astype(float), events.eta.astype(float), events.phi.astype(float)
    )
    np.testing.assert_allclose(events.mass, expected, rtol=1e-5)


def test_the_truth_is_looked_up_in_half_open_windows() -> None:
    abs_eta = np.array([0, 0.999, 1.0, 1.2, 1.4442, 1.566, 2.0, 2.49], np.float32)
    assert region(abs_eta).tolist() == [
        0, 0, 1, 2, 2, 3, 4, 4,
    ]  # fmt: skip


def test_true_scale_is_the_product_of_scale_drift_and_gain() -> None:
    truth = make_truth(1, gain_scales={12: 1.0, 6: 1.5, 1: 2.0})
    pair = Events(
        run=truth.runs[[7]],
        eta_sc=np.array([[0.3, -2.1]]),
        r9=np.array([[0.95, 0.96]]),
        gain=np.array([[6, 12]]),
        et=np.array([[150.0, 45.0]], np.float32),
    )
    expected = [
        truth.scales[0, 0] * truth.drift[7, 0] * 1.5,
        truth.scales[4, 1] * truth.drift[7, 4] * 1.0,
    ]
    assert true_scale(truth, pair)[0].tolist() == pytest.approx(expected)
    assert true_smearing(truth, pair)[0].tolist() == [truth.smearings[0, 0], truth.smearings[4, 1]]


def test_the_factor_by_et_is_that_of_the_et_which_the_other_factors_leave() -> None:
    truth = make_truth(2, et_slope=0.003)
    # 0.3 % for 10 GeV above 45 GeV, and the ends of the line beyond 25 and 65 GeV
    found = et_factor(truth, np.array([45.0, 55.0, 10.0, 300.0]))
    assert found.tolist() == pytest.approx([1, 1.003, 0.994, 1.006])
    # with the factor, energies are those without it: smeared alike, and calibrated the same
    level = dataclasses.replace(truth, et_slope=0.0)
    steep, flat = (generate(t, "data", 300) for t in (truth, level))
    common = np.isin(steep.phi[:, 0], flat.phi[:, 0])
    others = np.isin(flat.phi[:, 0], steep.phi[common, 0])
    assert common.sum() > 100
    calibrated = (steep.et * true_scale(truth, steep))[common]
    np.testing.assert_allclose(calibrated, (flat.et * true_scale(level, flat))[others], rtol=2e-6)


def test_the_scale_divides_the_energy_and_nothing_else() -> None:
    truth = make_truth(3)
    ones = dataclasses.replace(
        truth, scales=np.ones((5, 2)), drift=np.ones_like(truth.drift), gain_scales={}
    )
    # many of the same pairs pass when all energies are 25 % larger
    larger = dataclasses.replace(ones, scales=np.full((5, 2), 0.8))
    nominal, scaled = (generate(t, "data", 300) for t in (ones, larger))
    common = np.isin(nominal.phi[:, 0], scaled.phi[:, 0])
    chosen = np.isin(scaled.phi[:, 0], nominal.phi[common, 0])
    assert common.sum() > 100
    expected = nominal.where(common)
    found = scaled.where(chosen)
    np.testing.assert_allclose(found.et, expected.et / 0.8, rtol=1e-5)
    np.testing.assert_array_equal(found.eta_sc, expected.eta_sc)


def test_the_truth_as_json_has_each_window_once() -> None:
    truth = make_truth(1, n_runs=4, background_fraction=0.01)
    content = json.loads(json.dumps(truth.as_json()))
    assert content["seed"] == 1
    assert content["background_fraction"] == 0.01
    assert content["gain"] == {"6": 1.007, "1": 1.02}
    assert len(content["scales"]) == len(content["smearings"]) == 10
    assert content["scales"][3] == {
        "abs_eta": [1.0, 1.2],
        "r9": [0.96, None],
        "scale": truth.scales[1, 1],
    }
    assert content["smearings"][0]["smearing"] == truth.smearings[0, 0]
    assert content["drift"]["runs"] == truth.runs.tolist()
    assert np.shape(content["drift"]["factor"]) == (4, 5)


def test_a_single_run_does_not_drift() -> None:
    assert make_truth(1, n_runs=1).drift.tolist() == [[1.0] * 5]


# The verb


def write_toys(folder: Path, data_files: int, *options: str) -> Path:
    words = ["--data-events", "301", "--data-files", str(data_files), "--sim-files", "1"]
    words += ["--sim-events", "200", "--seed", "9", "--runs", "5", *options]
    assert main(["toys", "--output", str(folder), *words]) == 0
    return folder


def read_events(path: Path, kind: Kind) -> Events:
    with open_ntuple(path, "selected", kind) as ntuple:
        return Events.concatenate(candidates.events for candidates in ntuple.candidates())


def test_the_verb_writes_files_their_list_and_the_truth(tmp_path: Path) -> None:
    folder = write_toys(tmp_path, 2)
    samples = read_samples(folder / "samples.tsv")
    assert [sample.kind for sample in samples] == ["data", "data", "sim"]
    sizes = [len(read_events(folder / sample.path, sample.kind)) for sample in samples]
    assert sizes == [151, 150, 200]
    truth = make_truth(9, 5, sim_z_pt=1.1)
    assert json.loads((folder / "truth.json").read_text()) == json.loads(
        json.dumps(truth.as_json())
    )
    # what the files hold is what can be generated without them
    second = read_events(folder / samples[1].path, "data")
    expected = generate(truth, "data", 150, stream=1)
    np.testing.assert_array_equal(second.event, expected.event)
    np.testing.assert_array_equal(second.r9, expected.r9)
    np.testing.assert_allclose(second.et, expected.et, rtol=3e-7)


def test_another_simulation_is_listed_if_it_is_asked_for(tmp_path: Path) -> None:
    plain = write_toys(tmp_path / "plain", 1)
    assert not any(sample.other for sample in read_samples(plain / "samples.tsv"))
    options = ["--other-events", "150", "--other-scale", "1.01", "--other-z-pt", "0.9"]
    folder = write_toys(tmp_path / "other", 1, *options)
    *nominal, other = read_samples(folder / "samples.tsv")
    assert [sample.other for sample in (*nominal, other)] == [False, False, True]
    for name in ("data-1", "sim-1"):
        path = f"ntuples/{name}.root"
        kind: Kind = "data" if name == "data-1" else "sim"
        assert same(read_events(plain / path, kind), read_events(folder / path, kind))
    found = read_events(folder / other.path, "sim")
    truth = make_truth(9, 5, sim_z_pt=0.9, sim_scale=1.01)
    expected = generate(truth, "sim", 150, stream=OTHER_STREAM)
    np.testing.assert_array_equal(found.event, expected.event)
    np.testing.assert_allclose(found.et, expected.et, rtol=3e-7)


def test_all_energies_of_a_simulation_have_its_scale() -> None:
    # the same stream: what is accepted with both is the same event, 1 % higher
    one, other = (
        generate(make_truth(3, sim_scale=scale), "sim", 3000, stream=2) for scale in (1.0, 1.01)
    )
    _, first, second = np.intersect1d(one.r9[:, 0], other.r9[:, 0], return_indices=True)
    assert len(first) > 2000
    np.testing.assert_allclose(other.et[second], 1.01 * one.et[first], rtol=1e-6)
    np.testing.assert_allclose(other.mass[second], 1.01 * one.mass[first], rtol=1e-6)


def test_a_file_does_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    two, three = (write_toys(tmp_path / str(n), n) for n in (2, 3))
    first, same_first = (
        read_events(folder / "ntuples" / "data-1.root", "data") for folder in (two, three)
    )
    assert (len(first), len(same_first)) == (151, 101)
    assert same(first.where(slice(0, 50)), same_first.where(slice(0, 50)))


def test_the_branches_are_those_of_ecalelf(tmp_path: Path) -> None:
    folder = write_toys(tmp_path, 1, "--compression", "zstd")
    with uproot.open(folder / "ntuples" / "data-1.root") as file:
        types = {branch.name: branch.typename for branch in file["selected"].branches}
        third = {
            name: file["selected"][name].array(library="np")[0, 2]
            for name in ("phiEle", "chargeEle", "gainSeedSC")
        }
        assert file.file.compression == uproot.ZSTD(1)
    assert third == {"phiEle": -999, "chargeEle": -100, "gainSeedSC": 0}
    assert types == {
        "runNumber": "uint32_t",
        "lumiBlock": "uint16_t",
        "eventNumber": "uint64_t",
        "mcGenWeight": "float",
        "etaEle": "float[3]",
        "phiEle": "float[3]",
        "etaSCEle": "float[3]",
        "R9Ele": "float[3]",
        "energy_ECAL_ele": "float[3]",
        "invMass_ECAL_ele": "float",
        "gainSeedSC": "uint8_t[3]",
        "chargeEle": "int16_t[3]",
        "eleID": "uint32_t[3]",
        "rho": "float",
        "nPV": "uint8_t",
        "nPU": "uint8_t",
    }


def test_options_reach_the_truth(tmp_path: Path) -> None:
    options = ["--background-fraction", "0.05", "--gain-6-scale", "1.1", "--negative-fraction", "0"]
    folder = write_toys(tmp_path, 1, *options)
    truth = json.loads((folder / "truth.json").read_text())
    assert truth["background_fraction"] == 0.05
    assert truth["gain"]["6"] == 1.1
    assert len(truth["drift"]["runs"]) == 5
    assert np.all(read_events(folder / "ntuples" / "sim-1.root", "sim").weight > 0)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--data-files", "0"),
        ("--sim-events", "-1"),
        ("--data-events", "0"),
        ("--runs", "0"),
        ("--seed", "-1"),
        ("--background-fraction", "1.5"),
        ("--negative-fraction", "0.5"),
        ("--gain-1-scale", "0"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    assert main(["toys", "--output", str(tmp_path / "toys"), option, value]) == 1
    error = capsys.readouterr().err
    assert f"{option}: is {value}" in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "toys").exists()


def test_what_was_made_is_that_of_all_blocks_but_the_share_not_used() -> None:
    truth = make_truth(2, negative_fraction=0.0, weight=3.0)
    few, many = (produce_chunk(truth, "sim", n, 0, 0) for n in (1000, 2000))
    # both are drawn from one block of pairs, of which a share is used
    assert many.n_made == pytest.approx(2 * few.n_made)
    assert few.sum_of_weights == pytest.approx(3 * few.n_made)
    accepted = 1000 / few.n_made
    larger = produce_chunk(truth, "sim", 50_000, 0, 0)
    assert 50_000 / larger.n_made == pytest.approx(accepted, abs=4 * np.sqrt(0.25 / 4096))
    assert produce_chunk(truth, "sim", 0, 0, 0).n_made == 0


def test_background_is_not_made_of_z_bosons() -> None:
    truth = make_truth(2, background_fraction=0.5)
    data, sim = (produce_chunk(truth, kind, 20_000, 0, 0) for kind in ("data", "sim"))
    # the continuum is softer than the Z: fewer of its pairs are accepted
    assert 0.4 * sim.n_made < data.n_made < 0.8 * sim.n_made


def test_table_of_samples_holds_what_was_made(tmp_path: Path) -> None:
    words = ["--data-events", "3000", "--sim-events", "5000", "--data-files", "1"]
    assert main(["toys", "--output", str(tmp_path), *words, "--sim-files", "2"]) == 0
    sample = read_sample(tmp_path / "samples.yml", "zee")
    found = read_ingredients({}, sample, DataSet()).normalisation
    truth = make_truth(1, sim_z_pt=NUMBERS["sim-z-pt"].default)
    made = produce_chunk(truth, "data", 3000, 0, 0).n_made
    sums = [produce_chunk(truth, "sim", 2500, stream, 0).sum_of_weights for stream in (0, 1)]
    assert found.expected_events == pytest.approx(made, rel=1e-7)
    assert found.sum_of_weights.value == pytest.approx(sum(sums), rel=1e-9)
