"""Flags on standard input: how a step gives its command values that no shell may see.

In place of flags a command has ``@-``, and standard input has a flag on each line with its value as
a Python literal, which is what ``{parameter!r}`` leaves of a parameter in a script of steps.yml::

    scalesmear scale-histogram @- <<'FLAGS'
    --cross-section '2475 pb'
    --hist 'h_mjj demo/mass'
    FLAGS

Such a literal is one line, so no value can end the block, and no character in it means anything.
"""

from __future__ import annotations

import ast
import re
import sys

from scalesmear.errors import InputError

FROM_STDIN = "@-"
FLAG_AND_LITERAL = re.compile(r"(?P<flag>--[a-z-]+) (?P<literal>.+)")


def with_flags_of_stdin(words: list[str]) -> list[str]:
    """Return words of a command line, those of standard input in the place of ``@-``.

    Raises
    ------
    InputError
        As `words_of_flags`.
    """
    if FROM_STDIN not in words:
        return words
    place = words.index(FROM_STDIN)
    return [*words[:place], *words_of_flags(sys.stdin.read()), *words[place + 1 :]]


def words_of_flags(text: str) -> list[str]:
    """Return the words of lines such as ``--hist 'h_mjj demo/mass'``.

    yadage joins lists by blanks before a script sees them, so a value is parted at its blanks.

    Raises
    ------
    InputError
        If a line is not a flag with a Python literal, or a word of a value looks like a flag.
    """
    words: list[str] = []
    for line in text.splitlines():
        found = FLAG_AND_LITERAL.fullmatch(line.strip())
        if found is None:
            raise InputError("standard input", f"{line!r} is no flag with a value", "mend the step")
        words += [found["flag"], *_words_of(found["flag"], found["literal"])]
    return words


def _words_of(flag: str, literal: str) -> list[str]:
    try:
        words = str(ast.literal_eval(literal)).split()
    except (ValueError, SyntaxError) as error:
        raise InputError(flag, f"{literal} is not a Python literal", "mend the step") from error
    for word in words:
        if word.startswith("--"):
            raise InputError(flag, f"the value {word!r} looks like a flag", "write a value")
    return words
