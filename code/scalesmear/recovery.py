"""What a derivation makes of toy data: the exported scales beside those that electrons need.

Both are known electron by electron, and averaged over the electrons that a fit sees, in its categories:
whatever was injected, and whichever fits are in the chain, one is to be the other. ::

    truth    what the data need: scale x drift x factor of the gain x factor by Et
    table    the exported product of all scales
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.jsonable import jsonable
from scalesmear.kinematics import above_thresholds
from scalesmear.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from scalesmear.categories import CategorySet
    from scalesmear.corrections import ScaleTable
    from scalesmear.events import BoolArray, Events
    from scalesmear.fill import FillSettings
    from scalesmear.truth import Needs

    Floats = NDArray[np.float64]

COLUMNS = ("run", "mass", "et", "eta_sc", "r9", "gain")
"""Columns of events that are needed."""


@dataclass(frozen=True, eq=False)
class Recovered:
    """Means over the electrons of each category of a fit; each array has shape (n,).

    Attributes
    ----------
    electrons : float array
        How many there are; means are not a number where there is none.
    needed, got : float arrays
        The factor that the truth asks for, and that of the table.
    tens : float array
        Et along the line by Et, from its pivot [10 GeV].
    by_et, by_gain : float arrays
        What the table has for Et, and for the gain: its factor over all else that is needed.
    """

    electrons: Floats
    needed: Floats
    got: Floats
    tens: Floats
    by_et: Floats
    by_gain: Floats

    def to_json(self) -> dict[str, list[float | None]]:
        """Return the content of a JSON object."""
        content: dict[str, list[float | None]] = jsonable(self)
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Recovered:
        """Read what `to_json` returns.

        Raises
        ------
        KeyError, TypeError, ValueError
            If something is missing or of another type.
        """
        return cls(*(np.array(content[field.name], np.float64) for field in fields(cls)))


@dataclass(frozen=True)
class Recovery:
    """The truth, and what came of it in the categories of each fit that the table is made of."""

    truth: Truth
    fits: Mapping[str, Recovered]

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Recovery:
        """Read what the verb recovery writes.

        Raises
        ------
        KeyError, TypeError, ValueError
            If something is missing or of another type.
        """
        fits = {name: Recovered.from_json(means) for name, means in content["fits"].items()}
        return cls(Truth.from_json(content["truth"]), fits)


def recover(
    batches: Iterable[Events],
    truth: Truth,
    table: ScaleTable,
    fits: Mapping[str, CategorySet],
    settings: FillSettings,
) -> dict[str, Recovered]:
    """Compare the table with the truth in the categories of some fits.

    Only events are looked at that a fit would see if all were right: in the mass window and above the
    thresholds after the factor that they need, which decides about their categories, too.

    Parameters
    ----------
    batches : iterable of Events
        Of data, with the columns `COLUMNS`.
    truth : Truth
    table : ScaleTable
        The exported product of all scales.
    fits : mapping of str to CategorySet
    settings : FillSettings
        Mass window and thresholds.

    Raises
    ------
    InputError
        If the truth or the table does not know a run.
    """
    sums = {name: np.zeros((6, len(chosen.scales))) for name, chosen in fits.items()}
    for events in batches:
        needs = truth.needs(events)
        got = table.factors(events).scale
        seen = _seen(events, needs, settings)
        et = (events.et * needs.factor).astype(np.float32)
        by_et, by_gain = (got / needs.factor * part for part in (needs.by_et, needs.by_gain))
        values = np.ones_like(got), needs.factor, got, needs.tens, by_et, by_gain
        for name, chosen in fits.items():
            category = chosen.category_of(events.abs_eta, events.r9, et, events.gain)
            inside = seen[:, None] & (category >= 0)
            for into, value in zip(sums[name], values, strict=True):
                into += np.bincount(category[inside], value[inside], len(chosen.scales))
    return {name: _means(*parts) for name, parts in sums.items()}


def _seen(events: Events, needs: Needs, settings: FillSettings) -> BoolArray:
    """Tell which events a fit would see, corrected by what they need."""
    mass = events.mass * np.sqrt(needs.factor.prod(axis=1))
    et = events.et * needs.factor
    low, high = settings.mass_window
    return np.asarray((mass >= low) & (mass < high) & above_thresholds(et, settings.et_min))


def _means(electrons: Floats, *sums: Floats) -> Recovered:
    with np.errstate(invalid="ignore"):
        return Recovered(electrons, *(part / electrons for part in sums))
