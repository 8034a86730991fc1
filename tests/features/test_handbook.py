"""The fifteen published features of the Fraud Detection Handbook against a plain computation."""

from __future__ import annotations

import os
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import lagmark.features as lf
from lagmark.schema.events import EventBatch
from lagmark.schema.fields import Field, Kind
from lagmark.schema.time import DAY, SECOND

FIELDS = (
    Field("customer", Kind.ENTITY),
    Field("terminal", Kind.ENTITY),
    Field("amount", Kind.MONEY, decimals=2),
)
DELAY = 7 * DAY
_START = datetime(2018, 4, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATA = Path(
    os.environ.get("LAGMARK_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)

Row = tuple[int, int, int, int, bool]
"""Event time in microseconds, customer, terminal, cents, fraud."""


def published() -> list[Any]:
    features: list[Any] = [
        lf.Is(lf.Between("weekday", 5, 6), name="TX_DURING_WEEKEND"),
        lf.Is(lf.Between("hour", 0, 6), name="TX_DURING_NIGHT"),
    ]
    for days in (1, 7, 30):
        w = f"{days}d"
        features += [
            lf.Count("customer", window=w, name=f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW"),
            lf.Mean(
                "customer", "amount", window=w, name=f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW"
            ),
        ]
    for days in (1, 7, 30):
        w = f"{days}d"
        features += [
            lf.Count("terminal", window=w, delay="7d", name=f"TERMINAL_ID_NB_TX_{days}DAY_WINDOW"),
            lf.FraudRate(
                "terminal", window=w, delay="7d", name=f"TERMINAL_ID_RISK_{days}DAY_WINDOW"
            ),
        ]
    return [*features, lf.Value("amount", name="TX_AMOUNT")]


def batch_of(rows: list[Row]) -> EventBatch:
    times = [r[0] for r in rows]
    events = pl.DataFrame(
        {
            "event_id": pl.Series(range(len(rows)), dtype=pl.Int64),
            "event_time": pl.Series(times, dtype=pl.Int64),
            "ingest_time": pl.Series(times, dtype=pl.Int64),
            "customer": pl.Series([r[1] for r in rows], dtype=pl.Int64),
            "terminal": pl.Series([r[2] for r in rows], dtype=pl.Int64),
            "amount": pl.Series([r[3] for r in rows], dtype=pl.Int64),
        }
    )
    labels = pl.DataFrame(
        {
            "row": pl.Series(range(len(rows)), dtype=pl.Int64),
            "known_at": pl.Series([t + DELAY for t in times], dtype=pl.Int64),
            "fraud": pl.Series([r[4] for r in rows], dtype=pl.Boolean),
            "source": pl.Series(["dataset"] * len(rows), dtype=pl.String),
        }
    )
    return EventBatch(events, labels)


def plainly(rows: list[Row]) -> np.ndarray:
    """The handbook's definitions, entity by entity, earlier rows first."""
    of_customer: dict[int, list[Row]] = defaultdict(list)
    of_terminal: dict[int, list[Row]] = defaultdict(list)
    out = []
    for row in rows:
        t, customer, terminal, cents, _ = row
        of_customer[customer].append(row)
        when = _EPOCH + timedelta(microseconds=t)
        vector = [float(when.weekday() >= 5), float(when.hour <= 6)]
        for days in (1, 7, 30):
            spent = [r[3] for r in of_customer[customer] if t - days * DAY < r[0] <= t]
            vector += [float(len(spent)), sum(spent) / (len(spent) * 100)]
        for days in (1, 7, 30):
            frauds = [
                r[4] for r in of_terminal[terminal] if t - DELAY - days * DAY < r[0] <= t - DELAY
            ]
            vector += [float(len(frauds)), sum(frauds) / len(frauds) if frauds else 0.0]
        of_terminal[terminal].append(row)
        out.append([*vector, cents / 100])
    return np.array(out)


def simulated(seed: int, n: int) -> list[Row]:
    """Rows like the handbook's: whole seconds, a few customers and terminals, 60 days."""
    rng = np.random.default_rng(seed)
    start = (_START - _EPOCH) // timedelta(microseconds=1)
    seconds = np.sort(rng.integers(0, 60 * 86_400, n))
    # Some exactly seven days (and seven plus one, seven, thirty) after another.
    for gap in (1, 7, 8, 14, 30, 37):
        chosen = rng.integers(0, n, n // 40)
        seconds[rng.integers(0, n, n // 40)] = seconds[chosen] + gap * 86_400
    seconds.sort()
    return [
        (
            start + int(s) * SECOND,
            int(rng.integers(12)),
            int(rng.integers(9)),
            int(rng.integers(1, 40_000)),
            bool(rng.random() < 0.1),
        )
        for s in seconds
    ]


def test_fifteen_published_features_on_a_simulated_frame() -> None:
    rows = simulated(5, 1200)
    features = published()
    assert len(features) == 15
    vectors = lf.backfill(lf.FeatureSet("published", FIELDS, features), batch_of(rows))
    wanted = plainly(rows)
    for column, name in enumerate(vectors.names):
        np.testing.assert_array_equal(vectors.matrix[:, column], wanted[:, column], err_msg=name)


@pytest.mark.data
def test_fifteen_published_features_on_the_real_rows() -> None:
    """Whole histories of some customers and of some terminals, against the plain computation."""
    path = _DATA / "handbook_raw.parquet"
    if not path.exists():
        pytest.skip(f"{path.name} is not there: set LAGMARK_DATA to its folder")
    frame = pl.read_parquet(path).sort("TRANSACTION_ID").select(
        pl.col("TX_DATETIME").dt.timestamp("us").alias("t"),
        pl.col("CUSTOMER_ID").cast(pl.Int64).alias("c"),
        pl.col("TERMINAL_ID").cast(pl.Int64).alias("m"),
        (pl.col("TX_AMOUNT") * 100).round().cast(pl.Int64).alias("a"),
        pl.col("TX_FRAUD").cast(pl.Boolean).alias("f"),
    )  # fmt: skip
    rng = np.random.default_rng(6)
    definition = lf.FeatureSet("published", FIELDS, published())
    for column, entities, first, last in (("c", 5_000, 2, 8), ("m", 10_000, 8, 14)):
        chosen = [int(v) for v in rng.choice(entities, 40, replace=False)]
        rows = frame.filter(pl.col(column).is_in(chosen)).rows()
        assert len(rows) > 1_000
        got = lf.backfill(definition, batch_of(rows)).matrix
        wanted = plainly(rows)
        np.testing.assert_array_equal(got[:, first:last], wanted[:, first:last])
        np.testing.assert_array_equal(got[:, :2], wanted[:, :2])
