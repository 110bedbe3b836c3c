"""Faults of earlier frameworks that concern categories, and what happens here instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.categories import CategorySet
from scalesmear.corrections import ScaleTable
from scalesmear.errors import InputError
from scalesmear.events import Events
from scalesmear.histogram import n_pairs, pair_number
from scalesmear.io.categoryfile import read_categories

if TYPE_CHECKING:
    from pathlib import Path


def read_rows(tmp_path: Path, *rows: str) -> CategorySet:
    (path := tmp_path / "categories.tsv").write_text("".join(row + "\n" for row in rows))
    return read_categories(path)


def test_f01_an_event_is_in_one_pair_at_most() -> None:
    # it used to enter every pair that its electrons fit in one variable after the other
    categories = read_categories("fine")
    rng = np.random.default_rng(1)
    abs_eta, r9 = rng.uniform(0, 2.6, (2, 5000, 2))
    pair = pair_number(categories.category_of(abs_eta, r9))
    counts = np.bincount(pair + 1, minlength=n_pairs(len(categories.scales)) + 1)
    assert counts.sum() == 5000
    swapped = pair_number(categories.category_of(abs_eta[:, ::-1], r9[:, ::-1]))
    assert np.array_equal(swapped, pair)


def test_f02_upper_edges_are_outside_in_fits_and_in_tables() -> None:
    # edges used to be closed in the fit and half-open when applied
    windows = read_categories("eta").scales
    abs_eta = np.array([[0.0, 1.0], [1.2, 1.4442], [1.566, 2.0], [2.4999, 2.5]])
    table = ScaleTable.of([(1, 9)] * 5, windows, [1.1, 1.2, 1.3, 1.4, 1.5], [0.1] * 5)
    category = read_categories("eta").category_of(abs_eta)
    assert category.tolist() == [[0, 1], [2, -1], [3, 4], [4, -1]]
    found = table.lookup(np.full(4, 5), abs_eta, np.ones((4, 2)), np.full((4, 2), 40.0))
    assert np.array_equal(found.found, category >= 0)
    assert np.array_equal(found.scale, np.append(table.scale, 1.0)[category])


def test_f04_smearings_by_gain_are_refused(tmp_path: Path) -> None:
    # the gain used to be ignored when a smearing was looked up, and never written
    scales = [f"scale 0 2.5 -1 -1 {gain} -1 -1" for gain in (12, 6, 1)]
    smears = [f"smear 0 2.5 -1 -1 {gain} -1 -1" for gain in (12, 6, 1)]
    with pytest.raises(InputError, match="uses the gain, which the smearings file cannot hold"):
        read_rows(tmp_path, *scales, *smears)


def test_f05_categories_are_in_the_eta_of_the_supercluster() -> None:
    # categories used to cut on the eta of the electron, while users look up that of the supercluster
    events = Events(
        eta=np.array([[0.9, -1.1]], np.float32), eta_sc=np.array([[1.1, -0.9]], np.float32)
    )
    assert read_categories("eta").category_of(events.abs_eta).tolist() == [[1, 0]]


def test_f10_each_row_says_which_variables_it_uses(tmp_path: Path) -> None:
    # the first row used to decide for all
    rows = ["scale 0 1.4442 -1 -1 -1 -1 -1", "scale 1.566 2.5 0 0.9 -1 -1 -1"]
    last = ["scale 1.566 2.5 0.9 10 -1 -1 -1", "smear 0 2.5 -1 -1 -1 -1 -1"]
    categories = read_rows(tmp_path, *rows, *last)
    abs_eta, r9 = np.array([[0.5, 2.0]]), np.array([[0.95, 0.95]])
    assert categories.category_of(abs_eta, r9).tolist() == [[0, 2]]


@pytest.mark.parametrize(
    ("rows", "hole"),
    [
        (["0 2.5 -1 -1 -1 0 900"], r"et \[900, inf\)"),
        (["0 2.5 0 0.5 -1 -1 -1", "0 2.5 0.6 10 -1 -1 -1"], r"r9 \[0.5, 0.6\)"),
    ],
)
def test_f11_holes_are_found_before_any_fit(rows: list[str], hole: str, tmp_path: Path) -> None:
    # electrons in a hole used to vanish
    with pytest.raises(InputError, match=f"no category holds .*{hole}"):
        read_rows(tmp_path, *(f"scale {row}" for row in rows), "smear 0 2.5 -1 -1 -1 -1 -1")


def test_f12_a_scale_without_smearing_is_named_when_it_is_read(tmp_path: Path) -> None:
    # it used to end in an index error
    rows = ["scale 0 2.5 -1 -1 -1 -1 -1", "smear 0 1 -1 -1 -1 -1 -1", "smear 1 2.5 -1 -1 -1 -1 -1"]
    with pytest.raises(InputError, match=r"line 1 .* lies inside 0 smearing categories"):
        read_rows(tmp_path, *rows)
