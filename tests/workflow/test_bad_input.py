"""Whatever is wrong with an input, the run stops with one line that says what, where and the cure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uproot
import yaml

from scalesmear.io.ntuples import write_ntuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.workflow.helpers import Outcome, Shell

pytestmark = pytest.mark.slow

VALUES: dict[str, Any] = {"samples": "samples.tsv", "era": "toy", "truth": "truth.json"}

OVERLAP = """
scales:
  - {abs_eta: [0, 1.3]}
  - {abs_eta: [1.2, 1.4442]}
  - {abs_eta: [1.566, 2.5]}
smearings:
  - {abs_eta: [0, 2.5]}
"""


def branches(inputdata: Path, name: str) -> dict[str, np.ndarray[Any, Any]]:
    with uproot.open(inputdata / "ntuples" / name) as file:
        found: dict[str, np.ndarray[Any, Any]] = file["selected"].arrays(library="np")
    return found


def cut_short(inputdata: Path) -> None:
    path = inputdata / "ntuples/data-2.root"
    path.write_bytes(path.read_bytes()[:-1000])


def without_r9(inputdata: Path) -> None:
    events = branches(inputdata, "sim-1.root")
    del events["R9Ele"]
    write_ntuple(inputdata / "ntuples/sim-1.root", [events])


def without_events(inputdata: Path) -> None:
    nothing = {name: values[:0] for name, values in branches(inputdata, "data-1.root").items()}
    write_ntuple(inputdata / "ntuples/data-1.root", [nothing])


def without_file(inputdata: Path) -> None:
    (inputdata / "ntuples/sim-2.root").unlink()


def with_overlap(inputdata: Path) -> None:
    (inputdata / "mine.yml").write_text(OVERLAP)


def as_it_is(inputdata: Path) -> None:
    assert (inputdata / "samples.tsv").is_file()


@dataclass(frozen=True)
class Fault:
    """What is done to the input, and what the line must name."""

    spoil: Callable[[Path], None]
    values: dict[str, Any]
    names: tuple[str, ...]  # file or key, thing, cure


FAULTS = {
    "truncated file": Fault(cut_short, {}, ("data-2.root", "is truncated", "copy")),
    "missing branch": Fault(without_r9, {}, ("sim-1.root", "selected", "R9Ele")),
    "empty tree": Fault(without_events, {}, ("data-1.root", "'selected' is empty", "remove")),
    "missing file": Fault(without_file, {}, ("sim-2.root", "does not exist")),
    "overlap": Fault(
        with_overlap, {"fine_categories": "mine.yml"}, ("mine.yml", "overlap", "make the edges")
    ),
    "unknown key": Fault(as_it_is, {"mass_windov": [80, 100]}, ("mass_windov", "mass_window")),
    "no sample list": Fault(as_it_is, {"samples": "sample.tsv"}, ("sample.tsv", "does not exist")),
}


def complaints(outcome: Outcome) -> set[str]:
    """Return what the failing steps said, once each."""
    lines = [line.partition("scalesmear ")[2] for line in outcome.said.splitlines()]
    return {line for line in lines if line.startswith(("check: ", "select: "))}


@pytest.mark.parametrize("name", FAULTS)
def test_run_stops_with_one_line(real: Shell, name: str) -> None:
    fault = FAULTS[name]
    fault.spoil(real.folder / "inputdata")
    (real.folder / "inputs.yml").write_text(yaml.safe_dump(VALUES | fault.values))
    command = ("scalesmear", "run", "workdir", "workflow.yml", "inputs.yml")
    outcome = real.run(*command, "--inputdata", "inputdata", "--runtime", "host")
    assert outcome.code == 1
    (line,) = complaints(outcome)
    assert [word for word in fault.names if word not in line] == [], line
    assert "Traceback" not in outcome.said
    assert not (real.folder / "workdir/export").exists()


def test_plain_yadage_run_stops_with_the_same_line(real: Shell) -> None:
    fault = FAULTS["overlap"]
    fault.spoil(real.folder / "inputdata")
    (real.folder / "inputs.yml").write_text(yaml.safe_dump(VALUES | fault.values))
    outcome = real.workflow()
    assert outcome.code == 1
    (line,) = complaints(outcome)
    assert [word for word in fault.names if word not in line] == [], line
