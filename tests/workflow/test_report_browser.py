"""The verb report on a small derivation of toys, and its page in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from scalesmear.categories import CategorySet
from scalesmear.cells import Window
from scalesmear.chain import Chain
from scalesmear.cli import main
from scalesmear.closure import ClosureSettings, close
from scalesmear.corrections import ScaleTable, SmearingTable, multiply, tables_of_fit
from scalesmear.cutflow import Cut, CutFlow, InputFile, SampleCutFlow
from scalesmear.export import Step, build_export, result_json
from scalesmear.fill import Corrections, FillSettings, fill_masses
from scalesmear.fit import fit_pairs
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import PairHistograms
from scalesmear.io.files import write_json
from scalesmear.io.fitfile import SavedClosure, SavedFit, write_closure, write_fit
from scalesmear.io.histogramfile import write_histograms
from scalesmear.io.tables import write_run_bins
from scalesmear.recovery import recover
from scalesmear.reweight import ReweightSettings, derive_weights
from scalesmear.runs import run_bins
from scalesmear.spectra import ZSpectra, fill_spectra
from scalesmear.stability import (
    StabilitySettings,
    collect_masses,
    derive_stability,
    z_mass_targets,
)
from scalesmear.toys import ToyTruth, generate, make_truth
from scalesmear.truth import Truth
from scalesmear.zweights import WeightTable

if TYPE_CHECKING:
    from scalesmear.events import Events
    from scalesmear.histogram import MassHistograms

REGIONS = ((0.0, 1.0), (1.0, 1.2), (1.2, 1.4442), (1.566, 2.0), (2.0, 2.5))
INF = float("inf")
BARREL = {"abs_eta": [0, 1, 1.2, 1.4442], "r9": [0, 0.96, INF]}
ENDCAP = {"abs_eta": [1.566, 2, 2.5], "r9": [0, 0.96, INF]}
TWO = {
    kind: [{"abs_eta": [0, 1.4442]}, {"abs_eta": [1.566, 2.5]}] for kind in ("scales", "smearings")
}
TEN = {"scales": [BARREL, ENDCAP], "smearings": [BARREL, ENDCAP]}


@dataclass
class Derivation:
    """A derivation of toys in memory, written file by file into a folder."""

    folder: Path
    data: Events
    sim: Events
    cut_flow: CutFlow
    truth: ToyTruth

    @classmethod
    def of(cls, truth: ToyTruth, folder: Path) -> Derivation:
        parts, flows = {}, {}
        for kind, n in (("data", 40_000), ("sim", 80_000)):
            read = generate(truth, kind, n)  # type: ignore[arg-type]
            parts[kind] = read.where(in_acceptance(read))
            flows[kind] = cut_flow_of(kind, read, parts[kind])
        return cls(folder, parts["data"], parts["sim"], CutFlow(**flows), truth)

    def write(self) -> None:
        """Derive everything and leave the files that the report reads."""
        write_json(self.folder / "cut_flow.json", self.cut_flow.to_json())
        bins = run_bins(self.cut_flow.data.runs, 8000)
        write_run_bins(self.folder / "run_bins.dat", bins)
        scales = stability = self.stability(bins)
        weights = self.reweight(Corrections(scales))
        steps = []
        for name, blocks in (("coarse", TWO), ("fine", TEN)):
            so_far = Corrections(scales, weights=weights)
            step, scales, smearings = self.fit(name, CategorySet.from_blocks(blocks), so_far)
            steps.append(step)
        categories = steps[-1].categories
        self.fill("before", categories, Corrections(weights=weights))
        self.fill("after", categories, Corrections(scales, smearings, weights))
        self.spectra("z_after", Corrections(scales, smearings, weights))
        chain = Chain((("coarse", "stability"), ("fine", "coarse")), "fine")
        export = build_export(stability, steps, chain, bins, self.cut_flow.data.runs)
        write_json(self.folder / "result.json", result_json("toy", export, steps, bins, {}))
        self.recover(export.final.data_scales, steps)

    def recover(self, table: ScaleTable, steps: list[Step]) -> None:
        fits = {step.name: step.categories for step in steps}
        truth = self.truth.as_json()
        means = recover([self.data], Truth.from_json(truth), table, fits, FillSettings())
        content = {"truth": truth, "fits": {name: m.to_json() for name, m in means.items()}}
        write_json(self.folder / "recovery.json", content)

    def stability(self, bins: list[tuple[int, int]]) -> ScaleTable:
        settings = StabilitySettings(
            regions=REGIONS, target="z_mass", min_events=200, mass_window=(80.0, 100.0)
        )
        masses = collect_masses([self.data], REGIONS, bins)
        stability = derive_stability(masses, bins, z_mass_targets(REGIONS), settings)
        write_json(self.folder / "stability.json", stability.to_json())
        cells = stability.cells
        return ScaleTable.of(
            [c.runs for c in cells],
            [Window(c.region) for c in cells],
            [c.scale for c in cells],
            [c.error for c in cells],
        )

    def reweight(self, corrections: Corrections) -> WeightTable:
        """Weight simulation to the spectra of the data, write what is known of that."""
        found = derive_weights(*self.spectra("z", corrections), ReweightSettings(enabled=True))
        write_json(self.folder / "reweight.json", found.to_json())
        return found.table

    def spectra(self, name: str, corrections: Corrections) -> tuple[ZSpectra, ZSpectra]:
        """Fill one job of data and one of simulation, write their spectra."""
        settings, exponent = FillSettings(), self.exponent(corrections)
        data = fill_spectra([self.data], "data", settings, corrections)
        sim = fill_spectra([self.sim], "sim", settings, corrections, exponent)
        for i, part in enumerate((data, sim)):
            write_json(self.folder / f"{name}_{i}.json", part.to_json())
        return data, sim

    def exponent(self, corrections: Corrections) -> int:
        """Return the power of two above all weights of simulation."""
        sim, weights = self.cut_flow.sim, corrections.weights
        return weights.exponent(sim.largest_weight) if weights else sim.exponent

    def fit(
        self, name: str, categories: CategorySet, so_far: Corrections
    ) -> tuple[Step, ScaleTable, SmearingTable]:
        """Fit, write the fit and its closure; return it with all scales so far."""
        settings, rule = FitSettings(), ClosureSettings()
        pairs = self.fill(f"{name}_fit", categories, so_far)
        result = fit_pairs(pairs, categories.smearing_of, settings)
        write_fit(self.folder / f"{name}.json", SavedFit(name, categories, settings, result, {}))
        own, smearings = tables_of_fit(result, categories)
        assert so_far.scales is not None
        scales = multiply(so_far.scales, own)
        corrected = Corrections(scales, smearings, so_far.weights)
        pairs = self.fill(f"{name}_closure", categories, corrected)
        residual = fit_pairs(pairs, categories.smearing_of, settings)
        closure = close(residual, result.smearing, rule)
        path = self.folder / f"{name}_closure.json"
        write_closure(path, SavedClosure(name, categories, rule, closure, {}))
        return Step(name, categories, result), scales, smearings

    def fill(self, name: str, categories: CategorySet, corrections: Corrections) -> PairHistograms:
        """Fill one job of data and two of simulation, write their histograms."""
        half = len(self.sim) // 2
        jobs: list[MassHistograms] = []
        for i, (kind, events) in enumerate(
            (
                ("data", self.data),
                ("sim", self.sim.where(slice(0, half))),
                ("sim", self.sim.where(slice(half, None))),
            )
        ):
            exponent = self.exponent(corrections) if kind == "sim" else 0
            settings = FillSettings()
            jobs.append(
                fill_masses([events], kind, categories, settings, corrections, exponent)  # type: ignore[arg-type]
            )
            write_histograms(self.folder / f"{name}_{i}.npz", jobs[-1])
        return PairHistograms.of(jobs[0], jobs[1] + jobs[2])


def in_acceptance(events: Events) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell which events have both electrons outside the gap and a mass of 60-120 GeV."""
    eta = events.abs_eta
    fiducial = (eta < 1.4442) | ((eta >= 1.566) & (eta < 2.5))
    inside: np.ndarray[Any, np.dtype[np.bool_]] = (
        fiducial.all(axis=1) & (events.mass >= 60) & (events.mass < 120)
    )
    return inside


