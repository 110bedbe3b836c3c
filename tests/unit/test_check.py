"""What `check` makes of the table of samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from tests.root_histograms import th1, write

from scalesmear.cli import main
from scalesmear.cli._ingredients import DataSet, read_ingredients
from scalesmear.io.samplestable import read_sample

if TYPE_CHECKING:
    from pathlib import Path

TABLE: dict[str, Any] = {
    "luminosity": "2 fb-1",
    "luminosity_uncertainty": "1 %",
    "samples": {
        "dy": {
            "files": ["made/*.root"],
            "cross_section": "3 pb",
            "includes": "Z->ee",
            "k_factor": 1.5,
            "filter_eff": 0.5,
            "sum_of_weights": {"from": "histogram counts[1]"},
            "source": "a note",
            "uncertainties": {"cross_section": "5 %"},
        },
        "other": {
            "cross_section": "1 nb",
            "includes": "nothing",
            "k_factor": 1,
            "filter_eff": 1,
            "sum_of_weights": 10,
            "source": "guess",
        },
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An input folder with a table; the files of its sample count 7 and 8 events."""
    (tmp_path / "made").mkdir()
    for number, count in enumerate((7.0, 8.0)):
        write(tmp_path / f"made/{number}.root", counts=th1(np.array([0, count, 0])))
    for name in ("data.root", "sim.root"):
        (tmp_path / name).touch()
    lines = "data\tselected\tdata.root\nsim\tselected\tsim.root\n"
    (tmp_path / "samples.tsv").write_text(lines)
    (tmp_path / "samples.yml").write_text(yaml.safe_dump(TABLE))
    return tmp_path


def checked(folder: Path, **values: Any) -> tuple[int, Path]:
    """Run check; return its exit code and its folder."""
    inputs = {"samples": str(folder / "samples.tsv"), "era": "toy"} | values
    (folder / "inputs.yml").write_text(yaml.safe_dump(inputs))
    words = ["--inputs", str(folder / "inputs.yml"), "--output", str(folder / "check")]
    return main(["check", *words]), folder / "check"


def test_table_is_resolved_to_numbers(folder: Path) -> None:
    code, output = checked(folder, sample_table=str(folder / "samples.yml"), sample_name="dy")
    assert code == 0
    published = yaml.safe_load((output / "published.yml").read_text())
    assert published["sample_name"] == "dy"
    assert published["sample_table"] == str(output / "samples.yml")
    found = read_ingredients({}, read_sample(published["sample_table"], "dy"), DataSet())
    # 0.5 * 1.5 * 3 pb * 2000 pb-1 / (7 + 8)
    assert found.normalisation.factor == pytest.approx(300)
    relative = {name: one.relative for name, one in found.normalisation.uncertainties.items()}
    assert relative == pytest.approx({"luminosity": 0.01, "cross_section": 0.05})
    assert found.sample is not None
    assert "histogram counts[1]" in found.sample.source


def test_without_a_table_nothing_is_published(folder: Path) -> None:
    code, output = checked(folder)
    assert code == 0
    published = yaml.safe_load((output / "published.yml").read_text())
    assert (published["sample_table"], published["sample_name"]) == (None, None)
    assert not (output / "samples.yml").exists()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("dz", {}, "there is no sample 'dz'; it has dy, other"),
        ("dy", {"luminosity": "2 pb"}, "'2 pb' has the unit pb, which belongs to a cross_section"),
        ("dy", {"luminosity": None}, "luminosity: null is not allowed"),
    ],
)
def test_bad_table_stops_before_anything_else(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    change: dict[str, Any],
    message: str,
) -> None:
    (folder / "samples.yml").write_text(yaml.safe_dump(TABLE | change))
    code, output = checked(folder, sample_table=str(folder / "samples.yml"), sample_name=name)
    assert code == 1
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_table_without_a_luminosity_says_where_it_goes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = {key: value for key, value in TABLE.items() if not key.startswith("luminosity")}
    (folder / "samples.yml").write_text(yaml.safe_dump(table))
    code, _ = checked(folder, sample_table=str(folder / "samples.yml"), sample_name="dy")
    assert code == 1
    assert "samples.yml: key 'luminosity' is missing" in capsys.readouterr().err
