"""Reading what `scalesmear scale-histogram` writes: a scaled histogram and its factor.json."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesmear.errors import InputError
from scalesmear.io.files import read_json
from scalesmear.io.roothistograms import read_histograms
from scalesmear.normalisation import UNCERTAIN, Quantity
from scalesmear.stack import Process

if TYPE_CHECKING:
    import os

FACTOR = "factor.json"
"""Name of the record that lies beside a file of scaled histograms."""


def read_process(path: str | os.PathLike[str], hist: str) -> Process:
    """Read one histogram of a scaled file and the record of its factor.

    Raises
    ------
    InputError
        If a file is missing, the histogram is not in it, or the record is not one of a factor.
    """
    (histogram,) = read_histograms(path, [hist]).histograms
    beside = Path(path).with_name(FACTOR)
    record = read_json(beside, "record of the factor")
    try:
        return Process(
            name=str(record.get("sample", Path(path).stem)),
            label=str(record.get("label", Path(path).stem)),
            histogram=histogram,
            factor=float(record["factor"]),
            luminosity=_luminosity(record, beside),
            uncertainties=_uncertainties(record),
        )
    except (KeyError, TypeError, ValueError) as error:
        problem = f"is no record of a factor ({error!r})"
        raise InputError(beside, problem, "write it with scalesmear scale-histogram") from error


def _luminosity(record: dict[str, Any], where: Path) -> Quantity:
    found = record["ingredients"]["luminosity"]
    return Quantity("luminosity", float(found["value"]), found["unit"], str(where))


def _uncertainties(record: dict[str, Any]) -> dict[str, float]:
    found = record["uncertainties"]
    return {name: float(found[name]["relative"]) for name in UNCERTAIN if name in found}
