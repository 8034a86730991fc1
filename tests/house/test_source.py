"""House rules that no linter knows: what every source file has, and what none may do."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "lagmark"
FILES = sorted(SOURCE.rglob("*.py"))
LONGEST = 400

# Calls that read the machine's clock. Only lagmark.clock may; a stopwatch (`perf_counter`,
# `monotonic`) measures a duration and decides nothing, so it is allowed.
CLOCK_READS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("time", "gmtime"),
}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def calls(path: Path) -> list[tuple[tuple[str, str], int]]:
    """``(owner, name)`` and line of each call; the owner of a plain call is empty."""
    found = []
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name):
            found.append((("", node.func.id), node.lineno))
        elif isinstance(node.func, ast.Attribute):
            owner = node.func.value
            label = getattr(owner, "id", None) or getattr(owner, "attr", "")
            found.append(((label, node.func.attr), node.lineno))
    return found


def test_there_is_source_to_check() -> None:
    assert len(FILES) > 10


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree(path)), "the file has no docstring"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_lists_what_it_exports(path: Path) -> None:
    body = tree(path).body
    if path.name == "__init__.py" and len(body) <= 1:
        return  # a package that gathers nothing exports nothing
    lists = [
        node.value
        for node in body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
        == "__all__"
    ]
    assert len(lists) == 1, "the file needs one __all__"
    names = ast.literal_eval(lists[0] or ast.List([]))
    assert len(names) == len(set(names)), "__all__ repeats a name"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_holds_one_concept(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST, f"{lines} lines; past {LONGEST} a file asks to be two"


def test_only_apps_print() -> None:
    prints = [
        f"{name(path)}:{line}"
        for path in FILES
        if path.relative_to(SOURCE).parts[0] != "apps"
        for call, line in calls(path)
        if call == ("", "print")
    ]
    assert prints == []


def test_only_clock_reads_the_time() -> None:
    reads = [
        f"{name(path)}:{line} {call[0]}.{call[1]}()"
        for path in FILES
        if path != SOURCE / "clock.py"
        for call, line in calls(path)
        if call in CLOCK_READS
    ]
    assert reads == []


def test_randomness_is_an_argument() -> None:
    """No global random state: neither ``random.*`` nor ``np.random.*`` functions are called."""
    allowed = {"default_rng", "Generator", "SeedSequence", "PCG64", "Philox"}
    draws = [
        f"{name(path)}:{line} {call[0]}.{call[1]}()"
        for path in FILES
        for call, line in calls(path)
        if call[0] == "random" and call[1] not in allowed
    ]
    assert draws == []
