"""The rule of the latest word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["latest_word"]


def latest_word(frame: pl.DataFrame, as_of: int) -> pl.DataFrame:
    """Message that counts for each event at an instant.

    Among the messages of one event with ``known_at <= as_of`` the one with the greatest
    ``(known_at, position)`` counts: the last to reach us, whoever says it and however sure. An
    analyst's honest verdict followed by a chargeback is fraud; a chargeback that is taken back is
    honest. :func:`lagmark.labels.labels_known` is the same rule on a batch.

    Parameters
    ----------
    frame
        Messages with at least ``event_id`` and ``known_at``, in the order of the store: the row is
        the position.
    as_of
        Microseconds since 1970 UTC.

    Returns
    -------
    polars.DataFrame
        Rows of ``frame``, one per event, by (known_at, position).

    Raises
    ------
    DataError
        If a column is missing.

    Examples
    --------
    >>> import polars as pl
    >>> said = pl.DataFrame(
    ...     {"event_id": [7, 7, 8], "known_at": [1, 5, 9], "fraud": [False, True, True]}
    ... )
    >>> latest_word(said, 6).rows()
    [(7, 5, True)]
    """
    import polars as pl

    for name in ("event_id", "known_at"):
        if name not in frame.columns:
            raise DataError(
                f"column {name} is missing", where="labels", hint="give messages of a label store"
            )
    known = frame.filter(pl.col("known_at") <= as_of).sort("known_at", maintain_order=True)
    return known.unique("event_id", keep="last", maintain_order=True)
