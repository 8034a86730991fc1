"""``lagmark validate``: what is wrong with a file, before anything is computed from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lagmark.apps.cli.options import (
    AsOfOption,
    DomainOption,
    EventsOption,
    JsonOption,
    examples,
    find_domain,
    instant,
    writable,
)
from lagmark.apps.cli.output import Output
from lagmark.apps.cli.reading import read

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "validate",
        epilog=examples(
            "lagmark validate --domain handbook --events payments.parquet",
            "lagmark validate -d card -e incoming/ --dead-letters bad.jsonl --json",
        ),
    )(_validate)


def _validate(
    domain: DomainOption,
    events: EventsOption,
    dead_letters: Annotated[
        Path | None,
        typer.Option(
            "--dead-letters",
            metavar="FILE",
            help="JSON lines file for the rows that cannot become events, each with all its "
            "reasons. Not written when there are none.",
        ),
    ] = None,
    as_of: AsOfOption = None,
    unlabelled: Annotated[
        bool,
        typer.Option("--unlabelled", help="The label's column may be missing: rows to be scored."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check a file against its domain and account for every row.

    Every row becomes an event or a dead letter with its reasons. The report also counts what is
    no error but worth knowing: rounded amounts, late events, ties, broken rules. The exit status
    is 0 if there are usable rows and 3 if there are none.
    """
    output = Output(json)
    chosen = find_domain(domain)
    if dead_letters is not None:
        writable(dead_letters, "--dead-letters", source=events)
    found = read(
        output,
        events,
        chosen,
        dead_letters=dead_letters,
        as_of=instant(as_of),
        require_labels=not unlabelled,
    )
    written = dead_letters if found.report.dead else None

    def render() -> None:
        for line in found.report.lines():
            output.line(line)
        if written is not None:
            output.line(f"dead letters are in {written}")
        elif found.report.dead:
            output.line("to keep the dead letters, add --dead-letters FILE")
        else:
            output.line("every row is usable")

    output.result(found.report.as_dict() | {"dead_letters": written}, render)
