"""Everything about a fit that stays the same while it goes on: pairs, bins, references, bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.binning import PairBins, choose_bins
from scalesmear.effective import ScaleSmearingMap
from scalesmear.histogram import pair_categories
from scalesmear.pairs import PairChoice, choose_pairs
from scalesmear.references import reference_shapes
from scalesmear.solver import Box
from scalesmear.sparse import CategoryEvents, because_of, merge_categories, plan_merging

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scalesmear.events import BoolArray, IntArray
    from scalesmear.fitsettings import FitSettings
    from scalesmear.histogram import PairHistograms

    Floats = NDArray[np.float64]

MAX_STEP = (0.03, 1.5e-3)
"""Largest change of ln(scale) and of smearing^2 in one iteration."""


@dataclass(frozen=True)
class Problem:
    """Everything that stays the same during a fit.

    `few` holds the categories with few events that are named: why, and what happens to them.
    """

    histograms: PairHistograms
    settings: FitSettings
    choice: PairChoice
    mapping: ScaleSmearingMap
    box: Box
    reference: Floats
    bins: PairBins
    few: dict[int, str]
    merged: dict[int, int]


def pose(
    histograms: PairHistograms,
    smearing_of: IntArray,
    settings: FitSettings,
    start: tuple[Floats, Floats] | None,
    neighbours: Sequence[Sequence[int]] = (),
) -> tuple[Problem, Floats]:
    """Check the arguments of `fit.fit_pairs`; return the problem and the start of the parameters."""
    smearing_of = checked_map(smearing_of, histograms.n_categories)
    n, m = len(smearing_of), int(smearing_of.max()) + 1
    parameters = _start(n, m, smearing_of, settings, start)
    merged, few = _handle_few(histograms, smearing_of, settings, neighbours)
    histograms = merge_categories(histograms, merged)
    mapping = ScaleSmearingMap.of_pairs(histograms.pairs, smearing_of, settings.tails)
    fixed = _fixed(n, m, settings)
    choice = choose_pairs(
        histograms,
        mapping.index,
        fixed,
        min_sim_events=settings.min_sim_events,
        min_data_events=settings.min_data_events,
        keep_sparse=settings.low_statistics == "flag",
        excluded=_excluded(histograms, settings, few),
    )
    problem = Problem(
        histograms=histograms,
        settings=settings,
        choice=choice,
        mapping=replace(mapping, index=mapping.index[choice.rows]),
        box=_box(n, m, settings, choice.determined & ~fixed),
        reference=reference_shapes(histograms, choice.rows),
        bins=choose_bins(
            settings.binning, settings.n_bins, histograms, choice.rows, choice.n_eff_sim
        ),
        few=few,
        merged=merged,
    )
    return problem, parameters


def _start(
    n: int,
    m: int,
    smearing_of: IntArray,
    settings: FitSettings,
    start: tuple[Floats, Floats] | None,
) -> Floats:
    """Return the vector of the parameters where the fit begins."""
    if start is None and settings.start == "file":
        raise ValueError("a fit that starts from a file needs the start as an argument")
    scale, smearing = start or (np.ones(n), np.full(m, settings.start_smearing))
    return parameter_vector(scale, smearing, smearing_of)


def _fixed(n: int, m: int, settings: FitSettings) -> BoolArray:
    """Tell which parameters are fixed."""
    fixed = np.zeros(n + m, dtype=bool)
    fixed[list(settings.fixed_scales)] = True
    fixed[[n + j for j in settings.fixed_smearings]] = True
    return fixed


def _handle_few(
    histograms: PairHistograms,
    smearing_of: IntArray,
    settings: FitSettings,
    neighbours: Sequence[Sequence[int]],
) -> tuple[dict[int, int], dict[int, str]]:
    """Return which categories are merged, and why the others with few events are named."""
    least, events = settings.min_category_events, CategoryEvents.of(histograms)
    merged: dict[int, int] = {}
    if settings.low_statistics == "merge":
        if len(neighbours) != len(smearing_of):
            raise ValueError("merging categories needs the neighbours of each")
        merged = plan_merging(events, smearing_of, neighbours, least)
        events = CategoryEvents.of(merge_categories(histograms, merged))
    few = np.flatnonzero(events.fewest < least).tolist()
    return merged, {i: events.reason(i, least) for i in few if i not in merged}


def _excluded(
    histograms: PairHistograms, settings: FitSettings, few: dict[int, str]
) -> dict[int, str]:
    """Return why pairs are not used, by row, besides that they have few events themselves."""
    ignored = np.isin(histograms.pairs, settings.ignored_pairs)
    out = {int(row): "ignored, as the settings say" for row in np.flatnonzero(ignored)}
    if settings.low_statistics == "flag":
        return out
    legs = pair_categories(histograms.pairs)
    for category, reason in few.items():
        if category in settings.fixed_scales:
            continue
        for row in np.flatnonzero((legs == category).any(axis=1)):
            out.setdefault(int(row), because_of(category, reason))
    return out


def checked_map(smearing_of: IntArray, n_categories: int) -> IntArray:
    """Return the smearing category of each scale category as an array of fitting shape."""
    out = np.asarray(smearing_of)
    if out.shape != (n_categories,) or out.dtype.kind not in "iu" or out.min(initial=0) < 0:
        raise ValueError(
            f"smearing_of must hold {n_categories} indices from 0, not {out.dtype} {out.shape}"
        )
    return out


def parameter_vector(scale: Floats, smearing: Floats, smearing_of: IntArray) -> Floats:
    """Return the vector (ln scale, smearing^2)."""
    scale, smearing = np.asarray(scale, np.float64), np.asarray(smearing, np.float64)
    shapes = ((len(smearing_of),), (int(smearing_of.max()) + 1,))
    if (scale.shape, smearing.shape) != shapes:
        raise ValueError(f"scales and smearings must have shapes {shapes}")
    if not (np.all(scale > 0) and np.all(smearing >= 0) and np.all(np.isfinite(smearing))):
        raise ValueError("scales must be positive, smearings not negative, all finite")
    return np.concatenate([np.log(scale), smearing**2])


def _box(n: int, m: int, settings: FitSettings, free: BoolArray) -> Box:
    """Return where n scales and m smearings may go."""
    bound = settings.scale_bound
    return Box(
        lower=np.repeat([np.log1p(-bound), 0.0], [n, m]),
        upper=np.repeat([np.log1p(bound), settings.smearing_bound**2], [n, m]),
        free=free,
        max_step=np.repeat(MAX_STEP, [n, m]),
    )
