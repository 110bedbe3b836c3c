import json
from pathlib import Path
from typing import Any

import pytest

from scalesmear.cli import main
from scalesmear.cutflow import CutFlow, merge_summaries
from scalesmear.errors import InputError


def summary(kind: str = "data", **changes: Any) -> dict[str, Any]:
    """Return the summary of a job that kept 3 of 10 events."""
    content: dict[str, Any] = {
        "kind": kind,
        "files": [
            {
                "path": f"/in/{kind}.root",
                "tree": "selected",
                "entries": 10,
                "adler32": "0badcafe",
                "bytes": 1000,
            }
        ],
        "cuts": [
            {"name": "entries", "events": 10, "sum_of_weights": 10.0},
            {"name": "mass range", "events": 3, "sum_of_weights": 2.0},
        ],
        "runs": {"5": 1, "4": 2},
        "sum_of_weights": 2.0,
        "sum_of_squared_weights": 2.5,
        "largest_weight": 1.5,
        "notes": [],
        "provenance": {"command": ["scalesmear", "select"]},
    }
    return content | changes


def second_file(kind: str = "data", **changes: Any) -> dict[str, Any]:
    content = summary(kind, **changes)
    content["files"] = [content["files"][0] | {"path": f"/in/{kind}_2.root"}]
    return content


def merge(*summaries: dict[str, Any]) -> CutFlow:
    return merge_summaries((f"summary {i}", content) for i, content in enumerate(summaries))


def test_cuts_runs_and_sums_of_the_jobs_are_added() -> None:
    other = second_file(runs={"5": 3}, notes=["one note"], largest_weight=2.0)
    flow = merge(summary(), other, summary("sim")).data
    assert [(cut.name, cut.events, cut.sum_of_weights) for cut in flow.cuts] == [
        ("entries", 20, 20.0),
        ("mass range", 6, 4.0),
    ]
    assert flow.runs == {4: 2, 5: 4}
    assert list(flow.runs) == [4, 5]
    assert (flow.sum_of_weights, flow.sum_of_squared_weights) == (4.0, 5.0)
    assert flow.largest_weight == 2.0
    assert flow.notes == ("one note",)
    assert [file.path for file in flow.files] == ["/in/data.root", "/in/data_2.root"]


def test_effective_events_and_exponent_follow_from_the_sums() -> None:
    sim = merge(summary(), summary("sim")).sim
    # (sum w)^2 / sum w^2 = 4 / 2.5; 2^1 is the power of two above 1.5
    assert sim.effective_events == pytest.approx(1.6)
    assert sim.exponent == 1
    assert sim.n_events == 3


def test_the_result_survives_a_json_file() -> None:
    flow = merge(summary(), second_file(), summary("sim"))
    assert CutFlow.from_json(json.loads(json.dumps(flow.to_json()))) == flow


def test_json_holds_the_derived_numbers() -> None:
    sim = merge(summary(), summary("sim")).to_json()["sim"]
    assert (sim["exponent"], sim["n_events"]) == (1, 3)
    assert sim["effective_events"] == pytest.approx(1.6)


def test_of_returns_the_sample_of_a_kind() -> None:
    flow = merge(summary(), summary("sim"))
    assert flow.of("data").files[0].path == "/in/data.root"
    assert flow.of("sim").files[0].path == "/in/sim.root"


def test_the_order_of_the_jobs_does_not_change_a_bit() -> None:
    # naive addition gives 1.0 or 0.0 for these, depending on the order
    weights = [1e16, 1.0, -1e16]
    jobs = [summary("sim", sum_of_weights=w) for w in weights]
    for number, job in enumerate(jobs):
        job["files"] = [job["files"][0] | {"path": f"/in/{number}.root"}]
    totals = {
        merge(summary(), *(jobs[i] for i in order)).sim.sum_of_weights
        for order in [(0, 1, 2), (0, 2, 1), (1, 0, 2)]
    }
    assert totals == {1.0}


def test_the_grouping_of_files_into_jobs_does_not_change_a_bit() -> None:
    weights = [0.1, 0.2, 0.3]
    assert (0.1 + 0.2) + 0.3 != 0.1 + (0.2 + 0.3)
    left = [0.1 + 0.2, 0.3]
    right = [0.1, 0.2 + 0.3]
    totals = {
        merge(
            summary(),
            *(
                second_file("sim", sum_of_weights=w) if i else summary("sim", sum_of_weights=w)
                for i, w in enumerate(group)
            ),
        ).sim.sum_of_weights
        for group in (left, right)
    }
    assert totals == {0.6}
    assert sum(weights) == pytest.approx(0.6)


