"""Job: the demonstration's second half, a service that decides on history as it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lagmark.apps.bench.process import ServiceProcess
from lagmark.apps.jobs.send_history import Sent, send_history
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from pathlib import Path

    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.domains.domain import Domain
    from lagmark.schema.events import EventBatch

__all__ = ["Served", "serve_history"]

REPLAY_DAYS = 14
"""Days of history that are sent: long enough for labels of the first week to come in."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the service did.

    Parameters
    ----------
    sent
        What it answered.
    url
        Where it listens.
    first_start, second_start
        Seconds until it was ready: with nothing on record, and with all of history.
    remembered
        Whether the second start gave the first one's answer to an event that was sent again.
    """

    sent: Sent
    url: str
    first_start: float
    second_start: float
    remembered: bool

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            **self.sent.as_dict(),
            "first_start_seconds": round(self.first_start, 2),
            "second_start_seconds": round(self.second_start, 2),
            "remembered": self.remembered,
        }


def serve_history(
    data: Path, batch: EventBatch, domain: Domain, *, reporter: Reporter, port: int = 0
) -> tuple[Served, ServiceProcess]:
    """Start a service, send it the last days of history, stop it and start it again.

    Parameters
    ----------
    data
        Its data directory, with a champion.
    batch
        Events with the labels that came for them.
    domain
        What they are.
    reporter
        Told about progress.
    port
        Where it listens; any free one when 0.

    Returns
    -------
    served, service
        What it did, and the running service, which the caller stops.
    """
    import msgspec

    from lagmark.apps.bench.bodies import bodies_of
    from lagmark.client import Client

    recent = _last_days(batch, REPLAY_DAYS)
    again = msgspec.json.decode(bodies_of(_first(recent, 1), domain)[0])
    service = ServiceProcess(data, port=port)
    with reporter.progress("Start the service", ""):
        service.start()
    first_start = service.seconds_to_ready
    try:
        key = service.key("decide", "label", "read")
        with Client(service.url, key=key, timeout=60.0) as client:
            sent = send_history(client, recent, domain, reporter=reporter)
            answer = client.decide(again)
        with reporter.progress("Stop it and start it again", ""):
            service.stop()
            service.start()
        with Client(service.url, key=key) as client:
            remembered = client.decide(again) == answer
    except BaseException:
        service.stop()
        raise
    return (
        Served(sent, service.url, first_start, service.seconds_to_ready, remembered),
        service,
    )


def _last_days(batch: EventBatch, days: int) -> EventBatch:
    import polars as pl

    from lagmark.schema.events import EventBatch as Batch

    arrived = batch.events["ingest_time"]
    start = int(arrived.search_sorted(int(arrived.item(-1)) - days * DAY, side="right"))
    labels = batch.labels.filter(pl.col("row") >= start).with_columns(pl.col("row") - start)
    return Batch(batch.events.slice(start), labels)


def _first(batch: EventBatch, count: int) -> EventBatch:
    from lagmark.schema.events import EventBatch as Batch

    return Batch(batch.events.head(count), batch.labels.head(0))
