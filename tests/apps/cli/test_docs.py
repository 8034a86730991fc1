"""docs/cli.md describes the commands there are, and its examples work."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from lagmark.apps.cli.app import EXIT_CODES, build

Run = Callable[..., Any]

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
SECTIONS = dict(
    re.findall(r"^### lagmark (\w+(?: \w+)?)$\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
)
TREE: Any = typer.main.get_command(build())
COMMANDS: dict[str, Any] = {
    (name if part is None else f"{name} {part}"): command
    for name, top in TREE.commands.items()
    for part, command in getattr(top, "commands", {None: top}).items()
}
"""Commands by what is typed, those of a group with its name before theirs."""
RUN = ("simulate", "domains", "validate", "explore", "backfill", "replay", "verify")
"""Commands whose examples are run here; those that train models take longer."""


def examples(text: str) -> list[list[str]]:
    return [
        shlex.split(line, comments=True) for line in re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    ]


def options(command: Any) -> Iterator[str]:
    for parameter in command.params:
        if parameter.param_type_name == "option":
            yield from (*parameter.opts, *parameter.secondary_opts)


def test_every_command_is_documented_and_no_other() -> None:
    """In the order of the help, whose panels hold groups after single commands."""
    panels = {name: TREE.commands[name.split()[0]].rich_help_panel for name in COMMANDS}
    order = list(dict.fromkeys(panels.values()))
    assert list(SECTIONS) == sorted(COMMANDS, key=lambda name: order.index(panels[name]))


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_option_is_documented_and_no_other(name: str) -> None:
    table = "\n".join(line for line in SECTIONS[name].splitlines() if line.startswith("| `"))
    cells = [row.split("|")[1] for row in table.splitlines()]
    documented = re.findall(r"`(-[^`]*)`", " ".join(cells))
    assert sorted(documented) == sorted(options(COMMANDS[name]))


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_help_has_a_summary_and_examples(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert len(command.help) > 40
    assert f"$ lagmark {name}" in command.epilog
    assert [p.name for p in command.params if not p.help] == []


def test_every_exit_status_is_documented() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", TEXT, re.MULTILINE)
    assert {int(code): text for code, text in rows} == EXIT_CODES


def test_the_options_of_the_program_itself_are_documented() -> None:
    assert [option for option in options(TREE) if option not in TEXT] == []


def documented() -> list[tuple[str, list[str]]]:
    found = [(name, line) for name, text in SECTIONS.items() for line in examples(text)]
    for name, command in COMMANDS.items():
        found += [(name, line) for line in examples(command.epilog.replace("\n\n", "\n"))]
    return found


@pytest.mark.parametrize(("name", "line"), documented(), ids=lambda part: " ".join(part)[:60])
def test_every_example_is_of_its_command_and_parses(name: str, line: list[str]) -> None:
    words = ["lagmark", *name.split()]
    assert line[: len(words)] == words
    arguments = line[len(words) :]
    if ">" in arguments:
        arguments = arguments[: arguments.index(">")]
    with COMMANDS[name].make_context(name, arguments):
        pass


def test_the_examples_run_one_after_the_other(
    lagmark: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [line for name in RUN for line in examples(SECTIONS[name])]
    assert len(lines) >= 2 * len(RUN) - 1
    for line in lines:
        done = lagmark(*line[1:])
        assert (done.status, done.err) == (0, ""), shlex.join(line)
