"""The exported files: what is in them, and what stops an export."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from scalesmear.categories import Window
from scalesmear.chain import Chain
from scalesmear.cli import main
from scalesmear.cmssw import EnergyScaleCorrection
from scalesmear.corrections import ScaleTable, multiply
from scalesmear.cutflow import CutFlow, SampleCutFlow
from scalesmear.errors import InputError
from scalesmear.export import (
    Export,
    ExportSettings,
    Step,
    build_export,
    check_refinements,
    fit_of_smearings,
    result_json,
)
from scalesmear.fitresult import FitResult
from scalesmear.fitsettings import FitSettings
from scalesmear.goodness import PairGoodness
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.files import write_json
from scalesmear.io.fitfile import SavedFit, write_fit
from scalesmear.io.tables import read_scales, read_smearings, write_run_bins, write_scales

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from scalesmear.events import BoolArray

RUN_BINS = ((315257, 315300), (315322, 315322), (315339, 315400))
RUNS = {315257: 100, 315280: 50, 315322: 2000, 315400: 30}
EXAMPLES = ("coarse", "fine")
WRITTEN = (*EXAMPLES, "RunEtaR9", "RunFineEtaR9")


@dataclass(frozen=True)
class Values:
    scale: NDArray[np.float64]
    scale_error: NDArray[np.float64]
    smearing: NDArray[np.float64]
    smearing_error: NDArray[np.float64]
    smearing_upper: NDArray[np.float64]
    scale_determined: BoolArray
    smearing_determined: BoolArray


def step(name: str, seed: int = 1) -> Step:
    categories = read_categories(name)
    n, m = len(categories.scales), len(categories.smearings)
    rng = np.random.default_rng(seed)
    smearing = rng.uniform(0.005, 0.03, m)
    values = Values(
        scale=rng.uniform(0.99, 1.01, n),
        scale_error=rng.uniform(1e-4, 5e-4, n),
        smearing=smearing,
        smearing_error=smearing / 50,
        smearing_upper=smearing * 1.1,
        scale_determined=np.ones(n, np.bool_),
        smearing_determined=np.ones(m, np.bool_),
    )
    return Step(name, categories, values)


def changed(fit: Step, **changes: Any) -> Step:
    """Return a step with some other values."""
    kept = {f.name: getattr(fit.values, f.name) for f in dataclasses.fields(Values)}
    return Step(fit.name, fit.categories, Values(**(kept | changes)))


def stability() -> ScaleTable:
    rows = [(runs, window) for runs in RUN_BINS for window in read_categories("eta").scales]
    scale = np.random.default_rng(5).uniform(0.99, 1.01, len(rows))
    return ScaleTable.of(
        [row[0] for row in rows], [row[1] for row in rows], scale, 1e-3 * scale, "stability"
    )


def steps() -> list[Step]:
    return [step(name) for name in EXAMPLES]


def in_line(fits: list[Step]) -> Chain:
    """Return the chain in which each fit builds on the one before."""
    names = [fit.name for fit in fits]
    return Chain(tuple(zip(names, ["stability", *names], strict=False)), names[-1])


def export_of(
    fits: list[Step],
    scales: ScaleTable | None = None,
    bins: Sequence[tuple[int, int]] = RUN_BINS,
    runs: Collection[int] = RUNS,
) -> Export:
    """Build the export of fits in line."""
    return build_export(scales or stability(), fits, in_line(fits), bins, runs)


def test_scales_are_the_product_of_all_steps() -> None:
    export = export_of(steps()).final
    one = {"run": np.array([315280]), "gain": np.array([12])}
    electron = np.array([1.7]), np.array([0.93]), np.array([45.0])
    factors = [
        table.lookup(one["run"], *electron, one["gain"]).scale[0]
        for table in (stability(), *(s.tables()[0] for s in steps()))
    ]
    found = export.scales.lookup(one["run"], *electron, one["gain"]).scale[0]
    assert found == pytest.approx(math.prod(factors), rel=1e-15)


def test_simulation_has_scale_one_and_the_error_of_the_fits() -> None:
    scales = export_of(steps()).final.scales
    groups = [(group.first, group.last) for group in scales.groups]
    assert groups == [(1, 2), (3, 315256), *RUN_BINS, (315401, 999999)]
    simulation = scales.groups[0].rows
    assert len(simulation) == 55
    assert np.all(scales.scale[simulation] == 1)
    # the fine fit refines the coarse one and absorbs its error
    fine = steps()[1].values
    expected = np.asarray(fine.scale_error) / fine.scale
    assert sorted(scales.err[simulation]) == pytest.approx(sorted(expected))


def test_a_fit_that_refines_another_absorbs_its_error() -> None:
    # 1e-3 of the stability and the error of the fine fit are left
    data = export_of(steps()).final.data_scales
    row = int(np.flatnonzero(data.run_min == 315257)[0])
    fine = steps()[1].values
    expected = math.hypot(1e-3, fine.scale_error[0] / fine.scale[0])
    assert data.err[row] / data.scale[row] == pytest.approx(expected)


def test_a_fit_by_gain_refines_nothing_so_all_errors_stay() -> None:
    fits = [step("fine"), step("gain")]
    data = export_of(fits).final.data_scales
    in_quadrature = reduce(multiply, [fit.tables()[0] for fit in fits], stability())
    assert data.err == pytest.approx(in_quadrature.err)


def test_a_range_between_simulation_and_data_may_be_empty() -> None:
    bins = [(3, 20)]
    data = ScaleTable.of(bins * 5, read_categories("eta").scales, [1.01] * 5, [1e-3] * 5)
    coarse = step("coarse")
    groups = export_of([coarse], data, bins, [5]).final.scales.groups
    assert [(g.first, g.last) for g in groups] == [(1, 2), (3, 20), (21, 999999)]


def test_the_smearings_are_those_of_the_last_fit() -> None:
    final = export_of(steps()).final
    assert final.smearings_of == "fine"
    assert np.array_equal(final.smearings.rho, steps()[-1].values.smearing)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (["fine", "gain"], "fine"),  # one smearing for all electrons says less
        (["fine", "et"], "et"),
        (["fine", "et", "gain"], "et"),
        (["coarse", "gain", "fine"], "fine"),
        (["fine", "fine"], "fine"),
        (["gain"], "gain"),
    ],
)
def test_smearings_of_a_fit_that_only_joins_categories_are_not_taken(
    path: list[str], expected: str
) -> None:
    assert fit_of_smearings([(name, read_categories(name)) for name in path]) == expected


def test_each_fit_has_its_product() -> None:
    fits = [step(name) for name in ("coarse", "et", "gain")]
    links = (("coarse", "stability"), ("et", "coarse"), ("gain", "coarse"))
    export = build_export(stability(), fits, Chain(links, "gain"), RUN_BINS, RUNS)
    assert export.final is export.products["gain"]
    electron = np.array([315280]), np.array([1.7]), np.array([0.93]), np.array([45.0])
    gain = np.array([6])
    parts = {fit.name: fit.tables()[0].lookup(*electron, gain).scale[0] for fit in fits}
    parts["stability"] = stability().lookup(*electron, gain).scale[0]
    for name, path in {"coarse": [], "et": ["coarse", "et"], "gain": ["coarse", "gain"]}.items():
        expected = math.prod(parts[part] for part in ("stability", *(path or ["coarse"])))
        found = export.products[name].scales.lookup(*electron, gain).scale[0]
        assert found == pytest.approx(expected, rel=1e-12)


def test_finer_categories_before_those_that_join_them_are_refused() -> None:
    chain = Chain((("coarse", "stability"), ("fine", "coarse"), ("gain", "fine")), "gain")
    sets = {name: read_categories(name) for name in chain.names}
    check_refinements(chain, sets)
    with pytest.raises(InputError, match="coarse comes before fine, but its categories are finer"):
        check_refinements(chain, sets | {"coarse": sets["fine"], "fine": sets["coarse"]})


def test_a_run_in_no_range_stops_the_export() -> None:
    with pytest.raises(InputError, match="no row holds run 315310"):
        export_of(steps(), runs={**RUNS, 315310: 1})


def test_other_run_bins_stop_the_export() -> None:
    with pytest.raises(InputError, match="runs 315339-315400 are not a run bin and a range"):
        export_of(steps(), bins=RUN_BINS[:2])


def test_data_with_the_runs_of_simulation_stop_the_export() -> None:
    bins = [(2, 20)]
    data = ScaleTable.of(bins * 5, read_categories("eta").scales, [1.01] * 5, [1e-3] * 5)
    coarse = step("coarse")
    with pytest.raises(InputError, match="data begin at run 2, but runs 1 and 2 stand for"):
        export_of([coarse], data, bins, [5])


@pytest.mark.parametrize("names", [["coarse"], ["fine", "coarse"], ["coarse", "fine", "fine"]])
def test_other_fits_than_were_to_be_made_stop_the_export(names: list[str]) -> None:
    found = ", ".join(names)
    with pytest.raises(InputError, match=f"fits: found {found} in place of coarse, fine; give"):
        build_export(stability(), [step(n) for n in names], in_line(steps()), RUN_BINS, RUNS)


def test_a_hole_stops_the_export() -> None:
    whole = stability()
    hole = whole.take(np.arange(1, len(whole)))
    with pytest.raises(InputError, match=r"runs 315257-315300: no row holds abs_eta \[0, 1\)"):
        export_of(steps(), hole)


@pytest.mark.parametrize("era", ["", "a b", "../x", "a/b"])
def test_an_era_that_is_no_file_name_is_refused(era: str) -> None:
    with pytest.raises(InputError, match="is no name for files"):
        ExportSettings(era=era, links=(("fine", "stability"),), final="fine")


def test_the_result_holds_all_that_was_derived() -> None:
    fits = steps()
    none = np.zeros(8, np.bool_)
    fits[0] = changed(fits[0], smearing_error=np.full(8, np.inf), smearing_determined=none)
    export = export_of(fits)
    result = json.loads(
        json.dumps(result_json("2018A", export, fits, RUN_BINS, {"image": "none"}), allow_nan=False)
    )
    assert result["era"] == "2018A"
    assert "data" in result["sense"]["scale"]
    assert result["run_bins"] == [list(limits) for limits in RUN_BINS]
    steps_and_bases = [(entry["name"], entry["after"]) for entry in result["steps"]]
    assert steps_and_bases == [("coarse", "stability"), ("fine", "coarse")]
    assert (result["final"], result["smearings_of"]) == ("fine", "fine")
    first = result["steps"][0]["smearings"][0]
    assert Window.from_json(first["window"]) == read_categories("coarse").smearings[0]
    assert (first["smearing_error"], first["determined"]) == (None, False)
    assert first["label"] == "absEta_0.0000_1.0000-R9_0.0000_0.9600"
    assert len(result["combined"]["scale"]) == 3 * 55
    assert result["combined"]["abs_eta_max"][0] == 1.0
    assert min(result["combined"]["run_min"]) == 315257
    assert result["provenance"] == {"image": "none"}


# --------------------------------------------------------------------------------- the verb


def fit_result(values: Any) -> FitResult:
    size = len(values.scale) + len(values.smearing)
    none = np.zeros(0)
    return FitResult(
        **dataclasses.asdict(values),
        smearing_low=np.zeros(len(values.smearing)),
        smearing_high=np.zeros(len(values.smearing)),
        covariance=np.zeros((size, size)),
        covariance_data=np.zeros((size, size)),
        covariance_sim=np.zeros((size, size)),
        smearing_at_bound=np.zeros(len(values.smearing), np.bool_),
        nll=0.0,
        n_iterations=1,
        n_evaluations=1,
        converged=True,
        reason="test",
        warnings=(),
        goodness=PairGoodness(
            none.astype(int), none, none, none, none.astype(int), none, 0.0, 0, 1.0
        ),
        dropped={},
        flagged={},
        merged={},
    )


def command_line(folder: Path, runs: dict[int, int] = RUNS, era: str = "2018A") -> list[str]:
    fits = steps()
    for fit in fits:
        saved = SavedFit(fit.name, fit.categories, FitSettings(), fit_result(fit.values), {})
        write_fit(folder / fit.name / "fit.json", saved)
    write_scales(folder / "stability.dat", stability())
    write_run_bins(folder / "run_bins.dat", RUN_BINS)
    sample = SampleCutFlow((), (), runs, 1.0, 1.0, 1.0, ())
    write_json(folder / "cut_flow.json", CutFlow(data=sample, sim=sample).to_json())
    chain = in_line(fits)
    settings = {"era": era, "links": chain.links, "final": chain.final}
    write_json(folder / "export.json", settings)
    words = ["export", "--scales", "stability.dat", "--fits", "coarse/fit.json", "fine/fit.json"]
    words += ["--run-bins", "run_bins.dat", "--cut-flow", "cut_flow.json"]
    return [*words, "--settings", "export.json", "--output", "out"]


def test_the_verb_writes_every_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command_line(tmp_path)) == 0
    out = tmp_path / "out"
    names = {
        "2018A_scales.dat",
        "2018A_smearings.dat",
        *(f"2018A_{name}_{kind}.dat" for name in WRITTEN for kind in ("scales", "smearings")),
        "result.json",
        "published.yml",
    }
    assert {path.name for path in out.iterdir()} == names
    published = yaml.safe_load((out / "published.yml").read_text())
    assert published == {
        "scales": str(out / "2018A_scales.dat"),
        "smearings": str(out / "2018A_smearings.dat"),
        "result": str(out / "result.json"),
    }
    assert "2018A: 165 scales in 3 run ranges and 10 smearings" in capsys.readouterr().out


def test_every_pair_of_files_is_read_by_the_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main(command_line(tmp_path))
    rng = np.random.default_rng(2)
    n = 300
    run = rng.choice([1, 2, 315257, 315300, 315322, 315350, 315400, 400000], n)
    abs_eta, r9 = rng.uniform(0, 2.6, n).astype(np.float32), rng.uniform(0, 1.1, n)
    r9 = r9.astype(np.float32)
    et = rng.uniform(20, 100, n).astype(np.float32)
    for base in ("2018A", *(f"2018A_{name}" for name in WRITTEN)):
        reader = EnergyScaleCorrection(tmp_path / "out" / base)
        scale = read_scales(tmp_path / "out" / f"{base}_scales.dat").lookup(run, abs_eta, r9, et)
        sigma = read_smearings(tmp_path / "out" / f"{base}_smearings.dat").sigma(abs_eta, r9, et)
        for i in range(n):
            electron = float(et[i]), float(abs_eta[i]), float(r9[i])
            assert reader.scale(int(run[i]), *electron) == np.float32(scale.scale[i])
            assert reader.sigma(*electron) == pytest.approx(sigma[i], rel=1e-6)


def test_rounding_is_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    main(command_line(tmp_path))
    written = read_scales(tmp_path / "out" / "2018A_scales.dat")
    exact = export_of(steps()).final.scales
    assert np.max(np.abs(written.scale - exact.scale)) <= 0.5001e-6
    assert np.max(np.abs(written.err - exact.err)) <= 0.5001e-8


def test_the_verb_writes_nothing_if_a_run_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command_line(tmp_path, {**RUNS, 315310: 1})) == 1
    assert "stability.dat: no row holds run 315310; derive" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_wrong_era_ends_the_verb_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command_line(tmp_path, era="a/b")) == 1
    assert capsys.readouterr().err.count("\n") == 1
