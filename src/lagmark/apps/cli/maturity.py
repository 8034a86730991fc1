"""``lagmark maturity``: how late labels come, and how much of the truth is known by an age."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lagmark.apps.cli.options import JsonOption, examples, instant, writable
from lagmark.apps.cli.output import Output

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "maturity",
        epilog=examples(
            "lagmark maturity --events world/",
            "lagmark maturity -e world/ --as-of 2025-03-01 --by source --html maturity.html",
            "lagmark maturity -e world/ --by category --window 28d --json",
        ),
    )(_maturity)


def _maturity(
    events: Annotated[
        Path,
        typer.Option(
            "--events",
            "-e",
            metavar="DIR",
            help="Folder with manifest.json, events/ and labels/, as `lagmark simulate --scenario` "
            "writes it.",
        ),
    ],
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="INSTANT",
            help="Use only what had arrived and was known by then: an ISO 8601 date (its midnight, "
            "UTC) or instant. Default: the end of the last day.",
        ),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="COLUMN",
            help="Also a curve per group: source, or a field of the domain (amounts in quarters).",
        ),
    ] = "",
    window: Annotated[
        str | None,
        typer.Option(
            "--window",
            metavar="DURATION",
            help="Develop from labels that came in this last stretch only, 28d say. Default: all.",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Also write a page with plots."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Estimate how late fraud labels come, from what was known at one instant.

    Labels that are still to come are allowed for: the share known by an age is estimated from the
    reverse-time hazard, with intervals. The command also compares recent delays with earlier ones
    and says when they began to differ.
    """
    from lagmark.apps.jobs.maturity import maturity
    from lagmark.labels.maturity.page import (
        drift_lines,
        known_table,
        maturity_page,
        summary_table,
    )
    from lagmark.reports import instant as written
    from lagmark.schema.time import parse_duration

    output = Output(json)
    if html is not None:
        writable(html, "--html", source=events)
    length = None if window is None else parse_duration(window)
    history, study = maturity(events, instant(as_of), output, by=by, window=length)
    if html is not None:
        with output.progress(f"drawing {html.name}", ""):
            maturity_page(study, history.domain.title).write(html)
    payload = {
        "command": "maturity",
        "events": str(events),
        "domain": history.domain.name,
        "window": window,
        "pending_labels": history.pending,
        **study.as_dict(),
        "html": html,
    }

    def render() -> None:
        output.line(f"{history.domain.title}, as known at {written(history.as_of)}")
        for table in (summary_table(study), known_table(study)):
            output.line()
            output.line(table.caption)
            for line in table.lines():
                output.line(line)
        output.line()
        for line in drift_lines(study):
            output.line(line)
        if history.pending:
            output.line(f"{history.pending:,} labels are of events that had not arrived")
        if html is not None:
            output.line(f"the page with plots is {html}")

    output.result(payload, render)
