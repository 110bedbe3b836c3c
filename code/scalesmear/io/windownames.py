"""Names of windows in tables of corrections, such as ``absEta_0.0000_1.0000-R9_0.0000_0.9600``.

Pieces joined by ``-``. They are read as they stand, where the CMSSW reader searches the name for some
texts and replaces their numbers: to it ``absEta_1.566_2.0`` begins at 1.479.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from scalesmear.cells import Window
from scalesmear.errors import InputError

if TYPE_CHECKING:
    from scalesmear.io.rows import Row

NAMED_WINDOWS: dict[str, dict[str, tuple[float, float]]] = {
    "EBlowEta": {"abs_eta": (0, 1)},
    "EBhighEta": {"abs_eta": (1, 1.479)},
    "EElowEta": {"abs_eta": (1.479, 2)},
    "EEhighEta": {"abs_eta": (2, 7)},
    **{name: {"r9": (0.94, math.inf)} for name in ("gold", "Gold", "highR9")},
    **{name: {"r9": (-1, 0.94)} for name in ("bad", "Bad", "lowR9")},
}
"""Words of older smearings files and the windows that they stand for."""

PIECE = re.compile(
    r"(?P<variable>absEta|R9|Et)_(?P<low>\d+\.?\d*)(_(?P<high>\d+\.?\d*))?|gainEle_(?P<gain>\d+)"
)


def window_of_name(row: Row) -> Window:
    """Return the window that a name such as ``absEta_0.0000_1.0000-R9_0.0000_0.9600`` means."""
    name = row.fields[0]
    parts: dict[str, Any] = {}
    try:
        for piece in name.split("-"):
            parts |= NAMED_WINDOWS.get(piece) or _parse_piece(piece)
        return Window(**parts)
    except ValueError as error:
        raise InputError(
            row.where, f"{name!r} is no name of a window ({error})", "mend the name"
        ) from error


def _parse_piece(piece: str) -> dict[str, Any]:
    match = PIECE.fullmatch(piece)
    if not match:
        raise ValueError(f"cannot read {piece!r}")
    if match["gain"]:
        return {"gain": int(match["gain"])}
    low, high = float(match["low"]), float(match["high"] or math.inf)
    if match["variable"] == "R9":
        return {"r9": (low, math.inf if high >= 1 else high)}
    if not match["high"]:
        raise ValueError(f"{piece!r} has no upper edge")
    return {"abs_eta" if match["variable"] == "absEta" else "et": (low, high)}
