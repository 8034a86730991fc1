from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagmark.errors import ConfigError
from lagmark.learning import Fold, prequential_folds, stratified_folds, temporal_split
from lagmark.learning.compromised import remove_known_compromised
from lagmark.schema.time import DAY

from .payments import payments


def test_prequential_folds_go_backward_and_never_touch_their_test() -> None:
    folds = prequential_folds(end=100 * DAY, folds=4, train=28 * DAY, delay=7 * DAY)
    assert [f.test_start // DAY for f in folds] == [72, 79, 86, 93]
    assert folds[-1].test_end == 100 * DAY
    for fold in folds:
        assert fold.as_of == fold.test_start
        assert fold.train_end == fold.test_start - 7 * DAY
        assert fold.train_end - fold.train_start == 28 * DAY


def test_the_published_week() -> None:
    fold = temporal_split(test_start=28 * DAY, test_end=35 * DAY, train=7 * DAY, delay=7 * DAY)
    assert (fold.train_start // DAY, fold.train_end // DAY, fold.as_of // DAY) == (14, 21, 28)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_end": 0}, "empty"),
        ({"test_start": 13 * DAY}, "before as_of"),
        ({"train_end": 8 * DAY}, "later than 7d"),
        ({"delay": -1, "train_end": 20 * DAY}, "later than"),
    ],
)
def test_folds_that_see_the_future_are_refused(change: dict[str, int], message: str) -> None:
    fold = {
        "train_start": 0,
        "train_end": 7 * DAY,
        "delay": 7 * DAY,
        "test_start": 14 * DAY,
        "test_end": 21 * DAY,
        "as_of": 14 * DAY,
    }
    with pytest.raises(ConfigError, match=message):
        Fold(name="x", **(fold | change))


@given(st.lists(st.booleans(), min_size=10, max_size=200), st.integers(2, 10))
def test_stratified_folds_are_even_in_each_class(y: list[bool], folds: int) -> None:
    labels = np.array(y, dtype=np.int8)
    number = stratified_folds(labels, folds, np.random.default_rng(0))
    for part in (labels == 0, labels == 1, labels >= 0):
        counts = np.bincount(number[part], minlength=folds)
        assert counts.max() - counts.min() <= 1
    again = stratified_folds(labels, folds, np.random.default_rng(0))
    assert number.tolist() == again.tolist()


@given(seed=st.integers(0, 2**32), delay=st.integers(0, 3))
def test_known_compromised_subjects_as_a_plain_loop_finds_them(seed: int, delay: int) -> None:
    batch, _ = payments(np.random.default_rng(seed), n=120, subjects=12)
    start, end, since = 10 * DAY, 15 * DAY, 4 * DAY
    keep = remove_known_compromised(
        batch, subject="customer", start=start, end=end, since=since, delay=delay * DAY
    )
    events, labels = batch.events.to_dicts(), batch.labels.to_dicts()
    for row, event in enumerate(events):
        stays = True
        if start <= event["event_time"] < end and event["customer"] is not None:
            day = event["event_time"] // DAY * DAY
            for other, one in enumerate(events):
                counts = since <= one["event_time"] <= day - delay * DAY
                if counts and one["ingest_time"] <= day and one["customer"] == event["customer"]:
                    mine = [label for label in labels if label["row"] == other]
                    said = [label["fraud"] for label in mine if label["known_at"] <= day]
                    stays = stays and not (said and said[-1])
        assert keep[row] == stays
