"""``lagmark labels import``, ``show`` and ``stats``: the store of everything said of an event."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lagmark.apps.cli.options import (
    JsonOption,
    examples,
    find_domain,
    instant,
    writable,
)
from lagmark.apps.cli.output import Output

if TYPE_CHECKING:
    import polars as pl

    from lagmark.backends.parquet_labels import ParquetLabels
    from lagmark.domains.domain import Domain

__all__ = ["register"]

_HELP = (
    "Keep what analysts, customers and chargebacks say of events, each with the instant it "
    "reached us, and read what was known at any instant."
)
KnownOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="INSTANT",
        help="Only what was known by then: an ISO 8601 date (its midnight, UTC) or instant. "
        "Default: everything that was said.",
    ),
]
StoreArgument = Annotated[
    Path,
    typer.Argument(
        metavar="DIR",
        help="Folder of the label store, or of the history that holds it.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(
        name="labels",
        help=_HELP,
        no_args_is_help=True,
        rich_markup_mode="rich",
        epilog=examples("lagmark labels import --to labels/ --file labels.csv --domain handbook"),
    )
    group.command(
        "import",
        epilog=examples(
            "lagmark labels import --to labels/ --file labels.csv --domain handbook",
            "lagmark labels import --to labels/ --file chargebacks.parquet --source chargeback "
            "--dead-letters bad.jsonl",
        ),
    )(_import)
    group.command("show", epilog=examples("lagmark labels show labels/ --as-of 2018-08-08"))(_show)
    group.command("stats", epilog=examples("lagmark labels stats labels/ --as-of 2018-08-08"))(
        _stats
    )
    app.add_typer(group)


def _import(
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="Folder of the label store, made if absent.")
    ],
    file: Annotated[
        Path,
        typer.Option(
            "--file", metavar="PATH", help="CSV, Parquet or JSON lines file, or a folder of such."
        ),
    ],
    domain: Annotated[
        str | None,
        typer.Option(
            "--domain",
            "-d",
            metavar="NAME",
            help="What the events are, for the type of their ids and the zone of times without "
            "one. Default: ids as the store has them, UTC; an empty store needs it.",
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source", metavar="WHO", help="Who says it, for a file without that column."
        ),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option("--zone", metavar="NAME", help="Zone of times without one, an IANA name."),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            "--events",
            "-e",
            metavar="PATH",
            help="Events that the labels speak of, to refuse labels from before their event and "
            "count those of unknown events. Needs --domain.",
        ),
    ] = None,
    dead_letters: Annotated[
        Path | None,
        typer.Option(
            "--dead-letters",
            metavar="FILE",
            help="JSON lines file for the rows that are no label, each with all its reasons. Not "
            "written when there are none.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Append the labels of a file to a store.

    The file has columns event_id, known_at, fraud and source, and may have said_at, confidence and
    reversal. A label that stands in the store already is counted and not taken again; a row
    that is no label goes to the dead letters. Labels of events that nobody has seen are kept.
    """
    from lagmark.apps.jobs.label_import import import_labels

    output = Output(json)
    writable(to, "--to", folder=True, source=file)
    if dead_letters is not None:
        writable(dead_letters, "--dead-letters", source=file)
    chosen = None if domain is None else find_domain(domain)
    store = _store(to)
    report = import_labels(
        file,
        store,
        integer_ids=_integer_ids(store, chosen),
        zone=zone or (chosen.event_time.zone if chosen is not None else "UTC"),
        source=source,
        events=None if events is None else _events(output, events, chosen),
        dead_letters=dead_letters,
    )
    written = dead_letters if report.dead else None

    def render() -> None:
        for line in report.lines():
            output.line(line)
        if written is not None:
            output.line(f"dead letters are in {written}")
        elif report.dead:
            output.line("to keep the dead letters, add --dead-letters FILE")

    output.result(report.as_dict() | {"to": to, "dead_letters": written}, render)
    if report.rows == report.dead:
        from lagmark.errors import DataError

        output.fail(DataError("no row is a label", where=str(file), hint="see the reasons above"))


