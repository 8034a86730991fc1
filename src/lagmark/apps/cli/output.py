"""How commands talk: text and tables for people, or one JSON document for programs."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from lagmark.clock import stopwatch

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

    from lagmark.errors import LagmarkError

__all__ = ["Advance", "Output", "plain"]

Advance = Callable[[int, int], None]
"""Told how much is done, and how much there is."""

_WIDE = 200
"""Columns of a table when nobody looks at it in a terminal."""
_PAUSE = 0.2
"""Seconds between two lines of progress."""


class Output:
    """Where a command's words go.

    Text and tables go to stdout, progress and errors to stderr. With ``json`` stdout carries
    exactly one JSON document, and everything else is silent.

    Parameters
    ----------
    json
        Whether the reader is a program.
    """

    def __init__(self, json: bool = False) -> None:
        self.json = json

    def line(self, text: str = "") -> None:
        """Print one line of text; nothing with ``json``."""
        if not self.json:
            print(text)

    def note(self, text: str) -> None:
        """Print one line beside the result, on stderr; nothing with ``json``."""
        if not self.json:
            print(text, file=sys.stderr)

    def table(
        self, headers: Sequence[str], rows: Sequence[Sequence[object]], title: str = ""
    ) -> None:
        """Print a table, numbers to the right; nothing with ``json``.

        Parameters
        ----------
        headers
            Names of the columns.
        rows
            One value per column; whole numbers get thousands separators, absent values a dash.
        title
            Line above the table.
        """
        if self.json:
            return
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
        for index, header in enumerate(headers):
            numeric = bool(rows) and all(_is_number(row[index]) for row in rows)
            table.add_column(Text(header), justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(_cell(value)) for value in row))
        console = Console(width=None if sys.stdout.isatty() else _WIDE)
        with console.capture() as captured:
            console.print(table)
        print("\n".join(line.rstrip() for line in captured.get().splitlines()).strip("\n"))

    def result(self, payload: Mapping[str, Any], render: Callable[[], None]) -> None:
        """Give the outcome of a command, once.

        Parameters
        ----------
        payload
            What a program gets, printed as JSON; NaN and infinity become null.
        render
            Prints the same for people.
        """
        if self.json:
            print(json.dumps(plain(payload), indent=2, allow_nan=False))
        else:
            render()

    def fail(self, problem: LagmarkError) -> NoReturn:
        """End with an error after the result was given: one line on stderr and its exit status."""
        print(_one_line(problem), file=sys.stderr)
        raise typer.Exit(problem.exit_code)

    def error(self, problem: LagmarkError) -> None:
        """Say on one line what was wrong, where, and what to do; with ``json`` also as JSON."""
        print(_one_line(problem), file=sys.stderr)
        if self.json:
            parts = {
                "kind": type(problem).__name__,
                "what": problem.what,
                "where": problem.where,
                "hint": problem.hint,
                "exit_code": problem.exit_code,
            }
            print(json.dumps({"error": parts}, indent=2))

    @contextmanager
    def progress(self, description: str, unit: str = "events") -> Iterator[Advance]:
        """Progress bar on stderr with rate and remaining time.

        Silent with ``json`` and where stderr is no terminal. With ``LAGMARK_PROGRESS=json`` in the
        environment it is one JSON object a line instead, ``text``, ``done`` and ``total``, for a
        program that runs the command.

        Parameters
        ----------
        description
            What is being done, a few words.
        unit
            What is counted; nothing when empty, as for work that cannot tell how far it is.

        Yields
        ------
        Advance
            Function to call with (done, total).
        """
        if os.environ.get("LAGMARK_PROGRESS") == "json":
            yield _lines(description)
            return
        if self.json or not sys.stderr.isatty():
            yield lambda _done, _total: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            _rate(unit),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=Console(stderr=True),
        )
        with bar:
            task = bar.add_task(description, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
            if bar.tasks[0].total is None:
                bar.update(task, completed=1, total=1)


def plain(value: Any) -> Any:
    """A value in the types JSON has: NaN and infinity become None, instants ISO 8601 text.

    Examples
    --------
    >>> plain({"rate": float("nan"), "days": (1, 2)})
    {'rate': None, 'days': [1, 2]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part) for part in value]
    if isinstance(value, date | Path):
        return value.isoformat() if isinstance(value, date) else str(value)
    if hasattr(value, "tolist"):
        # NumPy's scalars and arrays, known by their method so that NumPy is not loaded here.
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _lines(text: str) -> Advance:
    """Progress as lines of JSON: the beginning, the end, and a few of what is between."""
    told = -_PAUSE

    def advance(done: int, total: int) -> None:
        nonlocal told
        now = stopwatch()
        if done == total or now - told >= _PAUSE:
            told = now
            line = json.dumps({"text": text, "done": done, "total": total})
            print(line, file=sys.stderr, flush=True)

    advance(0, 1)
    return advance


def _rate(unit: str) -> ProgressColumn:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Rate(ProgressColumn):
        """Units done per second."""

        def render(self, task: Task) -> Text:
            """The cell of one task."""
            speed = task.finished_speed or task.speed
            return Text(f"{speed:,.0f} {unit}/s" if speed and unit else "", style="cyan")

    return Rate()


def _one_line(problem: LagmarkError) -> str:
    text = f"error: {problem.what}"
    if problem.where:
        text += f" ({problem.where})"
    if problem.hint:
        text += f"; {problem.hint}"
    return " ".join(text.split())


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
