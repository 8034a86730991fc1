"""When each event was first called fraud, among those that still are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.labels.known import NEVER, labels_known

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.schema.events import EventBatch

__all__ = ["first_fraud", "first_fraud_row"]


def first_fraud(batch: EventBatch, as_of: int, *, source: str | None = None) -> NDArray[np.int64]:
    """First fraud label of each event whose latest word is fraud.

    An event whose fraud was taken back has no fraud label; one that was called honest before it
    was called fraud has one, from the first fraud word on.

    Parameters
    ----------
    batch
        Events and labels.
    as_of
        Microseconds UTC: nothing that arrived or became known later is used.
    source
        Only fraud words of this source; the latest word is still that of all sources.

    Returns
    -------
    int64 array, shape (n,)
        Microseconds UTC, :data:`lagmark.labels.NEVER` where there is none.
    """
    position = first_fraud_row(batch, as_of, source=source)
    when = batch.labels["known_at"].to_numpy()
    found = np.full(len(batch), NEVER, dtype=np.int64)
    there = position >= 0
    found[there] = when[position[there]]
    return found


def first_fraud_row(
    batch: EventBatch, as_of: int, *, source: str | None = None
) -> NDArray[np.int64]:
    """Row of that label in the batch's labels, shape (n,), -1 where there is none.

    Parameters as for :func:`first_fraud`.
    """
    verdict, _ = labels_known(batch, as_of)
    labels = batch.labels
    row, when = labels["row"].to_numpy(), labels["known_at"].to_numpy()
    counts = labels["fraud"].to_numpy() & (when <= as_of) & (verdict[row] == 1)
    if source is not None:
        counts &= (labels["source"] == source).to_numpy()
    found = np.full(len(batch), -1, dtype=np.int64)
    # Labels are ordered by known_at; assigned backwards, the first of an event stays.
    position = np.flatnonzero(counts)[::-1]
    found[row[position]] = position
    return found
