"""What made an output: versions, arguments and inputs, stored with each result."""

from __future__ import annotations

import os
import platform
import sys
import zlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("scalesmear", "numpy", "numba", "scipy", "uproot", "pyarrow")


def adler32(path: str | os.PathLike[str]) -> str:
    """Return the Adler-32 checksum of a file in eight hexadecimal digits, as grid catalogues do."""
    checksum = 1
    with Path(path).open("rb") as stream:
        while block := stream.read(1 << 20):
            checksum = zlib.adler32(block, checksum)
    return f"{checksum:08x}"


def provenance() -> dict[str, Any]:
    """Return the versions and the command line that make an output.

    Nothing in it depends on the hour or the machine, so that equal inputs give equal outputs.
    """
    return {
        "versions": {"python": platform.python_version()} | _versions(),
        "image": os.environ.get("SCALESMEAR_IMAGE", "none"),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
