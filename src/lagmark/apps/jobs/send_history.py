"""Job: history sent to a running service, each event and label when it is due."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from time import sleep
from typing import TYPE_CHECKING, Any

from lagmark.apps.bench.bodies import bodies_of
from lagmark.client import Refused
from lagmark.clock import stopwatch
from lagmark.schema.time import from_micros

if TYPE_CHECKING:
    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.client import Client
    from lagmark.domains.domain import Domain
    from lagmark.schema.events import EventBatch

__all__ = ["Sent", "send_history", "tell_labels"]

_TOGETHER = 500
"""Events in a request, at most."""


@dataclass(slots=True)
class Sent:
    """What a service answered to history.

    Parameters
    ----------
    events
        Events that it decided on.
    refused
        Events that it refused.
    labels
        Labels that it was told.
    actions, fallbacks
        Decisions by action, and those that rules made by why.
    caught, frauds
        Known frauds that were stepped up, reviewed or blocked, and all known frauds.
    alerts
        Decisions that were not to allow.
    seconds
        Duration.
    """

    events: int = 0
    refused: int = 0
    labels: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    fallbacks: Counter[str] = field(default_factory=Counter)
    caught: int = 0
    frauds: int = 0
    alerts: int = 0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            "events": self.events,
            "refused": self.refused,
            "labels": self.labels,
            "actions": dict(sorted(self.actions.items())),
            "fallbacks": dict(sorted(self.fallbacks.items())),
            "alerts": self.alerts,
            "frauds": self.frauds,
            "caught": self.caught,
            "events_per_second": round(self.events / self.seconds) if self.seconds else None,
            "seconds": round(self.seconds, 3),
        }


def send_history(
    client: Client,
    batch: EventBatch,
    domain: Domain,
    *,
    reporter: Reporter,
    speed: float | None = None,
) -> Sent:
    """Events in the order of their arrival, and each label once it is known.

    Labels that become known after the last event are not sent: nobody knows them yet.

    Parameters
    ----------
    client
        The service.
    batch
        Events with the labels that came for them.
    domain
        What they are.
    reporter
        Told about progress.
    speed
        Seconds of history in a second; as fast as the service answers when ``None``.

    Raises
    ------
    UnavailableError
        If the service does not answer.
    """
    import msgspec
    import numpy as np

    bodies = bodies_of(batch, domain)
    arrived = batch.events["ingest_time"].to_numpy()
    known = batch.labels["known_at"].to_numpy()
    labels = batch.labels.select("row", "fraud").rows()
    flagged = np.zeros(len(bodies), dtype=np.bool_)
    fraud = np.zeros(len(bodies), dtype=np.bool_)
    sent = Sent()
    begun, told, start = stopwatch(), 0, 0
    with reporter.progress("Send history", "events") as tell:
        while start < len(bodies):
            end = min(len(bodies), start + _TOGETHER)
            if speed is not None:
                # What is due together goes together; what is not yet due waits.
                due = begun + (arrived[start] - arrived[0]) / (1e6 * speed)
                if due > stopwatch():
                    sleep(due - stopwatch())
                now = arrived[0] + (stopwatch() - begun) * 1e6 * speed
                end = min(end, max(start + 1, int(np.searchsorted(arrived, now, side="right"))))
            until = int(np.searchsorted(known, arrived[end - 1], side="right"))
            events = [msgspec.json.decode(body) for body in bodies[start:end]]
            tell_labels(client, batch, told, until)
            for row, verdict in labels[told:until]:
                fraud[row] = verdict
            sent.labels += until - told
            told = until
            for i, answer in enumerate(client.decide_many(events), start):
                if isinstance(answer, Refused):
                    sent.refused += 1
                    continue
                sent.events += 1
                sent.actions[answer.action.value] += 1
                flagged[i] = answer.action.value != "allow"
                if answer.fallback:
                    sent.fallbacks[answer.fallback] += 1
            start = end
            tell(end, len(bodies))
    sent.seconds = stopwatch() - begun
    sent.alerts = int(flagged.sum())
    sent.frauds = int(fraud.sum())
    sent.caught = int((fraud & flagged).sum())
    return sent


def tell_labels(client: Client, batch: EventBatch, first: int, last: int) -> None:
    """Send labels of a batch; each waits in the service for its event and for its time.

    Parameters
    ----------
    client
        The service.
    batch
        Events and labels.
    first, last
        Half-open range of the labels, in the order in which they became known.

    Raises
    ------
    UnavailableError
        If the service does not answer.
    """
    ids = batch.events["event_id"]
    for start in range(first, last, _TOGETHER):
        part = batch.labels.slice(start, min(last, start + _TOGETHER) - start)
        client.labels(
            [
                {
                    "event_id": ids[row],
                    "known_at": from_micros(known_at),
                    "fraud": fraud,
                    "source": source,
                }
                for row, known_at, fraud, source in part.select(
                    "row", "known_at", "fraud", "source"
                ).iter_rows()
            ]
        )
