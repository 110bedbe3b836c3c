"""Run the steps of a workflow on this machine, without containers.

The specs stay as they are. Where yadage would start a container, the step's script runs in the
virtual environment of the step's image: the folder of that name under ``SCALESMEAR_VENVS``::

    yadage-run -b py:scalesmear.workflow.host:HostBackend workdir workflow.yml inputs.yml ...
    packtivity-run -b py:scalesmear.workflow.host:HostBackend steps.yml#/run_bins -p ...

``-k jobs=N`` says how many steps run at a time; by default as many as there are processors.
"""

from __future__ import annotations

import atexit
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from packtivity.asyncbackends import PacktivityProxyBase
from packtivity.syncbackends import build_job, finalize_inputs, packconfig, prepublish, publish

from scalesmear.errors import InputError, WorkflowError
from scalesmear.workflow.logs import is_lone_step, log_path, tail, without_progress
from scalesmear.workflow.signals import exit_when_told
from scalesmear.workflow.venvs import step_environment, venv_of, venvs_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PATIENCE = 3.0
"""Seconds between asking a step to stop and making it."""


class HostBackend:
    """A packtivity backend that runs steps as processes of this machine.

    Parameters
    ----------
    jobs : int or "auto"
        How many steps run at a time.
    venvs : path, optional
        Folder with a virtual environment per image; see `venvs_folder`.
    """

    def __init__(self, jobs: int | str = "auto", venvs: str | None = None) -> None:
        self._venvs = venvs_folder() if venvs is None else Path(venvs)
        self._processes = Processes()
        self._tasks: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        n_jobs = os.cpu_count() or 1 if jobs == "auto" else int(jobs)
        for _ in range(n_jobs):
            threading.Thread(target=self._work, daemon=True).start()
        exit_when_told()
        atexit.register(self._processes.stop)

    def _work(self) -> None:
        while True:
            future, step = self._tasks.get()
            try:
                future.set_result(step())
            except BaseException as error:  # noqa: BLE001 - handed on to whoever asks for the result
                future.set_exception(error)

    def submit(
        self, spec: Any, parameters: Any, state: Any, metadata: Mapping[str, Any] | None = None
    ) -> PacktivityProxyBase:
        """Queue a step."""
        future: Future[Any] = Future()
        about = metadata or {"name": "packtivity"}

        def step() -> Any:
            return run_step(spec, parameters, state, about, self._venvs, self._processes)

        self._tasks.put((future, step))
        return PacktivityProxyBase(future)

    def prepublish(self, spec: Any, parameters: Any, state: Any) -> Any:
        """Return what a step will publish if that is known before it runs, else None."""
        return prepublish(spec, parameters, state, packconfig())

    def ready(self, proxy: PacktivityProxyBase) -> bool:
        """Tell whether a step ended."""
        return bool(proxy.proxy.done())

    def successful(self, proxy: PacktivityProxyBase) -> bool:
        """Tell whether a step ended well."""
        return self.ready(proxy) and proxy.proxy.exception() is None

    def result(self, proxy: PacktivityProxyBase) -> Any:
        """Return what a step published, or raise what made it fail."""
        return proxy.proxy.result()

    def fail_info(self, proxy: PacktivityProxyBase) -> Any:
        """Return what made a step fail, None if nothing did."""
        return proxy.proxy.exception()


def run_step(
    spec: Any,
    parameters: Any,
    state: Any,
    metadata: Mapping[str, Any],
    venvs: Path,
    processes: Processes,
) -> Any:
    """Run one step and return what it publishes.

    Raises
    ------
    InputError
        If the step's environment is not one that can stand in for a container.
    WorkflowError
        If its command fails.
    """
    parameters, state = finalize_inputs(parameters, state)
    if spec["process"] and spec["environment"]:
        venv = venv_for(spec["environment"], venvs)
        argv, script = command_of(build_job(spec["process"], parameters, state, packconfig()))
        _execute(argv, script, venv, state, metadata, processes)
    return publish(spec["publisher"], parameters, state, packconfig())


