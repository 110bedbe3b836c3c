"""The scales that the derivation ends with, as ``result.json`` holds them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.cells import VARIABLES, Boxes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from scalesmear.cells import Range, Window


USUAL = {"abs_eta": 0.5, "r9": 0.97, "et": 45.0, "gain": 12.0}
"""The electron that stands for all others where a window does not say more; Et in GeV."""


@dataclass(frozen=True)
class CombinedScales:
    """Product of all steps by run range and window.

    Attributes
    ----------
    runs : int array, shape (n, 2)
        Closed ranges.
    boxes : Boxes
        Windows, all edges finite; gain 0 stands for any.
    scale : float array, shape (n,)
    """

    runs: NDArray[np.int64]
    boxes: Boxes
    scale: NDArray[np.float64]

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CombinedScales:
        """Read the content of ``result.json``.

        Raises
        ------
        KeyError, TypeError, ValueError
            If something is missing or of another type.
        """
        columns = content["combined"]

        def stack(names: list[str], kind: type) -> NDArray[Any]:
            return np.stack([np.asarray(columns[name], kind) for name in names], axis=1)

        low, high = (
            stack([f"{v}_{side}" for v in VARIABLES], np.float32) for side in ("min", "max")
        )
        return cls(
            runs=stack(["run_min", "run_max"], np.int64),
            boxes=Boxes(low, high, np.asarray(columns["gain"], np.int16)),
            scale=np.asarray(columns["scale"], np.float64),
        )

    def average(self, window: Window, events: Mapping[int, int]) -> float | None:
        """Return the scale in the middle of a window, averaged over the events of each run.

        A variable that the window does not use is that of `USUAL`. None if some run has not exactly
        one row for such an electron.
        """
        electron = np.array([_middle(getattr(window, v), USUAL[v]) for v in VARIABLES], np.float32)
        inside = np.all((self.boxes.low <= electron) & (electron < self.boxes.high), axis=1)
        inside &= (self.boxes.gain == 0) | (self.boxes.gain == (window.gain or USUAL["gain"]))
        run, weight = (np.array(part) for part in zip(*sorted(events.items()), strict=True))
        first, last = self.runs[inside].T[:, :, None]
        belongs = (first <= run) & (run <= last)
        if not np.all(belongs.sum(axis=0) == 1):
            return None
        return float(np.average(self.scale[inside] @ belongs, weights=weight))


def _middle(edges: Range | None, usual: float) -> float:
    """Return a value inside a window: its middle, 10 % above its lower edge without an upper one."""
    if edges is None:
        return usual
    low, high = edges
    return (low + high) / 2 if math.isfinite(high) else 1.1 * low
