"""A stack of scaled processes: sums, errors by source, and what does not fit together."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from tests.root_histograms import axis, th1, th2, write

from scalesmear.cli import main
from scalesmear.errors import InputError
from scalesmear.io.roothistograms import read_histograms
from scalesmear.normalisation import Quantity
from scalesmear.poisson import poisson_interval
from scalesmear.report.stack_figure import stack_figure
from scalesmear.report.style import styled
from scalesmear.stack import Process, stacked, total_of

TABLE = """
luminosity: 10 fb-1
luminosity_uncertainty: 3 %
samples:
  big:
    label: the big one
    histograms: big.root
    cross_section: 50 fb
    includes: nothing
    k_factor: 2
    filter_eff: 1
    sum_of_weights: 2000
    source: nobody
    uncertainties: {cross_section: 10 %, k_factor: 0.1}
  small:
    histograms: small.root
    cross_section: 10 fb
    includes: nothing
    k_factor: 1
    filter_eff: 0.5
    sum_of_weights: 200
    source: nobody
    uncertainties: {cross_section: 20 %}
"""
FACTORS = {"big": 2 * 50 * 10 / 2000, "small": 0.5 * 10 * 10 / 200}
CELLS = {"big": [7, 100, 400, 100, 9], "small": [0, 16, 8, 4, 2], "data": [3, 50, 210, 60, 4]}


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Histograms of two processes and data with underflow, three bins from 60 to 120, and overflow."""
    folder = tmp_path_factory.mktemp("scaled")
    x = axis(3, 60, 120, "mass [GeV]")
    for name, cells in CELLS.items():
        write(folder / f"{name}.root", in__mass=th1(cells, x=x))
    (folder / "samples.yml").write_text(TABLE)
    for sample in FACTORS:
        out = folder / sample / "scaled.root"
        words = ["-o", str(out), "-p", str(out.with_name("scaled.png")), "-g", "in/mass"]
        table = ["--samples", str(folder / "samples.yml"), "--sample", sample]
        assert main(["scale-histogram", *words, *table]) == 0
    return folder


@pytest.fixture
def folder(tmp_path: Path, scaled: Path) -> Path:
    """A folder with all of it."""
    return Path(shutil.copytree(scaled, tmp_path, dirs_exist_ok=True))


def stack(folder: Path, *words: str) -> int:
    scaled = [str(folder / sample / "scaled.root") for sample in FACTORS]
    out = folder / "out"
    flags = {
        "data": folder / "data.root",
        "output": out / "stack.root",
        "figure": out / "stack.png",
    }
    flags["yields"] = out / "yields.json"
    given = [word for name, path in flags.items() for word in (f"--{name}", str(path))]
    return main(["stack", "--scaled", *scaled, "--hist", "in/mass", *given, *words])


def yields(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "out/yields.json").read_text())
    return content


def test_numbers_in_a_range_with_errors_by_source(folder: Path) -> None:
    assert stack(folder, "--range", "60", "100") == 0
    found = yields(folder)
    small, big = found["processes"]  # the smaller one first
    assert (small["name"], big["label"]) == ("small", "the big one")
    assert big["factor"] == pytest.approx(FACTORS["big"])
    # two of three bins: 500 and 24 events, with errors sqrt(n) x factor
    assert big["yield"] == pytest.approx(500 * 0.5)
    assert big["statistical"] == pytest.approx(math.sqrt(500) * 0.5)
    assert small["yield"] == pytest.approx(24 * 0.25)
    assert small["statistical"] == pytest.approx(math.sqrt(24) * 0.25)
    # 250 and 6 expected; the luminosity moves both together, the others one each
    total = found["total"]
    assert total["by_source"] == pytest.approx({
        "luminosity": 0.03 * 256,
        "cross_section of big": 0.10 * 250,
        "k_factor of big": 0.05 * 250,
        "cross_section of small": 0.20 * 6,
    })  # fmt: skip
    assert total["systematic"] == pytest.approx(math.hypot(7.68, 25, 12.5, 1.2))
    assert total["statistical"] == pytest.approx(math.hypot(math.sqrt(500) / 2, math.sqrt(24) / 4))
    assert found["data"] == 260
    ratio = found["data_over_simulation"]
    down, up = poisson_interval(np.array([260.0]))[:, 0] / 256
    assert ratio["value"] == pytest.approx(260 / 256)
    assert (ratio["data_down"], ratio["data_up"]) == pytest.approx((down, up))
    assert ratio["systematic"] == pytest.approx(total["systematic"] / 256 * 260 / 256)
    assert ratio["statistical"] == pytest.approx(total["statistical"] / 256 * 260 / 256)


def test_file_holds_processes_sum_and_data_with_all_bins(folder: Path) -> None:
    assert stack(folder) == 0
    with uproot.open(folder / "out/stack.root") as file:
        assert file.keys(cycle=False) == ["big", "small", "total", "data"]
        parts = {name: np.array(CELLS[name]) * FACTORS[name] for name in FACTORS}
        for name, part in parts.items():
            assert file[name].values(flow=True) == pytest.approx(part)
        assert file["total"].values(flow=True) == pytest.approx(parts["big"] + parts["small"])
        variances = sum(np.array(CELLS[name]) * FACTORS[name] ** 2 for name in FACTORS)
        assert file["total"].variances(flow=True) == pytest.approx(variances)
        assert file["data"].values(flow=True).tolist() == CELLS["data"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--range 61 100", "--range: 61 is not an edge of a bin; the nearest one is 60"),
        ("--range 100 80", "--range: 100 is not below 80; give the lower limit first"),
        ("--hist in/mas", "there is no histogram 'in/mas'; it has in/mass"),
        ("--figure x.gif", "x.gif: is a figure of unknown kind"),
    ],
)
def test_wrong_flags_are_told_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str], words: str, message: str
) -> None:
    assert stack(folder, *words.split()) == 1
    assert message in capsys.readouterr().err
    assert not (folder / "out").exists()


