"""``lagmark replay``: the online engine over a file, held against the backfill."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lagmark.apps.cli.options import (
    DomainOption,
    EventsOption,
    FeatureSetOption,
    JsonOption,
    examples,
    find_domain,
    find_feature_set,
)
from lagmark.apps.cli.output import Output
from lagmark.apps.cli.reading import compute, read, reading_line, reads_labels
from lagmark.apps.cli.sending import send
from lagmark.apps.jobs.parity import Differences, compare
from lagmark.errors import ParityError

if TYPE_CHECKING:
    from lagmark.features import FeatureSet
    from lagmark.schema.events import EventBatch

__all__ = ["register"]

_CHUNK = 50_000


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "replay",
        epilog=examples(
            "lagmark replay --domain handbook --events payments.parquet --check",
            "lagmark replay -d handbook -e payments.parquet -f published --days 7 --single",
            "lagmark replay -d handbook -e payments.parquet --to http://127.0.0.1:8000 "
            "--speed 86400",
        ),
    )(_replay)


def _replay(
    domain: DomainOption,
    events: EventsOption,
    feature_set: FeatureSetOption = "default",
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 7 if a single bit differs.")
    ] = False,
    days: Annotated[
        int | None,
        typer.Option("--days", min=1, help="Only the first days of arrivals. Default: the file."),
    ] = None,
    single: Annotated[
        bool,
        typer.Option(
            "--single",
            help="Hand events over one call at a time, as a server gets them; slower.",
        ),
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="URL", help="Send the events and their labels to this service instead."
        ),
    ] = None,
    key: Annotated[
        str,
        typer.Option(
            "--key", envvar="LAGMARK_KEY", help="API key with the scopes decide and label."
        ),
    ] = "",
    speed: Annotated[
        float | None,
        typer.Option(
            "--speed",
            min=0.001,
            help="Seconds of history in a second, for --to. Default: as fast as it answers.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Recompute the features event by event online and count where the backfill differs.

    The online engine takes the events in the order of their arrival and each label when it
    becomes known, as in service. parity_differences counts the values that are not the same
    64 bits as in the backfill; it is 0, or there is a defect.

    With --to, a running service gets the events in the order of their arrival, and each label
    when it becomes known, at the speed of --speed.
    """
    from lagmark.features import OnlineEngine

    output = Output(json)
    chosen = find_domain(domain)
    if to is not None:
        found = read(output, events, chosen)
        batch = found.batch if days is None else _first_days(found.batch, days)
        send(output, batch, chosen, url=to, key=key, speed=speed)
        return
    features = find_feature_set(chosen, feature_set)
    found = read(output, events, chosen, require_labels=reads_labels(features))
    batch = found.batch if days is None else _first_days(found.batch, days)
    count = len(batch)
    expected = compute(output, features, batch)[0].matrix
    with output.progress("preparing the kernels (the first run compiles them)", ""):
        OnlineEngine(features, recall=0).process_batch(_first_rows(batch, 1))
    with output.progress("replaying online") as advance:
        parity, seconds = (_singly if single else _chunks)(features, batch, expected, advance)
    first = parity.first
    payload = {
        "domain": chosen.name,
        "feature_set": features.name,
        "contract": features.contract.hash,
        "events": count,
        "features": len(features.names),
        "parity_differences": parity.differences,
        "first_difference": first.as_dict("online", "backfill") if first else None,
        "events_per_second": round(count / seconds),
        "seconds": round(seconds, 3),
        "single": single,
        "dead": found.report.dead,
    }

    def render() -> None:
        output.line(reading_line(found, None))
        if days is not None:
            output.line(f"the first {days} days: {count:,} events")
        output.line(
            f"{count:,} events x {len(features.names)} features of set {features.name}, "
            f"contract {features.contract.hash[:12]}"
        )
        how = "one call per event" if single else "in batches"
        output.line(f"online, {how}: {count / seconds:,.0f} events/s")
        output.line(f"parity_differences: {parity.differences}")
        if first:
            output.line(f"first difference: {first.text('online', 'backfill')}")

    output.result(payload, render)
    if check and first:
        output.fail(
            ParityError(
                parity.text("online", "backfill"),
                where=str(events),
                hint="this is a defect of Lagmark or of an aggregation of your own: report it",
            )
        )


def _first_days(batch: EventBatch, days: int) -> EventBatch:
    from lagmark.schema.time import DAY

    arrived = batch.events["ingest_time"]
    end = int(arrived.item(0)) + days * DAY
    return _first_rows(batch, int(arrived.search_sorted(end, side="left")))


def _first_rows(batch: EventBatch, count: int) -> EventBatch:
    import polars as pl

    from lagmark.schema.events import EventBatch as Batch

    return Batch(batch.events.head(count), batch.labels.filter(pl.col("row") < count))


def _chunks(
    features: FeatureSet, batch: EventBatch, expected: Any, advance: Callable[[int, int], None]
) -> tuple[Differences, float]:
    """Differences, and the seconds that the engine took."""
    from lagmark.features import OnlineEngine
    from lagmark.schema.events import EventBatch as Batch

    engine = OnlineEngine(features, recall=0)
    labels = batch.labels.sort("row", maintain_order=True)
    rows = labels["row"]
    total, parity, seconds = len(batch), Differences(), 0.0
    for start in range(0, total, _CHUNK):
        end = min(start + _CHUNK, total)
        low, high = (int(rows.search_sorted(at, side="left")) for at in (start, end))
        own = labels.slice(low, high - low)
        part = Batch(
            batch.events.slice(start, end - start),
            own.with_columns(row=own["row"] - start).sort("known_at", maintain_order=True),
        )
        began = time.perf_counter()
        matrix = engine.process_batch(part)
        seconds += time.perf_counter() - began
        ids = part.events["event_id"]
        parity = parity.then(compare(matrix, expected[start:end], features.names, ids, start=start))
        advance(end, total)
    return parity, seconds


def _singly(
    features: FeatureSet, batch: EventBatch, expected: Any, advance: Callable[[int, int], None]
) -> tuple[Differences, float]:
    """The same by one call per event; making the records is not counted."""
    from lagmark.features import OnlineEngine
    from lagmark.schema.events import Event, Label

    engine = OnlineEngine(features, recall=0)
    names = [name for name in batch.events.columns if not name.startswith(("event_", "ingest_"))]
    labels = batch.labels.sort("row", maintain_order=True).iter_rows(named=True)
    label = next(labels, None)
    total, parity, seconds = len(batch), Differences(), 0.0
    for row, record in enumerate(batch.events.iter_rows(named=True)):
        event_id = record["event_id"]
        values = {name: record[name] for name in names}
        event = Event(event_id, record["event_time"], record["ingest_time"], values)
        began = time.perf_counter()
        vector = engine.process(event)
        seconds += time.perf_counter() - began
        while label is not None and label["row"] == row:
            engine.label(Label(event_id, label["known_at"], label["fraud"], label["source"]))
            label = next(labels, None)
        one = expected[row : row + 1]
        parity = parity.then(compare(vector[None], one, features.names, [event_id], start=row))
        if row % 1_000 == 999 or row + 1 == total:
            advance(row + 1, total)
    return parity, seconds
