"""Go on with an earlier run: a step whose making and inputs have not changed keeps its results.

A step that ended well leaves ``_packtivity/kept.json``: what it published, under a key made from its
spec, its parameters, the content of its input files, and the code that ran (the identity of the
image, or of the virtual environment). A step with the same key whose files are still there is not
run again; any other starts in an empty folder.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packtivity import datamodel
from packtivity.asyncbackends import MultiProcBackend
from packtivity.syncbackends import finalize_inputs
from yadageschemas.utils import WithJsonRefEncoder

from scalesmear.io.files import write_json
from scalesmear.workflow.docker import image_id
from scalesmear.workflow.host import HostBackend
from scalesmear.workflow.venvs import venv_of, venvs_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RECORD = "kept.json"

READ_UP_TO = 64 << 20
"""Input files up to this size [bytes] are known by their content, larger ones by size and time."""

SEARCHED_UP_TO = 1 << 20
"""Text files up to this size [bytes] are searched for names of further files."""

RESULT = ".json"
"""Files of this kind are not searched: steps write them, and note which files they have read."""

WORD = re.compile(r"[^\s\"',\[\]{}]+")

IDENTITY_SCRIPT = """
import hashlib, importlib.util, pathlib, sys
spec = importlib.util.find_spec("scalesmear")
folders = spec.submodule_search_locations if spec else []
total = hashlib.sha256(sys.version.encode())
for path in sorted(p for folder in folders for p in pathlib.Path(folder).rglob("*")):
    if path.is_file() and "__pycache__" not in path.parts:
        total.update(path.name.encode() + path.read_bytes())
for info in sorted(p for folder in sys.path for p in pathlib.Path(folder).glob("*.dist-info")):
    record = info / "RECORD"
    lines = record.read_text().splitlines() if record.is_file() else []
    modules = [line for line in lines if line.partition(",")[0].endswith(".py")]
    total.update("\\n".join([info.name, *modules]).encode())
print(total.hexdigest())
"""
"""Prints a checksum of the package's files, and of names, versions and modules of all packages."""


class ResumingBackend:
    """A packtivity backend that runs only the steps that an earlier run has not done.

    Parameters
    ----------
    runtime : {"docker", "host"}
    jobs : int or "auto"
        How many steps run at a time.
    """

    def __init__(self, runtime: str, jobs: int | str = "auto") -> None:
        self._runtime = runtime
        self._inner: Any = HostBackend(jobs) if runtime == "host" else MultiProcBackend(jobs)

    def submit(
        self, spec: Any, parameters: Any, state: Any, metadata: Mapping[str, Any]
    ) -> KeptProxy | RunningProxy:
        """Take a step's kept results, or run it in an empty folder."""
        key = step_key(spec, parameters, state, self._runtime)
        record = Path(state.metadir) / RECORD
        kept = kept_result(record, key)
        if kept is not None:
            return KeptProxy(datamodel.create(kept, state.datamodel))
        state.reset()
        proxy = self._inner.submit(spec, parameters, state, metadata)
        return RunningProxy(proxy, record, key)

    def prepublish(self, spec: Any, parameters: Any, state: Any) -> Any:
        """Return what a step will publish if that is known before it runs, else None."""
        return self._inner.prepublish(spec, parameters, state)

    def ready(self, proxy: Any) -> bool:
        """Tell whether a step ended; keep its results if it ended well."""
        if isinstance(proxy, KeptProxy):
            return True
        if not self._inner.ready(proxy.proxy):
            return False
        if not proxy.kept and self._inner.successful(proxy.proxy):
            result = self._inner.result(proxy.proxy).json()
            write_json(proxy.record, {"key": proxy.key, "result": result})
            proxy.kept = True
        return True

    def successful(self, proxy: Any) -> bool:
        """Tell whether a step ended well."""
        return isinstance(proxy, KeptProxy) or bool(self._inner.successful(proxy.proxy))

    def result(self, proxy: Any) -> Any:
        """Return what a step published, or raise what made it fail."""
        if isinstance(proxy, KeptProxy):
            return proxy.result
        return self._inner.result(proxy.proxy)

    def fail_info(self, proxy: Any) -> Any:
        """Return what made a step fail, None if nothing did."""
        return None if isinstance(proxy, KeptProxy) else self._inner.fail_info(proxy.proxy)


