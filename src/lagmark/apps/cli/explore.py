"""``lagmark explore``: what the events look like, as known at one instant."""

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
from lagmark.apps.cli.reading import read, reading_line

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "explore",
        epilog=examples(
            "lagmark explore --domain handbook --events payments.parquet",
            "lagmark explore -d handbook -e payments.parquet --as-of 2018-08-01 --html look.html",
        ),
    )(_explore)


def _explore(
    domain: DomainOption,
    events: EventsOption,
    as_of: AsOfOption = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Also write a page with plots."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Describe events and labels: class balance, fraud by type, amounts, time range.

    With --as-of only events that had arrived and labels that were known by then count; days whose
    labels are still coming in are marked as young.
    """
    from lagmark.monitoring.explore import explore
    from lagmark.schema.time import from_micros

    output = Output(json)
    chosen = find_domain(domain)
    if html is not None:
        writable(html, "--html", source=events)
    at = instant(as_of)
    found = read(output, events, chosen, as_of=at, require_labels=False)
    seen = explore(found.batch, chosen, as_of=None if at is None else from_micros(at))
    if html is not None:
        with output.progress(f"drawing {html.name}", ""):
            seen.write_html(html)

    def render() -> None:
        output.line(reading_line(found, None))
        for line in seen.lines():
            output.line(line)
        if html is not None:
            output.line()
            output.line(f"the page with plots is {html}")

    output.result(seen.as_dict() | {"dead": found.report.dead, "html": html}, render)
