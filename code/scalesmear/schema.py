"""Values of keys against a JSON schema, which says what each means, may be, and is if left out.

The schemas lie in the package. A property may be that of another schema,
``{"$ref": "inputs.schema.json#/properties/seed"}``, with keys beside it that replace some of it.
"""

from __future__ import annotations

import ast
import json
import math
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml
from jsonschema import Draft7Validator

from scalesmear.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jsonschema import ValidationError

Schema = dict[str, Any]


@cache
def load(name: str) -> Schema:
    """Return the schema ``data/<name>.schema.json`` with the properties of others in their place."""
    path = files("scalesmear") / "data" / f"{name}.schema.json"
    schema: Schema = json.loads(path.read_text(encoding="utf-8"))
    schema["properties"] = {key: _own(about) for key, about in schema["properties"].items()}
    return schema


def _own(about: dict[str, Any]) -> dict[str, Any]:
    """Return a property, that of the other schema if it refers to one."""
    if "$ref" not in about:
        return about
    file, _, key = about["$ref"].partition("#/properties/")
    replaced = {name: value for name, value in about.items() if name != "$ref"}
    return {**load(file.removesuffix(".schema.json"))["properties"][key], **replaced}


def complete(values: Mapping[str, Any], schema: Schema, where: str) -> dict[str, Any]:
    """Check values by a schema and complete them with its defaults.

    Raises
    ------
    InputError
        Naming the first key that is unknown, missing, or not what it may be.
    """
    _check_keys(values, schema, where)
    errors = Draft7Validator(schema).iter_errors(values)
    error = min(errors, key=lambda error: _position(error, schema), default=None)
    if error is not None:
        raise _readable(error, schema, where)
    _check_finite(values, where)
    return {
        key: _typed(values.get(key, about.get("default")), about)
        for key, about in schema["properties"].items()
    }


def parse(text: str, where: str = "inputs.yml") -> dict[str, Any]:
    """Return the values that a mapping in YAML, or as a Python literal on one line, holds.

    yadage hands the values to a step as the latter.

    Raises
    ------
    InputError
        If it is neither, or not a mapping.
    """
    try:
        content = ast.literal_eval(text.strip())
    except (SyntaxError, ValueError):
        content = _parse_yaml(text, where)
    if not isinstance(content, dict):
        raise InputError(where, f"holds {_shown(content)}", "write lines of key: value")
    return content


def _parse_yaml(text: str, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise InputError(where, f"not YAML ({problem})", "mend the syntax") from error


def _check_keys(values: Mapping[str, Any], schema: Schema, where: str) -> None:
    """Refuse unknown keys, naming the nearest known one, and missing ones."""
    known = schema["properties"]
    for key in values:
        if key in known:
            continue
        near = get_close_matches(str(key), known, n=1)
        cure = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}"
        raise InputError(where, f"unknown key {key!r}", cure)
    for key in schema.get("required", ()):
        if key not in values:
            raise InputError(where, f"key {key!r} is missing", known[key]["description"])


def _check_finite(values: Mapping[str, Any], where: str) -> None:
    """Refuse .inf and .nan, which a schema lets pass."""
    for key, value in values.items():
        if not all(map(math.isfinite, _numbers(value))):
            raise InputError(f"{where}: {key}", f"{value} is not finite", "write a number")


def _numbers(value: Any) -> list[float]:
    """Return all floating-point numbers in a value, lists in it included."""
    if isinstance(value, dict):
        return _numbers(list(value.values()))
    if isinstance(value, list):
        return [number for item in value for number in _numbers(item)]
    return [value] if isinstance(value, float) else []


def _position(error: ValidationError, schema: Schema) -> tuple[int, list[str]]:
    """Return what sorts errors in the order of the keys in the schema."""
    path = [str(part) for part in error.absolute_path]
    return (list(schema["properties"]).index(path[0]), path)


def _readable(error: ValidationError, schema: Schema, where: str) -> InputError:
    """Say in one line which value is wrong and what it may be."""
    key = str(error.absolute_path[0])
    inner = "".join(f"[{part}]" for part in list(error.absolute_path)[1:])
    allowed = allowed_values(schema["properties"][key])
    cure = f"it must be {allowed}"
    if isinstance(error.instance, str) and error.instance.startswith("/"):
        cure += " (an empty text, or the name of a file in the input folder, arrives as a path)"
    return InputError(f"{where}: {key}{inner}", f"{_shown(error.instance)} is not allowed", cure)


def _shown(value: Any) -> str:
    """Return a value as it is written in YAML, cut to a reasonable length."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def allowed_values(about: Mapping[str, Any]) -> str:
    """Say in words what a property of the schema may be."""
    if "enum" in about:
        return " or ".join(json.dumps(value) for value in about["enum"])
    types = [about["type"]] if isinstance(about["type"], str) else list(about["type"])
    return " or ".join(_allowed_type(name, about) for name in types)


def _allowed_type(name: str, about: Mapping[str, Any]) -> str:
    if name == "null":
        return "null"
    if name == "boolean":
        return "true or false"
    if name == "string":
        return f"text like {about['pattern']}" if "pattern" in about else "text"
    if name == "object":
        return f"a mapping of {', '.join(about['properties'])}"
    if name == "array":
        size = "a list" if "maxItems" not in about else f"a list of {about['maxItems']}"
        size += " of different ones" if about.get("uniqueItems") else ""
        return f"{size}, each {allowed_values(about['items'])}"
    words = ["a whole number" if name == "integer" else "a number"]
    for bound, sign in BOUNDS.items():
        if bound in about:
            words.append(f"{sign} {about[bound]}")
    return words[0] + (" " + " and ".join(words[1:]) if words[1:] else "")


BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def _typed(value: Any, about: Mapping[str, Any]) -> Any:
    """Return a valid value in its Python type: yadage turns 1.0 into 1, YAML writes lists."""
    if isinstance(value, list):
        return tuple(_typed(item, about["items"]) for item in value)
    if isinstance(value, dict):
        return {key: _typed(item, about["properties"][key]) for key, item in value.items()}
    if about["type"] == "integer":
        return int(value)
    return float(value) if about["type"] == "number" else value


def table_of_keys(schema: Schema) -> list[str]:
    """Return the lines of a table of all keys, for a page in markdown."""
    rows = [
        f"| `{key}` | {_escaped(about['description'])} | `{allowed_values(about)}` | "
        f"{_default(about)} |"
        for key, about in schema["properties"].items()
    ]
    return ["| key | meaning | may be | default |", "|---|---|---|---|", *rows]


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;").replace("*", "&ast;")


def _default(about: Mapping[str, Any]) -> str:
    return f"`{json.dumps(about['default'])}`" if "default" in about else "required"
