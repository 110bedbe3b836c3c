"""Category files: YAML blocks whose edges multiply out to categories, or rows of earlier times."""

from __future__ import annotations

import math
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from scalesmear.categories import CategorySet
from scalesmear.cells import VARIABLES
from scalesmear.errors import InputError
from scalesmear.io.categorytsv import is_category_tsv, parse_category_tsv
from scalesmear.io.files import write_text

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from scalesmear.cells import Window

SHIPPED = files("scalesmear") / "data" / "categories"


def shipped_sets() -> tuple[str, ...]:
    """Return the names of the category sets that come with the package."""
    return tuple(sorted(f.name.removesuffix(".yml") for f in SHIPPED.iterdir()))


def read_categories(source: str | os.PathLike[str]) -> CategorySet:
    """Read a category file, or a set that comes with the package by its name.

    A file holds blocks in YAML, or the rows of `scalesmear.io.categorytsv`.

    Raises
    ------
    InputError
        If there is neither, the file is not YAML, or its categories do not tile.
    """
    name = str(source)
    if name in shipped_sets():
        return _parse((SHIPPED / f"{name}.yml").read_text(encoding="utf-8"), name)
    path = Path(source)
    if not path.is_file():
        raise InputError(
            path,
            "there is no such category file",
            f"give its path, or one of {', '.join(shipped_sets())}",
        )
    try:
        return _parse(path.read_text(encoding="utf-8"), name)
    except UnicodeDecodeError as error:
        raise InputError(path, "not a text file", "give a category file") from error


def _parse(text: str, where: str) -> CategorySet:
    if is_category_tsv(text):
        return CategorySet(*parse_category_tsv(text, where), where)
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise InputError(where, f"not YAML ({problem})", "mend the syntax") from error
    return CategorySet.from_blocks(content, where)


def write_categories(path: str | os.PathLike[str], categories: CategorySet) -> None:
    """Write categories in their canonical form: one block for each, in order."""
    lines = ["scales:", *map(_block, categories.scales)]
    lines += ["smearings:", *map(_block, categories.smearings)]
    write_text(path, "\n".join(lines) + "\n")


def _block(window: Window) -> str:
    parts = [
        f"{variable}: [{_numbers(edges)}]"
        for variable in VARIABLES
        if (edges := getattr(window, variable)) is not None
    ]
    if window.gain is not None:
        parts.append(f"gain: [{window.gain}]")
    return f"  - {{{', '.join(parts)}}}"


def _numbers(values: Iterable[float]) -> str:
    return ", ".join(".inf" if math.isinf(value) else str(value) for value in values)
