"""What jobs left is added up, data and simulation apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from scalesmear.cli._jobs import sum_of, sum_of_each
from scalesmear.errors import InputError

if TYPE_CHECKING:
    from scalesmear.histogram import Kind


@dataclass(frozen=True)
class Counts:
    """Numbers of events in bins of a width."""

    kind: Kind
    width: float
    n_events: int

    def __add__(self, other: Counts) -> Counts:
        if self.width != other.width:
            raise ValueError(f"widths {self.width} and {other.width} do not add up")
        return Counts(self.kind, self.width, self.n_events + other.n_events)


PATHS = ["a.npz", "b.npz", "c.npz"]
PARTS = [Counts("sim", 1.0, 3), Counts("data", 1.0, 5), Counts("sim", 1.0, 4)]


def test_each_kind_has_the_sum_of_its_own_jobs() -> None:
    assert sum_of_each(PARTS, PATHS, "counts") == (PARTS[1], Counts("sim", 1.0, 3 + 4))


def test_a_kind_that_no_job_has_is_named() -> None:
    with pytest.raises(InputError, match=r"^b\.npz: no counts of sim among them"):
        sum_of("sim", PARTS[1:2], PATHS[1:2], "counts")


def test_jobs_that_do_not_add_up_are_refused_with_their_files() -> None:
    parts = [*PARTS[:2], Counts("sim", 2.0, 4)]
    with pytest.raises(InputError, match=r"a\.npz b\.npz c\.npz: widths 1\.0 and 2\.0 do not"):
        sum_of("sim", parts, PATHS, "counts")
