"""Faults of earlier frameworks that concern the reading of events, and what happens here instead."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.errors import InputError
from scalesmear.io.eventfile import EventWriter, open_events
from scalesmear.io.ntuples import gain_of_code, ntuple_branches, open_ntuple, write_ntuple
from scalesmear.io.samples import read_samples
from scalesmear.toys import generate, make_truth, other_branches

if TYPE_CHECKING:
    from pathlib import Path

    from scalesmear.events import Events
    from scalesmear.histogram import Kind

TRUTH = make_truth(1)


def through_an_ntuple(tmp_path: Path, kind: Kind) -> tuple[Events, Events]:
    """Return events, and the same after they were written and read."""
    events = generate(TRUTH, kind, 500)
    others = other_branches(TRUTH, kind, 500, 0, 0)
    write_ntuple(path := tmp_path / "n.root", [ntuple_branches(events, **others)])
    with open_ntuple(path, "selected", kind) as ntuple:
        (candidates,) = ntuple.candidates()
    return events, candidates.events


def test_f03_a_gain_code_means_the_same_everywhere() -> None:
    # code 2 used to be gain 12 when scales were applied, and gain 1 in the fit
    assert gain_of_code(np.array([0, 1, 2, 3], np.uint8)).tolist() == [12, 6, 1, 1]


def test_f06_eta_keeps_its_sign(tmp_path: Path) -> None:
    # it used to be lost, so that the rapidity of the Z was computed in one hemisphere
    events, read = through_an_ntuple(tmp_path, "data")
    assert np.array_equal(read.eta, events.eta)
    assert (read.eta < 0).any()


def test_f07_signed_generator_weights_are_carried(tmp_path: Path) -> None:
    # they used to be dropped
    events, read = through_an_ntuple(tmp_path, "sim")
    assert np.array_equal(read.weight, events.weight)
    assert (read.weight < 0).any()


def test_f09_data_or_simulation_is_said_and_not_guessed(tmp_path: Path) -> None:
    # the text "data" in a path used to decide
    (tmp_path / "data.root").touch()
    (path := tmp_path / "samples.tsv").write_text("sim\tselected\tdata.root\n")
    assert [sample.kind for sample in read_samples(path)] == ["sim"]
    path.write_text("electron\tselected\tdata.root\n")
    with pytest.raises(InputError, match=r"samples.tsv:1: type is 'electron'; write data"):
        read_samples(path)


def test_f43_an_events_file_says_what_made_it(tmp_path: Path) -> None:
    # nothing in the outputs used to tell
    with EventWriter(path := tmp_path / "events.arrow", "data") as writer:
        writer.write(generate(TRUTH, "data", 10))
    made_by = open_events(path).provenance
    assert "scalesmear" in json.dumps(made_by)
