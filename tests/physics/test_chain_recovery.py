"""The whole chain, verb by verb, from ROOT files to the combined table: gain and Et are recovered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml

from scalesmear.cli import main
from scalesmear.events import Events
from scalesmear.io.eventfile import open_events
from scalesmear.io.fitfile import read_fit
from scalesmear.io.tables import read_scales
from scalesmear.recovery import Recovery
from scalesmear.report.inputs import NamedFit
from scalesmear.report.truth import SLOPE, compare
from scalesmear.stability import Stability
from scalesmear.toys import make_truth, true_scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.toys import ToyTruth

ET_SLOPE = 0.003
FITS = ("fine", "et", "gain")
BASE = {"fine": "stability/scales.dat", "et": "fine/combined.dat", "gain": "et/combined.dat"}
N_DATA, N_SIM = 300_000, 600_000


def verb(*words: object) -> None:
    assert main([str(word) for word in words]) == 0


@dataclass(frozen=True)
class Derivation:
    """A folder with everything that the verbs wrote."""

    folder: Path

    def derive(self) -> None:
        """Go from ROOT files to the exported table."""
        self.select()
        for fit in FITS:
            self.fit(fit)
        words: list[object] = ["--settings", "settings/export.json", "--output", "export"]
        words += ["--fits", *(f"{fit}/fit.json" for fit in FITS), "--run-bins", "run_bins.dat"]
        verb("export", "--scales", BASE["fine"], "--cut-flow", "cut_flow.json", *words)

    def select(self) -> None:
        """Generate, check, select, and make the response stable."""
        sizes = ["--data-events", N_DATA, "--sim-events", N_SIM, "--data-files", 1]
        verb(
            "toys", "--output", "in", "--seed", 9, *sizes, "--sim-files", 1, "--et-slope", ET_SLOPE
        )
        values = {"samples": "in/samples.tsv", "era": "toy", "fits": list(FITS), "gain_after": "et"}
        Path("inputs.yml").write_text(yaml.safe_dump(values))
        verb("check", "--inputs", "inputs.yml", "--output", ".")
        for kind in ("data", "sim"):
            words = ["--job", f"jobs/{kind}_000.tsv", "--settings", "settings/select.json"]
            words += ["--output", f"{kind}.arrow", "--summary", f"{kind}.json"]
            verb("select", *words)
        verb("cut-flow", "--summaries", "data.json", "sim.json", "--output", "cut_flow.json")
        words = ["--settings", "settings/run_bins.json", "--output", "run_bins.dat"]
        verb("run-bins", "--cut-flow", "cut_flow.json", *words)
        words = ["--run-bins", "run_bins.dat", "--settings", "settings/stability.json"]
        words += ["--output", BASE["fine"], "--table", "t.tsv", "--result", "stability.json"]
        verb("stability", "--events", "data.arrow", "sim.arrow", *words)

    def fit(self, fit: str) -> None:
        """Fill, and fit three times, with what the fit before makes migrate."""
        categories = ["--categories", f"categories/{fit}.yml"]
        for kind in ("data", "sim"):
            words = ["--events", f"{kind}.arrow", "--cut-flow", "cut_flow.json", *categories]
            words += ["--settings", "settings/fill.json", "--scales", BASE[fit]]
            verb("fill", *words, "--output", f"{fit}/{kind}.npz")
        words = ["--name", fit, "--histograms", f"{fit}/data.npz", f"{fit}/sim.npz", *categories]
        more = ["--settings", "settings/fit.json", "--scales", BASE[fit], "--output", fit]
        verb("fit", *words, *more)
        for _ in range(2):
            self.migrate(fit)
            verb("fit", *words, "--migration", f"{fit}/flows.npz", *more)

    def migrate(self, fit: str) -> None:
        """Follow the simulated electrons with the scales and smearings of a fit."""
        words = ["--events", "sim.arrow", "--cut-flow", "cut_flow.json"]
        words += ["--categories", f"categories/{fit}.yml", "--settings", "settings/fill.json"]
        verb("migration", *words, "--fit", f"{fit}/fit.json", "--output", f"{fit}/flows.npz")


@pytest.fixture(scope="module")
def derivation(tmp_path_factory: pytest.TempPathFactory) -> Derivation:
    folder = tmp_path_factory.mktemp("derivation")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Derivation(folder).derive()
    return Derivation(folder)


@dataclass(frozen=True)
class Recovered:
    """Mean factors that electrons of each category of a fit need and get, with the fit's error."""

    needed: NDArray[np.float64]
    got: NDArray[np.float64]
    error: NDArray[np.float64]

    @property
    def pull(self) -> NDArray[np.float64]:
        return (self.got / self.needed - 1) / self.error


