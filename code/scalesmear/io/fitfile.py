"""Fits and closures as JSON, with the categories they belong to.

Numbers are written in full, so that what is read equals what was written to the last bit; an infinite
error, of a parameter that is not determined, is written as null.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from scalesmear.bootstrap import Bootstrap
from scalesmear.categories import CategorySet
from scalesmear.closure import Closure, ClosureSettings
from scalesmear.errors import InputError
from scalesmear.fitresult import FitResult
from scalesmear.fitsettings import FitSettings
from scalesmear.goodness import PairGoodness
from scalesmear.io.files import read_json, write_json
from scalesmear.jsonable import jsonable, tupled

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

T = TypeVar("T")


@dataclass(frozen=True)
class SavedFit:
    """A fit with its name, categories and settings, as ``fit.json`` holds it."""

    name: str
    categories: CategorySet
    settings: FitSettings
    result: FitResult
    provenance: dict[str, Any]
    bootstrap: Bootstrap | None = None


@dataclass(frozen=True)
class SavedClosure:
    """A closure with the name and categories of its fit, as ``closure.json`` holds it."""

    name: str
    categories: CategorySet
    settings: ClosureSettings
    closure: Closure
    provenance: dict[str, Any]


def write_fit(path: str | os.PathLike[str], fit: SavedFit) -> None:
    """Write a fit, whole or not at all."""
    write_json(
        path,
        {
            "name": fit.name,
            "categories": fit.categories.to_json(),
            "settings": dataclasses.asdict(fit.settings),
            **jsonable(fit.result),
            "bootstrap": jsonable(fit.bootstrap),
            "provenance": fit.provenance,
        },
    )


def read_fit(path: str | os.PathLike[str]) -> SavedFit:
    """Read a fit.

    Raises
    ------
    InputError
        If the file is missing or is not a fit.
    """
    content = read_json(path, "fit")
    try:
        result = _built(
            FitResult,
            content,
            goodness=_built(PairGoodness, content["goodness"]),
            warnings=tuple(content["warnings"]),
            **{name: _by_number(content[name]) for name in ("dropped", "flagged", "merged")},
            few=_by_number(content.get("few", {})),  # files of earlier versions have none
        )
        settings = {key: tupled(value) for key, value in content["settings"].items()}
        return SavedFit(
            name=content["name"],
            categories=CategorySet.from_json(content["categories"], str(path)),
            settings=FitSettings(**settings),
            result=result,
            provenance=content["provenance"],
            bootstrap=_built(Bootstrap, replicas) if (replicas := content["bootstrap"]) else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(path, f"not a fit ({error!r})", "make it with scalesmear fit") from error


def write_closure(path: str | os.PathLike[str], saved: SavedClosure) -> None:
    """Write a closure, whole or not at all."""
    write_json(
        path,
        {
            "name": saved.name,
            "passed": saved.closure.passed,
            "categories": saved.categories.to_json(),
            "settings": dataclasses.asdict(saved.settings),
            **jsonable(saved.closure),
            "provenance": saved.provenance,
        },
    )


def read_closure(path: str | os.PathLike[str]) -> SavedClosure:
    """Read a closure.

    Raises
    ------
    InputError
        If the file is missing or is not a closure.
    """
    content = read_json(path, "closure")
    try:
        return SavedClosure(
            name=content["name"],
            categories=CategorySet.from_json(content["categories"], str(path)),
            settings=ClosureSettings(**content["settings"]),
            closure=_built(Closure, content),
            provenance=content["provenance"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        cure = "make it with scalesmear closure"
        raise InputError(path, f"not a closure ({error!r})", cure) from error


def _built(kind: type[T], content: Mapping[str, Any], **given: Any) -> T:
    """Build a dataclass from plain content; lists become arrays unless given otherwise."""
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    read = {name: _array(content[name]) for name in names if name not in given}
    return kind(**read, **given)


def _array(value: Any) -> Any:
    """Turn a list of numbers into an array, None in it into infinity."""
    if not isinstance(value, list):
        return value
    return np.array([math.inf if item is None else item for item in value])


def _by_number(content: Mapping[str, Any]) -> dict[int, Any]:
    """Return what JSON holds by number."""
    return {int(number): value for number, value in content.items()}
