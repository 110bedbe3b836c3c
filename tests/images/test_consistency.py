"""Dockerfiles, locked requirements, steps and project agree; nothing is started here."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[2]
DOCKERFILES = [REPOSITORY / "Dockerfile", *sorted(REPOSITORY.glob("images/*/Dockerfile"))]
STEP_LOCKS = sorted(REPOSITORY.glob("images/*/requirements.txt"))
RUNNER_LOCK = REPOSITORY / "requirements-runner.txt"
DEVELOPMENT_LOCK = REPOSITORY / "requirements-dev.txt"
LOCKS = [*STEP_LOCKS, RUNNER_LOCK, DEVELOPMENT_LOCK]
EXAMPLE_LOCKS = [
    REPOSITORY / "images" / path.parent.name / "requirements.txt"
    for path in sorted(REPOSITORY.glob("examples/*/pyproject.toml"))
]
BASE = "python:3.13-slim-trixie"
PYTHONS = ["3.11", "3.13"]  # the oldest that the host backend allows, and the images'

# What jsonschema needs differs, because yadage wants an old one.
JSONSCHEMA_FAMILY = {"jsonschema", "jsonschema-specifications", "referencing", "rpds-py"}


def relative(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def project(folder: Path = REPOSITORY) -> dict[str, Any]:
    text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text)["project"])


def pins(lock: Path, python: str) -> dict[str, str]:
    """Return the version of each package that a lock installs on one version of Python, on Linux."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
    }
    found: dict[str, str] = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        requirement = Requirement(line)
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", f"{relative(lock)}: {line} is not an exact version"
        if requirement.marker is None or requirement.marker.evaluate(environment):
            found[canonicalize_name(requirement.name)] = specifier.version
    return found


def assert_satisfied(requirements: list[str], versions: dict[str, str]) -> None:
    for text in requirements:
        requirement = Requirement(text)
        version = versions[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, f"{version} does not satisfy {text}"


def instructions(dockerfile: Path, name: str) -> list[str]:
    text = dockerfile.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{name} +(.*)$", text, re.MULTILINE)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=relative)
def test_every_stage_starts_from_the_base_image(dockerfile: Path) -> None:
    froms = instructions(dockerfile, "FROM")
    assert froms
    assert {line.split()[0] for line in froms} == {BASE}


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=relative)
def test_default_version_of_the_image_is_that_of_the_project(dockerfile: Path) -> None:
    assert f"VERSION={project()['version']}" in instructions(dockerfile, "ARG")


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=relative)
def test_image_runs_commands_of_packtivity_as_an_ordinary_user(dockerfile: Path) -> None:
    # packtivity calls `IMAGE sh -c bash`, which an entry point would swallow
    assert not instructions(dockerfile, "ENTRYPOINT")
    assert instructions(dockerfile, "USER") == ["nobody"]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=relative)
def test_what_is_copied_exists_and_is_not_ignored(dockerfile: Path) -> None:
    let_through = {
        line.removeprefix("!")
        for line in (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copies = [line.split() for line in instructions(dockerfile, "COPY") if "--from" not in line]
    sources = [source for words in copies for source in words[:-1]]
    assert sources
    for source in sources:
        assert (REPOSITORY / source).exists(), source
        assert any(Path(source).is_relative_to(name) for name in let_through), source


STEPS = [REPOSITORY / "steps.yml", *sorted(REPOSITORY.glob("examples/*/steps.yml"))]


@pytest.mark.parametrize("path", STEPS, ids=relative)
def test_steps_name_images_that_exist_with_the_version_of_the_project(path: Path) -> None:
    steps = yaml.safe_load(path.read_text(encoding="utf-8"))
    named = {
        (step["environment"]["image"], str(step["environment"]["imagetag"]))
        for step in steps.values()
        if step["environment"]
    }
    built = {
        (f"scalesmear/{path.parent.name}", project()["version"])
        for path in REPOSITORY.glob("images/*/Dockerfile")
    }
    assert named
    assert named <= built


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", EXAMPLE_LOCKS, ids=relative)
def test_locked_examples_satisfy_their_projects(lock: Path, python: str) -> None:
    example = project(REPOSITORY / "examples" / lock.parent.name)
    assert example["name"] == lock.parent.name
    assert example["version"] == project()["version"]
    assert_satisfied(example["dependencies"], pins(lock, python))


@pytest.mark.parametrize("lock", EXAMPLE_LOCKS, ids=relative)
def test_examples_have_the_versions_of_the_steps(lock: Path) -> None:
    steps = pins(REPOSITORY / "images/scalesmear/requirements.txt", "3.13")
    example = pins(lock, "3.13")
    common = steps.keys() & example.keys()
    assert {"numpy", "uproot", "matplotlib"} <= common
    assert {name: example[name] for name in common} == {name: steps[name] for name in common}


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(
    "lock",
    [*(lock for lock in STEP_LOCKS if lock not in EXAMPLE_LOCKS), DEVELOPMENT_LOCK],
    ids=relative,
)
def test_locked_steps_satisfy_the_project(lock: Path, python: str) -> None:
    versions = pins(lock, python)
    assert_satisfied(project()["dependencies"], versions)
    assert_satisfied(project()["optional-dependencies"]["report"], versions)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", [RUNNER_LOCK, DEVELOPMENT_LOCK], ids=relative)
def test_locked_runner_satisfies_the_project(lock: Path, python: str) -> None:
    assert_satisfied(project()["optional-dependencies"]["workflow"], pins(lock, python))


def test_development_lock_satisfies_the_development_group() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    group = tomllib.loads(text)["dependency-groups"]["dev"]
    assert_satisfied(group, pins(DEVELOPMENT_LOCK, "3.11"))


@pytest.mark.parametrize("python", PYTHONS)
def test_runner_holds_no_numerics(python: str) -> None:
    assert not {"numpy", "scipy", "numba", "uproot", "pyarrow"} & pins(RUNNER_LOCK, python).keys()


@pytest.mark.parametrize("lock", [*STEP_LOCKS, RUNNER_LOCK], ids=relative)
def test_tests_run_with_the_versions_of_the_images(lock: Path) -> None:
    tested = pins(DEVELOPMENT_LOCK, "3.13")
    for name, version in pins(lock, "3.13").items():
        own = lock in EXAMPLE_LOCKS and name not in tested  # such as pyhf, tried in its environment
        if name not in JSONSCHEMA_FAMILY and not own:
            assert tested.get(name) == version, name


@pytest.mark.parametrize("lock", STEP_LOCKS, ids=relative)
def test_host_and_image_have_the_same_versions(lock: Path) -> None:
    host, image = (pins(lock, python) for python in PYTHONS)
    assert image.keys() <= host.keys()
    assert {name: host[name] for name in image} == image
