"""What there is to ask and tell the Docker engine: is it there, are the images, end a run."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

TIMEOUT = 30.0
"""Seconds that the engine may take to answer."""


def engine_version() -> str | None:
    """Return the version of the Docker engine, None if none answers."""
    return _docker("version", "--format", "{{.Server.Version}}")


def image_id(image: str) -> str | None:
    """Return the identity of an image's content, None if the engine does not have the image."""
    return _docker("image", "inspect", "--format", "{{.Id}}", image)


def missing_images(images: Iterable[str]) -> list[str]:
    """Return the images that the engine does not have."""
    return [image for image in images if image_id(image) is None]


def remove_containers(folder: Path) -> None:
    """Remove the containers that the steps in a work directory left running."""
    named = {path.read_text(encoding="utf-8") for path in folder.rglob("_packtivity/*.cid")}
    running = (_docker("ps", "--quiet", "--no-trunc") or "").split() if named else []
    left = sorted(named & set(running))
    if left:
        _docker("rm", "--force", *left)


def _docker(*arguments: str) -> str | None:
    """Return what a docker command prints, None if it fails."""
    try:
        done = subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
