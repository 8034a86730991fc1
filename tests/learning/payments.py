"""Small random streams of payments with late, revised and missing labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from lagmark.schema.events import EventBatch
from lagmark.schema.time import DAY


@dataclass(frozen=True)
class Matrix:
    names: tuple[str, ...]
    matrix: np.ndarray


def payments(
    rng: np.random.Generator, n: int = 400, days: int = 20, subjects: int = 30
) -> tuple[EventBatch, Matrix]:
    ingest = np.sort(rng.integers(0, days * DAY, n))
    late = np.where(rng.random(n) < 0.2, rng.integers(0, 3 * DAY, n), 0)
    X = rng.normal(size=(n, 4))
    X[rng.random((n, 4)) < 0.05] = np.nan
    fraud = np.nan_to_num(X[:, 0]) + rng.normal(size=n) > 1.5
    customer = pl.Series(rng.integers(0, subjects, n)).cast(pl.Int64)
    events = pl.DataFrame(
        {
            "event_id": np.arange(n) * 7 + 3,
            "event_time": ingest - late,
            "ingest_time": ingest,
            "customer": pl.select(
                pl.when(pl.Series(rng.random(n) < 0.03)).then(None).otherwise(customer)
            ).to_series(),
            "amount": rng.integers(100, 50_000, n),
        }
    )
    row = np.concatenate([np.flatnonzero(rng.random(n) < 0.95), rng.integers(0, n, n // 5)])
    known = ingest[row] + rng.integers(0, 9 * DAY, row.shape[0])
    verdict = fraud[row] ^ (rng.random(row.shape[0]) < 0.05)
    labels = pl.DataFrame(
        {"row": row, "known_at": known, "fraud": verdict, "source": ["dataset"] * row.shape[0]}
    ).sort("known_at", maintain_order=True)
    return EventBatch(events, labels), Matrix(("a", "b", "c", "d"), X)


def learnable(
    rng: np.random.Generator, n: int = 3000, days: int = 20, subjects: int = 200
) -> tuple[EventBatch, Matrix]:
    """Payments whose every label is known two days later, with about one fraud in eight."""
    batch, vectors = payments(rng, n, days, subjects)
    fraud = np.nan_to_num(vectors.matrix[:, 0]) + rng.normal(size=n) > 1.6
    known = batch.events["ingest_time"].to_numpy() + 2 * DAY
    labels = pl.DataFrame(
        {"row": np.arange(n), "known_at": known, "fraud": fraud, "source": ["dataset"] * n}
    )
    return EventBatch(batch.events, labels), vectors
