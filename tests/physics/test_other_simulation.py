"""Another simulation with known differences, from generated files to the systematic errors."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from scalesmear.cli import main
from scalesmear.corrections import ScaleTable, SmearingTable
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.files import read_json
from scalesmear.io.tables import write_scales, write_smearings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

ETA = read_categories("eta")
TOYS = {"data-events": 300_000, "sim-events": 600_000, "other-events": 600_000}
INPUTS = {"era": "toy", "systematics_categories": "eta", "coarse_categories": "eta"}
VARIATIONS = """
- {name: other, simulation: other}
- {name: other in a narrow window, simulation: other, mass_window: [84, 98]}
"""


def call(verb: str, **flags: Any) -> None:
    """Run a verb; a list has all its words after one flag."""
    words = (
        [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, list) else [value])]
        for name, value in flags.items()
    )
    assert main([verb, *chain.from_iterable(words)]) == 0


def made(folder: Path, other_scale: float) -> dict[str, Any]:
    """Make events, and from them systematic errors by the verbs of the workflow; return these."""
    options = TOYS | {"data-files": 1, "sim-files": 1, "seed": 3, "runs": 2}
    call("toys", output=folder, other_scale=other_scale, **options)
    (folder / "variations.yml").write_text(VARIATIONS)
    values = INPUTS | {
        "fits": ["coarse"],
        "samples": str(folder / "samples.tsv"),
        "systematics": str(folder / "variations.yml"),
        "reweight": True,
    }
    (folder / "inputs.yml").write_text(yaml.safe_dump(values))
    call("check", inputs=folder / "inputs.yml", output=folder / "check")
    published = yaml.safe_load((folder / "check/published.yml").read_text())
    names = ("data", "sim", "other")
    jobs = dict(zip(names, published["jobs"] + published["other_jobs"], strict=True))
    for name, job in jobs.items():
        flags = {"settings": published["select_settings"], "summary": folder / f"{name}.json"}
        call("select", job=job, output=folder / f"{name}.arrow", **flags)
    nominal, other = folder / "cut_flow.json", folder / "other_cut_flow.json"
    both = [folder / "data.json", folder / "sim.json"]
    call("cut-flow", summaries=both, output=nominal)
    call("cut-flow", summaries=folder / "other.json", data_of=nominal, output=other)
    cut_flow_of = {"data": nominal, "sim": nominal, "other": other}
    for name in names:
        spectra(folder, name, cut_flow_of[name], published)
    weigh(folder, published)
    write_scales(folder / "toy_scales.dat", unscaled())
    for name in names:
        call(
            "fill-variations",
            events=folder / f"{name}.arrow",
            cut_flow=cut_flow_of[name],
            categories=published["systematics_categories"],
            variations=published["variations"],
            settings=published["fill_settings"],
            weights=folder / f"{'other' if name == 'other' else 'sim'}.tsv",
            output=folder / name,
        )
    return fitted(folder, published)


def spectra(folder: Path, name: str, cut_flow: Path, published: dict[str, Any]) -> None:
    """Fill the spectra of the Z."""
    flags = {"settings": published["fill_settings"], "output": folder / f"{name}_spectra.json"}
    call("z-spectra", events=folder / f"{name}.arrow", cut_flow=cut_flow, **flags)


def weigh(folder: Path, published: dict[str, Any]) -> None:
    """Make the weights of both simulations."""
    settings = published["reweight_settings"]
    paths = [folder / f"{name}_spectra.json" for name in ("data", "sim")]
    result = folder / "sim_weights.json"
    call("reweight", spectra=paths, settings=settings, output=folder / "sim.tsv", result=result)
    call(
        "reweight",
        spectra=folder / "other_spectra.json",
        data_of=result,
        settings=settings,
        output=folder / "other.tsv",
        result=folder / "other_weights.json",
    )


def unscaled() -> ScaleTable:
    n = len(ETA.scales)
    return ScaleTable.of([(1, 999999)] * n, ETA.scales, np.ones(n), np.zeros(n))


def fitted(folder: Path, published: dict[str, Any]) -> dict[str, Any]:
    """Fit and return the content of systematics.json."""
    n = len(ETA.smearings)
    write_smearings(
        folder / "toy_smearings.dat", SmearingTable.of(ETA.smearings, [0.01] * n, [0.0] * n)
    )
    call(
        "systematics",
        histograms=[folder / "data", folder / "sim"],
        other=folder / "other",
        categories=published["systematics_categories"],
        variations=published["variations"],
        settings=published["fit_settings"],
        scales=folder / "toy_scales.dat",
        smearings=folder / "toy_smearings.dat",
        output=folder / "systematics",
    )
    content: dict[str, Any] = json.loads((folder / "systematics/systematics.json").read_text())
    return content


@pytest.fixture(scope="module")
def same_energies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of systematic errors with another simulation that differs by the pT of the Z alone."""
    folder = tmp_path_factory.mktemp("same_energies")
    made(folder, other_scale=1.0)
    return folder


def test_simulations_of_the_same_energies_differ_by_statistics(same_energies: Path) -> None:
    found = read_json(same_energies / "systematics/systematics.json", "systematic errors")
    nominal = np.array(found["nominal"]["scale_error"])
    for shift in found["variations"]:
        scale, error = np.array(shift["scale"]), np.array(shift["scale_error"])
        assert np.abs(scale / error).max() < 4
        # in units of the variance of the data: both simulations, twice as many events each, give
        # 1/2 + 1/2 to that of the difference, the nominal fit has 1 + 1/2; errors are known to 24 %
        expected = np.sqrt((1 / 2 + 1 / 2) / (1 + 1 / 2))
        assert 0.6 < np.median(error / nominal) / expected < 1.5
    # the pT of the Z differs from that of the nominal simulation, and so do the weights
    chi2 = [
        read_json(same_energies / f"{name}_weights.json", "reweighting")["agreement"]["chi2"]
        for name in ("sim", "other")
    ]
    assert min(chi2) > 100
    weights = [(same_energies / f"{name}.tsv").read_text() for name in ("sim", "other")]
    assert weights[0] != weights[1]


def test_energies_of_a_simulation_that_are_too_high_are_found(tmp_path: Path) -> None:
    # data need a scale that is higher by as much to look like it
    found = made(tmp_path, other_scale=1.004)
    for shift in found["variations"]:
        scale, error = np.array(shift["scale"]), np.array(shift["scale_error"])
        assert (scale > 5 * error).all()
        # errors are known to 24 % each; electrons that cross thresholds change it by 1 % of itself
        np.testing.assert_array_less(np.abs(scale - 0.004), 4 * error + 0.00004)
        mean = np.average(scale, weights=error**-2)
        assert mean == pytest.approx(0.004, rel=0.1)


def test_a_variation_that_takes_it_wants_its_histograms(
    same_energies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = {
        "categories": "eta",
        "variations": same_energies / "variations.yml",
        "settings": same_energies / "check/settings/fit.json",
        "scales": same_energies / "toy_scales.dat",
        "smearings": same_energies / "toy_smearings.dat",
        "output": tmp_path / "again",
    }
    words = [w for name, value in flags.items() for w in (f"--{name}", str(value))]
    folders = [str(same_energies / name) for name in ("data", "sim")]
    assert main(["systematics", "--histograms", *folders, *words]) == 1
    assert "--other: not given, but variation 'other" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()
