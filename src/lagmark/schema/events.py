"""Events and labels: one typed record each, and their columnar batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Event", "EventBatch", "Label", "Value"]

Value = int | str | bool | None
"""Canonical value of a field: money and quantities are integers, see :class:`Field`."""


class Event(msgspec.Struct, frozen=True):
    """One payment (or other act) to decide on.

    Parameters
    ----------
    event_id
        Unique name; a repeated one is the same event.
    event_time, ingest_time
        When it happened and when we saw it, microseconds since 1970 UTC.
    values
        Canonical values by field name.
    """

    event_id: int | str
    event_time: int
    ingest_time: int
    values: Mapping[str, Value]


class Label(msgspec.Struct, frozen=True):
    """What became known of an event, and when.

    Parameters
    ----------
    event_id
        The event it speaks of.
    known_at
        When it reached us, microseconds since 1970 UTC.
    fraud
        The verdict.
    source
        Who said it: ``"chargeback"``, ``"analyst"``, ``"dataset"``.
    """

    event_id: int | str
    known_at: int
    fraud: bool
    source: str = "dataset"


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Validated events of one domain in arrival order, with the labels that came for them.

    Parameters
    ----------
    events
        One row per event, ordered by (ingest_time, position in the source): the row number is
        the event's sequence number. Columns ``event_id`` (Int64 or String), ``event_time`` and
        ``ingest_time`` (Int64 microseconds UTC), then one column per field of the domain:
        entities Int64 or String, categories String, money and quantities Int64, flags Boolean.
    labels
        Columns ``row`` (Int64, row of ``events``), ``known_at`` (Int64 microseconds UTC),
        ``fraud`` (Boolean), ``source`` (String), ordered by ``known_at``. At most one label of
        an event counts at any instant: the latest known.
    """

    events: pl.DataFrame
    labels: pl.DataFrame

    def __len__(self) -> int:
        return self.events.height