@dataclass
class KeptProxy:
    """Stands for a step that an earlier run has done."""

    result: Any

    def details(self) -> None:
        """Return nothing: yadage asks where else a step could be followed."""

    def json(self) -> dict[str, Any]:
        """Return what yadage's snapshot keeps of it."""
        return {"proxyname": "KeptProxy", "proxydetails": None}


@dataclass
class RunningProxy:
    """Stands for a step that is run, and knows under which key its results will be kept."""

    proxy: Any
    record: Path
    key: str
    kept: bool = False

    def details(self) -> None:
        """Return nothing: yadage asks where else a step could be followed."""

    def json(self) -> dict[str, Any]:
        """Return what yadage's snapshot keeps of it."""
        return {"proxyname": "RunningProxy", "proxydetails": None}


def kept_result(record: Path, key: str) -> Any:
    """Return what a step published in an earlier run, None if it must be run."""
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    if content.get("key") != key:
        return None
    whole = all(Path(leaf).exists() for leaf in leaves(content["result"]) if leaf.startswith("/"))
    return content["result"] if whole else None


def step_key(spec: Any, parameters: Any, state: Any, runtime: str) -> str:
    """Return the key of a step: equal if its spec, parameters, inputs and code are."""
    parameters, state = finalize_inputs(parameters, state)
    values = used(spec, parameters.json())
    code = code_identity(spec["environment"], runtime) if spec["environment"] else None
    own = tuple(state.readwrite)
    inputs = {
        leaf: fingerprint(Path(leaf))
        for leaf in leaves(values)
        if leaf.startswith("/") and not leaf.startswith(own) and Path(leaf).exists()
    }
    made_of = {"spec": spec, "parameters": values, "code": code, "inputs": inputs}
    text = json.dumps(made_of, cls=WithJsonRefEncoder, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def used(spec: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that a spec names; any other is there for the folders it makes visible."""
    words = set(re.findall(r"\w+", json.dumps(spec, cls=WithJsonRefEncoder)))
    return {name: value for name, value in values.items() if name in words}


def leaves(value: Any) -> Iterator[str]:
    """Give all strings in a value of JSON."""
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, str):
        yield value


def fingerprint(path: Path) -> str:
    """Return what identifies an input: a file with those that it names, or all files of a folder."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    total = hashlib.sha256()
    for file in files:
        status = file.stat()
        total.update(f"{file} {_file_identity(file, status.st_size, status.st_mtime_ns)}".encode())
    return total.hexdigest()


@cache
def _file_identity(path: Path, size: int, time: int) -> str:
    if size > READ_UP_TO:
        return f"{size} {time}"
    content = path.read_bytes()
    named = named_files(path, content) if size <= SEARCHED_UP_TO and path.suffix != RESULT else []
    states = [f"{p} {s.st_size} {s.st_mtime_ns}" for p in named for s in [p.stat()]]
    return hashlib.sha256(content + "\n".join(states).encode()).hexdigest()


def named_files(path: Path, content: bytes) -> list[Path]:
    """Return the existing files that a text file names, relative to its own folder."""
    try:
        words = set(WORD.findall(content.decode()))
    except UnicodeDecodeError:
        return []
    paths = {path.parent / word for word in words if "." in word}
    return sorted(p for p in paths if _is_file(p))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def code_identity(environment: Mapping[str, Any], runtime: str) -> str | None:
    """Return what identifies the code that runs a step."""
    image = environment["image"]
    if runtime == "docker":
        return _image_identity(f"{image}:{environment['imagetag']}")
    return _venv_identity(venv_of(image, venvs_folder()))


@cache
def _image_identity(image: str) -> str | None:
    return image_id(image)


@cache
def _venv_identity(venv: Path) -> str:
    command = [str(venv / "bin" / "python"), "-c", IDENTITY_SCRIPT]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
