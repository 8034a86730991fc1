"""The handbook's published single week: its rows, from the real file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from lagmark.apps.jobs.examples import examples_to_learn, examples_to_test
from lagmark.domains.registry import get_domain
from lagmark.learning import temporal_split
from lagmark.schema.contract import Contract
from lagmark.schema.events import EventBatch
from lagmark.schema.time import DAY, parse_instant, to_micros

if TYPE_CHECKING:
    from pathlib import Path


class NoFeatures:
    names = ("nothing",)
    contract = Contract("none", names, ("float64",), "none")

    def __init__(self, rows: int) -> None:
        self.matrix = np.zeros((rows, 1))


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
            "amount": (raw["TX_AMOUNT"] * 100).round().cast(pl.Int64),
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
    batch, domain = EventBatch(events, labels), get_domain("handbook")
    vectors = NoFeatures(raw.height)
    train = examples_to_learn(fold, domain, batch, vectors)
    test = examples_to_test(fold, domain, batch, vectors, compromised_days=7)
    assert (len(train), train.frauds) == (67_240, 598)
    assert (len(test), test.frauds) == (58_264, 385)
