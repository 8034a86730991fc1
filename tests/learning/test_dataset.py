from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagmark.errors import DataError
from lagmark.learning import Dataset
from lagmark.schema.events import EventBatch
from lagmark.schema.time import DAY

from .payments import Matrix, payments

ROLES = {"contract_hash": "c0ffee", "subject": "customer", "amount": "amount", "amount_scale": 100}


def same_bytes(a: Dataset, b: Dataset) -> bool:
    arrays = ("X", "y", "rows", "event_time", "subject", "amount")
    return a.fingerprint == b.fingerprint and all(
        getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in arrays
    )


@given(seed=st.integers(0, 2**32), day=st.integers(1, 25))
def test_scrambling_what_came_later_changes_no_byte(seed: int, day: int) -> None:
    rng = np.random.default_rng(seed)
    batch, vectors = payments(rng)
    asked = {"as_of": day * DAY, "start": 0, "end": 15 * DAY, "delay": DAY, **ROLES}
    before = Dataset.build(batch, vectors, **asked)
    later = pl.col("ingest_time") > day * DAY
    events = batch.events.with_columns(
        pl.when(later)
        .then(pl.col("event_time") - 6 * DAY)
        .otherwise("event_time")
        .alias("event_time"),
        pl.when(later).then(pl.lit(rng.integers(99))).otherwise("customer").alias("customer"),
        pl.when(later).then(pl.lit(1)).otherwise("amount").alias("amount"),
        pl.when(later).then(pl.col("event_id") + 1).otherwise("event_id").alias("event_id"),
    )
    matrix = vectors.matrix.copy()
    matrix[batch.events.select(later).to_series().to_numpy()] = 77.0
    changed = pl.col("known_at") > day * DAY
    labels = batch.labels.with_columns(
        pl.when(changed).then(~pl.col("fraud")).otherwise("fraud").alias("fraud"),
        pl.when(changed).then(pl.col("known_at") + 1).otherwise("known_at").alias("known_at"),
    )
    after = Dataset.build(EventBatch(events, labels), Matrix(vectors.names, matrix), **asked)
    assert same_bytes(before, after)


@given(seed=st.integers(0, 2**32), delay=st.integers(0, 5))
def test_examples_are_those_of_a_plain_loop(seed: int, delay: int) -> None:
    batch, vectors = payments(np.random.default_rng(seed), n=120)
    as_of, start, end = 12 * DAY, 3 * DAY, 11 * DAY
    data = Dataset.build(
        batch, vectors, as_of=as_of, start=start, end=end, delay=delay * DAY, **ROLES
    )
    expected = []
    for row, event in enumerate(batch.events.iter_rows(named=True)):
        verdict = None
        for label in batch.labels.iter_rows(named=True):
            if label["row"] == row and label["known_at"] <= as_of:
                verdict = label["fraud"]
        time = event["event_time"]
        seen = event["ingest_time"] <= as_of and time <= as_of - delay * DAY
        if start <= time < end and seen and verdict is not None:
            expected.append((row, int(verdict), time, event["amount"], event["customer"]))
    assert [*zip(data.rows, data.y, data.event_time, data.amount, strict=True)] == [
        one[:4] for one in expected
    ]
    assert np.array_equal(data.X, vectors.matrix[data.rows], equal_nan=True)
    customers = [one[4] for one in expected]
    first_seen = list(dict.fromkeys(c for c in customers if c is not None))
    codes = [-1 if c is None else first_seen.index(c) for c in customers]
    assert data.subject is not None
    assert data.subject.tolist() == codes


def test_fingerprint_sees_ids_values_and_labels() -> None:
    batch, vectors = payments(np.random.default_rng(5))
    asked = {"as_of": 30 * DAY, "start": 0, "end": 20 * DAY, **ROLES}
    prints = {Dataset.build(batch, vectors, **asked).fingerprint}
    other = Matrix(vectors.names, np.nextafter(vectors.matrix, 9.0))
    prints.add(Dataset.build(batch, other, **asked).fingerprint)
    ids = batch.events.with_columns(pl.col("event_id") + 1)
    prints.add(Dataset.build(EventBatch(ids, batch.labels), vectors, **asked).fingerprint)
    flipped = batch.labels.with_columns(~pl.col("fraud"))
    prints.add(Dataset.build(EventBatch(batch.events, flipped), vectors, **asked).fingerprint)
    assert len(prints) == 4


def test_vectors_of_another_batch_are_refused() -> None:
    batch, vectors = payments(np.random.default_rng(1))
    short = Matrix(vectors.names, vectors.matrix[1:])
    with pytest.raises(DataError, match="feature matrix has shape"):
        Dataset.build(batch, short, as_of=0, start=0, end=1, contract_hash="")


def test_part_of_a_dataset_has_its_own_fingerprint() -> None:
    batch, vectors = payments(np.random.default_rng(2))
    data = Dataset.build(batch, vectors, as_of=30 * DAY, start=0, end=20 * DAY, **ROLES)
    part = data.take(data.y == 1)
    assert len(part) == data.frauds == part.frauds
    assert part.fingerprint != data.fingerprint
