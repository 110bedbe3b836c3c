from dataclasses import dataclass
from pathlib import Path

import pytest

from scalesmear.errors import InputError
from scalesmear.io.files import (
    existing,
    read_json,
    read_settings,
    whole_file,
    write_json,
    write_settings,
    write_text,
)


@dataclass(frozen=True)
class Window:
    window: tuple[float, float]
    regions: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    name: str = "fit"


class HalfWayError(Exception):
    pass


def fail_half_way(target: Path) -> None:
    with whole_file(target) as part:
        part.write_text("ne")
        raise HalfWayError


def test_a_file_that_fails_half_way_leaves_the_old_one_and_no_rest(tmp_path: Path) -> None:
    target = tmp_path / "scales.dat"
    write_text(target, "old\n")
    with pytest.raises(HalfWayError):
        fail_half_way(target)
    assert [p.name for p in tmp_path.iterdir()] == ["scales.dat"]
    assert target.read_text() == "old\n"


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b.txt", "x")
    assert (tmp_path / "a" / "b.txt").read_text() == "x"


def test_json_comes_back(tmp_path: Path) -> None:
    content = {"scale": [1.0000000000000002, 0.1], "none": None}
    write_json(tmp_path / "x.json", content)
    assert read_json(tmp_path / "x.json") == content


def test_numbers_that_are_not_finite_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("text", "problem"), [("{", "not a JSON file"), ("[1]", "holds a list")])
def test_what_is_not_a_json_object_is_named(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=rf"x\.json: {problem}"):
        read_json(tmp_path / "x.json")


def test_a_missing_file_is_named_with_what_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.dat: run bins does not exist; make it"):
        existing(tmp_path / "no.dat", "run bins", "make it")


def test_settings_come_back_with_tuples(tmp_path: Path) -> None:
    settings = Window((80.0, 100.0), ((0.0, 1.0), (1.0, 1.2)))
    write_settings(tmp_path / "s.json", settings)
    assert read_settings(tmp_path / "s.json", Window) == settings


def test_settings_absent_take_defaults(tmp_path: Path) -> None:
    write_json(tmp_path / "s.json", {"window": [80, 100]})
    assert read_settings(tmp_path / "s.json", Window) == Window((80, 100))


@pytest.mark.parametrize(
    ("content", "problem"),
    [({"windov": 1}, "unknown key 'windov'"), ({"name": "x"}, "not settings for Window")],
)
def test_wrong_settings_are_named(tmp_path: Path, content: dict[str, object], problem: str) -> None:
    write_json(tmp_path / "s.json", content)
    with pytest.raises(InputError, match=problem):
        read_settings(tmp_path / "s.json", Window)
