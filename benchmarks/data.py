"""Rows that the benchmarks run on: the handbook's, real or generated, and a long year."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from lagmark.schema.events import EventBatch
    from lagmark.schema.fields import Field

__all__ = ["DELAY_DAYS", "TABLE", "batch_of", "fields", "long_year", "payments", "read_table"]

DELAY_DAYS = 7
"""A label is known this many days after its payment."""

TABLE = "payments.parquet"
DAY = 86_400_000_000


def payments(events: Path | None, rows: int | None, *, customers: int = 5_000) -> pl.DataFrame:
    """Payments in time order: row, time, customer, terminal, cents, fraud.

    Parameters
    ----------
    events
        Parquet file with the handbook's columns; the built-in generator when ``None``.
    rows
        Only the first so many.
    customers
        How many the generator makes; the published process has 5,000.
    """
    import polars as pl

    from lagmark.simulator.handbook import simulate_handbook

    if events is not None:
        raw = pl.read_parquet(events)
    else:
        raw = simulate_handbook(customers=customers, terminals=2 * customers, seed=0)
    raw = raw.sort("TX_DATETIME", "TRANSACTION_ID").head(rows or raw.height)
    return raw.select(
        row=pl.int_range(pl.len(), dtype=pl.Int64),
        time=pl.col("TX_DATETIME").cast(pl.Datetime("us")),
        customer=pl.col("CUSTOMER_ID").cast(pl.Int64),
        terminal=pl.col("TERMINAL_ID").cast(pl.Int64),
        cents=(pl.col("TX_AMOUNT") * 100).round().cast(pl.Int64),
        fraud=pl.col("TX_FRAUD").cast(pl.Int64),
    )


def long_year(rows: int, *, days: int = 400, customers: int = 5_000) -> pl.DataFrame:
    """The same columns, spread evenly so that a window of a year is full at the end."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(1)
    times = np.sort(rng.integers(0, days * 86_400, rows)) * 1_000_000
    return pl.DataFrame(
        {
            "row": np.arange(rows),
            "time": times.astype("datetime64[us]"),
            "customer": rng.integers(0, customers, rows),
            "terminal": rng.integers(0, 2 * customers, rows),
            "cents": rng.integers(100, 50_000, rows),
            "fraud": (rng.random(rows) < 0.01).astype(np.int64),
        }
    )


def read_table(folder: Path) -> pl.DataFrame:
    """The payments that the parent process left in a folder."""
    import polars as pl

    return pl.read_parquet(folder / TABLE)


def fields() -> tuple[Field, ...]:
    """Fields of these events."""
    from lagmark.schema.fields import Field, Kind

    return (
        Field("customer", Kind.ENTITY, integer=True),
        Field("terminal", Kind.ENTITY, integer=True),
        Field("amount", Kind.MONEY, decimals=2),
    )


def batch_of(table: pl.DataFrame) -> EventBatch:
    """The table as Lagmark's events and labels."""
    import polars as pl

    from lagmark.schema.events import EventBatch

    time: Any = table["time"].cast(pl.Int64)
    events = pl.DataFrame(
        {
            "event_id": table["row"],
            "event_time": time,
            "ingest_time": time,
            "customer": table["customer"],
            "terminal": table["terminal"],
            "amount": table["cents"],
        }
    )
    labels = pl.DataFrame(
        {
            "row": pl.int_range(table.height, eager=True, dtype=pl.Int64),
            "known_at": time + DELAY_DAYS * DAY,
            "fraud": table["fraud"] == 1,
        }
    ).with_columns(source=pl.lit("dataset"))
    return EventBatch(events, labels)
