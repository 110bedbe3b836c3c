"""What a study of injections injects, what its fits find, and what comes of it, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.categories import CategorySet
from scalesmear.errors import InputError
from scalesmear.histogram import n_pairs
from scalesmear.injection import Injected, ToyFits
from scalesmear.io.files import read_json, write_json
from scalesmear.jsonable import jsonable

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

VALUES = ("scale", "smearing", "resolution", "share")
ARRAYS = ("parameters", "errors", "independent", "p_value")


def write_injected(path: str | os.PathLike[str], injected: Injected) -> None:
    """Write what is injected, whole or not at all."""
    values = {name: jsonable(getattr(injected, name)) for name in VALUES}
    write_json(path, {"categories": injected.categories.to_json(), **values})


def read_injected(path: str | os.PathLike[str]) -> Injected:
    """Read what is injected.

    Raises
    ------
    InputError
        If the file is missing or holds something else.
    """
    content = read_json(path, "truth of the injection")
    cure = "make it with scalesmear injection-truth"
    try:
        values = {name: np.array(content[name], np.float64) for name in VALUES}
        injected = Injected(CategorySet.from_json(content["categories"], str(path)), **values)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(path, f"not the truth of an injection ({error!r})", cure) from error
    n, m = len(injected.categories.scales), len(injected.categories.smearings)
    wanted = {"scale": n, "smearing": m, "resolution": n, "share": n_pairs(n)}
    for name, size in wanted.items():
        if values[name].shape != (size,):
            raise InputError(path, f"{name} has not {size} numbers", cure)
    if not (np.all(injected.scale > 0) and np.all(injected.smearing >= 0)):
        raise InputError(path, "a scale is not positive or a smearing negative", cure)
    return injected


def write_toy_fits(path: str | os.PathLike[str], fits: ToyFits, provenance: dict[str, Any]) -> None:
    """Write the fits of some toys, whole or not at all; an infinite error is written as null."""
    write_json(path, {**jsonable(fits), "provenance": provenance})


def read_toy_fits(path: str | os.PathLike[str]) -> ToyFits:
    """Read the fits of some toys.

    Raises
    ------
    InputError
        If the file is missing or holds something else.
    """
    content = read_json(path, "fits of toys")
    try:
        return ToyFits(
            numbers=np.array(content["numbers"], np.int64),
            **{name: _numbers(content[name]) for name in ARRAYS},
            failures={int(number): str(text) for number, text in content["failures"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        cure = "make it with scalesmear injection-toys"
        raise InputError(path, f"not the fits of toys ({error!r})", cure) from error


def _numbers(values: list[Any]) -> NDArray[np.float64]:
    """Return an array in which null is infinite."""
    found = np.array(values, np.float64)
    return np.where(np.isnan(found), np.inf, found)
