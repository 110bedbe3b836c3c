"""The verb that checks, describes and draws a set of categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from scalesmear.cli import main
from scalesmear.events import Events
from scalesmear.io.categoryfile import read_categories, shipped_sets
from scalesmear.io.eventfile import EventWriter
from scalesmear.report.category_plane import pairs_figure, plane_figure
from scalesmear.report.drawing import Drawing, render
from scalesmear.toys import generate, make_truth

if TYPE_CHECKING:
    from pathlib import Path

    from scalesmear.histogram import Kind


def events_file(path: Path, kind: Kind, n: int = 500) -> Events:
    events = generate(make_truth(1), kind, n)
    with EventWriter(path, kind) as writer:
        writer.write(events)
    return events


def test_a_set_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["categories", "coarse"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "coarse: 8 scales, 8 smearings"
    assert lines[1].split() == ["number", "scale", "category", "its", "smearing", "category"]
    assert len(lines) == 3 + 8
    assert lines[3].split("  ")[0] == "1"


def test_populations_are_printed_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = [events_file(tmp_path / f"{i}.arrow", "data", 400 + i) for i in range(2)]
    events_file(tmp_path / "sim.arrow", "sim")
    files = [str(tmp_path / name) for name in ("0.arrow", "sim.arrow", "1.arrow")]
    out = tmp_path / "out"
    assert main(["categories", "gain", "--events", *files, "--output", str(out)]) == 0
    assert "data: 801 events, " in capsys.readouterr().out
    rows = [line.split("\t") for line in (out / "categories.tsv").read_text().splitlines()]
    assert rows[0] == [
        "number", "scale category", "its smearing category",
        "electrons data", "both in it data", "electrons simulation", "both in it simulation",
    ]  # fmt: skip
    gain = np.concatenate([np.where(e.abs_eta < 2.5, e.gain, 0) for e in data])
    expected = [[int((gain == g).sum()), int((gain == g).all(axis=1).sum())] for g in (12, 6, 1)]
    assert [[int(v) for v in row[3:5]] for row in rows[1:]] == expected
    pairs = [line.split("\t") for line in (out / "pairs.tsv").read_text().splitlines()[1:]]
    assert [row[:2] for row in pairs] == [list(p) for p in ("11", "12", "22", "13", "23", "33")]
    assert sum(int(row[2]) for row in pairs) == np.count_nonzero(np.all(gain > 0, axis=1))
    assert read_categories(out / "categories.yml") == read_categories("gain")
    for figure in ("plane_data", "plane_sim", "pairs_data", "pairs_sim"):
        assert (out / f"{figure}.pdf").read_bytes().startswith(b"%PDF")
        assert (out / f"{figure}.png").stat().st_size > 5000


def test_a_bad_set_is_one_line_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text("scales:\n- {abs_eta: [0, 1.4]}\nsmearings:\n- {abs_eta: [0, 2.5]}\n")
    assert main(["categories", str(bad), "--output", str(tmp_path / "out")]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert "no category holds abs_eta [1.4, 1.4442)" in captured.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", shipped_sets())
def test_every_scale_category_has_its_number_in_the_picture(name: str) -> None:
    categories = read_categories(name)
    figure = plane_figure(categories)
    panels = [axes for axes in figure.axes if axes.texts]
    found = {int(text.get_text()) for axes in panels for text in axes.texts}
    assert found == set(range(1, len(categories.scales) + 1))


def test_rectangles_are_the_windows() -> None:
    categories = read_categories("coarse")
    axes = plane_figure(categories).axes[0]
    rectangles = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    scales = [list(rectangle.get_bbox().extents) for rectangle in rectangles[:8]]
    # |eta| to scale; R9 below 0.96 is the first slot, above it the second
    assert scales[0] == [0, 0, 1, 1]
    assert scales[1] == [0, 1, 1, 2]
    assert scales[7] == [2, 1, 2.5, 2]


def test_an_empty_matrix_of_pairs_can_be_drawn() -> None:
    categories = read_categories("eta")
    empty = np.zeros((5, 5), np.int64)
    render(Drawing("pairs", "", lambda: pairs_figure(categories, empty)))
