"""The command: golden numbers, real histograms, and nothing half written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from PIL import Image
from tests.root_histograms import axis, profile, th1, th2, write

from scalesmear.cli import main
from scalesmear.io.roothistograms import read_histograms
from scalesmear.normalisation import Given, Normalisation, parse_quantity
from scalesmear.report.scaled_figure import scaled_figure, validation_plot
from scalesmear.report.style import styled
from scalesmear.roothistogram import scaled

REPOSITORY = Path(__file__).parents[2]
LESSON = ["-c", "44.837", "-s", "6813.0258", "-k", "1", "-f", "1", "-l", "140.1"]
GOLDEN = 0.92200791


@pytest.fixture
def selected(tmp_path: Path) -> Path:
    """A file with histograms of the names and kinds that occur."""
    cells = np.random.default_rng(1).uniform(0, 10, 22)
    return write(
        tmp_path / "selected.root",
        h_mjj=th1(cells, cells**2),
        cuts__flow=th1([0, 9, 4, 1, 0], dtype="i4", x=axis(3, 0, 3, labels=["a", "b", "c"])),
        map=th2(np.arange(20), axis(3, 0, 3), axis(2, 0, 1)),
        mean=profile([0.5, 0.6, 1.5], [90, 92, 80]),
    )


def outputs(folder: Path, plot: str = "hist.png") -> list[str]:
    return ["-o", str(folder / "out/scaled.root"), "-p", str(folder / "out" / plot)]


def scale(selected: Path, *words: str, plot: str = "hist.png") -> int:
    return main(["scale-histogram", "-i", str(selected), *outputs(selected.parent, plot), *words])


def record(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "out/factor.json").read_text())
    return content


def integral(path: Path, name: str) -> float:
    with uproot.open(path) as file:
        return float(file[name].values(flow=True).sum())


def test_golden_number_in_record_histogram_and_terminal(
    selected: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scale(selected, *LESSON, "-g", "h_mjj") == 0
    found = record(selected.parent)
    assert found["factor"] == pytest.approx(GOLDEN, abs=5e-9)
    assert found["expected_events"] == pytest.approx(6281.6637, abs=5e-5)
    assert found["ingredients"]["cross_section"]["unit"] == "fb"
    assert found["provenance"]["versions"]["scalesmear"]
    after = integral(selected.parent / "out/scaled.root", "h_mjj")
    expected = 44.837 * 140.1 / 6813.0258
    assert after / integral(selected, "h_mjj") == pytest.approx(expected, rel=1e-12)
    assert "= 0.92200791" in capsys.readouterr().out


def texts_of(figure: Any) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(lambda o: hasattr(o, "get_text")))


def normalisation() -> Normalisation:
    texts = {"cross_section": "44.837", "luminosity": "140.1", "sum_of_weights": "6813.0258"}
    texts |= {"k_factor": "1", "filter_eff": "1"}
    quantities: dict[str, Any] = {
        name: parse_quantity(name, Given(text, name)) for name, text in texts.items()
    }
    return Normalisation(**quantities)


def test_golden_number_with_all_numbers_and_units_on_the_plot(selected: Path) -> None:
    (before,) = read_histograms(selected, ["h_mjj"]).histograms
    factor = normalisation().factor
    with styled():
        shown = texts_of(scaled_figure(before, scaled(before, factor), normalisation()))
    assert "44.837 fb \N{MULTIPLICATION SIGN} 140.1 fb$^{-1}$ / 6813.0258 = 0.92200791" in shown
    assert f"before: sum {before.integral():.6g}" in shown
    assert f"sum {before.integral() * factor:.6g}" in shown
    assert "mass [GeV]" in shown


@pytest.mark.parametrize("suffix", [".pdf", ".png"])
def test_plot_is_of_the_kind_that_its_name_says(selected: Path, suffix: str) -> None:
    found = read_histograms(selected, ["all"]).histograms
    pairs = [(histogram, scaled(histogram, 0.5)) for histogram in found]
    content = validation_plot(pairs, normalisation(), suffix)
    assert content.startswith({".pdf": b"%PDF", ".png": b"\x89PNG"}[suffix])
    assert content == validation_plot(pairs, normalisation(), suffix)
    if suffix == ".pdf":
        assert content.count(b"/Type /Page ") == len(pairs) == 4


def test_every_kind_of_histogram_at_once(selected: Path) -> None:
    assert scale(selected, *LESSON, "-g", "all", plot="hist.pdf") == 0
    found = {one["name"]: one for one in record(selected.parent)["histograms"]}
    assert list(found) == ["h_mjj", "cuts/flow", "map", "mean"]
    assert found["cuts/flow"]["written_as"] == "TH1D"
    assert found["mean"]["sum_after"] == pytest.approx(3 * GOLDEN, abs=1e-6)
    with uproot.open(selected.parent / "out/scaled.root") as file:
        assert file["cuts/flow"].axis().labels() == ["a", "b", "c"]
        assert file["mean"].values().tolist() == pytest.approx([91, 80, 0])
    picture = selected.parent / "out/hist.png"
    assert scale(selected, *LESSON, "-g", "h_mjj", "mean") == 0
    with Image.open(picture) as image:
        two = image.height
    assert scale(selected, *LESSON, "-g", "h_mjj") == 0
    with Image.open(picture) as image:
        assert two == 2 * image.height


def test_uncertainties_are_recorded_and_change_no_error(selected: Path) -> None:
    assert scale(selected, *LESSON, "-g", "h_mjj") == 0
    with uproot.open(selected.parent / "out/scaled.root") as file:
        errors = file["h_mjj"].errors()
    words = ["--cross-section-uncertainty", "5", "%", "--luminosity-uncertainty", "1.401 fb-1"]
    assert scale(selected, *LESSON, "-g", "h_mjj", *words, "--k-factor-uncertainty", "2%") == 0
    with uproot.open(selected.parent / "out/scaled.root") as file:
        assert np.array_equal(file["h_mjj"].errors(), errors)
    found = record(selected.parent)["uncertainties"]
    relative = {name: found[name]["relative"] for name in found if name != "meaning"}
    assert relative == pytest.approx({"cross_section": 0.05, "luminosity": 0.01, "k_factor": 0.02})


TABLE = """
luminosity: 2330 pb-1
samples:
  dy:
    files: [dy/*.root]
    cross_section: 2475 pb
    includes: all leptons
    k_factor: 1.12
    filter_eff: 1
    sum_of_weights: {from: Runs}
    source: a note
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table whose sum is in two files of NanoAOD, 1000.5 and 2000."""
    (tmp_path / "table/dy").mkdir(parents=True)
    for number, total in enumerate((1000.5, 2000.0)):
        with uproot.recreate(tmp_path / f"table/dy/{number}.root") as file:
            file.mktree("Runs", {"genEventSumw": "f8"}).extend({"genEventSumw": np.array([total])})
    path = tmp_path / "table/samples.yml"
    path.write_text(TABLE)
    return path


def test_all_numbers_from_a_table(selected: Path, table: Path) -> None:
    assert scale(selected, "-g", "h_mjj", "--samples", str(table), "--sample", "dy") == 0
    found = record(selected.parent)
    # 1.12 * 2475 pb * 2330 pb-1 / 3000.5
    assert found["factor"] == pytest.approx(1.12 * 2475 * 2330 / 3000.5, rel=1e-14)
    files = found["sum_of_weights_by_file"]
    assert [(Path(one["path"]).name, one["value"]) for one in files] == [
        ("0.root", 1000.5),
        ("1.root", 2000.0),
    ]
    assert {one["what"] for one in files} == {"Runs.genEventSumw"}
    assert (found["sample"], found["includes"], found["source"]) == ("dy", "all leptons", "a note")
    assert found["normalised_by"] == "weights"
    where = found["ingredients"]["cross_section"]["from"]
    assert where == f"{table}: samples.dy.cross_section"


def test_table_may_name_the_histograms_once(
    selected: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["-g", "h_mjj", "--samples", str(table), "--sample", "dy"]
    assert main(["scale-histogram", *outputs(selected.parent), *words]) == 1
    assert "--input-file: is missing; give it, or name it in the table" in capsys.readouterr().err
    listed = TABLE.replace("    k_factor", "    histograms: ../selected.root\n    k_factor")
    table.write_text(listed)
    assert main(["scale-histogram", *outputs(selected.parent), *words]) == 0
    assert Path(record(selected.parent)["input_file"]["path"]).samefile(selected)
    assert record(selected.parent)["label"] == "dy"
    assert scale(selected, *words) == 1
    message = f"--input-file: is also given in {table}: samples.dy.histograms"
    assert message in capsys.readouterr().err
    table.write_text(listed.replace("../selected", "gone"))
    assert main(["scale-histogram", *outputs(selected.parent), *words]) == 1
    assert f"gone.root: input file does not exist; see {table}" in capsys.readouterr().err


def test_sum_from_files_of_flags_and_by_number_of_events(selected: Path, tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "n.root") as file:
        file.mktree("t", {"mcGenWeight": "f4"}).extend({"mcGenWeight": np.full(8, 2.5, np.float32)})
    words = ["-c", "4", "-k", "1", "-f", "1", "-l", "10", "-g", "h_mjj", "--tree", "t"]
    files = ["--files", str(tmp_path / "n.root")]
    assert scale(selected, *words, "-s", "mcGenWeight", *files) == 0
    assert record(tmp_path)["factor"] == pytest.approx(4 * 10 / 20)
    assert scale(selected, *words, "-s", "events", *files) == 0
    assert record(tmp_path)["factor"] == pytest.approx(4 * 10 / 8)
    assert record(tmp_path)["normalised_by"] == "events"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("-c 0 -s 1 -k 1 -f 1 -l 1 -g h_mjj", "--cross-section: cross section is 0"),
        ("-c 1 -s -3 -k 1 -f 1 -l 1 -g h_mjj", "--sum-of-weights: sum of weights is -3"),
        ("-c 1 -s nan -k 1 -f 1 -l 1 -g h_mjj", "--sum-of-weights: sum of weights is nan"),
        ("-c 1 -s 1 -k 1 -f 1 -l inf -g h_mjj", "--luminosity: luminosity is inf"),
        ("-c 1 -s 1 -f 1 -l 1 -g h_mjj", "--k-factor: is missing"),
        ("-c 1 fb-1 -s 1 -k 1 -f 1 -l 1 -g h_mjj", "has the unit fb-1"),
        ("-c 1 -s 1 -k 1 -f 1 -l 1 -g h_mj", "there is no histogram 'h_mj'; it has h_mjj, "),
        ("-c 1 -s Runs -k 1 -f 1 -l 1 -g h_mjj", "no files of the data set are named"),
        ("-c 1 -s 1 -k 1 -f 1 -l 1 -g h_mjj --files x", "the sum is a number"),
        ("-c 1 -s 1 -k 1 -f 1 -l 1 -g h_mjj --sample x", "one is given without the other"),
        ("-l 1 -g h_mjj --samples {table} --sample dy", "--luminosity: is also given in"),
        ("-c 1 -g h_mjj --samples {table} --sample dy", "--cross-section: is also given in"),
        ("-g h_mjj --files x --samples {table} --sample dy", "--files: is also given for dy"),
        ("-g h_mjj --samples {table} --sample dyy", "there is no sample 'dyy'; did you mean 'dy'?"),
        ("-c 1 -s 1 -k 1 -f 1 -l 1 -g h_mjj -p hist.gif", "is a figure of unknown kind"),
        ("-c 1 -s 1 -k 1 -f 1 -l 1 -g h_mjj -o {input}", "is --input-file and --output-file at"),
        ("-c 1 -s 1 -k 1 -f 1 -l 1 -g h_mjj -i gone.root", "gone.root: input file does not exist"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(
    selected: Path, table: Path, capsys: pytest.CaptureFixture[str], words: str, message: str
) -> None:
    before = selected.read_bytes()
    assert scale(selected, *words.format(table=table, input=selected).split()) == 1
    said = capsys.readouterr().err.splitlines()
    assert message in said[-1]
    assert said[-1].startswith("scalesmear scale-histogram: ")
    assert not any(path.is_file() for path in selected.parent.glob("out/*"))
    assert selected.read_bytes() == before


def test_a_failure_while_drawing_leaves_nothing(
    selected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("scalesmear.cli.scale_histogram.validation_plot", fail)
    with pytest.raises(OSError, match="no space"):
        scale(selected, *LESSON, "-g", "h_mjj")
    assert list((selected.parent / "out").iterdir()) == []


def test_too_many_histograms_for_a_picture(
    selected: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scalesmear.cli.scale_histogram.MOST_IN_PNG", 3)
    assert scale(selected, *LESSON, "-g", "all") == 1
    assert "4 histograms are too many for one picture; ask for .pdf" in capsys.readouterr().err


def test_script_of_the_lesson(selected: Path) -> None:
    script = REPOSITORY / "code/scale_to_lumi_xsec.py"
    words = ["-i", str(selected), *outputs(selected.parent), *LESSON, "-g", "h_mjj"]
    done = subprocess.run(
        [sys.executable, script, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert record(selected.parent)["factor"] == pytest.approx(GOLDEN, abs=5e-9)
    names = "--input-file {} --output-file {} --validation-plot {} --cross-section 44.837 "
    names += (
        "--sum-of-weights 6813.0258 --k-factor 1 --filter-eff 1 --luminosity 140.1 --hist h_mjj"
    )
    words = names.format(selected, *(outputs(selected.parent)[i] for i in (1, 3))).split()
    assert main(["scale-histogram", *words]) == 0


@pytest.fixture
def open_data() -> Path:
    """The folder of real histograms of CMS open data."""
    folder = os.environ.get("SCALESMEAR_DATA")
    if folder is None:
        pytest.skip("SCALESMEAR_DATA is not set")
    return Path(folder) / "cms-h4l-histograms"


REAL = {
    "DY50TuneZ11": ("2475 pb", 1.12, "2330 pb-1", 36_408_225),
    "DY50TuneZ12": ("2955 pb", 1.12, "11580 pb-1", 29_426_492),
    "TTBar12": ("200 pb", 1.0, "11580 pb-1", 6_423_106),
}


@pytest.mark.parametrize("name", REAL)
def test_real_histograms(tmp_path: Path, open_data: Path, name: str) -> None:
    cross_section, k_factor, luminosity, n = REAL[name]
    path = open_data / f"{name}.root"
    words = ["-c", cross_section, "-k", str(k_factor), "-l", luminosity, "-s", str(n), "-f", "1"]
    names = ["demo/massZto2e", "demo/massZto2muon"]
    out = ["-o", str(tmp_path / "out.root"), "-p", str(tmp_path / "out.png")]
    assert main(["scale-histogram", "-i", str(path), *out, *words, "-g", *names]) == 0
    factor = float(cross_section.split()[0]) * k_factor * float(luminosity.split()[0]) / n
    with uproot.open(path) as before, uproot.open(tmp_path / "out.root") as after:
        for one in names:
            n_events = before[one].values(flow=True)
            assert len(before[one].member("fSumw2")) == 0
            assert after[one].classname == before[one].classname == "TH1D"
            assert np.allclose(after[one].values(flow=True), n_events * factor, rtol=1e-14)
            errors = np.sqrt(n_events) * factor
            assert np.allclose(after[one].errors(flow=True), errors, rtol=1e-14)
            assert after[one].title == before[one].title
            for of in (before, after):
                title = of[one].axis().member("fTitle")
                assert title.lower().startswith("invariant mass")


def test_all_real_histograms_of_a_file(tmp_path: Path, open_data: Path) -> None:
    path = open_data / "TTBar12.root"
    out = ["-o", str(tmp_path / "out.root"), "-p", str(tmp_path / "out.pdf")]
    words = [
        "-c",
        "200",
        "pb",
        "-k",
        "1",
        "-l",
        "11580",
        "pb-1",
        "-s",
        "6423106",
        "-f",
        "1",
        "-g",
        "demo/NMuons",
    ]
    assert main(["scale-histogram", "-i", str(path), *out, *words]) == 0
    found = read_histograms(path, ["all"])
    assert len(found.histograms) == 95
    assert found.others == {}
