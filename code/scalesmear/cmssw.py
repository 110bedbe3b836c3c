"""The rules by which CMSSW's EnergyScaleCorrection reads scales and smearings, in plain Python.

A proof, not a tool: it reads files the way the reader of the experiment does, with its traps, so that
a test can show that what we write is understood. It takes one electron at a time and compares in
float32. Input is taken from a stream as C++ does: a number ends where it cannot go on, and after a
failure every later value keeps what it had.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, replace
from functools import cmp_to_key
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.errors import ScalesmearError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

STAT, SYST, GAIN = 1, 2, 4
"""Bits that choose parts of the error of a scale."""

OLD_COLUMNS = 9
"""Words in the first line of a file in the older dialect."""

IGNORED = 1000
"""Characters at most that are dropped at the end of a line."""

INTEGER = re.compile(r"[+-]?\d+")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
WORD = re.compile(r"\S+")
SPACE = re.compile(r"\s*")

Range = tuple[float, float]


class CmsswError(ScalesmearError):
    """Raised where the reader throws an exception."""


def float32(value: float) -> float:
    """Return the nearest float32."""
    return float(np.float32(value))


def lowered(value: float) -> float:
    """Return the float32 below: makes a closed upper edge of a half-open one."""
    return float(np.nextafter(np.float32(value), np.float32(-np.inf)))


class Stream:
    """Text read the way a C++ input stream reads it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.good = True

    def peek(self) -> str:
        """Return the next character; at the end nothing, and the stream is no longer good."""
        if self.good and self.place < len(self.text):
            return self.text[self.place]
        self.good = False
        return ""

    def ignore(self, count: int = IGNORED) -> None:
        """Drop characters up to and including the end of the line, at most `count`."""
        if not self.good:
            return
        end = self.text.find("\n", self.place, self.place + count)
        self.place = end + 1 if end >= 0 else min(self.place + count, len(self.text))
        if end < 0 and self.place == len(self.text):
            self.good = False

    def word(self, before: str) -> str:
        """Read a word; return `before` if there is none."""
        text = self._take(WORD)
        return before if text is None else text

    def integer(self, before: int) -> int:
        """Read an integer; 0 if the next word does not begin with one."""
        return int(self._number(INTEGER, before))

    def real(self, before: float) -> float:
        """Read a float32; 0 if the next word does not begin with a number."""
        return float32(self._number(NUMBER, before))

    def _number(self, pattern: re.Pattern[str], before: float) -> float:
        was_good = self.good
        text = self._take(pattern)
        if text is not None:
            return float(text)
        return 0 if was_good and self.place < len(self.text) else before

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        """Skip white space and read what matches; a miss makes every later reading fail."""
        if not self.good:
            return None
        space = SPACE.match(self.text, self.place)
        self.place = space.end() if space else self.place
        match = pattern.match(self.text, self.place)
        if match is None:
            self.good = False
            return None
        self.place = match.end()
        return match.group()


@dataclass(frozen=True)
class Category:
    """Windows with both edges inside; gain 0 matches every gain."""

    runs: Range
    eta: Range
    r9: Range
    et: Range
    gain: int

    def less(self, other: Category) -> bool:
        """Tell whether this one sorts before: both edges less, in run, eta, R9, Et, then gain."""
        for name in ("runs", "eta", "r9", "et"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine[0] < theirs[0] and mine[1] < theirs[1]:
                return True
            if theirs[0] < mine[0] and theirs[1] < mine[1]:
                return False
        return self.gain != 0 and other.gain != 0 and self.gain < other.gain

    def holds(self, electron: Category) -> bool:
        """Tell whether an electron, a category without width, is inside."""
        return all(
            getattr(self, name)[0] <= getattr(electron, name)[0] <= getattr(self, name)[1]
            for name in ("runs", "eta", "r9", "et")
        ) and (self.gain in (0, electron.gain))


def electron_category(run: int, et: float, eta: float, r9: float, gain: int) -> Category:
    """Return an electron as a category without width."""
    e, t, r = float32(eta), float32(et), float32(r9)
    return Category((run, run), (e, e), (r, r), (t, t), gain)


def _compare(a: Category, b: Category) -> int:
    return -1 if a.less(b) else int(b.less(a))


_sort_key: Callable[[Category], Any] = cmp_to_key(_compare)


@dataclass
class SortedCategories:
    """Categories in order, with what belongs to each; none may equal another."""

    what: str
    categories: list[Category] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, category: Category, value: Any) -> None:
        """Add a category, refusing one that neither precedes nor follows one that is there."""
        places = self._equal(category)
        if len(places):
            raise CmsswError(f"{self.what} category already defined: {category}")
        self.categories.insert(places.start, category)
        self.values.insert(places.start, value)

    def find(self, electron: Category) -> int | None:
        """Return the place of the category that equals an electron, if there is one."""
        places = self._equal(electron)
        if len(places) > 1:
            raise CmsswError(f"{self.what}: {len(places)} entries for {electron}")
        return places.start if places else None

    def _equal(self, category: Category) -> range:
        key = _sort_key(category)
        start = bisect_left(self.categories, key, key=_sort_key)
        return range(start, bisect_right(self.categories, key, lo=start, key=_sort_key))


