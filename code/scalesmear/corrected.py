"""Events with their corrections: what an analysis of these events would see."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.events import COLUMNS, Events

if TYPE_CHECKING:
    from scalesmear.fill import Corrections
    from scalesmear.histogram import Kind


class Corrected(NamedTuple):
    """Corrected events, and the number of electrons that no row of a table held."""

    events: Events
    n_missing: int


def correct_events(events: Events, kind: Kind, corrections: Corrections) -> Corrected:
    """Return events whose energies, masses and weights are corrected, leading electron first.

    Et' = f Et and m' = m sqrt(f1 f2), with the factors of `Corrections.factors`; simulated weights
    are multiplied by those of the table of weights. No event is dropped: an electron in no row
    keeps its energy.

    Parameters
    ----------
    events : Events
        With all columns.
    kind : {"data", "sim"}
    corrections : Corrections

    Raises
    ------
    InputError
        If a run of the data lies in no range of runs of the table of scales.
    """
    factor, found = corrections.factors(events, kind)
    changed = {"et": events.et * factor, "mass": events.mass * np.sqrt(factor.prod(axis=1))}
    if kind == "sim":
        changed["weight"] = corrections.weights_of(events)
    columns = {name: getattr(events, name) for name in COLUMNS} | changed
    return Corrected(Events(**columns).leading_first(), int(np.count_nonzero(~found)))
