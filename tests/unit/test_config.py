import io
import json
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from tests.unit.test_fitfile import saved_fit

from scalesmear.chain import FITS
from scalesmear.cli import main
from scalesmear.closure import ClosureSettings
from scalesmear.config import Inputs, reference_page, resolve, schema
from scalesmear.errors import InputError
from scalesmear.export import ExportSettings
from scalesmear.fill import FillSettings
from scalesmear.fitplan import FitPlan, PairSelector, Selector
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.files import read_settings
from scalesmear.io.fitfile import read_fit, write_fit
from scalesmear.io.plotfile import read_plots
from scalesmear.io.samples import JobFile, read_job
from scalesmear.io.variationsfile import read_variations
from scalesmear.report.settings import ReportSettings
from scalesmear.reweight import ReweightSettings
from scalesmear.runs import RunBinSettings
from scalesmear.schema import allowed_values, parse
from scalesmear.selection import SelectSettings
from scalesmear.stability import StabilitySettings
from scalesmear.toys import make_truth
from scalesmear.validation import PlotSettings

REPOSITORY = Path(__file__).parents[2]
MINIMAL = {"samples": "samples.tsv", "era": "2022"}


# --- the schema, inputs.yml and the page of reference ---


def comments_of(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each key of a file of values with the comment above it, on one line."""
    for paragraph in path.read_text(encoding="utf-8").split("\n\n"):
        *comment, last = paragraph.strip().splitlines()
        if match := re.match(r"(\w+):", last):
            yield match[1], " ".join(line.removeprefix("# ") for line in comment)


def test_schema_is_one() -> None:
    Draft7Validator.check_schema(schema())


def test_every_key_of_the_schema_stands_in_inputs_yml_with_its_comment() -> None:
    expected = {
        key: f"{about['description']} Default: {json.dumps(about['default'])}."
        if "default" in about
        else f"{about['description']} Required."
        for key, about in schema()["properties"].items()
    }
    assert dict(comments_of(REPOSITORY / "inputs.yml")) == expected


def test_inputs_yml_is_valid_and_complete() -> None:
    content = yaml.safe_load((REPOSITORY / "inputs.yml").read_text(encoding="utf-8"))
    assert list(content) == list(schema()["properties"])
    assert resolve(content).era == "toy2026"


def test_inputs_holds_the_keys_of_the_schema() -> None:
    assert [field.name for field in fields(Inputs)] == list(schema()["properties"])


def test_every_default_is_allowed() -> None:
    for key, about in schema()["properties"].items():
        assert "description" in about, key
        if "default" in about:
            assert Draft7Validator(about).is_valid(about["default"]), key
    assert schema()["additionalProperties"] is False


def test_reference_page_is_that_of_the_schema() -> None:
    assert (REPOSITORY / "docs" / "inputs.md").read_text(encoding="utf-8") == reference_page()


# --- reading ---


def test_yaml_and_a_python_literal_say_the_same() -> None:
    values = MINIMAL | {"truth": None, "et_min": [30, 20.5], "label": 'it\'s "13.6" TeV'}
    assert parse(yaml.safe_dump(values)) == values
    assert parse(f"{values!r}\n") == values


@pytest.mark.parametrize("text", ["", "just words", "[1, 2]", "3"])
def test_something_else_than_a_mapping_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^f\.yml: holds .*; write lines of key: value"):
        parse(text, "f.yml")


def test_broken_yaml_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match=r"^f\.yml: not YAML .*line 2") as caught:
        parse("era: x\n  samples: [1,\n", "f.yml")
    assert "\n" not in str(caught.value)


# --- values ---


def test_absent_keys_take_the_defaults_of_the_schema() -> None:
    inputs = resolve(MINIMAL)
    assert inputs.et_min == (32.0, 20.0)
    assert inputs.stability_regions[0] == (0.0, 1.0)
    assert inputs.truth is None


def test_whole_numbers_may_come_as_floats_and_floats_as_whole_numbers() -> None:
    # yadage turns 1.0 into 1
    inputs = resolve(MINIMAL | {"files_per_job": 2.0, "bin_width": 1})
    assert isinstance(inputs.files_per_job, int)
    assert isinstance(inputs.bin_width, float)


BAD = [
    (
        {"min_event_per_run_bin": 5},
        "unknown key 'min_event_per_run_bin'; did you mean 'min_events_p",
    ),
    ({"xyz": 5}, "unknown key 'xyz'; known keys are samples, era"),
    ({3: 5}, "unknown key 3; "),
    ({"era": 2022}, "era: 2022 is not allowed; it must be text"),
    ({"era": "/in/toy2026"}, 'era: "/in/toy2026" is not allowed; .* arrives as a path'),
    ({"label": "/in"}, r'label: "/in" is not allowed; .*\(an empty text, or the name of a file'),
    ({"samples": ["a", "b"]}, r'samples: \["a", "b"\] is not allowed; it must be text'),
    ({"files_per_job": 0}, "files_per_job: 0 is not allowed; it must be a whole number >= 1"),
    ({"files_per_job": 1.5}, "files_per_job: 1.5 is not allowed"),
    ({"files_per_job": True}, "files_per_job: true is not allowed"),
    ({"seed": "1; rm -rf x"}, 'seed: "1; rm -rf x" is not allowed'),
    (
        {"et_min": [20]},
        r"et_min: \[20\] is not allowed; it must be a list of 2, each a number >= 0",
    ),
    ({"et_min": [20, 32]}, "et_min: 20 of the leading electron is below 32"),
    ({"gap": [1.4, "x"]}, r"gap\[1\]: \"x\" is not allowed"),
    ({"gap": [1.6, 1.5]}, r"gap: \[1.6, 1.5\] does not rise"),
    ({"charge": "same"}, 'charge: "same" is not allowed; it must be "opposite" or "any"'),
    ({"bin_width": float("nan")}, "bin_width: nan is not finite"),
    ({"mass_range": [60, float("inf")]}, "mass_range: .* is not finite"),
    (
        {"mass_window": [60, 100]},
        r"mass_window: \[60, 100\] is not 3% inside mass_range \[60, 120\]",
    ),
    ({"mass_window": [100, 80]}, r"mass_window: \[100, 80\] does not rise"),
    ({"mass_window": [90, 92], "bin_width": 1}, "bin_width: 1 makes less than 4 bins"),
    ({"stability_regions": []}, r"stability_regions: \[\] is not allowed"),
    ({"stability_regions": [[0, 1.2], [1, 2.5]]}, r"\[0, 1.2\] and \[1, 2.5\] overlap"),
    ({"stability_regions": [[1, 0]]}, r"stability_regions: \[1, 0\] does not rise"),
    ({"stability_regions": [[0, 1.4], [1.566, 2.5]]}, r"no region holds abs_eta \[1.4, 1.4442\)"),
    ({"sample_table": "samples.yml"}, "sample_table: is given without the other; give both"),
    ({"sample_table": "s.yml", "sample_name": "a; b"}, 'sample_name: "a; b" is not allowed'),
    (
        {"fits": []},
        r"fits: \[\] is not allowed; it must be a list of different ones, each \"coarse",
    ),
    ({"fits": ["fine", "fine"]}, r"fits: \[.*\] is not allowed; it must be a list of different"),
    ({"fits": ["finest"]}, r'fits\[0\]: "finest" is not allowed'),
    (
        {"fits": ["fine", "gain"], "gain_after": "et"},
        "gain_after: et is not among the fits fine, gain; add et to fits, or name another",
    ),
    (
        {"gain_after": "gain"},
        'gain_after: "gain" is not allowed; it must be "stability" or "coarse',
    ),
    ({"final": "gain"}, "final: gain is not among the fits coarse, fine"),
    ({"closure_tolerance": 0}, "closure_tolerance: 0 is not allowed; it must be a number > 0"),
]


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[str(changes) for changes, _ in BAD])
def test_a_bad_value_is_named_with_what_is_allowed(changes: dict[Any, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^f.yml: .*{message}") as caught:
        resolve(MINIMAL | changes, "f.yml")
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named_with_its_meaning() -> None:
    with pytest.raises(InputError, match="key 'samples' is missing; Sample list"):
        resolve({"era": "x"})


def test_allowed_values_in_words() -> None:
    properties = schema()["properties"]
    assert allowed_values(properties["seed"]) == "a whole number >= 0 and <= 4294967295"
    assert allowed_values(properties["truth"]) == "text or null"
    assert allowed_values(properties["stability_regions"]) == (
        "a list, each a list of 2, each a number >= 0 and <= 10"
    )


# Every key but those that name files and categories, with what it does to the settings.
EFFECTS: dict[str, tuple[Any, str, str, Any]] = {
    "abs_eta_max": (2.4, "select", "abs_eta_max", 2.4),
    "gap": ([1.4, 1.6], "select", "gap", (1.4, 1.6)),
    "et_min": ([35, 25], "fill", "et_min", (35.0, 25.0)),
    "et_margin": (0.1, "select", "et_margin", 0.1),
    "mass_range": ([50, 130], "fill", "mass_range", (50.0, 130.0)),
    "id_bit": (8, "select", "id_bit", 8),
    "charge": ("any", "select", "charge", "any"),
    "write_tsv": (True, "select", "write_tsv", True),
    "min_events_per_run_bin": (7, "run_bins", "min_events", 7),
    "stability_regions": ([[0, 2.5]], "stability", "regions", ((0.0, 2.5),)),
    "stability_target": ("simulation", "stability", "target", "simulation"),
    "stability_min_events": (8, "stability", "min_events", 8),
    "reweight": (False, "reweight", "enabled", False),
    "reweight_min_events": (20, "reweight", "min_events", 20),
    "mass_window": ([82, 98], "stability", "mass_window", (82.0, 98.0)),
    "bin_width": (1, "fill", "bin_width", 1.0),
    "min_sim_events": (50, "fit", "settings.min_sim_events", 50.0),
    "min_data_events": (20, "fit", "settings.min_data_events", 20.0),
    "min_category_events": (30, "fit", "settings.min_category_events", 30.0),
    "low_statistics": ("merge", "fit", "settings.low_statistics", "merge"),
    "binning": ("equal-content", "fit", "settings.binning", "equal-content"),
    "n_bins": (8, "fit", "settings.n_bins", 8),
    "minimiser": ("L-BFGS-B", "fit", "settings.minimiser", "L-BFGS-B"),
    "start": ("scan", "fit", "settings.start", "scan"),
    "n_starts": (3, "fit", "settings.n_starts", 3),
    "fixed_scales": (
        [{"fit": "fine", "abs_eta": [2, None], "value": 1.002}],
        "fit",
        "fixed_scales",
        (Selector(fit="fine", abs_eta=(2.0, None), value=1.002),),
    ),
    "fixed_smearings": (
        [{"fit": "coarse", "number": 3}],
        "fit",
        "fixed_smearings",
        (Selector(fit="coarse", number=3),),
    ),
    "ignored_pairs": (
        [{"electrons": [{"r9": [None, 0.96]}, {"abs_eta": [0, 1]}]}],
        "fit",
        "ignored_pairs",
        (PairSelector(electrons=(Selector(r9=(None, 0.96)), Selector(abs_eta=(0.0, 1.0)))),),
    ),
    "tail_fraction": (0.1, "fit", "settings.tail_fraction", 0.1),
    "tail_width": (3, "fit", "settings.tail_width", 3.0),
    "bootstrap": (100, "fit", "bootstrap", 100),
    "closure_tolerance": (3, "closure", "tolerance", 3.0),
    "closure_floor": (0.001, "closure", "floor", 0.001),
    "seed": (9, "fill", "seed", 9),
    "plot_bins": (40, "validation", "n_bins", 40),
    "line_shapes": (False, "validation", "line_shapes", False),
}
FILES = {
    *(
        "samples",
        "era",
        "label",
        "data_title",
        "simulation_title",
        "truth",
        "pileup_weights",
        "systematics",
        "systematics_categories",
        "start_file",
        "sample_table",
        "sample_name",
        "files_per_job",
        "fits",
        "final",
        "plots",
    ),
    *(f"{fit}_categories" for fit in FITS),
    *(f"{fit}_after" for fit in FITS[1:]),
}


def test_every_key_has_an_effect_that_is_tested() -> None:
    assert {*EFFECTS, *FILES} == set(schema()["properties"])


@pytest.mark.parametrize("key", EFFECTS)
def test_a_key_reaches_the_settings_of_its_stage(key: str) -> None:
    value, stage, name, expected = EFFECTS[key]
    before, after = (resolve(MINIMAL | change).settings() for change in ({}, {key: value}))
    found = attrgetter(name)
    assert found(before[stage]) != expected
    assert found(after[stage]) == expected


# --- the verb ---


@pytest.fixture
def inputdata(tmp_path: Path) -> Path:
    """Make an input folder with files that are listed, but empty."""
    folder = tmp_path / "inputdata"
    folder.mkdir()
    for name in ("d1", "d2", "d3", "s1"):
        (folder / f"{name}.root").touch()
    (folder / "truth.json").write_text(json.dumps(make_truth(seed=1).as_json()))
    lines = [f"data\tselected\td{i}.root" for i in (1, 2, 3)] + ["sim\tselected\ts1.root"]
    (folder / "samples.tsv").write_text("\n".join(lines) + "\n")
    return folder


def values_of(folder: Path, **changes: Any) -> dict[str, Any]:
    """Return values as yadage gives them: files of the input folder have become paths."""
    paths = {name: str(folder / name) for name in ("samples.tsv", "truth.json")}
    values = {"samples": "samples.tsv", "era": "toy", "truth": "truth.json", "files_per_job": 2}
    return {
        key: paths.get(value, value) if isinstance(value, str) else value
        for key, value in (values | changes).items()
    }


def check(
    values: dict[str, Any], output: Path, monkeypatch: pytest.MonkeyPatch, cwd: Path | None = None
) -> int:
    """Run the verb as the workflow does, in a folder of its own."""
    monkeypatch.chdir(cwd or output.parent)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{values!r}\n"))
    return main(["check", "--inputs", "-", "--output", str(output)])


Refusal = Callable[[dict[str, Any]], str]


@pytest.fixture
def refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Refusal:
    """Return a call that runs the verb on values that it must refuse, and gives what it says."""

    def refuse(values: dict[str, Any]) -> str:
        assert check(values, tmp_path / "check", monkeypatch) == 1
        return capsys.readouterr().err

    return refuse


def test_check_publishes_settings_categories_and_jobs(
    inputdata: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "check"
    assert check(values_of(inputdata), output, monkeypatch) == 0
    published = yaml.safe_load((output / "published.yml").read_text())
    assert published.pop("variations") is published.pop("systematics_categories") is None
    assert published.pop("other_jobs") is None
    jobs = [read_job(path) for path in published.pop("jobs")]
    assert [(job.kind, job.files) for job in jobs] == [
        (kind, tuple(JobFile("selected", name, inputdata / name) for name in names))
        for kind, names in (
            ("data", ("d1.root", "d2.root")),
            ("data", ("d3.root",)),
            ("sim", ("s1.root",)),
        )
    ]
    assert (published.pop("sample_table"), published.pop("sample_name")) == (None, None)
    not_made = {f"{fit}_{what}": None for fit in FITS[2:] for what in ("categories", "base")}
    assert {name: published.pop(name) for name in not_made} == not_made
    assert (published.pop("coarse_base"), published.pop("fine_base")) == (0, 1)
    assert all(Path(path).is_file() and Path(path).is_absolute() for path in published.values())
    for name in ("coarse_categories", "fine_categories", "mass_categories"):
        fit = {"mass": "fine"}.get(name.partition("_")[0], name.partition("_")[0])
        assert read_categories(published.pop(name)) == read_categories(fit)
    assert read_plots(published.pop("plots")) == read_plots("standard")
    assert published.pop("truth") == str(output / "truth.json")
    kinds = {
        "select_settings": SelectSettings,
        "run_bins_settings": RunBinSettings,
        "stability_settings": StabilitySettings,
        "reweight_settings": ReweightSettings,
        "fill_settings": FillSettings,
        "fit_settings": FitPlan,
        "closure_settings": ClosureSettings,
        "export_settings": ExportSettings,
        "report_settings": ReportSettings,
        "validation_settings": PlotSettings,
    }
    expected = resolve(values_of(inputdata)).settings() | {
        "export": ExportSettings(
            era="toy", links=(("coarse", "stability"), ("fine", "coarse")), final="fine"
        ),
        "report": ReportSettings("toy", ""),
    }
    assert published.pop("inputs") == str(output / "inputs.json")
    assert set(published) == set(kinds)
    for key, kind in kinds.items():
        settings: Any = read_settings(published[key], kind)
        assert settings == expected[key.removesuffix("_settings")]
    assert (output / "truth.json").read_bytes() == (inputdata / "truth.json").read_bytes()
    assert resolve(json.loads((output / "inputs.json").read_text())) == resolve(
        values_of(inputdata)
    )


def test_check_says_what_it_found(
    inputdata: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    check(values_of(inputdata), tmp_path / "check", monkeypatch)
    assert capsys.readouterr().out == textwrap.dedent("""\
        3 files of data, 1 of simulation, in 3 jobs
        coarse, after stability: 8 scales, 8 smearings
        fine, after coarse: 55 scales, 10 smearings
        """)


def test_pileup_weights_are_in_the_settings_of_select(
    inputdata: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inputdata / "pileup.tsv").write_text("0 0.5\n1 1.5\n")
    values = values_of(inputdata, pileup_weights=str(inputdata / "pileup.tsv"))
    assert check(values, tmp_path / "check", monkeypatch) == 0
    settings = read_settings(tmp_path / "check/settings/select.json", SelectSettings)
    assert settings.pileup_weights == (0.5, 1.5)


def test_check_publishes_the_chain_that_is_asked_for(
    inputdata: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = values_of(inputdata, fits=["gain", "fine", "et"], gain_after="et", final="gain")
    assert check(values, tmp_path / "check", monkeypatch) == 0
    published = yaml.safe_load((tmp_path / "check/published.yml").read_text())
    bases = {fit: published[f"{fit}_base"] for fit in FITS}
    assert bases == {"coarse": None, "fine": 0, "et": 1, "gain": 2, "stochastic": None}
    assert published["coarse_categories"] is None
    # the smearings of the fit et are exported, so masses are shown in its categories
    assert published["mass_categories"] == published["et_categories"]
    settings = read_settings(published["export_settings"], ExportSettings)
    assert settings.chain.path("gain") == ("fine", "et", "gain")


def test_a_fit_before_one_with_coarser_categories_is_refused(
    inputdata: Path, refusal: Refusal
) -> None:
    values = values_of(inputdata, coarse_categories="fine", fine_categories="coarse")
    assert "coarse comes before fine, but its categories are finer" in refusal(values)


def test_variations_are_checked_and_handed_over(
    inputdata: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "check"
    assert check(values_of(inputdata), output, monkeypatch) == 0
    published = yaml.safe_load((output / "published.yml").read_text())
    assert published["variations"] is published["systematics_categories"] is None
    assert check(values_of(inputdata, systematics="standard"), output, monkeypatch) == 0
    published = yaml.safe_load((output / "published.yml").read_text())
    assert read_variations(published["variations"]) == read_variations("standard")
    assert read_categories(published["systematics_categories"]) == read_categories("coarse")
    # there is no edge in R9 to be moved
    values = values_of(inputdata, systematics="standard", systematics_categories="eta")
    assert check(values, tmp_path / "bad", monkeypatch) == 1
    assert "no category has an edge at R9 0.96" in capsys.readouterr().err
    # smearings by |eta| and Et lie in none by |eta| and R9: this used to be found by the last stages
    values = values_of(inputdata, systematics="standard", fits=["fine", "et"])
    assert check(values, tmp_path / "bad", monkeypatch) == 1
    said = capsys.readouterr().err
    assert re.search(
        "systematics_categories: no smearing category of coarse holds .* fit et; ", said
    )
    values |= {"et_categories": "et-r9"}
    assert check(values, output, monkeypatch) == 0


def test_another_simulation_has_jobs_of_its_own(
    inputdata: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["o1", "o2", "o3"]
    list_others(inputdata, *names)
    output = tmp_path / "check"
    assert check(values_of(inputdata, systematics="standard-other"), output, monkeypatch) == 0
    published = yaml.safe_load((output / "published.yml").read_text())
    others = [read_job(path) for path in published["other_jobs"]]
    assert [[file.listed_as for file in job.files] for job in others] == [
        ["o1.root", "o2.root"],
        ["o3.root"],
    ]
    assert {job.kind for job in others} == {"sim"}
    nominal = [file.listed_as for path in published["jobs"] for file in read_job(path).files]
    assert nominal == ["d1.root", "d2.root", "d3.root", "s1.root"]


def list_others(folder: Path, *names: str) -> None:
    """Add files of another simulation to the sample list."""
    with (folder / "samples.tsv").open("a") as samples:
        for name in names:
            (folder / f"{name}.root").touch()
            samples.write(f"other\tselected\t{name}.root\n")


def test_another_simulation_and_what_takes_it_belong_together(
    inputdata: Path, tmp_path: Path, refusal: Refusal
) -> None:
    said = "'other simulation' takes another simulation, but none is listed; list its files in"
    assert said in refusal(values_of(inputdata, systematics="standard-other"))
    list_others(inputdata, "o1")
    for systematics in ("standard", None):
        said = "o1.root is of type other, but no variation takes another simulation; write"
        assert said in refusal(values_of(inputdata, systematics=systematics))
    assert not (tmp_path / "check").exists()


def test_another_simulation_does_not_stand_for_the_nominal_one(
    inputdata: Path, refusal: Refusal
) -> None:
    (inputdata / "samples.tsv").write_text("data\tselected\td1.root\n")
    list_others(inputdata, "o1")
    assert "no file of simulation" in refusal(values_of(inputdata, systematics="standard-other"))


def test_without_truth_there_is_none(
    inputdata: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "check"
    words = {"label": "13.6 TeV", "data_title": "Run 2018A"}
    check(values_of(inputdata, truth=None, **words), output, monkeypatch)
    report = json.loads((output / "settings" / "report.json").read_text())
    titles = {"data_title": "Run 2018A", "simulation_title": "simulation"}
    assert report == {"era": "toy", "label": "13.6 TeV"} | titles
    assert not (output / "truth.json").exists()


def test_a_file_of_inputs_may_be_given_by_hand(
    inputdata: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = tmp_path / "inputs.yml"
    inputs.write_text("{samples: samples.tsv, era: toy}\n")
    monkeypatch.chdir(inputdata)
    assert main(["check", "--inputs", str(inputs), "--output", "../check"]) == 0
    assert (tmp_path / "check" / "published.yml").is_file()


def test_a_second_run_leaves_nothing_of_the_first(
    inputdata: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "check"
    check(values_of(inputdata, files_per_job=1), output, monkeypatch)
    check(values_of(inputdata, files_per_job=3), output, monkeypatch)
    jobs = sorted(path.name for path in (output / "jobs").iterdir())
    assert jobs == ["data_000.tsv", "sim_000.tsv"]


WRONG = [
    ({"samples": "nowhere.tsv"}, "nowhere.tsv: sample list does not exist; put it into the input"),
    ({"truth": "nowhere.json"}, "nowhere.json: truth does not exist; put it into the input folder"),
    ({"fine_categories": "nowhere"}, "nowhere: there is no such category file; give its path, or"),
    (
        {"files_per_jobs": 3},
        "inputs.yml: unknown key 'files_per_jobs'; did you mean 'files_per_job'",
    ),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(
    changes: dict[str, Any], message: str, inputdata: Path, tmp_path: Path, refusal: Refusal
) -> None:
    error = refusal(values_of(inputdata, **changes))
    assert error.startswith(f"scalesmear check: {message}")
    assert error.count("\n") == 1
    assert not (tmp_path / "check").exists()


def test_a_category_file_with_an_overlap_stops_everything(
    inputdata: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mine = inputdata / "mine.yml"
    mine.write_text(
        "scales:\n- {abs_eta: [0, 1.4442]}\n- {abs_eta: [1.2, 2.5]}\n"
        "smearings:\n- {abs_eta: [0, 2.5]}\n"
    )
    assert check(values_of(inputdata, coarse_categories=str(mine)), tmp_path, monkeypatch) == 1
    error = capsys.readouterr().err
    assert "overlap" in error
    assert str(mine) in error


@pytest.mark.parametrize(("kind", "missing"), [("data", "simulation"), ("sim", "data")])
def test_data_and_simulation_are_both_needed(
    kind: str, missing: str, inputdata: Path, refusal: Refusal
) -> None:
    (inputdata / "samples.tsv").write_text(f"{kind}\tselected\td1.root\n")
    said = f"samples.tsv: no file of {missing}; list at least one"
    assert said in refusal(values_of(inputdata))


def test_a_missing_input_file_is_named(inputdata: Path, refusal: Refusal) -> None:
    (inputdata / "d2.root").unlink()
    assert "samples.tsv:2: input file" in refusal(values_of(inputdata))


def test_a_start_file_travels_with_the_settings(
    inputdata: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_fit(inputdata / "earlier.json", saved_fit())
    values = values_of(inputdata, start="file", start_file=str(inputdata / "earlier.json"))
    assert check(values, tmp_path / "check", monkeypatch) == 0
    plan = read_settings(tmp_path / "check" / "settings" / "fit.json", FitPlan)
    assert plan.start_file == str(tmp_path / "check" / "start_fit.json")
    assert read_fit(plan.start_file).name == "coarse"


def test_a_start_file_that_is_no_fit_is_refused(inputdata: Path, refusal: Refusal) -> None:
    values = values_of(inputdata, start="file", start_file=str(inputdata / "truth.json"))
    assert "truth.json: not a fit" in refusal(values)
    with pytest.raises(InputError, match='start: "file" without a start_file'):
        resolve(MINIMAL | {"start": "file"})


def test_a_selector_without_meaning_stops_everything(
    inputdata: Path, tmp_path: Path, refusal: Refusal
) -> None:
    values = values_of(inputdata, fixed_scales=[{"abs_eta": [0.1, 0.2]}])
    assert "fixed_scales[0]: no category lies inside" in refusal(values)
    assert not (tmp_path / "check" / "published.yml").exists()
