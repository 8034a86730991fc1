"""The handbook's published single week: its rows, from the real file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from lagmark.learning import fold_data, temporal_split
from lagmark.schema.events import EventBatch
from lagmark.schema.time import DAY, parse_instant, to_micros

from .payments import Matrix

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.data
def test_the_published_week_has_the_published_rows(real_data: Path) -> None:
    raw = pl.read_parquet(real_data / "handbook_raw.parquet").sort("TX_DATETIME", "TRANSACTION_ID")
    time = raw["TX_DATETIME"].dt.epoch("us")
    events = pl.DataFrame(
        {
            "event_id": raw["TRANSACTION_ID"],
            "event_time": time,
            "ingest_time": time,
            "customer": raw["CUSTOMER_ID"].cast(pl.Int64),
        }
    )
    labels = pl.DataFrame(
        {
            "row": np.arange(raw.height),
            "known_at": time + 7 * DAY,
            "fraud": raw["TX_FRAUD"] == 1,
            "source": ["dataset"] * raw.height,
        }
    )
    week = to_micros(parse_instant("2018-08-08"))
    fold = temporal_split(test_start=week, test_end=week + 7 * DAY, train=7 * DAY, delay=7 * DAY)
    data = fold_data(
        fold,
        EventBatch(events, labels),
        Matrix(("nothing",), np.zeros((raw.height, 1))),
        judged_at=fold.test_end + 7 * DAY,
        contract_hash="none",
        subject="customer",
    )
    assert (len(data.train), data.train.frauds) == (67_240, 598)
    assert (len(data.test), data.test.frauds) == (58_264, 385)
