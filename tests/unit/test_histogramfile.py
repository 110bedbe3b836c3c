"""Histograms written and read back."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.errors import InputError
from scalesmear.histogram import MassFiller, MassGrid, MassHistograms
from scalesmear.io.histogramfile import read_histograms, write_histograms

if TYPE_CHECKING:
    from pathlib import Path

    from scalesmear.histogram import Kind


def make_histograms(kind: Kind, seed: int = 1) -> MassHistograms:
    rng = np.random.default_rng(seed)
    filler = MassFiller(kind, MassGrid.of_width((82.0, 98.0)), 3, exponent=2)
    pair = rng.integers(-1, 5, 1000)
    weight = rng.choice([-4.0, 4.0], 1000) if kind == "sim" else None
    filler.add(rng.normal(0, 0.2, 1000), pair, weight)
    return filler.finish()


@pytest.mark.parametrize("kind", ["data", "sim"])
def test_histograms_read_back_are_those_written(tmp_path: Path, kind: Kind) -> None:
    written = make_histograms(kind)
    write_histograms(tmp_path / "h.npz", written)
    found = read_histograms(tmp_path / "h.npz")
    for name in ("kind", "grid", "n_categories", "exponent", "n_events", "dropped"):
        assert getattr(found, name) == getattr(written, name)
    for name in ("pairs", "sumw", "sumw2", "contents", "variances"):
        np.testing.assert_array_equal(getattr(found, name), getattr(written, name))
    assert (found + written).n_events == 2000


def test_equal_histograms_make_equal_files(tmp_path: Path) -> None:
    write_histograms(tmp_path / "a.npz", make_histograms("sim"))
    write_histograms(tmp_path / "b.npz", make_histograms("sim"))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    # the hour of writing would show in the dates of the members
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {member.date_time[0] for member in archive.infolist()} == {1980}


@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, part: float) -> None:
    path = tmp_path / "h.npz"
    write_histograms(path, make_histograms("data"))
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(InputError, match=r"h\.npz: not a whole histogram file .*scalesmear fill"):
        read_histograms(path)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "h.npz", counts=np.zeros(3))
    with pytest.raises(InputError, match=r"not a whole histogram file .*header"):
        read_histograms(tmp_path / "h.npz")
    np.save(tmp_path / "h.npy", np.zeros(3))
    with pytest.raises(InputError, match="not a whole histogram file"):
        read_histograms(tmp_path / "h.npy")


def test_arrays_of_the_wrong_shape_or_type_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "h.npz"
    write_histograms(path, make_histograms("data"))
    with np.load(path) as content:
        arrays = dict(content)
    np.savez(path, **(arrays | {"sumw": arrays["sumw"][:, 1:]}))
    with pytest.raises(InputError, match="sumw has shape"):
        read_histograms(path)
    np.savez(path, **(arrays | {"pairs": arrays["pairs"].astype(float)}))
    with pytest.raises(InputError, match="pairs is of type float64, expected int32"):
        read_histograms(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.npz: histogram file does not exist"):
        read_histograms(tmp_path / "none.npz")
