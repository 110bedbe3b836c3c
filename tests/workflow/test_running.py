"""yadage-run and packtivity-run with the host backend: results, progress, failures, cancelling."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from tests.workflow.helpers import interrupt, stage, step, write_specs

from scalesmear.workflow.runtime import HOST_BACKEND
from scalesmear.workflow.verify import verify

if TYPE_CHECKING:
    from tests.workflow.helpers import Outcome, Shell

STAGES = (
    *("check", "select", "cut_flow", "run_bins", "stability", "z_spectra", "reweight"),
    *(
        f"{fit}/{name}"
        for fit in ("coarse", "fine")
        for name in (
            *("fill", "first_fit", "first_migration", "second_fit", "second_migration", "fit"),
            *("closure_fill", "closure"),
        )
    ),
    *(
        "export",
        "recovery",
        "before",
        "after",
        "z_after",
        "systematics_fill",
        "systematics",
        "mass",
        "scaling_step",
    ),
    *("validation_fill", "validation", "report"),
)


def scalesmear_run(shell: Shell, *words: str, **variables: str) -> Outcome:
    command = ("scalesmear", "run", "workdir", "workflow.yml", "inputs.yml")
    data = ("--inputdata", "inputdata", "--runtime", "host", "--jobs", "2")
    return shell.run(*command, *data, *words, **variables)


def stage_lines(said: str) -> dict[str, str]:
    """Return the line of each stage on the terminal."""
    lines = [line for line in said.splitlines() if re.search(r"\d+/\d+ jobs", line)]
    return {line.split()[0]: line for line in lines}


def arguments(path: Path) -> dict[str, list[str]]:
    """Return the flags that the stand-in was given when it wrote a file."""
    return dict(json.loads(path.read_text())[1])


def test_run_goes_through_all_stages_and_hands_over_the_right_files(derivation: Shell) -> None:
    outcome = scalesmear_run(derivation)
    assert outcome.code == 0, outcome.said
    assert sorted(stage_lines(outcome.said)) == sorted(STAGES)
    assert re.findall(r"(\w+)/fit +skipped", outcome.said) == ["et", "gain", "stochastic"]
    # select, spectra of the Z and masses, before and after, plots, variations, and two fills and two
    # migrations in each fit are scattered over 2 jobs, 20 stages are not
    assert "workdir: whole, 35 stages, 50 steps" in outcome.out
    # each job of the stand-in reports 3 files and 1000 events
    assert "2/2 jobs" in stage_lines(outcome.said)["select"]
    assert "6/6 files  2,000 events" in stage_lines(outcome.said)["select"]
    assert "workdir/report/report.html" in outcome.out
    work = derivation.folder / "workdir"
    fine = arguments(work / "fine/fit/fit.json")
    assert fine["--name"] == ["fine"]
    assert fine["--scales"] == [
        str(work / "stability/scales.dat"),
        str(work / "coarse/fit/combined.dat"),
    ]
    assert fine["--base"] == ["1"]
    assert fine["--histograms"] == [str(work / f"fine/fill_{i}/histograms.npz") for i in (0, 1)]
    flows = [f"second_migration_{i}/flows.npz" for i in (0, 1)]
    assert fine["--migration"] == [str(work / "fine" / name) for name in flows]
    moved = arguments(work / "fine/second_migration_1/flows.npz")
    assert moved["--fit"] == [str(work / "fine/second_fit/fit.json")]
    assert moved["--events"] == [str(work / "select_1/events.arrow")]
    assert "--migration" not in arguments(work / "fine/first_fit/fit.json")
    closed = arguments(work / "coarse/closure_fill_1/histograms.npz")
    assert closed["--events"] == [str(work / "select_1/events.arrow")]
    assert closed["--scales"] == [str(work / "coarse/fit/combined.dat")]
    assert closed["--smearings"] == [str(work / "coarse/fit/smearings.dat")]
    report = arguments(work / "report/report.html")
    assert report["--fits"] == [str(work / f"{fit}/fit/fit.json") for fit in ("coarse", "fine")]
    assert report["--after"] == [str(work / f"after_{i}/histograms.npz") for i in (0, 1)]
    assert report["--systematics"] == [str(work / "systematics/systematics.json")]
    assert "other_simulation/fill" in outcome.said
    assert arguments(work / "systematics/systematics.json")["--other"] == []
    assert report["--plots"] == [str(work / "validation/plots.json")]
    assert report["--recovery"] == [str(work / "recovery/recovery.json")]
    recovery = arguments(work / "recovery/recovery.json")
    assert recovery["--events"] == [str(work / f"select_{i}/events.arrow") for i in (0, 1)]
    assert recovery["--fits"] == report["--fits"]
    assert report["--scaled"] == [str(work / "scaling_step/scaled.root")]
    after = arguments(work / "after_0/histograms.npz")
    assert after["--smearings"] == [str(work / "export/era_smearings.dat")]
    assert "--scales" not in arguments(work / "before_0/histograms.npz")


def test_another_simulation_goes_its_own_way_to_the_systematic_errors(derivation: Shell) -> None:
    inputs = derivation.folder / "inputs.yml"
    inputs.write_text(yaml.safe_dump(yaml.safe_load(inputs.read_text()) | {"n_other_jobs": 2}))
    outcome = scalesmear_run(derivation)
    assert outcome.code == 0, outcome.said
    # select, spectra and fill in two jobs each, cut flow and weights
    assert "workdir: whole, 40 stages, 58 steps" in outcome.out
    work = derivation.folder / "workdir"
    other = work / "other_simulation"
    systematics = arguments(work / "systematics/systematics.json")
    assert systematics["--histograms"] == [
        str(work / f"systematics_fill_{i}/variations") for i in (0, 1)
    ]
    assert systematics["--other"] == [str(other / f"fill_{i}/variations") for i in (0, 1)]
    selected = arguments(other / "select_1/events.arrow")
    assert selected["--job"] == [str(work / "check/jobs/other_1.tsv")]
    cut_flow = arguments(other / "cut_flow/cut_flow.json")
    assert cut_flow["--data-of"] == [str(work / "cut_flow/cut_flow.json")]
    assert cut_flow["--summaries"] == [str(other / f"select_{i}/summary.json") for i in (0, 1)]
    weights = arguments(other / "reweight/weights.tsv")
    assert weights["--data-of"] == [str(work / "reweight/reweight.json")]
    assert weights["--spectra"] == [str(other / f"z_spectra_{i}/spectra.json") for i in (0, 1)]
    filled = arguments(other / "fill_0/variations")
    assert filled["--weights"] == [str(other / "reweight/weights.tsv")]
    assert filled["--cut-flow"] == [str(other / "cut_flow/cut_flow.json")]


def test_without_a_table_of_samples_nothing_is_scaled(derivation: Shell) -> None:
    (derivation.folder / "inputs.yml").write_text("samples: samples.tsv\n")
    outcome = scalesmear_run(derivation)
    assert outcome.code == 0, outcome.said
    assert "workdir: whole, 31 stages, 45 steps" in outcome.out
    assert arguments(derivation.folder / "workdir/report/report.html")["--scaled"] == []
    assert arguments(derivation.folder / "workdir/report/report.html")["--systematics"] == []
    assert arguments(derivation.folder / "workdir/report/report.html")["--recovery"] == []


def test_inputs_choose_the_fits_and_what_they_build_on(derivation: Shell) -> None:
    fits, bases = ["fine", "et", "gain", "stochastic"], {"et": 1, "gain": 0, "stochastic": 3}
    values = {"samples": "samples.tsv", "fits": fits, "bases": bases}
    (derivation.folder / "inputs.yml").write_text(yaml.safe_dump(values))
    outcome = derivation.workflow()
    assert outcome.code == 0, outcome.said
    assert re.findall(r"(\w+)/fit +skipped", outcome.said) == ["coarse"]
    work = derivation.folder / "workdir"
    assert verify(work).whole
    files = [work / "stability/scales.dat", *(work / f"{fit}/fit/combined.dat" for fit in fits)]
    for place, (fit, base) in enumerate({"fine": 0, **bases}.items(), start=1):
        for name in ("fill_0/histograms.npz", "fit/fit.json"):
            found = arguments(work / fit / name)
            assert found["--scales"] == [str(path) for path in files[:place]]
            assert found["--base"] == [str(base)]
    report = arguments(work / "report/report.html")
    for flag, name in (("--fits", "fit/fit.json"), ("--closures", "closure/closure.json")):
        assert report[flag] == [str(work / fit / name) for fit in fits]
    assert not (work / "coarse/fit/fit.json").exists()


def test_fit_that_was_asked_for_and_never_ran_is_missing(derivation: Shell) -> None:
    workflow = yaml.safe_load((derivation.folder / "workflow.yml").read_text())
    gain = next(stage for stage in workflow["stages"] if stage["name"] == "gain")
    gain["dependencies"].append("fein[*].fit")
    (derivation.folder / "workflow.yml").unlink()
    (derivation.folder / "workflow.yml").write_text(yaml.safe_dump(workflow))
    values = {"samples": "samples.tsv", "fits": ["coarse", "gain"]}
    (derivation.folder / "inputs.yml").write_text(yaml.safe_dump(values))
    outcome = derivation.workflow()
    assert outcome.code == 0, outcome.said
    missing = verify(derivation.folder / "workdir").missing
    assert missing[0] == "stage gain never ran: it waits for fein[*].fit, which no stage is"
    assert not any(sentence.startswith("stage fine") for sentence in missing)


def test_without_plots_none_are_made(derivation: Shell) -> None:
    text = "samples: samples.tsv\nsample_name: zee\nplots: null\n"
    (derivation.folder / "inputs.yml").write_text(text)
    outcome = scalesmear_run(derivation)
    assert outcome.code == 0, outcome.said
    work = derivation.folder / "workdir"
    assert arguments(work / "report/report.html")["--plots"] == []
    assert not list(work.glob("validation*/*.npz"))


def test_plain_yadage_run_shows_the_same_progress(derivation: Shell) -> None:
    outcome = derivation.workflow()
    assert outcome.code == 0, outcome.said
    assert sorted(stage_lines(outcome.said)) == sorted(STAGES)
    assert (derivation.folder / "workdir/_yadage/yadage.log").stat().st_size > 0


@pytest.mark.parametrize("plain", [True, False])
def test_failing_step_says_which_and_why_and_where(derivation: Shell, plain: bool) -> None:
    run = derivation.workflow if plain else lambda **v: scalesmear_run(derivation, **v)
    outcome = run(STAND_IN_FAILS="stability")
    assert outcome.code == 1
    log = derivation.folder / "workdir/stability/_packtivity/stability.run.log"
    cause = "scalesmear stability: data.root: is cut short; copy it again"
    assert f"step stability failed: {cause}\n" in outcome.said
    assert f"the last lines of {log}:\n  | some words before the end\n" in outcome.said
    assert "Traceback" not in outcome.said
    assert "Pool" not in outcome.said
    assert "failed" in stage_lines(outcome.said)["stability"]
    assert not (derivation.folder / "workdir/coarse/fit/fit.json").exists()


def test_step_that_never_began_says_why(shell: Shell) -> None:
    bad = step("echo {nobody}", {"x": "{output}"})
    stages = [stage("first", "first", {"output": "{workdir}/x"})]
    write_specs(shell.folder, stages, {"first": bad}, {"a": 1})
    outcome = shell.workflow()
    assert outcome.code == 1
    assert "step first failed: KeyError: 'nobody'\n" in outcome.said
    assert "its command printed nothing" in outcome.said


HOSTILE = (
    "$(touch hacked)",
    "`touch hacked`",
    "'; touch hacked; '",
    '"; touch hacked; "',
    "INPUTS\ntouch hacked\n",
    "\nINPUTS\n$(touch hacked)",
    "\\'$(touch hacked)\\",
    'it\'s "$(touch hacked)"',
    "!touch hacked",
)


def test_values_of_inputs_never_meet_the_shell(derivation: Shell) -> None:
    inputs = {"samples": "samples.tsv", "texts": list(HOSTILE), "keys": {HOSTILE[3]: None}}
    (derivation.folder / "inputs.yml").write_text(yaml.safe_dump(inputs))
    specs = yaml.safe_load((derivation.folder / "workflow.yml").read_text())
    (derivation.folder / "workflow.yml").unlink()
    (derivation.folder / "workflow.yml").write_text(yaml.safe_dump({"stages": specs["stages"][:1]}))
    outcome = derivation.workflow(TMPDIR=str(derivation.folder))
    assert outcome.code == 0, outcome.said
    assert not list(derivation.folder.rglob("hacked"))
    arrived = json.loads((derivation.folder / "workdir/check/inputs.json").read_text())
    assert arrived["texts"] == list(HOSTILE)
    assert arrived["keys"] == {HOSTILE[3]: None}


def test_missing_environment_of_an_image_says_how_to_make_it(derivation: Shell) -> None:
    outcome = derivation.workflow(SCALESMEAR_VENVS=str(derivation.folder / "nowhere"))
    assert outcome.code == 1
    assert "there is no virtual environment for the image scalesmear/scalesmear" in outcome.said
    assert "make it with `make venvs`" in outcome.said


def test_step_has_its_venv_first_and_a_folder_to_itself(shell: Shell) -> None:
    script = "command -v python > {output}; pwd >> {output}; ls -A >> {output}"
    outcome = lone_step(shell, script, PYTHONPATH="/elsewhere")
    assert outcome.code == 0, outcome.said
    python, folder, *files = (shell.folder / "out/result").read_text().splitlines()
    assert python == str(shell.folder / "venvs/tiny/bin/python")
    assert not Path(folder).exists()  # by now
    assert files == []


def test_lone_step_prints_what_its_command_prints(shell: Shell) -> None:
    outcome = lone_step(shell, "echo one >&2; echo '  two'; touch {output}")
    assert outcome.code == 0
    assert "one\n  two\n" in outcome.said
    assert (shell.folder / "out/_packtivity/packtivity.run.log").read_text() == "one\n  two\n"


def test_failing_lone_step_raises_with_the_end_of_its_log(shell: Shell) -> None:
    outcome = lone_step(shell, "echo words; false; echo never")
    assert outcome.code == 1
    last = outcome.said.splitlines()[-2:]
    log = shell.folder / "out/_packtivity/packtivity.run.log"
    assert last == [
        f"scalesmear.errors.WorkflowError: exit code 1 of step packtivity, log {log}",
        "words",
    ]


def lone_step(shell: Shell, script: str, **variables: str) -> Outcome:
    """Run one step with packtivity-run."""
    write_specs(shell.folder, [], {"lone": step(script, {"x": "{output}"})}, {})
    parameter = "output='{workdir}/result'"
    command = (
        "packtivity-run",
        "-b",
        HOST_BACKEND,
        "steps.yml#/lone",
        "-p",
        parameter,
        "-w",
        "out",
    )
    return shell.run(*command, **variables)


def sleeping(shell: Shell) -> Path:
    """Write a workflow of a step that sleeps in a process of its own; return the sign of its work."""
    sign = shell.folder / "asleep"
    script = f"(sleep 300 & echo $! > {sign}.part; mv {sign}.part {sign}; wait); touch {{output}}"
    stages = [stage("night", "night", {"output": "{workdir}/x"})]
    write_specs(shell.folder, stages, {"night": step(script, {"x": "{output}"})}, {"a": 1})
    return sign


def is_alive(pid: str) -> bool:
    """Tell whether a process works still; one that ended may wait as Z for its parent to look."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, check=False)
    return done.returncode == 0 and not done.stdout.startswith(b"Z")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_leaves_no_process(shell: Shell, number: signal.Signals) -> None:
    sign = sleeping(shell)
    command = ("scalesmear", "run", "workdir", "workflow.yml", "inputs.yml")
    process = shell.start(*command, "--inputdata", "inputdata", "--runtime", "host")
    outcome = interrupt(process, sign, number)
    assert outcome.code == 128 + number
    assert "Traceback" not in outcome.said
    assert not is_alive(sign.read_text().strip())