@dataclass(frozen=True)
class Scale:
    """A scale and the parts of its error."""

    scale: float = 1.0
    stat: float = 0.0
    syst: float = 0.0
    gain: float = 0.0

    def error(self, bits: int) -> float:
        """Return the parts that the bits choose, in quadrature."""
        parts = ((STAT, self.stat), (SYST, self.syst), (GAIN, self.gain))
        return math.sqrt(sum(part**2 for bit, part in parts if bits & bit))


@dataclass(frozen=True)
class Smearing:
    """The parameters of a smearing."""

    e_mean: float = 0.0
    e_mean_error: float = 0.0
    rho: float = 0.0
    rho_error: float = 0.0
    phi: float = 0.0
    phi_error: float = 0.0

    def sigma(self, et: float, n_rho: float, n_phi: float) -> float:
        """Return sqrt((rho sin phi)^2 + (rho e_mean cos phi)^2 / Et), rho and phi moved by errors."""
        rho = self.rho + n_rho * self.rho_error
        phi = self.phi + n_phi * self.phi_error
        return math.hypot(rho * math.sin(phi), rho * self.e_mean * math.cos(phi) / math.sqrt(et))


class EnergyScaleCorrection:
    """Scales and smearings of the files ``<base>_scales.dat`` and ``<base>_smearings.dat``.

    Raises
    ------
    CmsswError
        Where the reader throws: a file is missing or holds no row, or a category comes twice.
    """

    def __init__(self, base: str | os.PathLike[str]) -> None:
        self.scales = read_scales(_text(f"{base}_scales.dat"))
        self.smearings = read_smearings(_text(f"{base}_smearings.dat"))
        for rows in (self.scales, self.smearings):
            if not rows.categories:
                raise CmsswError(f"{base}: no {rows.what} was read")

    def scale(self, run: int, et: float, eta: float, r9: float, gain: int = 12) -> float:
        """Return the scale of an electron; 1 without a word where there is no row."""
        return self._scale(run, et, eta, r9, gain).scale

    def scale_error(
        self, run: int, et: float, eta: float, r9: float, gain: int = 12, bits: int = STAT
    ) -> float:
        """Return the error of the scale; 0 without a word where there is no row."""
        return self._scale(run, et, eta, r9, gain).error(bits)

    def _scale(self, run: int, et: float, eta: float, r9: float, gain: int) -> Scale:
        place = self.scales.find(electron_category(run, et, abs(eta), r9, gain))
        if place is None:
            return Scale()
        if not self.scales.categories[place].holds(electron_category(run, et, eta, r9, gain)):
            raise CmsswError(f"the category found does not hold eta {eta}")
        value: Scale = self.scales.values[place]
        return value

    def sigma(
        self,
        et: float,
        eta: float,
        r9: float,
        gain: int = 12,
        *,
        n_rho: float = 0.0,
        n_phi: float = 0.0,
    ) -> float:
        """Return the relative width of an electron; 0 without a word where there is no row."""
        place = self.smearings.find(electron_category(0, et, abs(eta), r9, gain))
        return 0.0 if place is None else self.smearings.values[place].sigma(et, n_rho, n_phi)


def _text(path: str) -> str:
    if not Path(path).is_file():
        raise CmsswError(f"{path} does not exist")
    return Path(path).read_bytes().decode()


def read_scales(text: str) -> SortedCategories:
    """Read the text of a scales file, of either dialect."""
    rows = SortedCategories("scale")
    stream = Stream(text)
    if stream.peek() == "r":
        stream.ignore(len(text))
    if len(text.partition("\n")[0].split()) == OLD_COLUMNS:
        _read_old_scales(stream, rows)
    else:
        _read_scales(stream, rows)
    return rows


