from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from lagmark.labels import NEVER, UNKNOWN, labels_known
from lagmark.schema.events import EventBatch


def batch_of(ingest: list[int], labels: list[tuple[int, int, bool]]) -> EventBatch:
    ordered = sorted(labels, key=lambda label: label[1])
    return EventBatch(
        pl.DataFrame(
            {"event_id": range(len(ingest)), "event_time": ingest, "ingest_time": ingest},
            schema=dict.fromkeys(("event_id", "event_time", "ingest_time"), pl.Int64),
        ),
        pl.DataFrame(
            [(*label, "dataset") for label in ordered],
            schema={
                "row": pl.Int64,
                "known_at": pl.Int64,
                "fraud": pl.Boolean,
                "source": pl.String,
            },
            orient="row",
        ),
    )


@given(st.data())
def test_the_latest_label_known_counts_as_plain_python_says(data: st.DataObject) -> None:
    ingest = sorted(data.draw(st.lists(st.integers(0, 20), min_size=1, max_size=8)))
    label = st.tuples(st.integers(0, len(ingest) - 1), st.integers(0, 30), st.booleans())
    labels = data.draw(st.lists(label, max_size=20))
    as_of = data.draw(st.integers(-1, 31))
    fraud, known_at = labels_known(batch_of(ingest, labels), as_of)
    for row, seen in enumerate(ingest):
        verdict, when = UNKNOWN, NEVER
        for event, known, said in sorted(labels, key=lambda one: one[1]):
            if event == row and known <= as_of and seen <= as_of:
                verdict, when = int(said), known
        assert (fraud[row], known_at[row]) == (verdict, when)


def test_a_batch_without_labels_is_all_unknown() -> None:
    fraud, known_at = labels_known(batch_of([1, 2], []), 100)
    assert fraud.dtype == np.int8
    assert fraud.tolist() == [UNKNOWN, UNKNOWN]
    assert known_at.tolist() == [NEVER, NEVER]