def cut_flow_of(kind: str, read: Events, kept: Events) -> SampleCutFlow:
    runs, counts = np.unique(kept.run, return_counts=True)
    weight = kept.weight.astype(float)
    return SampleCutFlow(
        files=(InputFile(f"{kind}.root", "selected", len(read), "0a0b0c0d", 1234),),
        cuts=(
            Cut("all entries", len(read), float(read.weight.sum(dtype=float))),
            Cut("acceptance", len(kept), float(weight.sum())),
        ),
        runs={int(run): int(n) for run, n in zip(runs, counts, strict=True)},
        sum_of_weights=float(weight.sum()),
        sum_of_squared_weights=float((weight**2).sum()),
        largest_weight=float(np.abs(weight).max()),
        notes=(),
    )


def arguments(folder: Path) -> dict[str, list[str]]:
    """Return the flags of the verb and the files that belong to them."""
    names = {
        "cut-flow": ["cut_flow.json"],
        "run-bins": ["run_bins.dat"],
        "stability": ["stability.json"],
        "fits": ["coarse.json", "fine.json"],
        "closures": ["coarse_closure.json", "fine_closure.json"],
        "before": [f"before_{i}.npz" for i in range(3)],
        "after": [f"after_{i}.npz" for i in range(3)],
        "reweighting": ["reweight.json"],
        "z-after": [f"z_after_{i}.json" for i in range(2)],
        "recovery": ["recovery.json"],
        "result": ["result.json"],
        "settings": ["settings.json"],
        "output": ["report"],
    }
    return {flag: [str(folder / name) for name in files] for flag, files in names.items()}


def words(flags: dict[str, list[str]]) -> list[str]:
    return ["report", *(w for flag, files in flags.items() for w in (f"--{flag}", *files))]


