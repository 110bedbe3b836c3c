"""samples.yml, the table of simulated samples: one place for each number, and what it means.

Flags and table speak of the same ingredients. `merged` brings them together and refuses whatever is
given twice.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from jsonschema import Draft7Validator

from scalesmear.errors import InputError
from scalesmear.normalisation import INGREDIENTS, UNCERTAIN, Given

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jsonschema import ValidationError

SourceKind = Literal["Runs", "histogram", "mcGenWeight", "events"]
HISTOGRAM_BIN = re.compile(r"histogram\s+(?P<name>.+?)\s*\[(?P<bin>[^\[\]]+)\]")
SOURCES = "Runs, histogram NAME[BIN], mcGenWeight or events"
TREE = "selected"

UNCERTAINTY = {f"{name}_uncertainty": name for name in UNCERTAIN}
"""Name of an uncertainty among flags -> the ingredient that it belongs to."""


@cache
def schema() -> dict[str, Any]:
    """Return the JSON schema of samples.yml."""
    text = (files("scalesmear") / "data" / "samples.schema.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


@dataclass(frozen=True)
class WeightSource:
    """Where the sum of weights is read from.

    Attributes
    ----------
    kind : str
        ``Runs``: genEventSumw of NanoAOD. ``histogram``: a bin of a bookkeeping histogram.
        ``mcGenWeight``: the sum over a tree of all events produced. ``events``: their number
        instead, genEventCount of ``Runs`` if there is one, else the entries of a tree.
    histogram, bin : str
        Name, and number or label of the bin; empty for the other kinds.
    tree : str
        For ``mcGenWeight`` and ``events``.
    """

    kind: SourceKind
    histogram: str = ""
    bin: str = ""
    tree: str = TREE

    @property
    def counts_events(self) -> bool:
        """Whether histograms are normalised by the number of events, not by weights."""
        return self.kind == "events"


def parse_source(given: Given, tree: str = TREE) -> WeightSource | None:
    """Read where a sum of weights comes from; None if it begins like a number.

    Raises
    ------
    InputError
        If it is neither.
    """
    text = given.text.strip()
    found = HISTOGRAM_BIN.fullmatch(text)
    if found:
        return WeightSource("histogram", found["name"], found["bin"].strip())
    if text in get_args(SourceKind) and text != "histogram":
        return WeightSource(cast("SourceKind", text), tree=tree)
    if re.match(r"[-+.\d]|nan|inf", text, re.IGNORECASE):
        return None
    raise InputError(given.where, f"{text!r} is no source", f"write a number, {SOURCES}")


@dataclass(frozen=True)
class McSample:
    """What a table says about one sample.

    Attributes
    ----------
    name : str
    values : dict of Given
        Ingredients and uncertainties, called like the flags; also the luminosity of the table.
    files : tuple of Given
        Patterns of the files of the data set, which start at the folder of the table.
    histograms : Given or None
        The ROOT file with its histograms, which starts there too.
    tree : str
    label : str
        Its name in figures.
    includes, source : str
        What the cross section includes, and where it comes from.
    """

    name: str
    values: Mapping[str, Given]
    files: tuple[Given, ...]
    histograms: Given | None
    tree: str
    label: str
    includes: str
    source: str


def sample_of(table: Any, name: str, where: str = "samples.yml") -> McSample:
    """Return one sample of a table, after checking all of it.

    Parameters
    ----------
    table : object
        What the YAML file holds.
    name : str
    where : str
        The file, for messages.

    Raises
    ------
    InputError
        If the table is not what its schema says, or has no such sample.
    """
    errors = sorted(Draft7Validator(schema()).iter_errors(table), key=lambda e: list(e.path))
    if errors:
        raise _readable(errors[0], where)
    samples = table["samples"]
    if name not in samples:
        near = get_close_matches(name, samples, n=1)
        names = ", ".join(samples)
        cure = f"did you mean {near[0]!r}?" if near else f"it has {names}"
        raise InputError(where, f"there is no sample {name!r}", cure)
    block = samples[name]
    place = f"{where}: samples.{name}"
    return McSample(
        name=name,
        values=_values(table, block, where, place),
        files=tuple(Given(text, f"{place}.files") for text in block.get("files", ())),
        histograms=(
            Given(block["histograms"], f"{place}.histograms") if "histograms" in block else None
        ),
        tree=block.get("tree", TREE),
        label=block.get("label", name),
        includes=block["includes"],
        source=block["source"],
    )


def _values(
    table: Mapping[str, Any], block: Mapping[str, Any], where: str, place: str
) -> dict[str, Given]:
    values = {
        key: Given(table[key], f"{where}: {key}")
        for key in ("luminosity", "luminosity_uncertainty")
        if key in table
    }
    for key in ("cross_section", "k_factor", "filter_eff", "sum_of_weights"):
        value = block[key]
        text = value["from"] if isinstance(value, dict) else str(value)
        values[key] = Given(text, f"{place}.{key}")
    for key, value in block.get("uncertainties", {}).items():
        values[f"{key}_uncertainty"] = Given(str(value), f"{place}.uncertainties.{key}")
    return values


def _readable(error: ValidationError, where: str) -> InputError:
    """Say in one line which key is wrong and what it may be."""
    path = ".".join(str(part) for part in error.absolute_path)
    place = f"{where}: {path}" if path else where
    about, found = cast("dict[str, Any]", error.schema), cast("Any", error.instance)
    if error.validator == "required":
        missing = next(key for key in about["required"] if key not in found)
        return InputError(
            place, f"key {missing!r} is missing", about["properties"][missing]["description"]
        )
    if error.validator == "additionalProperties":
        known = about["properties"]
        key = next(str(key) for key in found if key not in known)
        near = get_close_matches(key, known, n=1)
        cure = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}"
        return InputError(place, f"unknown key {key!r}", cure)
    cure = f"write {about['description']}"
    if isinstance(found, str) and _is_number(found):
        cure += "; YAML wants a number like 1.0e+6"
    return InputError(place, f"{json.dumps(found, default=str)[:80]} is not allowed", cure)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def merged(flags: Mapping[str, Given], sample: McSample | None) -> dict[str, Given]:
    """Return ingredients and uncertainties from flags and table.

    Raises
    ------
    InputError
        If one is given twice, or an ingredient is missing.
    """
    listed = {} if sample is None else sample.values
    for name, given in flags.items():
        if name in listed:
            problem = f"is also given in {listed[name].where}"
            raise InputError(given.where, problem, "leave one of them out")
    together = {**listed, **flags}
    for name in INGREDIENTS:
        if name not in together:
            flag = f"--{name.replace('_', '-')}"
            neutral = " (1 if there is none)" if name in ("k_factor", "filter_eff") else ""
            raise InputError(flag, "is missing", f"give it{neutral}")
    return together
