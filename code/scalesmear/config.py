"""The values of inputs.yml: read, checked, and split into the settings of each stage.

The JSON schema says what each key means, what it may be, and what it is if it is left out; nothing
else in the package knows a default. `Inputs` then checks what a schema cannot say.
"""

from __future__ import annotations

import ast
import json
import math
from dataclasses import InitVar, asdict, dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import yaml
from jsonschema import Draft7Validator

from scalesmear.cells import FIDUCIAL, Boxes, Window, uncovered
from scalesmear.chain import FITS, Chain, make_chain
from scalesmear.closure import ClosureSettings
from scalesmear.errors import InputError
from scalesmear.fill import FillSettings
from scalesmear.fit import FitSettings
from scalesmear.fitplan import FitPlan, PairSelector, Selector
from scalesmear.reweight import ReweightSettings
from scalesmear.runs import RunBinSettings
from scalesmear.selection import SelectSettings
from scalesmear.stability import StabilitySettings
from scalesmear.validation import PlotSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jsonschema import ValidationError

    from scalesmear.binning import Rule

MARGIN = 0.03
"""Scaling and smearing move events across the window by this fraction of the mass, at most."""

Pair = tuple[float, float]


@cache
def schema() -> dict[str, Any]:
    """Return the JSON schema of inputs.yml."""
    text = (files("scalesmear") / "data" / "inputs.schema.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """All values of inputs.yml, complete and sensible; the schema says what each one means.

    Raises
    ------
    InputError
        If values do not go together.
    """

    samples: str
    era: str
    label: str | None
    truth: str | None
    sample_table: str | None
    sample_name: str | None
    files_per_job: int
    abs_eta_max: float
    gap: Pair
    et_min: Pair
    et_margin: float
    mass_range: Pair
    id_bit: int
    charge: Literal["opposite", "any"]
    pileup_weights: str | None
    write_tsv: bool
    min_events_per_run_bin: int
    stability_regions: tuple[Pair, ...]
    stability_target: Literal["z_mass", "simulation"]
    stability_min_events: int
    reweight: bool
    reweight_min_events: int
    mass_window: Pair
    bin_width: float
    fits: tuple[str, ...]
    coarse_categories: str
    fine_categories: str
    fine_after: str | None
    et_categories: str
    et_after: str | None
    gain_categories: str
    gain_after: str | None
    stochastic_categories: str
    stochastic_after: str | None
    final: str | None
    min_sim_events: float
    min_data_events: float
    min_category_events: float
    low_statistics: Literal["fix", "merge", "flag"]
    binning: Rule
    n_bins: int
    minimiser: Literal["newton", "L-BFGS-B"]
    start: Literal["default", "scan", "random", "file"]
    n_starts: int
    start_file: str | None
    fixed_scales: tuple[Mapping[str, Any], ...]
    fixed_smearings: tuple[Mapping[str, Any], ...]
    ignored_pairs: tuple[Mapping[str, Any], ...]
    tail_fraction: float
    tail_width: float
    bootstrap: int
    systematics: str | None
    systematics_categories: str
    closure_tolerance: float
    closure_floor: float
    seed: int
    plots: str | None
    plot_bins: int
    line_shapes: bool
    data_title: str
    simulation_title: str
    where: InitVar[str] = "inputs.yml"

    def __post_init__(self, where: str) -> None:
        self._check_order(where)
        self._check_window(where)
        _check_regions(self.stability_regions, f"{where}: stability_regions")
        if self.start == "file" and self.start_file is None:
            cure = "name a fit.json in start_file"
            raise InputError(f"{where}: start", '"file" without a start_file', cure)
        if (self.sample_table is None) != (self.sample_name is None):
            given = "sample_table" if self.sample_name is None else "sample_name"
            cure = "give both sample_table and sample_name, or neither"
            raise InputError(f"{where}: {given}", "is given without the other", cure)
        make_chain(self.fits, self._after, self.final, where)

    @property
    def chain(self) -> Chain:
        """The fits that are made, and on what each builds."""
        return make_chain(self.fits, self._after, self.final)

    @property
    def _after(self) -> dict[str, str | None]:
        return {name: getattr(self, f"{name}_after", None) for name in FITS}

    def _check_order(self, where: str) -> None:
        for key in ("gap", "mass_range", "mass_window"):
            low, high = getattr(self, key)
            if not low < high:
                raise InputError(
                    f"{where}: {key}", f"[{low:g}, {high:g}] does not rise", "write [low, high]"
                )
        if self.et_min[0] < self.et_min[1]:
            raise InputError(
                f"{where}: et_min",
                f"{self.et_min[0]:g} of the leading electron is below {self.et_min[1]:g} of the "
                "subleading one",
                "write the larger threshold first",
            )

    def _check_window(self, where: str) -> None:
        (low, high), (first, last) = self.mass_window, self.mass_range
        if first > low * (1 - MARGIN) or last < high * (1 + MARGIN):
            raise InputError(
                f"{where}: mass_window",
                f"[{low:g}, {high:g}] is not {MARGIN:.0%} inside mass_range [{first:g}, {last:g}]",
                "make the range wider or the window narrower, because events cross its edges",
            )
        if self.bin_width > (high - low) / 4:
            raise InputError(
                f"{where}: bin_width",
                f"{self.bin_width:g} makes less than 4 bins of mass_window [{low:g}, {high:g}]",
                f"it must be at most {(high - low) / 4:g}",
            )

    def settings(self) -> dict[str, Any]:
        """Return the settings of each stage by its name; `export` and `report` have none here."""
        return {
            "select": SelectSettings(
                abs_eta_max=self.abs_eta_max,
                gap=self.gap,
                et_min=self.et_min,
                et_margin=self.et_margin,
                mass_range=self.mass_range,
                id_bit=self.id_bit,
                charge=self.charge,
                write_tsv=self.write_tsv,
            ),
            "run_bins": RunBinSettings(min_events=self.min_events_per_run_bin),
            "stability": StabilitySettings(
                regions=self.stability_regions,
                target=self.stability_target,
                min_events=self.stability_min_events,
                mass_window=self.mass_window,
            ),
            "reweight": ReweightSettings(
                enabled=self.reweight, min_events=self.reweight_min_events
            ),
            "fill": FillSettings(
                mass_window=self.mass_window,
                bin_width=self.bin_width,
                mass_range=self.mass_range,
                et_min=self.et_min,
                seed=self.seed,
            ),
            "fit": self._fit_plan(),
            "closure": ClosureSettings(tolerance=self.closure_tolerance, floor=self.closure_floor),
            "validation": PlotSettings(
                mass_window=self.mass_window,
                et_min=self.et_min,
                seed=self.seed,
                n_bins=self.plot_bins,
                line_shapes=self.line_shapes,
            ),
        }

    def _fit_plan(self) -> FitPlan:
        settings = FitSettings(
            minimiser=self.minimiser,
            start=self.start,
            n_starts=self.n_starts,
            seed=self.seed,
            binning=self.binning,
            n_bins=self.n_bins,
            min_sim_events=self.min_sim_events,
            min_data_events=self.min_data_events,
            min_category_events=self.min_category_events,
            low_statistics=self.low_statistics,
            tail_fraction=self.tail_fraction,
            tail_width=self.tail_width,
        )
        pairs = [
            PairSelector(
                fit=one.get("fit"), electrons=tuple(Selector(**leg) for leg in one["electrons"])
            )
            for one in self.ignored_pairs
        ]
        return FitPlan(
            settings=settings,
            fixed_scales=tuple(Selector(**one) for one in self.fixed_scales),
            fixed_smearings=tuple(Selector(**one) for one in self.fixed_smearings),
            ignored_pairs=tuple(pairs),
            start_file=self.start_file if self.start == "file" else None,
            bootstrap=self.bootstrap,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object."""
        return asdict(self)


def _check_regions(regions: tuple[Pair, ...], where: str) -> None:
    """Refuse regions that do not rise, overlap, or leave a part of barrel or endcap out."""
    for low, high in regions:
        if not low < high:
            raise InputError(where, f"[{low:g}, {high:g}] does not rise", "write [low, high]")
    for one, other in pairwise(sorted(regions)):
        if one[1] > other[0]:
            problem = f"[{one[0]:g}, {one[1]:g}] and [{other[0]:g}, {other[1]:g}] overlap"
            raise InputError(where, problem, "make the edges meet")
    hole = uncovered(FIDUCIAL, Boxes.of(Window(abs_eta=region) for region in regions))
    if hole is not None:
        raise InputError(where, f"no region holds {hole}", "add one or move an edge")


def parse(text: str, where: str = "inputs.yml") -> dict[str, Any]:
    """Return the values that YAML, or a Python literal on one line, holds.

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


def resolve(values: Mapping[str, Any], where: str = "inputs.yml") -> Inputs:
    """Check the values of inputs.yml and complete them with the defaults.

    Raises
    ------
    InputError
        Naming the first key that is unknown, missing, not what it may be, or at odds with others.
    """
    _check_keys(values, where)
    error = min(Draft7Validator(schema()).iter_errors(values), key=_position, default=None)
    if error is not None:
        raise _readable(error, where)
    _check_finite(values, where)
    properties = schema()["properties"]
    complete = {
        key: _typed(values.get(key, about.get("default")), about)
        for key, about in properties.items()
    }
    return Inputs(**complete, where=where)


def _check_keys(values: Mapping[str, Any], where: str) -> None:
    """Refuse unknown keys, naming the nearest known one, and missing ones."""
    known = schema()["properties"]
    for key in values:
        if key in known:
            continue
        near = get_close_matches(str(key), known, n=1)
        cure = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}"
        raise InputError(where, f"unknown key {key!r}", cure)
    for key in schema()["required"]:
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


def _position(error: ValidationError) -> tuple[int, list[str]]:
    """Return what sorts errors in the order of the keys in the schema."""
    path = [str(part) for part in error.absolute_path]
    return (list(schema()["properties"]).index(path[0]), path)


def _readable(error: ValidationError, where: str) -> InputError:
    """Say in one line which value is wrong and what it may be."""
    key = str(error.absolute_path[0])
    inner = "".join(f"[{part}]" for part in list(error.absolute_path)[1:])
    allowed = allowed_values(schema()["properties"][key])
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


def reference_page() -> str:
    """Return docs/inputs.md: a table of all keys, made from the schema."""
    rows = [
        f"| `{key}` | {_escaped(about['description'])} | `{allowed_values(about)}` | "
        f"{_default(about)} |"
        for key, about in schema()["properties"].items()
    ]
    return "\n".join([REFERENCE_HEAD, *rows]) + "\n"


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;").replace("*", "&ast;")


def _default(about: Mapping[str, Any]) -> str:
    return f"`{json.dumps(about['default'])}`" if "default" in about else "required"


REFERENCE_HEAD = """\
# Keys of inputs.yml

Made from `code/scalesmear/data/inputs.schema.json` by

    python -c "from scalesmear.config import reference_page as page; print(page(), end='')" \\
      > docs/inputs.md

| key | meaning | may be | default |
|---|---|---|---|"""