def test_nothing_left_names_the_cut_that_removed_all() -> None:
    cuts = [
        {"name": "entries", "events": 10, "sum_of_weights": 10.0},
        {"name": "charge", "events": 0, "sum_of_weights": 0.0},
        {"name": "mass range", "events": 0, "sum_of_weights": 0.0},
    ]
    empty = summary("sim", cuts=cuts, runs={}, sum_of_weights=0.0)
    with pytest.raises(InputError, match=r"1 files of simulation: no event is left, 'charge'"):
        merge(summary(), empty)


def test_a_job_without_events_is_fine_beside_one_with_some() -> None:
    cuts = [cut | {"events": 0, "sum_of_weights": 0.0} for cut in summary()["cuts"]]
    empty = second_file(cuts=cuts, runs={}, sum_of_weights=0.0, largest_weight=0.0)
    assert merge(empty, summary(), summary("sim")).data.n_events == 3


def test_weights_that_cancel_are_an_error() -> None:
    with pytest.raises(InputError, match=r"add up to -0\.5"):
        merge(summary(), summary("sim", sum_of_weights=-0.5))


@pytest.mark.parametrize(("kind", "word"), [("data", "simulation"), ("sim", "data")])
def test_both_kinds_are_needed(kind: str, word: str) -> None:
    with pytest.raises(InputError, match=f"no summary of {word}"):
        merge(summary(kind))


def test_a_file_that_was_read_twice_is_an_error() -> None:
    with pytest.raises(InputError, match=r"/in/data.root: tree 'selected' was read twice"):
        merge(summary(), summary(), summary("sim"))


def test_jobs_with_different_cuts_do_not_add_up() -> None:
    other = second_file(cuts=[{"name": "entries", "events": 3, "sum_of_weights": 3.0}])
    with pytest.raises(InputError, match="jobs had different cuts"):
        merge(summary(), other, summary("sim"))


def test_a_kind_must_be_data_or_sim() -> None:
    with pytest.raises(InputError, match="summary 1: kind is 'mc'"):
        merge(summary(), summary("mc"))


def test_an_incomplete_summary_is_named() -> None:
    broken = summary()
    del broken["runs"]
    with pytest.raises(InputError, match=r"summary 0: no cut flow of data in it .*'runs'"):
        merge(broken, summary("sim"))


def write_summaries(folder: Path, *summaries: dict[str, Any]) -> list[str]:
    paths = [folder / f"summary_{number}.json" for number in range(len(summaries))]
    for path, content in zip(paths, summaries, strict=True):
        path.write_text(json.dumps(content))
    return [str(path) for path in paths]


def test_the_verb_writes_what_the_module_merges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = write_summaries(tmp_path, summary(), second_file(), summary("sim"))
    output = tmp_path / "cut_flow.json"
    assert main(["cut-flow", "--summaries", *paths, "--output", str(output)]) == 0
    content = json.loads(output.read_text())
    assert CutFlow.from_json(content) == merge(summary(), second_file(), summary("sim"))
    assert content["provenance"]["versions"]["scalesmear"]
    assert "data: 2 files" in capsys.readouterr().out


def test_another_simulation_stands_beside_the_data_of_the_nominal_one(tmp_path: Path) -> None:
    nominal, output = tmp_path / "nominal.json", tmp_path / "other.json"
    first = write_summaries(tmp_path, summary(), summary("sim"))
    assert main(["cut-flow", "--summaries", *first, "--output", str(nominal)]) == 0
    (other,) = write_summaries(tmp_path, summary("sim", sum_of_weights=7.0))
    flags = ["--summaries", other, "--data-of", str(nominal), "--output", str(output)]
    assert main(["cut-flow", *flags]) == 0
    found = CutFlow.from_json(json.loads(output.read_text()))
    assert found.data == merge(summary(), summary("sim")).data
    assert found.sim.sum_of_weights == 7.0


def test_data_do_not_come_twice() -> None:
    known = merge(summary(), summary("sim")).data
    with pytest.raises(InputError, match="summaries of data beside a cut flow that has them"):
        merge_summaries([("one", summary()), ("two", summary("sim"))], known)


def test_the_verb_leaves_nothing_behind_when_a_summary_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = write_summaries(tmp_path, summary())
    output = tmp_path / "cut_flow.json"
    missing = str(tmp_path / "nowhere.json")
    assert main(["cut-flow", "--summaries", *paths, missing, "--output", str(output)]) == 1
    assert capsys.readouterr().err == (
        f"scalesmear cut-flow: {missing}: summary does not exist; check the path\n"
    )
    assert not output.exists()
