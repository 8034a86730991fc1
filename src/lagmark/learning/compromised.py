"""Subjects already known to be compromised, whom nobody needs to find again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.labels import labels_known
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.schema.events import EventBatch

__all__ = ["remove_known_compromised"]


def remove_known_compromised(
    batch: EventBatch,
    *,
    subject: str,
    start: int,
    end: int,
    since: int,
    delay: int = 0,
    period: int = DAY,
) -> NDArray[np.bool_]:
    """Rows of a test range that stay once known compromised subjects are left out.

    The range is walked in periods. A row of the period that begins at ``D`` is left out if its
    subject has an event with ``since <= event_time <= D - delay`` whose label known at ``D`` is
    fraud. With periods of a day, a fixed delay and ``since`` at the start of training this is the
    protocol of the Fraud Detection Handbook (chapter 5, ``get_train_test_set``), except
    that it is stated by what was known when, so that it also holds for labels of uneven delay.

    Parameters
    ----------
    batch
        Events with labels.
    subject
        Event column of the investigated entity; rows without one always stay.
    start, end
        Half-open test range of event times, microseconds since 1970 UTC.
    since
        Earliest event time of a fraud that counts.
    delay
        Age in microseconds that a label must have to be used.
    period
        Length in microseconds of one step.

    Returns
    -------
    bool array, shape (n,)
        True for rows that stay; rows outside the range all do.
    """
    time = batch.events["event_time"].to_numpy()
    entity = batch.events[subject]
    keep = np.ones(len(batch), dtype=np.bool_)
    for begin in range(start, end, period):
        fraud, _ = labels_known(batch, begin)
        guilty = (fraud == 1) & (time >= since) & (time <= begin - delay)
        known = entity.filter(guilty).drop_nulls().unique()
        rows = np.flatnonzero((time >= begin) & (time < min(begin + period, end)))
        keep[rows] = ~entity[rows].is_in(known.implode()).fill_null(False).to_numpy()
    return keep
