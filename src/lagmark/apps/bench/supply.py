"""Events to send: history as it came, and where that is too short, the same again."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lagmark.errors import DataError
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    import polars as pl

    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.domains.domain import Domain
    from lagmark.schema.events import EventBatch
    from lagmark.wiring import Home

__all__ = ["GENERATED", "Supply", "find_history", "supply"]

GENERATED = "generated payments"
"""Where events come from when there are none."""

_DAYS = 120
"""Days of the daily partitions that are read, the latest."""
_LEAST = 1_000
"""Events without which nothing is measured."""
_WEEK = 7 * DAY


@dataclass(frozen=True, slots=True, eq=False)
class Supply:
    """Events in the order in which they are sent.

    Parameters
    ----------
    batch
        Events and labels.
    warm
        How many of the first only make the state warm.
    genuine
        How many of the first are history itself; those after them are the same events again, by
        other names and at later times.
    moved
        Microseconds by which all of history was moved into the past, so that no copy of it lies in
        the future.
    """

    batch: EventBatch
    warm: int
    genuine: int
    moved: int


def find_history(
    events: Path | None, home: Home, domain: Domain, *, reporter: Reporter
) -> tuple[EventBatch, str]:
    """Events and labels, and where they come from in words.

    Parameters
    ----------
    events
        File or folder; when ``None`` the daily partitions below ``home``, and where there are none
        the handbook's generator.
    home
        Data directory.
    domain
        What is served.
    reporter
        Told about progress.

    Raises
    ------
    DataError
        If there are no events of the domain, or too few.
    """
    batch, origin = _found(events, home, domain, reporter)
    if len(batch) < _LEAST:
        raise DataError(
            f"{len(batch):,} events are too few to measure anything",
            where=origin,
            hint=f"give {_LEAST:,} or more with --events",
        )
    return batch, origin


def _found(
    events: Path | None, home: Home, domain: Domain, reporter: Reporter
) -> tuple[EventBatch, str]:
    from lagmark.sources.events import read_events

    if events is not None:
        with reporter.progress("Read and validate", ""):
            return read_events(events, domain, require_labels=False).batch, str(events)
    days = home.store(domain.name).days() if home.store_path(domain.name).is_dir() else ()
    if days:
        with reporter.progress("Read the daily partitions", ""):
            batch = home.store(domain.name).read(first=days[-_DAYS:][0])
        return batch, str(home.store_path(domain.name))
    if domain.name != "handbook":
        raise DataError(
            f"there are no events of {domain.name!r}",
            where=str(home.path),
            hint="give a file with --events",
        )
    from lagmark.simulator import simulate_handbook

    with reporter.progress("Simulate payments", ""), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "payments.parquet"
        # Customers have as many terminals near them as in the full-size process.
        simulate_handbook(customers=1_000, terminals=2_000, days=60, radius=11.0).write_parquet(
            path
        )
        return read_events(path, domain).batch, GENERATED


def supply(batch: EventBatch, *, warm: int, measured: int, now: int) -> Supply:
    """The latest events of a history, with copies of it after them if it is too short.

    Copies follow in whole weeks, so that hours and weekdays stay what they are.

    Parameters
    ----------
    batch
        History.
    warm
        Events to make the state warm with; at most half of the history.
    measured
        Events to be sent after them.
    now
        The present instant; nothing is dated later.
    """
    import polars as pl

    from lagmark.schema.events import EventBatch as Batch

    size = len(batch)
    warm = min(warm, size // 2)
    start = max(0, size - warm - measured)
    if start:
        labels = batch.labels.filter(pl.col("row") >= start).with_columns(pl.col("row") - start)
        batch = Batch(batch.events.slice(start), labels)
        size -= start
    copies = -(-(warm + measured) // size)
    arrived = batch.events["ingest_time"]
    first, last = int(arrived.item(0)), int(arrived.item(-1))
    span = -(-(last - first + 1) // _WEEK) * _WEEK
    ahead = last + (copies - 1) * span - now
    moved = max(0, -(-ahead // _WEEK) * _WEEK)
    events = [_again(batch.events, n, n * span - moved) for n in range(copies)]
    told = [
        batch.labels.with_columns(pl.col("row") + n * size, pl.col("known_at") + (n * span - moved))
        for n in range(copies)
    ]
    labels = pl.concat(told).sort("known_at", maintain_order=True)
    return Supply(Batch(pl.concat(events), labels), warm, size, moved)


def _again(events: pl.DataFrame, number: int, shift: int) -> pl.DataFrame:
    import polars as pl

    ids = pl.col("event_id")
    if events["event_id"].dtype.is_integer():
        ids = ids + number * (ids.max() - ids.min() + 1)
    elif number:
        ids = pl.format("{}~{}", ids, pl.lit(number))
    return events.with_columns(
        ids.alias("event_id"), pl.col("event_time") + shift, pl.col("ingest_time") + shift
    )
