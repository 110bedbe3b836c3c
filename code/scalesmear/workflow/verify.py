"""Whether a finished run is whole: yadage itself reports success for runs that are not.

yadage-run ends well although stages never ran (a mistyped dependency, a scatter over an empty list)
and although a step did not write what it publishes. Its snapshot of the run tells.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesmear.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

SNAPSHOT = "_yadage/yadage_snapshot_workflow.json"


@dataclass(frozen=True)
class Verdict:
    """What a run did, and what is missing in it.

    Attributes
    ----------
    stages : int
        Stages that ran, those of sub-workflows included.
    steps : int
        Steps that ended well.
    files : int
        Files and folders that were published and exist.
    missing : tuple of str
        A sentence for each thing that a whole run would have.
    """

    stages: int
    steps: int
    files: int
    missing: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """True if nothing is missing."""
        return not self.missing


def read_snapshot(workdir: Path) -> dict[str, Any]:
    """Read yadage's snapshot of a run.

    Raises
    ------
    InputError
        If there is none, because the run has not ended or was killed.
    """
    path = workdir / SNAPSHOT
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise InputError(
            path, "no record of a finished run", "let the run end, or start it again"
        ) from error
    return dict(content)


def verify(workdir: Path) -> Verdict:
    """Judge a run by its snapshot and its files.

    A work directory that was moved as a whole is judged where it is now.
    """
    snapshot = read_snapshot(workdir)
    nodes = [n for n in snapshot["dag"]["nodes"] if n["task"]["spec"]["process"]]
    recorded = _recorded_workdir(snapshot)
    published = [
        (_label(node), path) for node in nodes if node["result"] for path in _paths(node["result"])
    ]
    absent = [(label, path) for label, path in published if not _now(path, recorded, workdir)]
    missing = (
        *(_unscheduled(rule, snapshot) for rule in snapshot["rules"]),
        *_empty_stages(snapshot),
        *_empty_parameters(nodes),
        *(f"step {_label(n)} {_ENDS[n['state']]}" for n in nodes if n["state"] != "SUCCESS"),
        *(f"step {label} published {path}, which does not exist" for label, path in absent),
    )
    return Verdict(
        stages=len({(n["task"]["metadata"]["wflow_offset"], _stage(n)) for n in nodes}),
        steps=sum(node["state"] == "SUCCESS" for node in nodes),
        files=len(published) - len(absent),
        missing=missing or (() if nodes else ("no step ran at all",)),
    )


_ENDS = {"FAILED": "failed", "DEFINED": "did not run", "RUNNING": "did not end"}


def _stage(node: dict[str, Any]) -> str:
    return str(node["task"]["metadata"]["wflow_stage"])


def _label(node: dict[str, Any]) -> str:
    offset = node["task"]["metadata"]["wflow_offset"]
    return "/".join([*_scope(offset), node["name"]])


def _scope(offset: str) -> list[str]:
    """Return the stages above: ``/coarse/0`` is inside ``coarse``."""
    parts = offset.split("/")[1:]
    return [f"{s}[{i}]" if i != "0" else s for s, i in zip(parts[::2], parts[1::2], strict=True)]


def _unscheduled(rule: dict[str, Any], snapshot: dict[str, Any]) -> str:
    """Say that a stage never began, and which of its dependencies are nobody's name."""
    name = "/".join([*_scope(rule["offset"]), rule["rule"]["name"]])
    siblings = {
        r["rule"]["name"]
        for r in [*snapshot["rules"], *snapshot["applied"]]
        if r["offset"] == rule["offset"]
    }
    wanted = rule["rule"]["dependencies"]["expressions"]
    unknown = [w for w in wanted if isinstance(w, str) and w.split("[")[0] not in siblings]
    if not unknown:
        return f"stage {name} never ran: it waits for {', '.join(map(str, wanted))}"
    there_is = "" if "init" not in unknown else " (no input values were given)"
    return f"stage {name} never ran: it waits for {', '.join(unknown)}, which no stage is{there_is}"


def _empty_stages(snapshot: dict[str, Any]) -> Iterator[str]:
    """Name the stages that were scheduled without a single job."""
    for rule in snapshot["applied"]:
        steps: Any = snapshot["stepsbystage"]
        for part in rule["offset"].split("/")[1:]:
            steps = steps[int(part) if isinstance(steps, list) else part]
        if not steps.get(rule["rule"]["name"]):
            name = "/".join([*_scope(rule["offset"]), rule["rule"]["name"]])
            yield f"stage {name} had nothing to do: the list that it is scattered over is empty"


def _empty_parameters(nodes: list[dict[str, Any]]) -> Iterator[str]:
    """Name the parameters of steps for which a selection found nothing."""
    for node in nodes:
        for name, value in node["task"]["parameters"].items():
            if value == []:
                yield f"step {_label(node)} was given an empty list as {name}"


def _paths(result: Any) -> Iterator[str]:
    """Give all absolute paths in what a step published."""
    if isinstance(result, dict):
        for value in result.values():
            yield from _paths(value)
    elif isinstance(result, list):
        for value in result:
            yield from _paths(value)
    elif isinstance(result, str) and result.startswith("/"):
        yield result


def _recorded_workdir(snapshot: dict[str, Any]) -> Path | None:
    """Return where the work directory was when the run ended."""
    for rule in [*snapshot["applied"], *snapshot["rules"]]:
        provider = rule["rule"]["state_provider"]
        if rule["offset"] == "" and provider and provider["base_state"]["readwrite"]:
            return Path(provider["base_state"]["readwrite"][0]["path"])
    return None


def _now(path: str, recorded: Path | None, workdir: Path) -> bool:
    """Tell whether a published path exists, in the work directory as it is now if it lay there."""
    if recorded is not None and Path(path).is_relative_to(recorded):
        return (workdir / Path(path).relative_to(recorded)).exists()
    return Path(path).exists()
