"""Normalisation of simulation to luminosity: quantities with units, and the factor made of them.

::

    factor = filter_eff * k_factor * cross_section * luminosity / sum_of_weights

takes a histogram of generator weights to the number of events expected in data.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from scalesmear.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

UNITS: dict[str, dict[str, float]] = {
    "filter_eff": {"": 1.0},
    "k_factor": {"": 1.0},
    "cross_section": {"fb": 1.0, "pb": 1e3, "nb": 1e6},
    "luminosity": {"fb-1": 1.0, "pb-1": 1e-3, "nb-1": 1e-6},
    "sum_of_weights": {"": 1.0},
}
"""Units of each ingredient in those of the first one, which a bare number has."""

INGREDIENTS = tuple(UNITS)
UNCERTAIN = ("cross_section", "luminosity", "k_factor")
"""Ingredients that may have an uncertainty."""

FORMULA = "filter_eff * k_factor * cross_section * luminosity / sum_of_weights"

NUMBER_AND_UNIT = re.compile(
    r"(?P<number>[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?inf|[-+]?nan)\s*(?P<unit>\D.*)?",
    re.ASCII | re.IGNORECASE,
)

EXAMPLES = {
    "cross_section": "44.837 fb",
    "luminosity": "140.1 fb-1",
    "k_factor": "1.12",
    "filter_eff": "0.5",
    "sum_of_weights": "6813.0258",
}


class Given(NamedTuple):
    """A value as somebody wrote it, and where: a flag, or a key of a file."""

    text: str
    where: str


@dataclass(frozen=True)
class Quantity:
    """One ingredient of the factor, greater than zero.

    Attributes
    ----------
    name : str
        A key of `UNITS`.
    value : float
    unit : str
        As in `UNITS`; empty for a pure number.
    where : str
        Where it comes from, for messages and for the record.
    """

    name: str
    value: float
    unit: str
    where: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.value > 0):
            cure = f"it must be a finite number above 0, such as {EXAMPLES[self.name]}"
            raise InputError(self.where or self.name, f"{self.label} is {self.value:g}", cure)
        if self.name == "filter_eff" and self.value > 1:
            cure = "it is the fraction of events that the filter lets pass, at most 1"
            raise InputError(self.where or self.name, f"{self.label} is {self.value:g}", cure)

    @property
    def label(self) -> str:
        """Its name in words."""
        return self.name.replace("_", " ")

    @property
    def in_first_unit(self) -> float:
        """Its value in the first of its units: fb, fb-1 or 1."""
        return self.value * UNITS[self.name][self.unit]

    def to(self, unit: str) -> Quantity:
        """Return the same quantity in another of its units."""
        factor = UNITS[self.name][self.unit] / UNITS[self.name][unit]
        return Quantity(self.name, self.value * factor, unit, self.where)

    def __str__(self) -> str:
        """Return number and unit, such as ``44.837 fb``."""
        return f"{self.value:.12g} {self.unit}".strip()

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object."""
        return {"value": self.value, "unit": self.unit or "1", "from": self.where}


def parse_quantity(name: str, given: Given) -> Quantity:
    """Read an ingredient; a bare number has the first unit that `UNITS` lists for it.

    Parameters
    ----------
    name : str
        A key of `UNITS`.
    given : Given
        Such as ``44.837 fb``, ``2475 pb``, ``140.1 fb-1`` or ``2330 pb^-1``.

    Raises
    ------
    InputError
        If it is not a number above 0, or has a unit of something else.
    """
    value, unit = _split(name, given)
    return Quantity(name, value, unit or next(iter(UNITS[name])), given.where)