def test_scaled_file_without_its_record(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "alone").mkdir()
    (folder / "big.root").rename(folder / "alone/big.root")
    words = ["--hist", "in/mass", "--data", str(folder / "data.root"), "--output", "o.root"]
    words += ["--figure", "f.png", "--yields", "y.json"]
    assert main(["stack", "--scaled", str(folder / "alone/big.root"), *words]) == 1
    assert "factor.json: record of the factor does not exist" in capsys.readouterr().err
    (folder / "alone/factor.json").write_text("{}")
    assert main(["stack", "--scaled", str(folder / "alone/big.root"), *words]) == 1
    assert "is no record of a factor (KeyError('factor'))" in capsys.readouterr().err


@pytest.fixture
def process(folder: Path) -> Process:
    """A process whose histogram has the bins of the data."""
    (histogram,) = read_histograms(folder / "big.root", ["in/mass"]).histograms
    return Process("big", "big", histogram, 1.0, Quantity("luminosity", 10.0, "fb-1"))


def test_equal_luminosities_may_have_different_units(process: Process) -> None:
    other = replace(process, name="b", luminosity=Quantity("luminosity", 10_000.0, "pb-1"))
    assert len(stacked([process, other], process.histogram).layers) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"luminosity": Quantity("luminosity", 5.0, "fb-1")}, "is scaled to 5 fb-1, but big to 10"),
        ({"name": "big"}, "sample big: is the name of two samples"),
        ({"name": "total"}, "sample total: is taken"),
    ],
)
def test_processes_that_do_not_belong_together(
    process: Process, changes: dict[str, Any], message: str
) -> None:
    other = replace(process, **{"name": "other", **changes})
    with pytest.raises(InputError, match=message):
        stacked([process, other], process.histogram)


def test_histograms_that_cannot_be_compared(process: Process, tmp_path: Path) -> None:
    x = axis(3, 60, 121)
    path = write(
        tmp_path / "h.root",
        wide=th1([0] * 5, x=x),
        map=th2(np.arange(20), x, axis(2, 0, 1)),
        scaled=th1([0, 0.5, 1, 2, 0], x=axis(3, 60, 120)),
        negative=th1([0, -1, 1, 2, 0], x=axis(3, 60, 120)),
    )
    for name, message in {
        "wide": "sample big: has 3 bins from 60 to 120, but the data 3 bins from 60 to 121",
        "map": "data map: is a TH2D; give a TH1",
        "scaled": "data scaled: bin 1 holds 0.5; data are numbers of events, not scaled",
        "negative": "bin 1 holds -1",
    }.items():
        (data,) = read_histograms(path, [name]).histograms
        with pytest.raises(InputError, match=message):
            stacked([process], data)
    (plane,) = read_histograms(path, ["map"]).histograms
    with pytest.raises(InputError, match="sample big: map is a TH2D"):
        stacked([replace(process, histogram=plane)], process.histogram)


def test_no_simulation_has_no_ratio(process: Process) -> None:
    empty = replace(process.histogram, contents=np.zeros(5))
    with pytest.raises(InputError, match="its sum is 0; choose another range"):
        stacked([replace(process, histogram=empty)], process.histogram).ratio()


def test_sum_is_what_one_filling_gives(process: Process) -> None:
    histogram = process.histogram
    twice = total_of([histogram, histogram])
    assert twice.contents.tolist() == (2 * histogram.contents).tolist()
    assert twice.entries == 2 * histogram.entries
    assert twice.moments == {name: 2 * value for name, value in histogram.moments.items()}


@pytest.mark.parametrize("log", [False, True])
def test_figure_says_what_it_shows_and_draws_what_it_is_given(process: Process, log: bool) -> None:
    small = replace(
        process,
        name="b",
        label="the small one",
        histogram=replace(process.histogram, contents=process.histogram.contents / 10),
        uncertainties={"luminosity": 0.05},
    )
    found = stacked([process, small], process.histogram)
    with styled():
        figure = stack_figure(found, x_label="mass [GeV]", luminosity="10 fb", label="x", log=log)
    main_panel, ratio = figure.axes
    words = [text.get_text() for text in main_panel.get_legend().get_texts()]  # type: ignore[union-attr]
    assert words == ["data", "simulation, stat. + syst.", "big", "the small one"]
    assert main_panel.get_ylabel() == "events / GeV"
    assert ratio.get_xlabel() == "mass [GeV]"
    # bins are 20 GeV wide; the upper edge of the upper layer is the sum
    tops = [patch.get_data().values for patch in main_panel.patches]  # type: ignore[attr-defined]
    assert any(np.allclose(top, found.contents / 20) for top in tops)
    low, high = main_panel.get_ylim()
    assert low < (found.layers[0].contents / 20).min()
    assert high > (found.data / 20).max()
