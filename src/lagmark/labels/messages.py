"""Label messages as they are stored: one row is one message that reached us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["COLUMNS", "IDENTITY", "check_messages", "no_messages"]

COLUMNS = ("event_id", "known_at", "said_at", "fraud", "source", "confidence", "reversal")
"""Columns of a message, in their order."""

IDENTITY = ("event_id", "known_at", "source", "fraud", "reversal")
"""What two messages share when they are one message that came twice."""


def check_messages(frame: pl.DataFrame, *, where: str = "labels") -> pl.DataFrame:
    """Messages with exactly the columns and types of the store, or a refusal.

    Parameters
    ----------
    frame
        ``event_id`` (Int64 or String), ``known_at`` and ``said_at`` (Int64 microseconds UTC),
        ``fraud`` and ``reversal`` (Boolean), ``source`` (String), ``confidence`` (Float64); in any
        order, no other columns.
    where
        What the frame is called in an error.

    Returns
    -------
    polars.DataFrame
        The same rows with the columns in the order of :data:`COLUMNS`.

    Raises
    ------
    DataError
        If columns or types differ, a value is absent, a message is known before it was said, or
        a confidence lies outside 0 to 1.
    """
    import polars as pl

    missing = [name for name in COLUMNS if name not in frame.columns]
    extra = [name for name in frame.columns if name not in COLUMNS]
    if missing or extra:
        told = [f"missing {', '.join(missing)}"] if missing else []
        told += [f"unknown {', '.join(extra)}"] if extra else []
        raise DataError(
            f"these are no label messages: {'; '.join(told)}",
            where=where,
            hint=f"the columns are {', '.join(COLUMNS)}",
        )
    frame = frame.select(COLUMNS)
    types = dict(_types(pl.String if frame.schema["event_id"] == pl.String else pl.Int64))
    for name, dtype in frame.schema.items():
        if dtype != types[name]:
            raise DataError(
                f"column {name} is {dtype}",
                where=where,
                hint=f"it must be {'Int64 or String' if name == 'event_id' else types[name]}",
            )
    if frame.height == 0:
        return frame
    bad = frame.select(
        pl.any_horizontal(pl.all().is_null()).alias("a value is absent"),
        (pl.col("said_at") > pl.col("known_at")).alias("it is known before it was said"),
        (~pl.col("confidence").is_between(0.0, 1.0)).alias("its confidence is not from 0 to 1"),
    )
    for what in bad.columns:
        rows = bad[what].fill_null(value=False).arg_true()
        if len(rows):
            raise DataError(
                f"row {rows[0]}: {what} ({len(rows)} of {frame.height} rows)",
                where=where,
                hint="import the file with its dead letters to set such rows apart",
            )
    return frame


def no_messages(*, integer_ids: bool) -> pl.DataFrame:
    """Empty frame of messages whose ids are Int64 or String."""
    import polars as pl

    return pl.DataFrame(schema=_types(pl.Int64 if integer_ids else pl.String))


def _types(ids: type[pl.DataType]) -> dict[str, type[pl.DataType]]:
    import polars as pl

    return {
        "event_id": ids,
        "known_at": pl.Int64,
        "said_at": pl.Int64,
        "fraud": pl.Boolean,
        "source": pl.String,
        "confidence": pl.Float64,
        "reversal": pl.Boolean,
    }
