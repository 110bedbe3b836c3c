"""Files of variations: a YAML list, of which each entry has a name and what it changes."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

import yaml

from scalesmear.errors import InputError
from scalesmear.io.files import existing, write_text
from scalesmear.variations import Variation

if TYPE_CHECKING:
    import os

SHIPPED = files("scalesmear") / "data" / "variations"


def shipped_variations() -> tuple[str, ...]:
    """Return the names of the sets of variations that come with the package."""
    return tuple(sorted(f.name.removesuffix(".yml") for f in SHIPPED.iterdir()))


def read_variations(source: str | os.PathLike[str]) -> tuple[Variation, ...]:
    """Read a file of variations, or a set that comes with the package by its name.

    Raises
    ------
    InputError
        If there is neither, it is not a list of variations, or two have one name.
    """
    name = str(source)
    if name in shipped_variations():
        return _parse((SHIPPED / f"{name}.yml").read_text(encoding="utf-8"), name)
    cure = f"give a path, or one of {', '.join(shipped_variations())}"
    path = existing(source, "file of variations", cure)
    return _parse(path.read_text(encoding="utf-8", errors="replace"), name)


def copy_variations(source: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Write what `read_variations` reads where the source may no longer be reached.

    Raises
    ------
    InputError
        As `read_variations`.
    """
    read_variations(source)
    name = str(source)
    found = SHIPPED / f"{name}.yml" if name in shipped_variations() else existing(source, "file")
    write_text(path, found.read_text(encoding="utf-8"))


def _parse(text: str, where: str) -> tuple[Variation, ...]:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(where, f"not YAML ({' '.join(str(error).split())})", "mend it") from error
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        shown = json.dumps(content, default=str)[:60]
        raise InputError(where, f"holds {shown}", "write a list of {name: ..., what it changes}")
    found = tuple(
        Variation.from_json(entry, f"{where}: entry {number}")
        for number, entry in enumerate(content, 1)
    )
    names = [variation.name for variation in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(where, f"two variations are called {name!r}", "rename one")
    return found
