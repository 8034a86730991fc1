"""ARCHITECTURE.md shows the tree that is there, and the layers that are checked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "lagmark"
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def fenced(heading: str) -> list[str]:
    """Lines of the first fenced block below a heading."""
    found = re.search(rf"^## {heading}$.*?^```\w*\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"ARCHITECTURE.md has no fenced block under '## {heading}'"
    return found[1].splitlines()


def drawn() -> set[str]:
    """Packages and top modules of the drawn tree, as paths below ``src/lagmark``.

    The first word of a line names a package (``name/``) or a module (``name.py``); two more spaces
    of indentation put it inside the package above.
    """
    paths: set[str] = set()
    inside: list[str] = []
    for line in fenced("Tree"):
        word = line.split()[0] if line.split() else ""
        if not word.endswith(("/", ".py")):
            continue
        depth = (len(line) - len(line.lstrip())) // 2
        inside = [*inside[:depth], word.rstrip("/")]
        paths.add("/".join(inside[1:]))
    return paths - {""}


def real() -> set[str]:
    packages = {str(path.parent.relative_to(SOURCE)) for path in SOURCE.rglob("__init__.py")} - {
        "."
    }
    modules = {path.name for path in SOURCE.glob("*.py")} - {"__init__.py"}
    return packages | modules


def test_every_package_is_drawn() -> None:
    assert sorted(real() - drawn()) == []


def test_everything_drawn_is_there() -> None:
    assert sorted(drawn() - real()) == []


def test_the_layers_shown_are_the_layers_checked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    checked = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert [line.strip() for line in fenced("Layers") if line.strip()] == checked
