"""``lagmark export``, and what ``stats --data`` and ``clear --data`` do: a service's data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lagmark.apps.cli.options import JsonOption, examples, instant, writable
from lagmark.apps.cli.output import Output
from lagmark.errors import ConfigError

if TYPE_CHECKING:
    from lagmark.settings import ServeSettings

__all__ = ["clear_service", "count_service", "register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "export",
        epilog=examples(
            "lagmark export --out history",
            "lagmark export --data shop --as-of 2026-03-01 --out march",
        ),
    )(_export)


def _export(
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder to make; it must not exist.")
    ],
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Directory of the service. Default: .lagmark"),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="INSTANT",
            help="Only events that had arrived and labels that were known by then: an ISO 8601 "
            "date (its midnight, UTC) or instant. Default: everything.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write a service's events and labels to a folder, as they were known at an instant.

    `lagmark train`, `promote --gate`, `maturity` and `nowcast` read it. The service may go on
    meanwhile. Values are those the service decided on, to the last bit.
    """
    from lagmark.apps.jobs.ledger_history import export_ledger

    settings = _settings(data)
    moment = instant(as_of)
    output = Output(json)
    made = export_ledger(settings, writable(out, folder=True), as_of=moment, reporter=output)

    def render() -> None:
        output.line(f"{made.events:,} events and {made.labels:,} labels as of {made.as_of}")
        output.line(f"written: {out}")
        output.line(f"next: lagmark train --domain {made.domain} --events {out}")

    payload = {name: getattr(made, name) for name in made.__slots__}
    output.result({"command": "export", "out": out, **payload}, render)


def count_service(output: Output, data: Path) -> None:
    """Say what a service's data directory holds."""
    from lagmark.apps.jobs.service_data import count_by_day, count_data
    from lagmark.wiring.serving import open_ledger, resolve

    settings = _settings(data)
    served = resolve(settings)
    ledger = open_ledger(settings, served.domain, read_only=True)
    try:
        counts, days = count_data(ledger), count_by_day(ledger)
    finally:
        ledger.close()

    def render() -> None:
        output.line(
            f"{counts['events']:,} events of domain {served.domain.name}, {counts['labelled']:,} "
            f"labelled, {counts['frauds']:,} of them fraud; {counts['entries']:,} entries"
        )
        rows = [(each["day"], each["events"], each["labelled"], each["frauds"]) for each in days]
        output.table(("day", "events", "labelled", "frauds"), rows)

    output.result({"data": data, "domain": served.domain.name, **counts, "days": days}, render)


def clear_service(output: Output, data: Path, *, yes: bool) -> None:
    """Delete ledger and feature state of a service that does not run, after asking.

    Raises
    ------
    ConfigError
        If it is a cluster's, or nobody can be asked.
    LedgerError
        If the service runs.
    """
    from lagmark.apps.api.hooks import begin_anew
    from lagmark.apps.jobs.service_data import clear_data, count_data
    from lagmark.clock import utc_now
    from lagmark.schema.records import HumanRecord
    from lagmark.schema.time import to_micros
    from lagmark.wiring.serving import open_ledger, resolve

    settings = _settings(data)
    if settings.profile == "cluster":
        raise ConfigError(
            "a cluster's data is not in its directory",
            where="--data",
            hint="clear its Postgres and Redis while no worker runs",
        )
    served = resolve(settings)
    # To be the one that writes shows that no service runs.
    ledger = open_ledger(settings, served.domain)
    try:
        counts = count_data(ledger)
        question = f"delete {counts['events']:,} events with their decisions and labels?"
        if not yes:
            if output.json:
                raise ConfigError(
                    "nobody can be asked with --json", where="--yes", hint="give --yes"
                )
            if not typer.confirm(question, err=True):
                output.note("nothing was deleted")
                raise typer.Exit(1)
    finally:
        ledger.close()
    begin_anew(data)
    clear_data(data)
    ledger = open_ledger(settings, served.domain)
    try:
        note = HumanRecord("command line", "clear", "data", counts)
        ledger.append([note], at=to_micros(utc_now()))
    finally:
        ledger.close()
    output.result({"cleared": data, **counts}, lambda: output.line(f"cleared {data}"))


def _settings(data: Path | None) -> ServeSettings:
    from lagmark.wiring.configuration import load_serve_settings

    settings = load_serve_settings({"data": data})
    if not settings.data.is_dir():
        raise ConfigError("no such directory", where=str(settings.data), hint="give --data DIR")
    return settings
