"""The commands of docs/running.md work as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from tests.workflow.helpers import REPOSITORY
from tests.workflow.test_specs import COMMANDS

from scalesmear.workflow.runtime import HOST_BACKEND, Runtime, environment_variables

if TYPE_CHECKING:
    from tests.workflow.helpers import Shell

PAGE = (REPOSITORY / "docs/running.md").read_text(encoding="utf-8")


def block_with(words: str) -> str:
    """Return the only bash block of the page that holds some words."""
    (block,) = [b for b in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) if words in b]
    return str(block)


def test_every_step_is_shown() -> None:
    shown = re.findall(r"packtivity-run steps.yml#/(\w+)", block_with("packtivity-run"))
    assert sorted(shown) == sorted(COMMANDS)


@pytest.mark.slow
def test_each_step_runs_by_itself_as_printed(derivation: Shell) -> None:
    (derivation.folder / "inputdata/selected.root").touch()
    inputs = derivation.folder / "inputs.yml"
    shipped = yaml.safe_load((REPOSITORY / "inputs.yml").read_text(encoding="utf-8"))
    chain = {key: shipped[key] for key in ("era", "fits")}
    values = yaml.safe_load(inputs.read_text()) | chain | {"n_other_jobs": 1}
    inputs.write_text(yaml.safe_dump(values))
    assert derivation.workflow("workdir", "-o", "disable_prepub=true").code == 0
    # packtivity-run as it is, but on this machine whether or not there is Docker
    real = Path(sys.executable).with_name("packtivity-run")
    wrapped = derivation.folder / "bin/packtivity-run"
    wrapped.parent.mkdir()
    wrapped.write_text(f'#!/bin/sh\nexec {real} -b {HOST_BACKEND} "$@"\n')
    wrapped.chmod(0o755)
    path = os.pathsep.join([str(wrapped.parent), str(real.parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block_with("packtivity-run")],
        cwd=derivation.folder,
        env=os.environ | derivation.variables | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "No such file" not in done.stderr
    made = {path.name for path in (derivation.folder / "again").iterdir()}
    assert made == set(COMMANDS)


def test_exports_are_all_explained() -> None:
    runtimes: tuple[Runtime, ...] = ("docker", "host")
    for runtime in runtimes:
        for name in environment_variables(runtime):
            assert f"| `{name}`" in PAGE
