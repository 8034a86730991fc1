"""Where history lies for training and backfill: events by the day they happened on."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lagmark.schema.events import EventBatch

__all__ = ["OfflineStore"]


class OfflineStore(Protocol):
    """Events and their labels, partitioned by the UTC day of the event.

    Ordering: what is read is in arrival order, (ingest_time, position in the batch written), with
    labels by (known_at, event). Writing one batch and reading it whole gives equal frames.
    Repetition: a day is replaced as a whole, so writing the same batch twice is writing it once;
    a batch is therefore the whole truth about each day it is written for. Absence: a day that
    was never written has no events, which is no error in a range; a store without any day in the
    range raises ``DataError``. Expiry: none, days stay until they are replaced. Failure: each day
    is replaced whole or not at all; a write of several days that dies leaves some days new and the
    others as they were, and running it again completes it. A partition that cannot be read raises
    ``StateError``, it is never skipped.
    """

    def write(self, batch: EventBatch) -> tuple[date, ...]:
        """Replace every day that the batch has events of; the days, ascending."""
        ...

    def ingest_day(self, batch: EventBatch, day: date) -> int:
        """Replace one day by the batch's events of it, leaving all others; number of events.

        Raises
        ------
        DataError
            If the batch has no event of that day.
        """
        ...

    def days(self) -> tuple[date, ...]:
        """Days that were written, ascending."""
        ...

    def read(self, first: date | None = None, last: date | None = None) -> EventBatch:
        """Events of the days from ``first`` to ``last``, both included; all when ``None``.

        Raises
        ------
        DataError
            If the store has no day in the range.
        StateError
            If a partition cannot be read.
        """
        ...
