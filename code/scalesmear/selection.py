"""The cuts that make dielectron events of what an ntuple holds, and the account of them.

Every cut is counted: events, and their sum of weights, that are left after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from scalesmear.events import BoolArray, Events

MANY_RUNS = 10_000_000

BOTH = np.ones(2, np.bool_).view(np.uint16)[0]
"""Two true values as one number."""


@dataclass(frozen=True)
class SelectSettings:
    """What the selection needs to know.

    Parameters
    ----------
    abs_eta_max : float
        Both electrons have abs(eta_SC) below this, and outside `gap`.
    gap : (float, float)
        Window of abs(eta_SC) between barrel and endcap, half-open.
    et_min : (float, float)
        Least Et of leading and subleading electron after correction [GeV].
    et_margin : float
        Energies are not corrected yet when events are selected: Et may be lower by this fraction.
    mass_range : (float, float)
        Half-open range of the pair mass [GeV].
    id_bit : int
        Bits of the identification mask that both electrons must have; 0 asks for none.
    charge : {"opposite", "any"}
    pileup_weights : tuple of float
        Factor on the weight of a simulated event with 0, 1, 2 ... pile-up interactions; empty for
        none.
    write_tsv : bool
        Whether the selected events are written as a table of slim events, too.

    Raises
    ------
    ValueError
        If a value makes no sense.
    """

    abs_eta_max: float = 2.5
    gap: tuple[float, float] = (1.4442, 1.566)
    et_min: tuple[float, float] = (32.0, 20.0)
    et_margin: float = 0.05
    mass_range: tuple[float, float] = (60.0, 120.0)
    id_bit: int = 0
    charge: Literal["opposite", "any"] = "opposite"
    pileup_weights: tuple[float, ...] = ()
    write_tsv: bool = False

    def __post_init__(self) -> None:
        checks = {
            "abs_eta_max": self.abs_eta_max > 0,
            "gap": 0 <= self.gap[0] <= self.gap[1],
            "et_min": self.et_min[0] >= self.et_min[1] >= 0,
            "et_margin": 0 <= self.et_margin < 1,
            "mass_range": 0 < self.mass_range[0] < self.mass_range[1],
            "id_bit": self.id_bit >= 0,
            "charge": self.charge in ("opposite", "any"),
        }
        for name, good in checks.items():
            if not good:
                raise ValueError(f"{name} is {getattr(self, name)!r}")


@dataclass(frozen=True)
class Candidates:
    """Pairs of electrons as an ntuple holds them.

    Attributes
    ----------
    events : Events
        What an events file will hold of them.
    charge : int array, shape (n, 2), or None
        None if the ntuple does not tell.
    """

    events: Events
    charge: NDArray[np.int16] | None


def cuts(candidates: Candidates, settings: SelectSettings) -> Iterator[tuple[str, BoolArray]]:
    """Yield name and mask of each cut, shape (n,), in the order in which they are made."""
    events = candidates.events
    low, high = settings.mass_range
    yield "finite values", _finite(events)
    yield f"mass in [{low:g}, {high:g}) GeV", (events.mass >= low) & (events.mass < high)
    yield _acceptance_name(settings), _both(_in_acceptance(events.abs_eta, settings))
    leading, subleading = (np.float32(et) for et in loose_et_min(settings))
    yield _et_name(settings), (events.et[:, 0] >= leading) & (events.et[:, 1] >= subleading)
    if settings.id_bit:
        bits = np.uint32(settings.id_bit)
        name = f"identification bits {settings.id_bit:#04x} of both"
        yield name, _both((events.identification & bits) == bits)
    if settings.charge == "opposite":
        yield "opposite charge", _opposite(candidates)


def loose_et_min(settings: SelectSettings) -> tuple[float, float]:
    """Return the Et thresholds of this selection, before energies are corrected [GeV]."""
    leading, subleading = settings.et_min
    keep = 1 - settings.et_margin
    return leading * keep, subleading * keep


def _acceptance_name(settings: SelectSettings) -> str:
    first, last = settings.gap
    return f"abs(eta_SC) below {settings.abs_eta_max:g}, outside [{first:g}, {last:g})"


def _et_name(settings: SelectSettings) -> str:
    (lead, sub), (loose_lead, loose_sub) = settings.et_min, loose_et_min(settings)
    return (
        f"Et from {loose_lead:g}/{loose_sub:g} GeV ({lead:g}/{sub:g} less "
        f"{100 * settings.et_margin:g} %; cut again after correction)"
    )


def _finite(events: Events) -> BoolArray:
    """Return where all values are finite; a sum is, if and only if its terms are."""
    total = events.mass.copy()
    with np.errstate(invalid="ignore", over="ignore"):
        for values in (events.et, events.eta, events.phi, events.eta_sc, events.r9):
            total += values[:, 0] + values[:, 1]
    return np.isfinite(total)


def _both(electrons: BoolArray) -> BoolArray:
    """Return where both are true; two bytes are compared as one number."""
    both: BoolArray = electrons.view(np.uint16).reshape(-1) == BOTH
    return both


def _in_acceptance(abs_eta: NDArray[np.float32], settings: SelectSettings) -> BoolArray:
    in_gap = (abs_eta >= settings.gap[0]) & (abs_eta < settings.gap[1])
    inside: BoolArray = (abs_eta < settings.abs_eta_max) & ~in_gap
    return inside


def _opposite(candidates: Candidates) -> BoolArray:
    """Return where the charges are +1 and -1; everywhere, if the ntuple does not tell."""
    charge = candidates.charge
    if charge is None:
        return np.ones(len(candidates.events), np.bool_)
    opposite: BoolArray = charge[:, 0] * charge[:, 1] == -1
    return opposite


@dataclass(frozen=True)
class Tally:
    """Sums over selected events, and over those left after each cut; tallies add up.

    Attributes
    ----------
    cuts : dict
        Name of the cut -> (events, sum of weights) left after it; the first is ``all``.
    runs : dict
        Run -> selected events.
    sum_of_weights, sum_of_squared_weights, largest_weight : float
        Of the selected events; the largest is that of the absolute weights.
    """

    cuts: dict[str, tuple[int, float]] = field(default_factory=dict)
    runs: dict[int, int] = field(default_factory=dict)
    sum_of_weights: float = 0.0
    sum_of_squared_weights: float = 0.0
    largest_weight: float = 0.0

    @classmethod
    def of(cls, flow: dict[str, tuple[int, float]], selected: Events) -> Tally:
        """Return the tally of one batch."""
        weight = selected.weight.astype(np.float64)
        return cls(
            cuts=flow,
            runs=_count_runs(selected.run),
            sum_of_weights=float(weight.sum()),
            sum_of_squared_weights=float((weight * weight).sum()),
            largest_weight=float(np.abs(weight).max(initial=0.0)),
        )

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            cuts=_add_cuts(self.cuts, other.cuts),
            runs={
                run: self.runs.get(run, 0) + other.runs.get(run, 0)
                for run in sorted({*self.runs, *other.runs})
            },
            sum_of_weights=self.sum_of_weights + other.sum_of_weights,
            sum_of_squared_weights=self.sum_of_squared_weights + other.sum_of_squared_weights,
            largest_weight=max(self.largest_weight, other.largest_weight),
        )


def _add_cuts(
    first: dict[str, tuple[int, float]], second: dict[str, tuple[int, float]]
) -> dict[str, tuple[int, float]]:
    names = list(dict.fromkeys([*first, *second]))
    nothing = (0, 0.0)
    pairs = [(first.get(name, nothing), second.get(name, nothing)) for name in names]
    return {name: (a[0] + b[0], a[1] + b[1]) for name, (a, b) in zip(names, pairs, strict=True)}


def _count_runs(run: NDArray[Any]) -> dict[int, int]:
    """Return the events of each run."""
    if len(run) == 0:
        return {}
    first = run.min()
    if run.max() - first < MANY_RUNS:
        counts = np.bincount((run - first).astype(np.intp))
        return {int(first) + int(i): int(counts[i]) for i in np.flatnonzero(counts)}
    runs, counts = np.unique(run, return_counts=True)
    return dict(zip(runs.tolist(), counts.tolist(), strict=True))


def select(candidates: Candidates, settings: SelectSettings) -> tuple[Events, Tally]:
    """Return the events that pass all cuts, and the account of the others."""
    events = candidates.events
    left = np.ones(len(events), np.bool_)
    n_passed = np.zeros(len(events), np.int8)
    names = ["all"]
    for name, mask in cuts(candidates, settings):
        names.append(name)
        left &= mask
        n_passed += left.view(np.int8)
    selected = events.where(left)
    return selected, Tally.of(_left_after(names, n_passed, events.weight), selected)


def _left_after(
    names: list[str], n_passed: NDArray[np.int8], weight: NDArray[np.float32]
) -> dict[str, tuple[int, float]]:
    """Return what each cut left, given how many of them each event passed before it failed."""
    place = n_passed.astype(np.intp)
    stopped = np.bincount(place, minlength=len(names))
    stopped_weight = np.bincount(place, weight, minlength=len(names))
    left = [np.cumsum(sums[::-1])[::-1].tolist() for sums in (stopped, stopped_weight)]
    return dict(zip(names, zip(*left, strict=True), strict=True))