def test_interrupted_yadage_run_leaves_no_process(shell: Shell) -> None:
    sign = sleeping(shell)
    data = f"initdir={shell.folder}/inputdata"
    command = ("yadage-run", "workdir", "workflow.yml", "inputs.yml", "-d", data)
    outcome = interrupt(shell.start(*command, "-b", HOST_BACKEND), sign)
    assert outcome.code == 1
    assert "the workflow stopped: KeyboardInterrupt" in outcome.said
    assert not is_alive(sign.read_text().strip())


def test_jobs_limits_how_many_steps_run_at_a_time(shell: Shell) -> None:
    # each of 4 jobs holds a lock folder for a moment: mkdir fails if two are at work
    lock = shell.folder / "lock"
    script = f"mkdir {lock}; echo {{n}}; sleep 0.1; rmdir {lock}; touch {{output}}"
    parameters = {"n": {"step": "init", "output": "n"}, "output": "{workdir}/x"}
    stages = [stage("many", "many", parameters, scatter="n")]
    write_specs(
        shell.folder, stages, {"many": step(script, {"x": "{output}"})}, {"n": [1, 2, 3, 4]}
    )
    assert shell.workflow("alone", "-k", "jobs=1").code == 0
    assert shell.workflow("together", "-k", "jobs=4").code == 1
