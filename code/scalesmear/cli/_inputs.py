"""Read the values that a workflow starts from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from scalesmear.errors import InputError
from scalesmear.io.files import existing
from scalesmear.schema import parse

if TYPE_CHECKING:
    import argparse

PUT_IT_THERE = "put it into the input folder (initdir) and write its name"
"""What to do about a file that a value names and that does not exist."""


def configure_inputs(parser: argparse.ArgumentParser, name: str) -> None:
    """Add the flag ``--inputs``."""
    text = f"{name}, or - to read standard input"
    parser.add_argument("--inputs", required=True, metavar="FILE", help=text)


def read_values(source: str, name: str) -> tuple[dict[str, Any], str]:
    """Return the values, and where they are from: the file, or `name` for standard input.

    Raises
    ------
    InputError
        If there is no such file, or it holds no values.
    """
    if source == "-":
        return parse(sys.stdin.read(), name), name
    path = existing(source, "inputs file")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(path, "not a text file", "give a YAML file") from error
    return parse(text, source), source