def _read_scales(stream: Stream, rows: SortedCategories) -> None:
    """Read rows of run range, six edges, gain, scale and error."""
    run_max, gain = 0, 0
    numbers = [0.0] * 8
    run_min = stream.integer(0)
    while stream.good:
        run_max = stream.integer(run_max)
        for i in range(6):
            numbers[i] = stream.real(numbers[i])
        gain = stream.integer(gain)
        for i in range(6, 8):
            numbers[i] = stream.real(numbers[i])
        eta, r9, et = (_closed(numbers[i], numbers[i + 1]) for i in (0, 2, 4))
        rows.add(Category((run_min, run_max), eta, r9, et, gain), Scale(numbers[6], numbers[7]))
        stream.ignore()
        run_min = stream.integer(run_min)


def _read_old_scales(stream: Stream, rows: SortedCategories) -> None:
    """Read rows of category, a word, run range, scale, an ignored error and its three parts."""
    run_min, run_max = 0, 0
    numbers = [0.0] * 5
    name = stream.word("")
    while stream.good:
        stream.word("")
        run_min, run_max = stream.integer(run_min), stream.integer(run_max)
        numbers = [stream.real(number) for number in numbers]
        scale, _, stat, syst, gain = numbers
        category = replace(parse_category(name), runs=(run_min, run_max))
        rows.add(category, Scale(scale, stat, syst, gain))
        stream.ignore()
        name = stream.word(name)


def read_smearings(text: str) -> SortedCategories:
    """Read the text of a smearings file."""
    rows = SortedCategories("smearing")
    stream = Stream(text)
    name, phis = "", ["0", "0"]
    numbers = [0.0] * 4
    while first := stream.peek():
        if first in "\n#":
            stream.ignore()
            continue
        name = stream.word(name)
        numbers = [stream.real(number) for number in numbers]
        phis = [stream.word(phi) for phi in phis]
        rows.add(parse_category(name), Smearing(*numbers, *map(_angle, phis)))
    return rows


def _angle(text: str) -> float:
    return math.pi / 2 if text == "M_PI_2" else _leading_number(text)


def _leading_number(text: str) -> float:
    """Return the number that a text begins with."""
    match = NUMBER.match(text)
    if match is None:
        raise CmsswError(f"{text!r} does not begin with a number")
    return float32(float(match.group()))


def _closed(low: float, high: float) -> Range:
    return float32(low), lowered(high)


# The order of these lists is the order in which the reader searches.
FIXED_ETA: Sequence[tuple[str, Range]] = (
    ("absEta_0_1", (0, 1)),
    ("absEta_1_1.4442", (1, 1.479)),
    ("absEta_1.566_2", (1.479, 2)),
    ("absEta_2_2.5", (2, 3)),
)
NAMED_ETA: Sequence[tuple[str, Range]] = (
    ("EBlowEta", (0, 1)),
    ("EBhighEta", (1, 1.479)),
    ("EElowEta", (1.479, 2)),
    ("EEhighEta", (2, 7)),
)
LARGEST = {"eta": 3.0, "r9": 999.0, "et": 9999999.0}


def parse_category(name: str) -> Category:
    """Return the windows that the reader finds in the name of a category, by searching texts."""
    return Category(
        runs=(0, 0),
        eta=_closed(*_eta_range(name)),
        r9=_closed(*_r9_range(name)),
        et=_closed(*(_numbered(name, "-Et_") or (0.0, LARGEST["et"]))),
        gain=_gain(name),
    )


def _eta_range(name: str) -> Range:
    """Search four texts before the numbers, anywhere: absEta_0_1 is in absEta_0_1.4442."""
    for text, edges in FIXED_ETA:
        if text in name:
            return edges
    numbered = _numbered(name, "absEta_")
    named = next((edges for text, edges in NAMED_ETA if text in name), (0.0, LARGEST["eta"]))
    return numbered or named


def _r9_range(name: str) -> Range:
    """Take an upper edge of 1 or more, or none, as no limit."""
    if any(word in name for word in ("gold", "Gold", "highR9")):
        return 0.94, LARGEST["r9"]
    if any(word in name for word in ("bad", "Bad", "lowR9")):
        return -1.0, 0.94
    low, high = _numbered(name, "-R9_") or (-1.0, LARGEST["r9"])
    return low, high if high < 1 else LARGEST["r9"]


def _numbered(name: str, key: str) -> Range | None:
    """Return the two numbers after a key, each up to the next ``_`` or ``-``."""
    start = name.find(key)
    if start < 0:
        return None
    piece = name[start + len(key) :].partition("-")[0]
    low, _, high = piece.partition("_")
    return _leading_number(low), _leading_number(high) if high else math.inf


def _gain(name: str) -> int:
    _, found, rest = name.partition("gainEle_")
    return int(_leading_number(rest)) if found else 0
