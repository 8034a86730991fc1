"""The labels of a batch as they stood at an instant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.schema.events import EventBatch

__all__ = ["NEVER", "UNKNOWN", "labels_known"]

UNKNOWN = -1
"""Verdict of an event of which nothing was known."""

NEVER = int(np.iinfo(np.int64).max)
"""The ``known_at`` that goes with :data:`UNKNOWN`."""


def labels_known(batch: EventBatch, as_of: int) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Latest label of every event among those known at an instant.

    The rule of :func:`lagmark.labels.latest_word`, on the labels of a batch.

    Parameters
    ----------
    batch
        Events and labels; of several labels of one event with the same ``known_at`` the one
        that stands later counts.
    as_of
        Microseconds since 1970 UTC. Neither a label with a later ``known_at`` nor an event with a
        later ``ingest_time`` exists yet.

    Returns
    -------
    fraud : int8 array, shape (n,)
        1 fraud, 0 genuine, :data:`UNKNOWN` where no label was known.
    known_at : int64 array, shape (n,)
        When that label reached us, :data:`NEVER` where none was known.

    Examples
    --------
    >>> import polars as pl
    >>> from lagmark.schema.events import EventBatch
    >>> events = pl.DataFrame({"event_id": [1, 2], "event_time": [0, 5], "ingest_time": [0, 5]})
    >>> labels = pl.DataFrame(
    ...     {"row": [0, 0], "known_at": [10, 20], "fraud": [True, False], "source": ["a", "b"]}
    ... )
    >>> batch = EventBatch(events, labels)
    >>> labels_known(batch, 15)[0].tolist(), labels_known(batch, 20)[0].tolist()
    ([1, -1], [0, -1])
    """
    fraud = np.full(len(batch), UNKNOWN, dtype=np.int8)
    known_at = np.full(len(batch), NEVER, dtype=np.int64)
    row = batch.labels["row"].to_numpy()
    when = batch.labels["known_at"].to_numpy()
    ingested = batch.events["ingest_time"].to_numpy()
    seen = np.flatnonzero((when <= as_of) & (ingested[row] <= as_of))
    # Labels are ordered by known_at, so the highest position of an event is its latest label.
    latest = np.full(len(batch), -1, dtype=np.int64)
    latest[row[seen]] = seen  # of repeated rows the last assignment stays
    found = np.flatnonzero(latest >= 0)
    picked = latest[found]
    fraud[found] = batch.labels["fraud"].to_numpy()[picked]
    known_at[found] = when[picked]
    return fraud, known_at
