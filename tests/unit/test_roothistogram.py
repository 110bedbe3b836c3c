"""Histograms are read, scaled and written with everything that they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from tests.root_histograms import axis, profile, th1, th2, write

from scalesmear.errors import InputError
from scalesmear.io.roothistograms import ALL, nearest_first, read_histograms, write_histograms
from scalesmear.roothistogram import RootHistogram, scaled

FACTOR = 0.25  # exact in binary, so that products are


def through_files(path: Path, name: str, factor: float = FACTOR) -> Any:
    """Return what uproot reads of a histogram after it was scaled and written."""
    (histogram,) = read_histograms(path, [name]).histograms
    target = path.with_name("scaled.root")
    write_histograms(target, [scaled(histogram, factor)])
    with uproot.open(target) as file:
        classes = file.classnames(cycle=False)
        assert [key for key, kind in classes.items() if kind != "TDirectory"] == [name]
        return file[name]


def test_contents_with_flow_by_the_factor_and_squares_by_its_square(tmp_path: Path) -> None:
    path = write(tmp_path / "in.root", h=th1([1, 2, 4, 8, 16], [3, 5, 7, 9, 11]))
    found = through_files(path, "h")
    assert found.classname == "TH1D"
    assert found.values(flow=True).tolist() == [0.25, 0.5, 1, 2, 4]
    assert found.variances(flow=True).tolist() == [x / 16 for x in (3, 5, 7, 9, 11)]
    # inside: w = 2, 4, 8 at x = 0.5, 1.5, 2.5
    assert found.member("fTsumw") == 14 / 4
    assert found.member("fTsumw2") == (5 + 7 + 9) / 16
    assert found.member("fTsumwx") == (1 + 6 + 20) / 4
    assert found.member("fTsumwx2") == (0.5 + 9 + 50) / 4
    assert found.member("fEntries") == 3


def test_without_squares_errors_are_roots_of_contents_before(tmp_path: Path) -> None:
    path = write(tmp_path / "in.root", h=th1([1, 4, 9, 16, 25]))
    with uproot.open(path) as file:
        assert len(file["h"].member("fSumw2")) == 0
    found = through_files(path, "h")
    assert found.errors(flow=True).tolist() == [0.25, 0.5, 0.75, 1, 1.25]
    assert len(found.member("fSumw2")) == 5


def test_names_titles_labels_and_colours_stay(tmp_path: Path) -> None:
    x = axis(2, -1, 5, "m_{jj} [GeV]", edges=[-1, 2, 5.5], labels=["pass", "fail"], fNdivisions=505)
    histogram = th1(
        [0, 1, 2, 0], x=x, y_title="events / bin", fLineColor=2, fTitle="t", fMaximum=9.0
    )
    found = through_files(write(tmp_path / "in.root", a__b__h=histogram), "a/b/h")
    assert (found.name, found.title) == ("h", "t")
    assert found.axis().member("fTitle") == "m_{jj} [GeV]"
    assert found.member("fYaxis").member("fTitle") == "events / bin"
    assert found.axis().edges().tolist() == [-1, 2, 5.5]
    assert found.axis().labels() == ["pass", "fail"]
    assert [label.member("@fUniqueID") for label in found.axis().member("fLabels")] == [1, 2]
    assert found.axis().member("fNdivisions") == 505
    assert found.member("fLineColor") == 2
    assert found.member("fMaximum") == -1111  # a limit for the unscaled contents would mislead


@pytest.mark.parametrize(
    ("dtype", "written"), [("f8", "TH1D"), ("f4", "TH1F"), ("i4", "TH1D"), ("i2", "TH1D")]
)
def test_floats_keep_their_class_and_integers_become_doubles(
    tmp_path: Path, dtype: str, written: str
) -> None:
    found = through_files(write(tmp_path / "in.root", h=th1([0, 1, 2, 0], dtype=dtype)), "h")
    assert found.classname == written
    assert found.values().tolist() == [0.25, 0.5]


@pytest.mark.parametrize(("dtype", "written"), [("f8", "TH2D"), ("f4", "TH2F"), ("i4", "TH2D")])
def test_maps(tmp_path: Path, dtype: str, written: str) -> None:
    cells = np.arange(20)
    histogram = th2(cells, axis(3, 0, 7, "x", edges=[0, 1, 3, 7]), axis(2, 0, 1, "y"), dtype)
    path = write(tmp_path / "in.root", d__m=histogram)
    found = through_files(path, "d/m")
    assert found.classname == written
    with uproot.open(path) as file:
        before = file["d/m"].values(flow=True)
    assert before[1, 2] == 1 + 5 * 2
    assert np.array_equal(found.values(flow=True), before * FACTOR)
    assert np.array_equal(found.variances(flow=True), before * FACTOR**2)
    moments = {"fTsumwy": 2.0, "fTsumwy2": 1.0, "fTsumwxy": 0.5, "fTsumw2": 5 * FACTOR}
    for name, value in moments.items():
        assert found.member(name) == value * FACTOR
    (read,) = read_histograms(path, ["d/m"]).histograms
    assert np.array_equal(read.as_grid(read.contents, flow=True), before)
    assert np.array_equal(read.as_grid(read.contents), before[1:-1, 1:-1])


@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 3.0, 0.5, 4.0]])
def test_profile_keeps_means_and_errors_and_scales_weights(
    tmp_path: Path, weights: list[float] | None
) -> None:
    x, y = [0.5, 0.6, 0.7, 1.5, 1.6], [90, 91, 95, 80.0, 84]
    path = write(tmp_path / "in.root", p=profile(x, y, weights))
    found = through_files(path, "p", 0.3)
    w = np.array(weights or [1.0] * 5)
    for number, inside in enumerate((slice(0, 3), slice(3, 5))):
        mean = np.average(y[inside], weights=w[inside])
        variance = np.average((y[inside] - mean) ** 2, weights=w[inside])
        n_effective = w[inside].sum() ** 2 / (w[inside] ** 2).sum()
        assert found.values()[number] == pytest.approx(mean)
        assert found.errors()[number] == pytest.approx(np.sqrt(variance / n_effective), rel=1e-9)
        assert found.member("fBinEntries")[number + 1] == pytest.approx(0.3 * w[inside].sum())
    assert found.classname == "TProfile"
    assert found.member("fTsumw") == pytest.approx(0.3 * w.sum())
    assert found.member("fTsumw2") == pytest.approx(0.09 * (w**2).sum())
    assert found.member("fTsumwy2") == pytest.approx(0.3 * (w * np.square(y)).sum())
    assert (found.member("fYmin"), found.member("fYmax")) == (-5, 500)
    (read,) = read_histograms(path, ["p"]).histograms
    means, errors = (read.as_grid(values)[:2] for values in read.means())
    assert means.tolist() == pytest.approx(found.values()[:2].tolist())
    assert errors.tolist() == pytest.approx(found.errors()[:2].tolist())


def test_all_takes_every_histogram_and_names_the_rest(tmp_path: Path) -> None:
    path = write(tmp_path / "in.root", h=th1([0, 1, 0]), d__f=th1([0, 1, 0], dtype="f4"))
    with uproot.update(path) as file:
        file.mktree("events", {"x": "f4"}).extend({"x": np.zeros(2, np.float32)})
        file["cube"] = np.histogramdd(np.zeros((1, 3)), bins=2)
    found = read_histograms(path, [ALL])
    assert [histogram.path for histogram in found.histograms] == ["h", "d/f"]
    assert found.others == {"events": "TTree", "cube": "TH3D"}


def test_a_name_twice_is_read_once_and_slashes_do_not_matter(tmp_path: Path) -> None:
    path = write(tmp_path / "in.root", d__h=th1([0, 1, 0]))
    found = read_histograms(path, ["d/h", "d/h"])
    assert [histogram.path for histogram in found.histograms] == ["d/h"]
    assert read_histograms(path, ["/d/h"]).histograms[0].path == "d/h"
    assert read_histograms(path, ["d/h;1"]).histograms[0].path == "d/h"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("h_mij", "there is no histogram 'h_mij'; it has h_mjj, d/h_mij_old, zzz"),
        ("d", "'d' is a folder; it has d/h_mij_old"),
        ("tree", "'tree' is a TTree; give a TH1, TH2 or TProfile"),
        ("zzz;7", "there is no cycle 'zzz;7'"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(tmp_path: Path, name: str, message: str) -> None:
    one = th1([0, 1, 0])
    path = write(tmp_path / "in.root", zzz=one, h_mjj=one, d__h_mij_old=one)
    with uproot.update(path) as file:
        file.mktree("tree", {"x": "f4"})
    with pytest.raises(InputError) as error:
        read_histograms(path, [name])
    assert message in str(error.value)


def test_long_lists_of_names_are_cut() -> None:
    names = [f"h{number}" for number in range(20)]
    assert nearest_first("h7", names).startswith("h7, h17, ")
    assert nearest_first("h7", names).endswith(" and 12 more")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(tmp_path: Path, value: float) -> None:
    path = write(tmp_path / "in.root", h=th1([0, 1, value, 0]))
    with pytest.raises(InputError, match="h: contents of bin 2"):
        read_histograms(path, ["h"])


def test_squares_for_other_bins_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "in.root", h=th1([0, 1, 2, 0], [1, 2, 3]))
    with pytest.raises(InputError, match="has 3 squared weights for 4 bins"):
        read_histograms(path, ["h"])


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "in.root", h=th1(np.arange(1000)))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="truncated"):
        read_histograms(path, ["h"])
    path.write_text("no ROOT file")
    with pytest.raises(InputError, match="damaged or not a ROOT file"):
        read_histograms(path, ["h"])
    with pytest.raises(InputError, match="does not exist"):
        read_histograms(tmp_path / "absent.root", ["h"])


def test_single_precision_that_cannot_hold_the_result_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "in.root", h=th1([0, 1, 0], dtype="f4"))
    (histogram,) = read_histograms(path, ["h"]).histograms
    for factor in (1e60, 1e-60):
        with pytest.raises(InputError, match="beyond the range of a TH1F"):
            write_histograms(tmp_path / "out.root", [scaled(histogram, factor)])


def notes(path: Path) -> list[str]:
    histogram: RootHistogram = read_histograms(path, ["h"]).histograms[0]
    return histogram.notes()


def test_notes_say_what_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "in.root"
    assert notes(write(path, h=th1([0, 1, 0], [0, 1, 0]))) == []
    assert "no sums of squared weights" in notes(write(path, h=th1([0, 1, 0])))[0]
    assert "true errors are unknown" in notes(write(path, h=th1([0, 1.5, 0])))[1]
    assert notes(write(path, h=th1([0, 1, 0], dtype="i4")))[-1] == "TH1I becomes TH1D"
    assert "means of a profile stay" in notes(write(path, h=profile([0.5], [1])))[0]
