"""Values of steps that arrive on standard input: whole, as they are, and never as flags."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalesmear import cli
from scalesmear.cli import main
from scalesmear.cli._stdin import with_flags_of_stdin, words_of_flags
from scalesmear.errors import InputError


@given(st.text().filter(lambda text: not any(w.startswith("--") for w in text.split())))
def test_any_text_arrives_in_its_words(text: str) -> None:
    assert words_of_flags(f"--hist {text!r}\n--k-factor 1\n") == [
        *("--hist", *text.split()),
        *("--k-factor", "1"),
    ]


@pytest.mark.parametrize(("value", "word"), [(44.837, "44.837"), (None, "None"), (True, "True")])
def test_other_values_arrive_as_python_writes_them(value: object, word: str) -> None:
    assert words_of_flags(f"--cross-section {value!r}") == ["--cross-section", word]


def test_flags_take_the_place_of_the_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("--hist 'a b'\n"))
    assert with_flags_of_stdin(["verb", "@-", "-x"]) == ["verb", "--hist", "a", "b", "-x"]
    assert with_flags_of_stdin(["verb", "--hist", "-"]) == ["verb", "--hist", "-"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--hist 'a --output-file b'", "--hist: the value '--output-file' looks like a flag"),
        ("--hist a b", "--hist: a b is not a Python literal"),
        ("hist 'a'", "standard input: \"hist 'a'\" is no flag with a value"),
    ],
)
def test_other_lines_are_refused(line: str, message: str) -> None:
    with pytest.raises(InputError, match=r"; (write a value|mend the step)$") as caught:
        words_of_flags(line)
    assert str(caught.value).startswith(message)


def test_the_command_line_says_it_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("--hist\n"))
    assert main(["scale-histogram", "@-"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("scalesmear scale-histogram: standard input: '--hist' is no flag")


def test_only_the_docstring_of_the_verb_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # those of all verbs used to be parsed at each call, 40 ms
    read: list[str] = []

    def watched(path: Path) -> str:
        read.append(path.stem)
        return path.stem

    monkeypatch.setattr(cli, "help_text", watched)
    cli.build_parser(["cut-flow", "--help"])
    assert read == ["cut_flow"]
    read.clear()
    cli.build_parser(["--help"])
    assert len(read) == len(cli.verbs())
