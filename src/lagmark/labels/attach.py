"""Label messages joined to the events they speak of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.errors import DataError

if TYPE_CHECKING:
    import polars as pl

    from lagmark.schema.events import EventBatch

__all__ = ["attach", "pending"]


def attach(events: pl.DataFrame, labels: pl.DataFrame) -> EventBatch:
    """Events with the label messages that speak of them.

    Messages of events that are not there (yet) are left out of the batch; :func:`pending` gives
    them, and the store keeps them.

    Parameters
    ----------
    events
        Validated events as in :class:`lagmark.schema.events.EventBatch`.
    labels
        Messages in the order of the store, all of them or what a store reads ``as_of``.

    Returns
    -------
    EventBatch
        The events as they are, and one row of ``labels`` per message, ordered by (known_at,
        position in the store), so that the latest word of an event stands last.

    Raises
    ------
    DataError
        If ids of events and messages are not of one type, or an event id stands twice.

    Examples
    --------
    >>> import polars as pl
    >>> events = pl.DataFrame({"event_id": [7, 8], "event_time": [0, 1], "ingest_time": [0, 1]})
    >>> said = pl.DataFrame(
    ...     {"event_id": [8, 9], "known_at": [5, 6], "fraud": [True, True], "source": ["a", "b"]}
    ... )
    >>> attach(events, said).labels.rows(), pending(events, said)["event_id"].to_list()
    ([(1, 5, True, 'a')], [9])
    """
    import polars as pl

    from lagmark.schema.events import EventBatch

    rows = _rows(events, labels)
    joined = labels.join(rows, on="event_id", how="inner", maintain_order="left")
    return EventBatch(
        events,
        joined.sort("known_at", maintain_order=True).select(
            pl.col("row"), pl.col("known_at"), pl.col("fraud"), pl.col("source")
        ),
    )


def pending(events: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Messages of events that are not there, in the order of the store.

    Parameters and errors as for :func:`attach`.
    """
    rows = _rows(events, labels)
    return labels.join(rows, on="event_id", how="anti", maintain_order="left")


def _rows(events: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Row by id of the events that the messages speak of."""
    import polars as pl

    ours, theirs = events.schema["event_id"], labels.schema["event_id"]
    if ours != theirs:
        raise DataError(
            f"ids of events are {ours}, those of the labels {theirs}",
            where="event_id",
            hint="import the labels with the domain of the events",
        )
    if events["event_id"].n_unique() != events.height:
        raise DataError(
            "an event id stands twice",
            where="event_id",
            hint="read events by lagmark.sources.read_events, which keeps the first",
        )
    # Only those: a join with the labels, which are few, would first index every event.
    rows = events.select("event_id", pl.int_range(pl.len(), dtype=pl.Int64).alias("row"))
    return rows.filter(pl.col("event_id").is_in(labels["event_id"].unique().implode()))
