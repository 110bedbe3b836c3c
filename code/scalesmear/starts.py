"""Where a fit begins: at a given point, on a grid of each scale, or at random."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.likelihood import pair_terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.likelihood import Likelihood
    from scalesmear.solver import Box
    from scalesmear.template import Templates

    Floats = NDArray[np.float64]

GRID = np.linspace(-0.03, 0.03, 13)
"""Values of ln(scale) that a scan tries."""

LARGEST = (0.03, 0.03)
"""Random starts have abs(ln(scale)) and smearings up to these."""


def scan_scales(likelihood: Likelihood, start: Floats, box: Box) -> Floats:
    """Return the start with each free scale, one after the other, at the best point of a grid.

    The others stand where the scan has left them so far. Only the pairs of a category are looked
    at, so that all scans together cost twice as many evaluations as the grid has points.
    """
    mapping, found = likelihood.mapping, start.copy()
    for i in np.flatnonzero(box.free[: mapping.n_scales]):
        rows = np.flatnonzero((mapping.index[:, :2] == i).any(axis=1))
        part = replace(mapping, index=mapping.index[rows])
        templates = _take(likelihood.templates, rows)
        values = []
        for trial in GRID:
            found[i] = trial
            values.append(pair_terms(templates, part.response(found))[:, 0].sum())
        found[i] = GRID[int(np.argmin(values))]
    return box.clip(found)


def _take(templates: Templates, rows: NDArray[np.int64]) -> Templates:
    """Return some pairs."""
    t = templates
    arrays = {
        name: getattr(t, name)[rows]
        for name in (
            "pairs",
            "merge",
            "level",
            "counts",
            "sim",
            "sim_variance",
            "reference",
            "group",
        )
    }
    return replace(t, **arrays)


def random_starts(start: Floats, n_scales: int, n_starts: int, seed: int, box: Box) -> list[Floats]:
    """Return `start` and n - 1 others, drawn evenly in scales and smearings up to `LARGEST`."""
    rng = np.random.default_rng(seed)
    scale, smearing = LARGEST
    others = []
    for _ in range(n_starts - 1):
        u = rng.uniform(-scale, scale, n_scales)
        q = rng.uniform(0, smearing, len(start) - n_scales) ** 2
        others.append(box.clip(np.where(box.free, np.concatenate([u, q]), start)))
    return [start, *others]
