from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagmark.errors import DataError
from lagmark.labels import UNKNOWN, attach, labels_known, latest_word, no_messages, pending


def events_of(ids: list[int], ingest: list[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {"event_id": ids, "event_time": ingest, "ingest_time": ingest},
        schema=dict.fromkeys(("event_id", "event_time", "ingest_time"), pl.Int64),
    )


def messages_of(said: list[tuple[int, int, bool]]) -> pl.DataFrame:
    rows = [(event, known, known, fraud, "a", 1.0, False) for event, known, fraud in said]
    return pl.DataFrame(rows, schema=no_messages(integer_ids=True).schema, orient="row")


SAID = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.booleans()), max_size=20)


@given(st.permutations(range(4)), SAID, st.integers(-1, 10))
def test_a_batch_and_the_store_have_the_same_latest_word(
    ids: list[int], said: list[tuple[int, int, bool]], as_of: int
) -> None:
    messages = messages_of(said)
    fraud, known_at = labels_known(attach(events_of(ids, [0] * 4), messages), as_of)
    word = {
        row[0]: row[1:]
        for row in latest_word(messages, as_of)["event_id", "known_at", "fraud"].rows()
    }
    for row, event in enumerate(ids):
        if event in word:
            assert (known_at[row], bool(fraud[row])) == word[event]
        else:
            assert fraud[row] == UNKNOWN


@given(st.permutations(range(4)), SAID)
def test_every_message_is_attached_or_pending(
    ids: list[int], said: list[tuple[int, int, bool]]
) -> None:
    messages = messages_of(said)
    events = events_of(ids, [0] * 4)
    batch = attach(events, messages)
    known = batch.labels["known_at"].to_list()
    assert known == sorted(known)
    assert batch.labels.height + pending(events, messages).height == len(said)
    assert {ids[row] for row in batch.labels["row"]} == {one[0] for one in said} & set(ids)
    assert batch.labels.schema == {
        "row": pl.Int64,
        "known_at": pl.Int64,
        "fraud": pl.Boolean,
        "source": pl.String,
    }


def test_ids_of_two_types_are_refused() -> None:
    events = events_of([1], [0]).with_columns(pl.col("event_id").cast(pl.String))
    with pytest.raises(DataError, match="String, those of the labels Int64"):
        attach(events, messages_of([(1, 1, True)]))


def test_an_event_that_stands_twice_is_refused() -> None:
    with pytest.raises(DataError, match="twice"):
        attach(events_of([1, 1], [0, 0]), messages_of([]))


def test_the_latest_word_needs_its_columns() -> None:
    with pytest.raises(DataError, match="known_at"):
        latest_word(pl.DataFrame({"event_id": [1]}), 3)
