"""One version, written down; commands that the Makefile, CI and the documents agree on."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lagmark

ROOT = Path(__file__).resolve().parents[2]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*##", read("Makefile"), re.MULTILINE))


def test_one_version_everywhere() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert project["version"] == lagmark.__version__
    assert re.search(rf"^## {re.escape(lagmark.__version__)}\b", read("CHANGELOG.md"), re.MULTILINE)


def test_the_licence_is_the_one_declared() -> None:
    assert tomllib.loads(read("pyproject.toml"))["project"]["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in read("LICENSE")


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", ".ci/run", "README.md"])
def test_every_make_command_named_exists(name: str) -> None:
    named = set(re.findall(r"(?<=\bmake )[a-z][a-z-]+(?=[\s`]|$)", read(name)))
    assert named, f"{name} names no make target"
    assert named - targets() == set()


def test_decision_records_are_numbered_without_gaps() -> None:
    names = sorted(path.name for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("feat(features): add the distinct count\n\nWhy it is exact.\n", 0),
        ("fix!: refuse a naive time", 0),
        ("Merge branch 'x'", 0),
        ("added stuff", 1),
        ("feat: ends with a full stop.", 1),
        ("feat: " + "x" * 80, 1),
        ("feat: no empty line\nbody", 1),
    ],
)
def test_commit_messages_are_checked(tmp_path: Path, message: str, status: int) -> None:
    path = tmp_path / "message"
    path.write_text(message, encoding="utf-8")
    command = [sys.executable, str(ROOT / "tools" / "check_commits.py"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
