"""The scales that data carry before a fit, out of all that a fit can build on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalesmear.errors import InputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def configure_base(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add the flags ``--scales`` and ``--base``."""
    parser.add_argument(
        "--scales",
        required=required,
        nargs="+",
        default=[],
        metavar="FILE",
        help="scales of data, 11 columns; of several files --base chooses one",
    )
    parser.add_argument(
        "--base", type=int, default=0, metavar="N", help="which of the scales, from 0 (default: 0)"
    )


def chosen(scales: Sequence[str], base: int) -> str:
    """Return the file that ``--base`` means.

    Raises
    ------
    InputError
        If there is none.
    """
    if not 0 <= base < len(scales):
        raise InputError(
            "--base", f"is {base}, but there are {len(scales)} files of scales", "count from 0"
        )
    return scales[base]