def _show(
    store: StoreArgument,
    as_of: KnownOption = None,
    event: Annotated[
        str | None,
        typer.Option("--event", metavar="ID", help="Everything said of one event, in its order."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="Labels to list.")] = 20,
    json: JsonOption = False,
) -> None:
    """List the latest word on each event, the newest first, or all words on one event."""
    import polars as pl

    from lagmark.labels import latest_word

    output = Output(json)
    moment = instant(as_of)
    messages = _existing(store).read(moment)
    if event is not None:
        found = messages.filter(pl.col("event_id").cast(pl.String) == event)
        found = found.sort("known_at", maintain_order=True)
        rows = found
    else:
        found = latest_word(messages, _newest(messages, moment))
        rows = found.reverse().head(max(limit, 0))
    payload = {
        "store": store,
        "as_of": _written(moment),
        "event": event,
        "labels": found.height,
        "listed": [_record(row) for row in rows.iter_rows(named=True)],
    }

    def render() -> None:
        what = f"words on event {event}" if event is not None else "events with a label"
        output.line(f"{found.height:,} {what}")
        if rows.height:
            headers = ("event", "known at", "said at", "verdict", "source", "confidence")
            output.line()
            output.table(headers, [_line(row) for row in rows.iter_rows(named=True)])

    output.result(payload, render)


def _stats(store: StoreArgument, as_of: KnownOption = None, json: JsonOption = False) -> None:
    """Count what a store holds: messages, events, verdicts, sources, reversals."""
    import polars as pl

    from lagmark.labels import latest_word

    output = Output(json)
    moment = instant(as_of)
    held = _existing(store)
    messages = held.read(moment)
    latest = latest_word(messages, _newest(messages, moment))
    by_source = (
        messages.group_by("source")
        .agg(
            messages=pl.len(),
            frauds=pl.col("fraud").sum(),
            reversals=pl.col("reversal").sum(),
            confidence=pl.col("confidence").mean(),
        )
        .sort("source")
    )
    spans = {"first": messages["known_at"].min(), "last": messages["known_at"].max()}
    payload = {
        "store": store,
        "as_of": _written(moment),
        "segments": len(held.segments()),
        "messages": messages.height,
        "events": latest.height,
        "frauds": int(latest["fraud"].sum()),
        "reversals": int(messages["reversal"].sum()),
        "first_known": _written(spans["first"]),
        "last_known": _written(spans["last"]),
        "sources": by_source.to_dicts(),
    }

    def render() -> None:
        output.line(
            f"{payload['messages']:,} messages of {payload['events']:,} events, "
            f"{payload['frauds']:,} of them fraud by the latest word"
        )
        if messages.height:
            output.line(f"known from {payload['first_known']} to {payload['last_known']}")
            output.line()
            output.table(tuple(by_source.columns), by_source.rows())

    output.result(payload, render)


def _store(folder: Path) -> ParquetLabels:
    from lagmark.backends.parquet_labels import ParquetLabels

    # The folder of a history has its store inside.
    inside = folder / "labels"
    return ParquetLabels(inside if inside.is_dir() else folder)


def _existing(folder: Path) -> ParquetLabels:
    """Store of a folder that must be there: a wrong path is not an empty store."""
    from lagmark.errors import ConfigError

    if not folder.is_dir():
        raise ConfigError("no such folder", where=str(folder), hint="give a label store's folder")
    return _store(folder)


def _integer_ids(store: ParquetLabels, domain: Domain | None) -> bool:
    """Whether ids are whole numbers: as the domain says, or as the store holds them."""
    import polars as pl

    from lagmark.errors import ConfigError

    if domain is not None:
        return domain.integer_id
    segments = store.segments()
    if not segments:
        raise ConfigError(
            "the store is empty, so the type of the ids is not known",
            where="--domain",
            hint="say which domain the events are of",
        )
    return store.read()["event_id"].dtype == pl.Int64


def _events(output: Output, path: Path, domain: Domain | None) -> pl.DataFrame:
    from lagmark.apps.cli.reading import read
    from lagmark.errors import ConfigError

    if domain is None:
        raise ConfigError(
            "events cannot be read without their domain", where="--events", hint="add --domain"
        )
    found = read(output, path, domain, require_labels=False)
    return found.batch.events.select("event_id", "event_time")


def _newest(messages: pl.DataFrame, moment: int | None) -> int:
    newest: Any = messages["known_at"].max()
    return int(newest or 0) if moment is None else moment


def _written(micros: Any) -> str | None:
    from lagmark.schema.time import from_micros

    return None if micros is None else from_micros(micros).isoformat().replace("+00:00", "Z")


def _record(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: _written(row[name]) for name in ("known_at", "said_at")}


def _line(row: dict[str, Any]) -> tuple[object, ...]:
    verdict = ("fraud" if row["fraud"] else "honest") + (" (reversal)" if row["reversal"] else "")
    times = (_written(row[name]) for name in ("known_at", "said_at"))
    return str(row["event_id"]), *times, verdict, row["source"], row["confidence"]
