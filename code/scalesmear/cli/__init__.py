"""The command line: one verb for each step, its help the docstring of its module.

A verb is a module of this package with ``configure(parser)`` and ``run(args)``. Only the module of
the verb that was asked for is imported. Flags may also come from standard input, see `_stdin`.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scalesmear.cli._stdin import with_flags_of_stdin
from scalesmear.errors import ScalesmearError

if TYPE_CHECKING:
    from collections.abc import Sequence


def verbs() -> dict[str, Path]:
    """Return the module file of each verb; the verb ``run-bins`` lives in ``run_bins.py``."""
    folder = Path(__file__).parent
    return {
        path.stem.replace("_", "-"): path
        for path in sorted(folder.glob("*.py"))
        if not path.stem.startswith("_")
    }


def help_text(path: Path) -> str:
    """Return the docstring of a verb's module without importing it."""
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def build_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of the verb in `argv`, or of all verbs if it names none."""
    parser = argparse.ArgumentParser(
        prog="scalesmear",
        description="Residual electron energy scales and additional smearings from Z->ee.",
    )
    chosen = next((word for word in argv if not word.startswith("-")), None)
    subparsers = parser.add_subparsers(dest="verb", metavar="verb", required=True)
    known = verbs()
    for verb, path in known.items():
        if chosen in known and verb != chosen:
            continue  # to read the help of all verbs takes longer than to start
        text = help_text(path)
        verb_parser = subparsers.add_parser(
            verb,
            help=text.partition("\n")[0],
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if verb == chosen:
            module = importlib.import_module(f"scalesmear.cli.{path.stem}")
            module.configure(verb_parser)
            verb_parser.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; return 0, or 1 after printing what is wrong in one line."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        words = with_flags_of_stdin(words)
        args = build_parser(words).parse_args(words)
        return int(args.run(args) or 0)
    except ScalesmearError as error:
        print(f"scalesmear {words[0]}: {error}", file=sys.stderr)
        return 1
