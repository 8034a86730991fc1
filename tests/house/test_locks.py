"""The lock: complete, hashed, free of addresses, and in step with the project file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "dev.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PYTHONS = ("3.11.9", "3.12.7", "3.13.1")

# Files that tools read to decide where packages come from. Hosts are allowed in prose only.
CONFIGURATION = [
    *(ROOT / "requirements").iterdir(),
    *(ROOT / name for name in ("pyproject.toml", "Makefile", ".pre-commit-config.yaml", ".ci/run")),
    *(ROOT / "tools").glob("*.py"),
]
PLACE = re.compile(r"https?://[\w.]|file://|--(?:extra-)?index-url[ =]|--find-links[ =]|^\s*-[fi] ")


def locked() -> dict[str, list[tuple[Requirement, int]]]:
    """Requirements of the lock by canonical name, each with its number of hashes."""
    entries: dict[str, list[tuple[Requirement, int]]] = {}
    text = LOCK.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        requirement = Requirement(line.split(" --hash=")[0].strip())
        hashes = line.count("--hash=sha256:")
        entries.setdefault(canonicalize_name(requirement.name), []).append((requirement, hashes))
    return entries


def wanted() -> list[Requirement]:
    groups = PROJECT["dependency-groups"]
    lines = [
        *PROJECT["project"]["dependencies"],
        *(line for name in groups for line in groups[name]),
    ]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("path", CONFIGURATION, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_configuration_names_a_place_packages_come_from(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if PLACE.search(line)] == []


def test_every_locked_package_has_one_version_and_hashes() -> None:
    for name, entries in locked().items():
        for requirement, hashes in entries:
            assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), requirement
            assert requirement.url is None, requirement
            assert hashes > 0, f"{name} has no hash"


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("requirement", wanted(), ids=str)
def test_the_lock_satisfies_the_project_file(requirement: Requirement, python: str) -> None:
    environment = {"python_full_version": python, "python_version": python.rsplit(".", 1)[0],
                   "sys_platform": "linux", "platform_system": "Linux",
                   "platform_machine": "x86_64", "platform_python_implementation": "CPython",
                   "implementation_name": "cpython", "os_name": "posix"}  # fmt: skip
    versions = [
        str(entry.specifier).removeprefix("==")
        for entry, _ in locked().get(canonicalize_name(requirement.name), [])
        if entry.marker is None or entry.marker.evaluate(environment)
    ]
    assert len(versions) == 1, f"run `make lock`: {requirement} is locked {len(versions)} times"
    assert requirement.specifier.contains(versions[0]), f"run `make lock`: {requirement}"
