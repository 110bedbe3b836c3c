"""What became of categories that were not simply fitted: fixed, joined, left out, at a bound."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.histogram import pair_categories
from scalesmear.report.quantity import plain
from scalesmear.sparse import because_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scalesmear.report.inputs import NamedFit

FIXED, JOINED, FEW = "fixed", "joined a neighbour", "few events"
UNDETERMINED, AT_BOUND = "not determined", "at its bound"


class Fate(NamedTuple):
    """What became of one scale or smearing."""

    kind: str  # scale or smearing
    category: str
    what: str  # one of the words above
    detail: str


def fates(fit: NamedFit) -> Iterator[Fate]:
    """Name every scale and smearing that no free fit of its own category stands behind."""
    yield from _scales(fit)
    yield from _smearings(fit)


def _scales(fit: NamedFit) -> Iterator[Fate]:
    result, windows = fit.result, fit.categories.scales
    for i, window in enumerate(windows):
        value = f"{result.scale[i]:.5f}"
        if i in fit.settings.fixed_scales:
            yield Fate("scale", plain(window), FIXED, f"at {value}")
        elif i in result.merged:
            other = plain(windows[result.merged[i]])
            yield Fate("scale", plain(window), JOINED, f"that of {other}: {value}")
        elif not result.scale_determined[i]:
            why = result.few.get(i, "no pair in use determines it")
            yield Fate("scale", plain(window), UNDETERMINED, f"left at {value}; {why}")
        elif i in result.few:
            yield Fate("scale", plain(window), FEW, f"used nevertheless; {result.few[i]}")


def _smearings(fit: NamedFit) -> Iterator[Fate]:
    result = fit.result
    for i, window in enumerate(fit.categories.smearings):
        value = f"{result.smearing[i]:.5f}"
        if i in fit.settings.fixed_smearings:
            yield Fate("smearing", plain(window), FIXED, f"at {value}")
        elif not result.smearing_determined[i]:
            detail = f"left at {value}; no pair in use determines it"
            yield Fate("smearing", plain(window), UNDETERMINED, detail)
        elif result.smearing_at_bound[i]:
            detail = f"0, below {result.smearing_upper[i]:.5f} at 95 % confidence"
            yield Fate("smearing", plain(window), AT_BOUND, detail)


def counts(fit: NamedFit) -> Iterator[str]:
    """Say how many scales and smearings had each fate."""
    found = Counter((fate.what, fate.kind) for fate in fates(fit))
    for (what, kind), n in found.items():
        yield f"{n} {kind}{'s' if n > 1 else ''} {what}"


class PairFate(NamedTuple):
    """A pair of categories that was not used, or used though it has few events."""

    one: str
    other: str
    used: bool
    why: str


def pair_fates(fit: NamedFit) -> list[PairFate]:
    """Name all pairs that were dropped or flagged, in the order of their categories."""
    result, windows = fit.result, fit.categories.scales
    every = {**result.dropped, **result.flagged}
    with_window = {
        because_of(i, few): f"{plain(windows[i])} has {few}" for i, few in result.few.items()
    }
    out = []
    for number, legs in zip(every, pair_categories(np.array(list(every), np.int32)), strict=True):
        one, other = (plain(windows[leg]) for leg in sorted(legs.tolist()))
        why = with_window.get(every[number], every[number])
        out.append(PairFate(one, other, number in result.flagged, why))
    return out