def venv_for(environment: Mapping[str, Any], venvs: Path) -> Path:
    """Return the virtual environment that stands in for a step's container.

    Raises
    ------
    InputError
        If it is not there, or if the step asks for what only a container can give.
    """
    if environment["environment_type"] != "docker-encapsulated":
        kind = environment["environment_type"]
        raise InputError("steps.yml", f"environment_type {kind} has no image", "run it with Docker")
    # resources are words such as CVMFS, which only a container has, or limits for a cluster
    mounted = [wish for wish in environment.get("resources", ()) if isinstance(wish, str)]
    for wish, asked in (
        ("envscript", environment.get("envscript")),
        ("par_mounts", environment.get("par_mounts")),
        ("resources", mounted),
    ):
        if asked:
            raise InputError("steps.yml", f"{wish} wants a container", "run it with Docker")
    return venv_of(environment["image"], venvs)


def command_of(job: Mapping[str, Any]) -> tuple[list[str], str]:
    """Return the arguments of a step's process and what it reads on standard input."""
    if "script" in job:
        return ["sh", "-c", job["interpreter"]], job["script"]
    return ["sh", "-c", job["command"]], ""


def _execute(
    argv: list[str],
    script: str,
    venv: Path,
    state: Any,
    metadata: Mapping[str, Any],
    processes: Processes,
) -> None:
    """Run a command in an empty folder and leave what it printed in its run log."""
    step_log, run_log = (log_path(state, metadata, topic) for topic in ("step", "run"))
    step_log.parent.mkdir(parents=True, exist_ok=True)
    step_log.write_text(f"# in {venv}: {' '.join(argv)}\n{script}", encoding="utf-8")
    with (
        tempfile.TemporaryDirectory(prefix="scalesmear-") as folder,
        tempfile.TemporaryFile() as stdin,
        run_log.open("wb") as log,
    ):
        stdin.write(script.encode())
        stdin.seek(0)
        process = processes.start(argv, folder, step_environment(venv), stdin)
        _follow(process, log, echo=is_lone_step(metadata))
        code = processes.wait(process)
    with step_log.open("a", encoding="utf-8") as note:
        note.write(f"\n# exit code {code}\n")
    if code:
        lines = "\n".join(without_progress(tail(run_log))[-10:])
        raise WorkflowError(f"exit code {code} of step {metadata['name']}, log {run_log}\n{lines}")


def _follow(process: subprocess.Popen[bytes], log: IO[bytes], *, echo: bool) -> None:
    """Write what a process prints to the log, line by line, until it closes its output."""
    with cast("IO[bytes]", process.stdout) as stream:
        for line in stream:
            log.write(line)
            log.flush()
            if echo:
                sys.stderr.write(line.decode("utf-8", errors="replace"))


class Processes:
    """The processes of steps that run now, each the head of its own process group."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def start(
        self, argv: list[str], folder: str, variables: dict[str, str], stdin: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        """Start a process in a folder; its output and errors come through one pipe.

        Raises
        ------
        WorkflowError
            If the run is being stopped.
        """
        with self._lock:
            if self._stopped:
                raise WorkflowError("the run was stopped before this step began")
            process = subprocess.Popen(
                argv,
                cwd=folder,
                env=variables,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._running.add(process)
        return process

    def wait(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for a process to end and return its exit code."""
        code = process.wait()
        with self._lock:
            self._running.discard(process)
        return code

    def stop(self) -> None:
        """Stop all processes and whatever they started, and let no other start."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        _signal(running, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while any(process.poll() is None for process in running) and time.monotonic() < deadline:
            time.sleep(0.05)
        _signal(running, signal.SIGKILL)


def _signal(processes: list[subprocess.Popen[bytes]], number: int) -> None:
    for process in processes:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            continue