@pytest.fixture(scope="module")
def truth() -> ToyTruth:
    return make_truth(9, et_slope=ET_SLOPE)


@pytest.fixture(scope="module")
def data(derivation: Derivation) -> Events:
    columns = ("run", "mass", "et", "eta_sc", "r9", "gain")
    return Events.concatenate(open_events(derivation.folder / "data.arrow").batches(columns))


def recovered(derivation: Derivation, fit: str, data: Events, truth: ToyTruth) -> Recovered:
    """Compare the exported table with the truth, electron by electron, in events like the fitted."""
    needed = true_scale(truth, data)
    got = read_scales(derivation.folder / "export/toy_scales.dat").factors(data).scale
    et, mass = data.et * needed, data.mass * np.sqrt(needed.prod(axis=1))
    fitted = (mass >= 80) & (mass < 100) & (et.max(axis=1) >= 32) & (et.min(axis=1) >= 20)
    saved = read_fit(derivation.folder / fit / "fit.json")
    category = saved.categories.category_of(data.abs_eta, data.r9, et.astype(np.float32), data.gain)
    chosen = category[fitted].ravel()
    assert chosen.min() >= 0
    counts = np.bincount(chosen, minlength=len(saved.categories.scales))
    needed, got = (np.bincount(chosen, part[fitted].ravel()) / counts for part in (needed, got))
    return Recovered(needed, got, saved.result.scale_error / saved.result.scale)


def test_gain_offsets_come_out_of_the_combined_table(
    derivation: Derivation, data: Events, truth: ToyTruth
) -> None:
    found = recovered(derivation, "gain", data, truth)
    fitted = read_fit(derivation.folder / "gain/fit.json").result.scale
    # gains 12, 6 and 1; the fit is on top of that by Et, which has what high Et needs
    offset = fitted[1:] / fitted[0] - 1
    assert np.all(np.abs(offset - [0.007, 0.02]) < 3 * found.error[1:])
    assert np.all(np.abs(found.pull[1:]) < 3)
    assert np.all(found.error[1:] < [0.004, 0.008])  # else nothing would have been shown


def test_the_slope_in_et_comes_out_of_the_combined_table(
    derivation: Derivation, data: Events, truth: ToyTruth
) -> None:
    found = recovered(derivation, "et", data, truth)
    assert np.sqrt(np.mean(found.pull**2)) < 1.5
    assert np.abs(found.pull).max() < 4


@pytest.fixture(scope="module")
def recovery(derivation: Derivation) -> Recovery:
    """What the verb makes of it, for the report."""
    at = derivation.folder
    words: list[object] = ["--events", at / "data.arrow", at / "sim.arrow"]
    words += ["--truth", at / "in/truth.json", "--scales", at / "export/toy_scales.dat"]
    words += ["--fits", *(at / fit / "fit.json" for fit in FITS)]
    words += ["--settings", at / "settings/fill.json", "--result", at / "export/result.json"]
    verb("recovery", *words, "--output", at / "recovery.json")
    return Recovery.from_json(json.loads((at / "recovery.json").read_text()))


@pytest.mark.parametrize("fit", ["et", "gain"])
def test_the_verb_finds_the_same(
    derivation: Derivation, data: Events, truth: ToyTruth, recovery: Recovery, fit: str
) -> None:
    expected, found = recovered(derivation, fit, data, truth), recovery.fits[fit]
    assert found.needed == pytest.approx(expected.needed, rel=1e-5)
    assert found.got == pytest.approx(expected.got, rel=1e-5)


def test_the_report_says_that_gains_and_slope_are_found(
    derivation: Derivation, recovery: Recovery
) -> None:
    saved = [read_fit(derivation.folder / fit / "fit.json") for fit in FITS]
    fits = [NamedFit(fit.name, fit.categories, fit.result, fit.settings) for fit in saved]
    stability = Stability.from_json(json.loads((derivation.folder / "stability.json").read_text()))
    runs = dict.fromkeys(recovery.truth.drift, 1)
    injection = compare(recovery, stability, fits, fits[1], runs)
    slope = injection.et[-1]
    assert (slope.name, slope.injected) == (SLOPE, ET_SLOPE)
    assert abs(slope.pull) < 3
    assert slope.error < ET_SLOPE / 10  # else nothing would have been shown
    assert [c.injected for c in injection.gains] == [1.007, 1.02]
    assert all(abs(c.pull) < 3 for c in injection.gains)