def _split(name: str, given: Given) -> tuple[float, str]:
    """Return number and unit; the unit is empty if there is none.

    Raises
    ------
    InputError
        If it is not a number with one of the units of that ingredient.
    """
    found = NUMBER_AND_UNIT.fullmatch(given.text.strip())
    if found is None:
        cure = f"write a number{_units_in_words(name)}, such as {EXAMPLES[name]}"
        raise InputError(given.where, f"{given.text!r} is not a {name.replace('_', ' ')}", cure)
    unit = _canonical(found["unit"] or "")
    if unit and unit not in UNITS[name]:
        others = [other for other, units in UNITS.items() if unit in units]
        belongs = f", which belongs to a {others[0]}" if others else ""
        problem = f"{given.text!r} has the unit {found['unit']}{belongs}"
        raise InputError(given.where, problem, f"give a number{_units_in_words(name)}")
    return float(found["number"]), unit


def _canonical(unit: str) -> str:
    """Return ``fb-1`` for ``fb^-1``, ``fb^{-1}`` and the like."""
    superscript = "\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT ONE}"
    return re.sub(r"[\s^{}*]", "", unit.replace(superscript, "-1"))


def _units_in_words(name: str) -> str:
    units = [unit for unit in UNITS[name] if unit]
    return f" in {', '.join(units[:-1])} or {units[-1]}" if units else " without a unit"


@dataclass(frozen=True)
class Uncertainty:
    """Of one ingredient, one standard deviation: the same relative change of every bin."""

    given: str
    relative: float
    where: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object."""
        return {"given": self.given, "relative": self.relative, "from": self.where}


def parse_uncertainty(given: Given, of: Quantity) -> Uncertainty:
    """Read an uncertainty: relative in percent, or absolute in a unit of its ingredient.

    Raises
    ------
    InputError
        If it is neither, not above 0, or a bare number where a unit is needed to tell which it is.
    """
    text = given.text.strip()
    if text.endswith("%"):
        relative = _percent(text, given.where)
    else:
        value, unit = _split(of.name, given)
        if of.unit and not unit:
            cure = f"write {text} % or {text} {of.unit}"
            raise InputError(given.where, f"{text!r} may be relative or absolute", cure)
        relative = value * UNITS[of.name][unit] / of.in_first_unit
    if not (math.isfinite(relative) and relative > 0):
        raise InputError(
            given.where, f"is {text}", "write a finite number above 0, or leave it out"
        )
    return Uncertainty(text, relative, given.where)


def _percent(text: str, where: str) -> float:
    try:
        return float(text.rstrip("%")) / 100
    except ValueError as error:
        raise InputError(where, f"{text!r} is not a number of percent", "write 5 %") from error


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """All that the factor is made of.

    Raises
    ------
    InputError
        If the factor is too large or too small for a number.
    """

    filter_eff: Quantity
    k_factor: Quantity
    cross_section: Quantity
    luminosity: Quantity
    sum_of_weights: Quantity
    uncertainties: Mapping[str, Uncertainty] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.factor) and self.factor**2 > 0):
            cure = "check the ingredients and their units"
            raise InputError("factor", f"{self.spelled_out} is out of range", cure)

    @property
    def expected_events(self) -> float:
        """Number of events produced in data, before any selection."""
        return math.prod(
            quantity.in_first_unit
            for quantity in (self.filter_eff, self.k_factor, self.cross_section, self.luminosity)
        )

    @property
    def factor(self) -> float:
        """What contents of bins are multiplied by; see `FORMULA`."""
        return self.expected_events / self.sum_of_weights.value

    @property
    def spelled_out(self) -> str:
        """The factor with all numbers, cross section and luminosity in units that cancel."""
        luminosity = self.luminosity.to(f"{self.cross_section.unit}-1")
        return (
            f"{self.filter_eff} * {self.k_factor} * {self.cross_section} * {luminosity}"
            f" / {self.sum_of_weights} = {self.factor:.8g}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object; units and origin stand beside each number."""
        return {
            "factor": self.factor,
            "formula": FORMULA,
            "spelled_out": self.spelled_out,
            "expected_events": self.expected_events,
            "ingredients": {name: getattr(self, name).to_json() for name in INGREDIENTS},
            "uncertainties": {
                "meaning": "one standard deviation of the factor from each source, relative; each "
                "moves all bins together and none is contained in the errors of bins",
                **{name: found.to_json() for name, found in self.uncertainties.items()},
            },
        }
