"""What all tests share: those marked ``docker`` want an engine and the images of `make images`."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a docker test where it cannot run; fail it there if SCALESMEAR_REQUIRE_DOCKER is set."""
    if item.get_closest_marker("docker") is None:
        return
    missing = what_docker_tests_miss()
    if missing and os.environ.get("SCALESMEAR_REQUIRE_DOCKER"):
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)


@functools.cache
def what_docker_tests_miss() -> str | None:
    """Return why containers cannot be started here, None if they can."""
    if shutil.which("docker") is None or not _succeeds("docker", "info"):
        return "no Docker engine answers"
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for dockerfile in sorted(REPOSITORY.glob("images/*/Dockerfile")):
        image = f"scalesmear/{dockerfile.parent.name}:{project['version']}"
        if not _succeeds("docker", "image", "inspect", image):
            return f"the image {image} is not here; `make images` builds it"
    return None


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
