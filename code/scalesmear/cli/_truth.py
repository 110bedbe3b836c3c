"""Read what toy data were made with."""

from __future__ import annotations

from scalesmear.errors import InputError
from scalesmear.io.files import read_json
from scalesmear.truth import Truth


def read_truth(path: str) -> Truth:
    """Read a ``truth.json``.

    Raises
    ------
    InputError
        If there is none, or it is something else.
    """
    content = read_json(path, "truth")
    try:
        return Truth.from_json(content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        cure = "make it with scalesmear toys"
        raise InputError(path, f"not a truth ({error!r})", cure) from error
