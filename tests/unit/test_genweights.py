"""Sums of weights are read from all files of a data set."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from tests.root_histograms import axis, th1, write

from scalesmear.errors import InputError
from scalesmear.io import genweights
from scalesmear.io.genweights import files_of, sum_over
from scalesmear.mcsamples import WeightSource, parse_source
from scalesmear.normalisation import Given
from scalesmear.progress import Progress


def total(paths: list[Path], text: str) -> float:
    source = parse_source(Given(text, "--sum-of-weights"))
    assert isinstance(source, WeightSource)
    return math.fsum(one.value for one in sum_over(paths, source, Progress(len(paths))))


def write_trees(path: Path, **trees: dict[str, Any]) -> Path:
    with uproot.recreate(path) as file:
        for name, branches in trees.items():
            arrays = {key: np.asarray(values) for key, values in branches.items()}
            file.mktree(name, {key: array.dtype for key, array in arrays.items()}).extend(arrays)
    return path


def nano(path: Path, sums: list[float], counts: list[int], underscore: str = "") -> Path:
    runs = {"run": [1] * len(sums), f"genEventSumw{underscore}": sums}
    runs[f"genEventCount{underscore}"] = counts
    return write_trees(path, Runs=runs, Events={"genWeight": [1.0]})


def test_nanoaod_adds_all_entries_of_all_files(tmp_path: Path) -> None:
    files = [
        nano(tmp_path / "1.root", [1000.5, -0.25], [1200, 3]),
        nano(tmp_path / "2.root", [2000.0], [2500], "_"),
    ]
    assert total(files, "Runs") == 3000.25
    assert total(files, "events") == 3703


def test_data_have_no_sum(tmp_path: Path) -> None:
    path = write_trees(tmp_path / "data.root", Runs={"run": [316000]})
    with pytest.raises(InputError, match="tree Runs has no genEventSumw; only files of simulation"):
        total([path], "Runs")
    with pytest.raises(InputError, match="there is no tree 'selected'; it has Runs"):
        total([path], "mcGenWeight")


def test_ntuples_add_signed_weights_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(genweights, "CHUNK_SIZE", 7)
    weights = np.random.default_rng(1).normal(1, 1e4, 50).astype(np.float32)
    path = write_trees(tmp_path / "n.root", selected={"mcGenWeight": weights})
    # the sum of float32 numbers as exact integers of the smallest unit, rounded once
    exact = sum(int(np.ldexp(float(w), 60)) for w in weights) / 2**60
    assert total([path], "mcGenWeight") == exact
    assert total([path, path], "events") == 100


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    for bad in ([np.nan, 1], [np.inf, -np.inf], [np.inf, 1]):
        weights = np.array(bad, np.float32)
        path = write_trees(tmp_path / "n.root", selected={"mcGenWeight": weights})
        with pytest.raises(InputError, match=r"the sum of selected\.mcGenWeight is (nan|inf)"):
            total([path], "mcGenWeight")
    path = write_trees(tmp_path / "n.root", selected={"other": [1.0]})
    with pytest.raises(InputError, match="no branch 'mcGenWeight'"):
        total([path], "mcGenWeight")


def test_bookkeeping_by_number_or_label_of_the_bin(tmp_path: Path) -> None:
    x = axis(3, 0, 3, labels=["events", "sum w", "sum w2"])
    files = [
        write(tmp_path / f"{n}.root", cutflow__w=th1([0, 10 * n, 5.5 * n, 3, 0], x=x))
        for n in (1, 2)
    ]
    assert total(files, "histogram cutflow/w[2]") == 16.5
    assert total(files, "histogram cutflow/w[sum w]") == 16.5
    assert total(files, "histogram cutflow/w [events]") == 30
    for text, message in {
        "histogram cutflow/w[4]": "there is no bin 4; its bins are 1 to 3",
        "histogram cutflow/w[0]": "there is no bin 0",
        "histogram cutflow/w[sumw]": "no bin has the label 'sumw'; its labels: events, sum w, sum",
        "histogram w[1]": "there is no histogram 'w'; it has cutflow/w",
    }.items():
        with pytest.raises(InputError) as error:
            total(files, text)
        assert message in str(error.value)


def test_files_of_two_kinds_do_not_add_up(tmp_path: Path) -> None:
    files = [
        nano(tmp_path / "1.root", [1.0], [10]),
        write_trees(tmp_path / "2.root", selected={"mcGenWeight": [1.0]}),
    ]
    with pytest.raises(InputError, match=r"has entries of selected, but .* Runs\.genEventCount"):
        total(files, "events")


@pytest.mark.parametrize("text", ["runs", "histogram w", "histogram", "Events", "many"])
def test_unknown_sources_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no source; write a number, Runs, histogram"):
        parse_source(Given(text, "--sum-of-weights"))


def test_files_are_matched_once_and_missing_ones_told(tmp_path: Path) -> None:
    for name in ("b", "a", "c.txt"):
        (tmp_path / f"{name}.root").touch()
    (tmp_path / "folder.root").mkdir()
    names = [Given(text, "s.yml: files") for text in ("b.root", "*.root", str(tmp_path / "a*"))]
    assert [path.name for path in files_of(names, tmp_path)] == ["b.root", "a.root", "c.txt.root"]
    with pytest.raises(InputError, match=r"s.yml: files: no file matches .*x\*.root; paths start"):
        files_of([Given("x*.root", "s.yml: files")], tmp_path)
