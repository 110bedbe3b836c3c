"""Reading what a derivation left: its work directory, its export folder, or its result.json alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from scalesmear.cells import Window
from scalesmear.comparison import ClosureVerdict, Derivation, Measured, StageRuns, StepValues
from scalesmear.errors import InputError
from scalesmear.io.cutflowfile import read_cut_flow
from scalesmear.io.files import read_json
from scalesmear.io.fitfile import read_closure
from scalesmear.io.tables import read_scales, read_smearings

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from scalesmear.cutflow import CutFlow

SNAPSHOT = "_yadage/yadage_snapshot_workflow.json"
KEPT = "KeptProxy"
"""What yadage's snapshot holds for a step whose results an earlier run had left."""


def read_derivation(path: str | os.PathLike[str]) -> Derivation:
    """Read a derivation.

    Parameters
    ----------
    path : path
        A work directory (all is compared), a folder of exported files, or a result.json.

    Raises
    ------
    InputError
        If there is no result.json, or a file is not what it should be.
    """
    place = Path(path)
    export = place / "export" if (place / "export").is_dir() else place
    result = place if place.is_file() else export / "result.json"
    content = read_json(result, "result of a derivation")
    work = export.parent if export != place else None
    try:
        era = content["era"]
        steps = {step["name"]: _step(step) for step in content["steps"]}
        run_bins = tuple((int(first), int(last)) for first, last in content["run_bins"])
    except (KeyError, TypeError, ValueError) as error:
        cure = "give what scalesmear export wrote"
        raise InputError(result, f"not a result ({error!r})", cure) from error
    scales, smearings = (result.parent / f"{era}_{name}.dat" for name in ("scales", "smearings"))
    return Derivation(
        name=str(path),
        inputs=_optional_json(work, "check/inputs.json"),
        settings=_settings(work),
        cut_flow=_cut_flow(work),
        run_bins=run_bins,
        steps=steps,
        closures=_closures(work),
        scales=read_scales(scales) if scales.is_file() else None,
        smearings=read_smearings(smearings) if smearings.is_file() else None,
        stages=_stages(work),
    )


def _step(content: Mapping[str, Any]) -> StepValues:
    return StepValues(
        *(
            {Window.from_json(row["window"]): _measured(row, kind) for row in content[f"{kind}s"]}
            for kind in ("scale", "smearing")
        )
    )


def _measured(row: Mapping[str, Any], kind: str) -> Measured:
    value, error = row[kind], row[f"{kind}_error"]
    return Measured(
        math.nan if value is None else float(value),
        math.inf if error is None or value is None else float(error),
    )


def _optional_json(work: Path | None, name: str) -> dict[str, Any]:
    path = None if work is None else work / name
    return read_json(path) if path is not None and path.is_file() else {}


def _settings(work: Path | None) -> dict[str, Any]:
    """Return settings and categories of all stages, paths in them without the folder."""
    if work is None:
        return {}
    check = work / "check"
    settings = {path.stem: read_json(path) for path in sorted(check.glob("settings/*.json"))}
    categories = {
        f"categories {path.stem}": yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted(check.glob("categories/*.yml"))
    }
    return {name: _without_folder(value) for name, value in (settings | categories).items()}


def _without_folder(value: Any) -> Any:
    """Return a value in which absolute paths are names of files: work directories move."""
    if isinstance(value, dict):
        return {key: _without_folder(item) for key, item in value.items()}
    return Path(value).name if isinstance(value, str) and value.startswith("/") else value


def _cut_flow(work: Path | None) -> CutFlow | None:
    path = None if work is None else work / "cut_flow/cut_flow.json"
    return read_cut_flow(path) if path and path.is_file() else None


def _closures(work: Path | None) -> dict[str, ClosureVerdict]:
    paths: Iterable[Path] = () if work is None else sorted(work.glob("*/closure/closure.json"))
    saved = [read_closure(path) for path in paths]
    return {
        one.name: ClosureVerdict(
            one.closure.passed,
            float(np.abs(one.closure.scale - 1).max()),
            float(np.abs(one.closure.smearing).max()),
        )
        for one in saved
    }


def _stages(work: Path | None) -> dict[str, StageRuns]:
    """Count the steps of each stage that the last run of a work directory ran and kept."""
    snapshot = _optional_json(work, SNAPSHOT)
    stages: dict[str, StageRuns] = {}
    for node in snapshot.get("dag", {}).get("nodes", ()):
        about, proxy = node["task"]["metadata"], node["proxy"] or {}
        if node["task"]["spec"]["process"] is None:
            continue
        name = "/".join([*about["wflow_offset"].split("/")[1::2], about["wflow_stage"]])
        before = stages.get(name, StageRuns(0, 0))
        kept = proxy.get("proxyname") == KEPT
        stages[name] = StageRuns(before.run + (not kept), before.kept + kept)
    return stages
