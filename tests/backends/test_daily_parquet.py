"""Daily partitions: what was written is what is read, in its order, whenever a write dies."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagmark.atomic import replacing
from lagmark.backends.daily_parquet import DailyParquet
from lagmark.errors import DataError, StateError
from lagmark.schema.events import EventBatch
from lagmark.schema.time import DAY, HOUR

if TYPE_CHECKING:
    from lagmark.ports.offline_store import OfflineStore

START = date(2024, 3, 1)
NOON = (START - date(1970, 1, 1)).days * DAY + 12 * HOUR


def batch(rows: list[tuple[int, int, list[tuple[int, bool]]]], amount: int = 100) -> EventBatch:
    """Events of (hours after the first noon, hours of lateness, labels of (days, fraud))."""
    order = sorted(range(len(rows)), key=lambda n: rows[n][0] + rows[n][1])
    events = pl.DataFrame(
        {
            "event_id": [f"e{n}" for n in order],
            "event_time": [NOON + rows[n][0] * HOUR for n in order],
            "ingest_time": [NOON + (rows[n][0] + rows[n][1]) * HOUR for n in order],
            "customer": [n % 3 for n in order],
            "amount": [amount + n for n in order],
        },
        schema_overrides={"event_id": pl.String},
    )
    labels = pl.DataFrame(
        [
            (row, NOON + rows[n][0] * HOUR + days * DAY, fraud, "dataset")
            for row, n in enumerate(order)
            for days, fraud in rows[n][2]
        ],
        schema={"row": pl.Int64, "known_at": pl.Int64, "fraud": pl.Boolean, "source": pl.String},
        orient="row",
    )
    return EventBatch(events, labels.sort("known_at", "row", maintain_order=True))


WEEK = batch([(hour, 0, [(7, hour % 5 == 0)]) for hour in range(0, 168, 5)])


def same(left: EventBatch, right: EventBatch) -> bool:
    return left.events.equals(right.events) and left.labels.equals(right.labels)


@pytest.fixture
def store(tmp_path: Path) -> OfflineStore:
    return DailyParquet(tmp_path / "store")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 96),
            st.integers(0, 60),
            st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=2),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_content_and_order_come_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, list[tuple[int, bool]]]]
) -> None:
    written = batch(rows)
    store = DailyParquet(tmp_path_factory.mktemp("store"))
    store.write(written)
    found = store.read()
    assert same(found, written)
    assert found.events.schema == written.events.schema
    assert found.labels.schema == written.labels.schema


def test_layout_and_days(tmp_path: Path) -> None:
    store = DailyParquet(tmp_path)
    assert store.days() == ()
    days = store.write(WEEK)
    assert days == tuple(START + timedelta(days=n) for n in range(8))
    assert store.days() == days
    assert (tmp_path / "day=2024-03-01" / "part-0.parquet").is_file()


def test_range_of_days(store: OfflineStore) -> None:
    store.write(WEEK)
    first, last = START + timedelta(days=2), START + timedelta(days=3)
    found = store.read(first, last)
    low = NOON - 12 * HOUR + 2 * DAY
    inside = pl.col("event_time").is_between(low, low + 2 * DAY, closed="left")
    assert found.events.equals(WEEK.events.filter(inside))
    assert found.labels["row"].to_list() == list(range(len(found)))
    assert store.read(first).events.height > store.read(first, last).events.height
    with pytest.raises(DataError, match="no events from 2030-01-01"):
        store.read(date(2030, 1, 1))


def test_writing_twice_is_writing_once(store: OfflineStore) -> None:
    store.write(WEEK)
    store.write(WEEK)
    assert same(store.read(), WEEK)


def test_one_day_is_replaced_and_no_other(store: OfflineStore) -> None:
    store.write(WEEK)
    again = batch([(0, 0, []), (30, 0, [])], amount=999)
    assert store.ingest_day(again, START) == 1
    found = store.read()
    assert found.events["amount"].to_list()[0] == 999
    assert found.events.filter(pl.col("event_time") >= NOON + 12 * HOUR).equals(
        WEEK.events.filter(pl.col("event_time") >= NOON + 12 * HOUR)
    )
    with pytest.raises(DataError, match="no event of 2024-04-01"):
        store.ingest_day(again, date(2024, 4, 1))


def test_write_that_dies_leaves_whole_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DailyParquet(tmp_path)
    store.write(WEEK)
    calls = iter(range(100))
    real = pl.DataFrame.write_parquet

    def dies_on_the_third(frame: pl.DataFrame, path: Path) -> None:
        real(frame, path)
        if next(calls) == 2:
            path.write_bytes(path.read_bytes()[:20])
            raise KeyboardInterrupt

    changed = EventBatch(WEEK.events.with_columns(pl.col("amount") + 1), WEEK.labels)
    with monkeypatch.context() as patch:
        patch.setattr(pl.DataFrame, "write_parquet", dies_on_the_third)
        with pytest.raises(KeyboardInterrupt):
            store.write(changed)
    half = store.read().events
    assert half["event_id"].equals(WEEK.events["event_id"])
    new = (half["amount"] - WEEK.events["amount"]).to_list()
    assert new == sorted(new, reverse=True)
    assert set(new) == {0, 1}
    assert not list(tmp_path.rglob("*.tmp"))
    store.write(changed)
    assert same(store.read(), changed)


def test_broken_partition_is_refused_not_skipped(tmp_path: Path) -> None:
    store = DailyParquet(tmp_path)
    store.write(WEEK)
    path = tmp_path / "day=2024-03-02" / "part-0.parquet"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(StateError, match="cannot be read") as caught:
        store.read()
    assert caught.value.where == str(path)
    store.ingest_day(WEEK, date(2024, 3, 2))
    assert same(store.read(), WEEK)


def test_days_of_different_columns_are_refused(tmp_path: Path) -> None:
    store = DailyParquet(tmp_path)
    store.write(WEEK)
    store.ingest_day(EventBatch(WEEK.events.drop("customer"), WEEK.labels), START)
    with pytest.raises(StateError, match="columns differ"):
        store.read()


def test_replacing_keeps_the_old_file_on_failure(tmp_path: Path) -> None:
    path = tmp_path / "f.txt"
    path.write_text("old")

    def fails() -> None:
        with replacing(path) as draft:
            draft.write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
