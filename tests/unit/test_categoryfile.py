"""Category files, and the sets that come with the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scalesmear.errors import InputError
from scalesmear.io.categoryfile import read_categories, shipped_sets, write_categories

if TYPE_CHECKING:
    from pathlib import Path

SIZES = {
    "coarse": (8, 8),
    "fine": (55, 10),
    "fine-ul2016": (43, 10),
    "et": (26, 16),
    "et-r9": (40, 10),
    "gain": (3, 1),
    "stochastic": (32, 32),
    "eta": (5, 5),
}


def test_all_shipped_sets_are_tested() -> None:
    assert set(shipped_sets()) == set(SIZES)


@pytest.mark.parametrize(("name", "sizes"), SIZES.items())
def test_shipped_sets_have_their_sizes(name: str, sizes: tuple[int, int]) -> None:
    categories = read_categories(name)
    assert (len(categories.scales), len(categories.smearings)) == sizes


@pytest.mark.parametrize("name", SIZES)
def test_the_canonical_form_reads_back(name: str, tmp_path: Path) -> None:
    categories = read_categories(name)
    path = tmp_path / "categories.yml"
    write_categories(path, categories)
    assert read_categories(path) == categories


def test_the_canonical_form_is_a_block_for_each_category(tmp_path: Path) -> None:
    path = tmp_path / "gain.yml"
    write_categories(path, read_categories("gain"))
    assert path.read_text() == (
        "scales:\n"
        "  - {abs_eta: [0.0, 2.5], gain: [12]}\n"
        "  - {abs_eta: [0.0, 2.5], gain: [6]}\n"
        "  - {abs_eta: [0.0, 2.5], gain: [1]}\n"
        "smearings:\n"
        "  - {abs_eta: [0.0, 2.5]}\n"
    )


def test_a_missing_file_names_the_sets(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.yml: there is no such .* one of coarse, et"):
        read_categories(tmp_path / "none.yml")


@pytest.mark.parametrize("content", [b"scales: [", b"\xff\xfe\x00"])
def test_a_file_that_is_not_yaml_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.yml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"bad.yml: not"):
        read_categories(path)


def test_messages_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "hole.yml"
    path.write_text("scales:\n- {abs_eta: [0, 1.4]}\nsmearings:\n- {abs_eta: [0, 2.5]}\n")
    with pytest.raises(InputError, match=r"hole.yml: scales: no category holds abs_eta \[1.4, "):
        read_categories(path)
