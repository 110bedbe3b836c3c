"""`scalesmear run --continue` repeats what an earlier run did not finish or what changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.workflow.helpers import stage, step, write_specs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflow.helpers import Outcome, Shell


def write_chain(folder: Path, word: str = "a", script: str = "cat {source}") -> None:
    """Write a workflow of `copy` (of data.txt) -> `say` (a word with it), and an `other` stage.

    Each step leaves a line in a diary when it runs.
    """
    (folder / "diary").touch()
    diary = f"echo {{name}} >> {folder}/diary; "
    steps = {
        "copy": step(f"{diary}{script} > {{output}}", {"text": "{output}"}),
        "say": step(f"{diary}(echo {{word}}; cat {{source}}) > {{output}}", {"text": "{output}"}),
    }
    copied = {"step": "copy", "output": "text"}
    data = {"step": "init", "output": "data"}
    end = {"output": "{workdir}/text"}
    stages = [
        stage("copy", "copy", {"name": "copy", "source": data} | end),
        stage("say", "say", {"name": "say", "word": word, "source": copied} | end, "copy"),
        stage("other", "copy", {"name": "other", "source": data} | end),
    ]
    write_specs(folder, stages, steps, {"data": "data.txt"})


def again(shell: Shell, *words: str) -> tuple[Outcome, list[str]]:
    """Run, continuing an earlier run; return which steps ran."""
    (shell.folder / "diary").write_text("")
    command = ("scalesmear", "run", "workdir", "workflow.yml", "inputs.yml")
    outcome = shell.run(
        *command, "--inputdata", "inputdata", "--runtime", "host", *(words or ("--continue",))
    )
    return outcome, sorted((shell.folder / "diary").read_text().split())


def test_only_what_changed_is_run_again(shell: Shell) -> None:
    (shell.folder / "inputdata/data.txt").write_text("1\n")
    write_chain(shell.folder)
    assert again(shell)[1] == ["copy", "other", "say"]
    outcome, ran = again(shell)
    assert (outcome.code, ran) == (0, [])
    assert "kept" in outcome.said
    assert "whole, 3 stages, 3 steps" in outcome.out
    # a step that does the same in other words and a file that is gone: what follows is kept
    write_chain(shell.folder, script="cat < {source}")
    (shell.folder / "workdir/other/text").unlink()
    assert again(shell)[1] == ["copy", "other"]


def test_run_goes_on_after_a_failure(shell: Shell) -> None:
    (shell.folder / "inputdata/data.txt").write_text("1\n")
    write_chain(shell.folder, word="a; false")
    outcome, ran = again(shell)
    assert (outcome.code, ran) == (1, ["copy", "other", "say"])
    write_chain(shell.folder, word="a")
    outcome, ran = again(shell)
    assert (outcome.code, ran) == (0, ["say"])
    assert (shell.folder / "workdir/say/text").read_text() == "a\n1\n"


def test_files_named_by_an_input_count_too(shell: Shell) -> None:
    data, named = shell.folder / "inputdata/data.txt", shell.folder / "inputdata/big.root"
    data.write_text("data\ttree\tbig.root\n")
    named.write_text("1")
    write_chain(shell.folder)
    assert again(shell)[0].code == 0
    assert again(shell)[1] == []
    named.write_text("22")
    assert again(shell)[1] == ["copy", "other"]


def test_earlier_run_is_neither_lost_nor_mixed_by_accident(shell: Shell) -> None:
    (shell.folder / "inputdata/data.txt").write_text("1\n")
    write_chain(shell.folder)
    assert again(shell)[0].code == 0
    outcome, ran = again(shell, "--jobs", "2")
    assert (outcome.code, ran) == (1, [])
    assert outcome.said.endswith(
        "scalesmear run: workdir: holds an earlier run; "
        "--continue it, --overwrite it, or name a new folder\n"
    )
    outcome, ran = again(shell, "--overwrite")
    assert (outcome.code, ran) == (0, ["copy", "other", "say"])


def test_folder_that_is_no_work_directory_is_left_alone(shell: Shell) -> None:
    (shell.folder / "inputdata/data.txt").write_text("1\n")
    write_chain(shell.folder)
    (shell.folder / "workdir").mkdir()
    (shell.folder / "workdir/thesis.tex").write_text("mine")
    outcome, _ = again(shell, "--overwrite")
    assert outcome.code == 1
    assert "is no work directory of an earlier run" in outcome.said
    assert (shell.folder / "workdir/thesis.tex").read_text() == "mine"
