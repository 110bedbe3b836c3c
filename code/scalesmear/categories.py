"""Categories of electrons: windows that tile the fiducial region, and who is in which.

A scale belongs to each scale category. A smearing belongs to each smearing category, which may hold
several scale categories: an electron has the smearing of its scale category.
"""

from __future__ import annotations

import itertools
from dataclasses import InitVar, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.cells import (
    FIDUCIAL,
    VARIABLES,
    Boxes,
    CellGrid,
    OverlapError,
    Window,
    take,
    uncovered,
)
from scalesmear.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from scalesmear.events import FloatArray, IntArray

__all__ = ["CategorySet", "Window", "is_finer", "windows_of_blocks"]

KINDS = ("scales", "smearings")


@dataclass(frozen=True)
class CategorySet:
    """Scale and smearing categories, checked to tile the fiducial region.

    Parameters
    ----------
    scales, smearings : tuple of Window
        The number of a category is its place here. Smearing categories use no gain, because
        the smearings file has none.
    where : str
        The file that the categories come from, for messages.

    Raises
    ------
    InputError
        If categories of a kind overlap or leave a hole in the fiducial region, if a smearing
        category uses the gain, or if a scale category is not inside exactly one smearing category.
    """

    scales: tuple[Window, ...]
    smearings: tuple[Window, ...]
    where: InitVar[str] = "categories"

    def __post_init__(self, where: str) -> None:
        for window in self.smearings:
            if window.gain is not None:
                raise InputError(
                    f"{where}: smearings",
                    f"{window} uses the gain, which the smearings file cannot hold",
                    "leave gain out of the smearings",
                )
        for kind in KINDS:
            _check_tiling(getattr(self, kind), f"{where}: {kind}")
        for window in self.scales:
            _check_enclosed(window, self.smearings, where)

    @classmethod
    def from_blocks(cls, content: Any, where: str = "categories") -> CategorySet:
        """Return the categories of a category file's content, see `windows_of_blocks`.

        Raises
        ------
        InputError
            If the content is not that of a category file, or the categories do not tile.
        """
        if not isinstance(content, dict) or set(content) != set(KINDS):
            found = ", ".join(map(str, content)) if isinstance(content, dict) else repr(content)
            raise InputError(
                where, f"expected the keys scales and smearings, found {found}", "mend the keys"
            )
        scales, smearings = (windows_of_blocks(content[k], f"{where}: {k}") for k in KINDS)
        return cls(scales, smearings, where)

    def to_json(self) -> dict[str, list[dict[str, Any]]]:
        """Return the windows of both kinds as JSON."""
        return {kind: [window.to_json() for window in getattr(self, kind)] for kind in KINDS}

    @classmethod
    def from_json(
        cls, content: Mapping[str, Sequence[Mapping[str, Any]]], where: str = "categories"
    ) -> CategorySet:
        """Return the categories of `to_json`.

        Raises
        ------
        InputError
            If the content is not that of `to_json`, or the categories do not tile.
        """
        try:
            scales, smearings = (tuple(map(Window.from_json, content[kind])) for kind in KINDS)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise InputError(where, f"not categories ({error!r})", "write them again") from error
        return cls(scales, smearings, where)

    @cached_property
    def smearing_of(self) -> NDArray[np.int16]:
        """Number of the smearing category of each scale category, shape (number of scales,)."""
        number = [_enclosing(window, self.smearings)[0] for window in self.scales]
        return np.array(number, np.int16)

    @property
    def neighbours(self) -> tuple[tuple[int, ...], ...]:
        """Numbers of the scale categories that share an edge with each one.

        They meet in one variable and overlap in the others; the gain is the same.
        """
        boxes = Boxes.of(self.scales)
        low, high = boxes.low[:, None], boxes.high[:, None]
        meet = (high == boxes.low) | (low == boxes.high)
        overlap = (low < boxes.high) & (boxes.low < high)
        same_gain = boxes.gain[:, None] == boxes.gain
        near = (meet.sum(axis=2) == 1) & (meet | overlap).all(axis=2) & same_gain
        return tuple(tuple(np.flatnonzero(row).tolist()) for row in near)

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables that scale categories use: abs_eta, r9, et, gain."""
        used = self.grid.used
        return tuple(n for n, u in zip((*VARIABLES, "gain"), used, strict=True) if u)

    @cached_property
    def grid(self) -> CellGrid:
        """The cells that the edges of scale categories cut."""
        return CellGrid.of(Boxes.of(self.scales))

    @cached_property
    def number_of_cell(self) -> NDArray[np.int16]:
        """Scale category of each cell of `grid` as a flat array, -1 where there is none."""
        return self.grid.paint(Boxes.of(self.scales)).ravel().astype(np.int16)

    def category_of(
        self,
        abs_eta: FloatArray,
        r9: FloatArray | None = None,
        et: FloatArray | None = None,
        gain: IntArray | None = None,
    ) -> NDArray[np.int16]:
        """Return the scale category of each electron, -1 where there is none.

        Arrays have one shape, that of the result; values are compared in float32. Only the
        `variables` that categories use are read, the others may be None. Et in GeV, gain 12, 6, 1.

        Raises
        ------
        ValueError
            If a variable that is used is None or has another shape.
        """
        return take(self.number_of_cell, self.grid.cell_of(abs_eta, r9, et, gain))


def is_finer(windows: Sequence[Window], than: Sequence[Window]) -> bool:
    """Tell whether each window lies inside one of the others, and they are not the same."""
    inside = all(
        any(big.encloses(small) and big.gain in (None, small.gain) for big in than)
        for small in windows
    )
    return inside and set(windows) != set(than)


def windows_of_blocks(blocks: Any, where: str) -> tuple[Window, ...]:
    """Return the windows that blocks multiply out to, in order.

    A block maps ``abs_eta``, ``r9``, ``et`` to rising edges and ``gain`` to a list of gains. Its
    windows are all combinations of neighbouring edges; the order of variables is that just given,
    the last one fastest.

    Raises
    ------
    InputError
        If a block has an unknown variable, edges that do not rise or a gain that does not exist.
    """
    if not isinstance(blocks, list) or not blocks:
        raise InputError(where, f"expected a list of blocks, found {blocks!r}", "list the blocks")
    return tuple(
        window
        for number, block in enumerate(blocks, start=1)
        for window in _windows_of_block(block, where, f"block {number}")
    )


def _windows_of_block(block: Any, where: str, origin: str) -> Iterator[Window]:
    place = f"{where}: {origin}"
    known = (*VARIABLES, "gain")
    if not isinstance(block, dict) or not block:
        raise InputError(
            place, f"expected edges by variable, found {block!r}", "write {abs_eta: [0, 1.4442]}"
        )
    for variable, values in block.items():
        if variable not in known:
            raise InputError(
                place, f"unknown variable {variable!r}", f"variables are {', '.join(known)}"
            )
        _check_values(values, 1 if variable == "gain" else 2, f"{place}: {variable}")
    edges = [list(itertools.pairwise(block[v])) if v in block else [None] for v in VARIABLES]
    for abs_eta, r9, et in itertools.product(*edges):
        for gain in block.get("gain", [None]):
            try:
                yield Window(abs_eta, r9, et, gain, origin)
            except ValueError as error:
                raise InputError(place, str(error), "mend the list") from error


def _check_values(values: Any, at_least: int, where: str) -> None:
    """Refuse what is not a list of enough numbers."""
    numbers = isinstance(values, list) and all(
        isinstance(v, int | float) and not isinstance(v, bool) for v in values
    )
    if not numbers or len(values) < at_least:
        raise InputError(
            where, f"expected a list of {at_least} or more numbers, found {values!r}", "mend it"
        )


def _check_tiling(windows: Sequence[Window], where: str) -> None:
    """Refuse windows that overlap or leave a hole in the fiducial region."""
    boxes = Boxes.of(windows)
    try:
        CellGrid.of(boxes).paint(boxes)
    except OverlapError as error:
        first, second = (windows[row] for row in error.rows)
        raise InputError(where, f"{first} and {second} overlap", "make the edges meet") from error
    hole = uncovered(FIDUCIAL, boxes)
    if hole is not None:
        raise InputError(where, f"no category holds {hole}", "add a block or move an edge")


def _check_enclosed(window: Window, smearings: Sequence[Window], where: str) -> None:
    """Refuse a scale category that has not exactly one smearing category."""
    found = _enclosing(window, smearings)
    if len(found) != 1:
        raise InputError(
            f"{where}: scales",
            f"{window} lies inside {len(found)} smearing categories",
            "let every scale category lie inside exactly one",
        )


def _enclosing(window: Window, smearings: Sequence[Window]) -> list[int]:
    return [n for n, smearing in enumerate(smearings) if smearing.encloses(window)]