@pytest.fixture(scope="module")
def derivation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with all that a report reads."""
    folder = tmp_path_factory.mktemp("derivation")
    truth = make_truth(seed=1, n_runs=12, sim_z_pt=1.2)
    Derivation.of(truth, folder).write()
    settings = {"era": "toy2026", "label": "13 TeV <toys>"}
    write_json(folder / "settings.json", settings)
    return folder


@pytest.fixture(scope="module")
def report(derivation: Path) -> Path:
    """Return the folder of the report."""
    assert main(words(arguments(derivation))) == 0
    return derivation / "report"


def test_every_figure_is_in_the_page_and_a_file(report: Path) -> None:
    page = (report / "report.html").read_text(encoding="utf-8")
    figures = set(re.findall(r'<figure id="([\w.-]+)"', page))
    assert {"mass_inclusive", "mass_categories_2", "fine_scales", "stability"} <= figures
    assert figures == {path.stem for path in (report / "figures").glob("*.pdf")}
    assert figures == {path.stem for path in (report / "figures").glob("*.png")}
    assert page.count("<figcaption>") == len(figures)


def test_page_needs_nothing_else_and_is_small(report: Path) -> None:
    page = (report / "report.html").read_text(encoding="utf-8")
    assert len(page) < 10e6
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page) + re.findall(r"url\(([^)]*)\)", page)
    assert addresses
    assert {address.split(":")[0] for address in addresses if address[0] != "#"} == {"data"}
    assert "<script" not in page


def test_words_of_the_user_are_escaped(report: Path) -> None:
    page = (report / "report.html").read_text(encoding="utf-8")
    assert "13 TeV &lt;toys&gt;" in page
    assert "<toys>" not in page


def test_summary_fits_a_terminal(report: Path) -> None:
    lines = (report / "summary.txt").read_text(encoding="ascii").splitlines()
    assert max(map(len, lines)) <= 100
    assert any(line.startswith("closure of fine: passes") for line in lines)


def test_spectra_of_the_z_are_shown_and_agree(report: Path) -> None:
    page = (report / "report.html").read_text()
    assert page.index("z_spectra") < page.index("z_weights")
    text = (report / "summary.txt").read_text()
    found = re.search(r"chi2/ndf = (\d+)/(\d+)\s+before, (\d+)/(\d+) after", text)
    assert found is not None
    before, ndf, after, _ = map(int, found.groups())
    assert before > 3 * ndf
    assert after < ndf


def test_injected_values_are_found(report: Path) -> None:
    injection = json.loads((report / "injection.json").read_text())
    scales = injection["total scale"]
    assert scales["pulls"]["n"] == 10
    assert abs(scales["pulls"]["largest"]) < 4
    assert abs(injection["run dependence"]["pulls"]["largest"]) < 4
    for one in scales["comparisons"]:
        expected = (one["derived"] - one["injected"]) / one["error"]
        assert one["pull"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"before": ["fine_fit_0.npz"]}, "no histograms of sim among them"),
        ({"after": [f"coarse_fit_{i}.npz" for i in range(3)]}, "has 2 categories"),
        ({"fits": ["coarse.json"]}, "is the closure of 'fine'"),
        ({"closures": ["result.json"]}, "not a closure"),
        ({"result": ["settings.json"]}, "not a result"),
        ({"stability": ["missing.json"]}, "stability does not exist"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    derivation: Path,
    tmp_path: Path,
    change: dict[str, list[str]],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    changed = {flag: [str(derivation / name) for name in names] for flag, names in change.items()}
    flags = arguments(derivation) | changed | {"output": [str(tmp_path / "out")]}
    assert main(words(flags)) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


PROBE = """
<script>
addEventListener("load", () => {
  const missing = [...document.images].filter(i => !i.complete || !i.naturalWidth).length;
  const requests = performance.getEntriesByType("resource").map(e => e.name)
    .filter(name => !name.startsWith("data:"));
  const wide = document.documentElement.scrollWidth > innerWidth;
  document.title = JSON.stringify({images: document.images.length, missing, requests, wide});
});
</script>
"""


@pytest.fixture
def chromium(tmp_path: Path) -> list[str]:
    """Return the command of a browser without a window, with a profile of its own."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium here")
    quiet = "no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
    quiet += " disable-component-update disable-sync enable-logging=stderr"
    return [
        program,
        "--headless",
        *(f"--{word}" for word in quiet.split()),
        f"--user-data-dir={tmp_path / 'profile'}",
    ]


@pytest.mark.parametrize("width", [1400, 600])
def test_browser_shows_all_images_without_a_request(
    report: Path, tmp_path: Path, chromium: list[str], width: int
) -> None:
    page = (report / "report.html").read_text(encoding="utf-8")
    probed = tmp_path / "probed.html"
    probed.write_text(page.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    shown = subprocess.run(
        [*chromium, f"--window-size={width},900", "--dump-dom", probed.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    title = re.search(r"<title>(\{.*?\})</title>", shown.stdout)
    assert title is not None
    found = json.loads(title[1])
    assert found == {
        "images": page.count("<figure "), "missing": 0, "requests": [], "wide": False,
    }  # fmt: skip
    assert "CONSOLE" not in shown.stderr
