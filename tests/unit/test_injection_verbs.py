"""The study of injections by its verbs: it passes, and tells when it should not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.unit.test_fitfile import saved_fit

from scalesmear.cli import main
from scalesmear.io.fitfile import write_fit

if TYPE_CHECKING:
    from pathlib import Path

# 10 parameters, of which none is beyond 5 standard deviations but in 6 of 1e6 studies
VALUES: dict[str, Any] = {
    "categories": "eta",
    "n_toys": 6,
    "toys_per_job": 4,
    "data_events": 100_000,
    "sim_events": 100_000,
    "smearing_range": [0.02, 0.025],
    "tolerance": 5,
}


FITS = ("fits_0-3.json", "fits_4-5.json")


def truth_of(folder: Path, **values: Any) -> int:
    inputs = folder / "inputs.yml"
    inputs.write_text(yaml.safe_dump(VALUES | values))
    return main(["injection-truth", "--inputs", str(inputs), "--output", str(folder / "truth")])


def toys_of(folder: Path, toys: str) -> int:
    truth = folder / "truth"
    flags = {
        "--truth": truth / "truth.json",
        "--settings": truth / "toys.json",
        "--toys": toys,
        "--output": folder / f"fits_{toys}.json",
    }
    return main(["injection-toys", *(str(word) for pair in flags.items() for word in pair)])


def summary_of(folder: Path, output: str, *fits: str) -> int:
    truth = folder / "truth"
    flags = {
        "--truth": truth / "truth.json",
        "--settings": truth / "toys.json",
        "--criteria": truth / "criteria.json",
        "--inputs": truth / "inputs.json",
        "--output": folder / output,
    }
    words = [str(word) for pair in flags.items() for word in pair]
    return main(["injection-summary", *words, "--fits", *(str(folder / name) for name in fits)])


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a truth, the fits of its toys, and what comes of them."""
    folder = tmp_path_factory.mktemp("study")
    assert truth_of(folder) == 0
    for toys in ("0-3", "4-5"):
        assert toys_of(folder, toys) == 0
    assert summary_of(folder, "out", *FITS) == 0
    return folder


def result_of(folder: Path, output: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / output / "injection.json").read_text())
    del content["provenance"]
    return content


def test_what_is_injected_is_found(study: Path) -> None:
    published = yaml.safe_load((study / "truth/published.yml").read_text())
    assert published["jobs"] == ["0-3", "4-5"]
    assert "What was injected is found" in (study / "out/summary.txt").read_text()
    result = result_of(study, "out")
    assert result["passed"]
    assert result["toys"] == 6
    assert [row["kind"] for row in result["parameters"]] == 5 * ["scale"] + 5 * ["smearing"]
    lines = (study / "out/injection.tsv").read_text().splitlines()
    assert len(lines) == 11
    assert lines[1].startswith("scale\t|eta| < 1\t")
    page = (study / "out/injection.html").read_text()
    assert "Mean pull of the scales of each category" in page
    names = sorted(path.name for path in (study / "out/figures").iterdir())
    assert names == sorted(
        f"{name}.{suffix}"
        for name in ("pulls", "biases", "mean_pulls_scales", "mean_pulls_smearings")
        for suffix in ("pdf", "png")
    )


def test_the_order_of_jobs_changes_nothing(study: Path) -> None:
    assert summary_of(study, "turned", *reversed(FITS)) == 0
    assert result_of(study, "turned") == result_of(study, "out")


def test_a_wrong_fit_is_told_after_all_is_written(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # as if all fits found the third scale 1 % away from what was put in
    path = study / "truth/truth.json"
    text = path.read_text()
    content = json.loads(text)
    content["scale"][2] += 0.01
    path.write_text(json.dumps(content))
    try:
        assert summary_of(study, "wrong", *FITS) == 1
    finally:
        path.write_text(text)
    said = capsys.readouterr().err
    assert "what was injected is not found: mean pull of scale of |eta| 1.2-1.4442 is -" in said
    assert said.count("\n") == 1
    assert not result_of(study, "wrong")["passed"]
    assert "does not pass" in (study / "wrong/injection.html").read_text()


def test_fits_of_another_truth_are_refused(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert truth_of(tmp_path, categories="gain") == 0
    (tmp_path / FITS[0]).write_text((study / FITS[0]).read_text())
    assert summary_of(tmp_path, "out", FITS[0]) == 1
    assert "its fits have not 4 parameters; give fits to the truth" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_job_given_twice_is_refused(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert summary_of(study, "twice", *FITS, FITS[0]) == 1
    assert "toys are there twice; give each job once" in capsys.readouterr().err


def test_a_study_whose_fits_all_fail_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert truth_of(tmp_path, min_data_events=10_000_000) == 0
    assert toys_of(tmp_path, "0-1") == 0
    assert summary_of(tmp_path, "out", "fits_0-1.json") == 1
    assert "2 of 2 fits failed, the first of them in toy 0: no pair" in capsys.readouterr().err


@pytest.mark.parametrize("toys", ["5-4", "x", "3"])
def test_toys_without_a_number_are_refused(
    study: Path, toys: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert toys_of(study, toys) == 1
    assert f"--toys: '{toys}' means no toys" in capsys.readouterr().err


def test_what_a_fit_found_can_be_injected(tmp_path: Path) -> None:
    fit = saved_fit()
    write_fit(tmp_path / "fit.json", fit)
    assert truth_of(tmp_path, truth=str(tmp_path / "fit.json")) == 0
    truth = json.loads((tmp_path / "truth/truth.json").read_text())
    assert truth["scale"] == fit.result.scale.tolist()
    assert truth["smearing"] == fit.result.smearing.tolist()
    assert truth["categories"] == fit.categories.to_json()


def test_an_absent_truth_or_set_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert truth_of(tmp_path, truth="fit.json") == 1
    assert "fit.json: truth does not exist; put it into the input folder" in capsys.readouterr().err
    assert truth_of(tmp_path, categories="finer") == 1
    assert "there is no such category file" in capsys.readouterr().err
    assert not (tmp_path / "truth").exists()
