from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lagmark.errors import ConfigError
from lagmark.labels import NEVER, attach
from lagmark.labels.maturity import first_fraud, study_maturity
from lagmark.labels.maturity.page import known_table, maturity_page, summary_table
from lagmark.schema.events import EventBatch
from lagmark.schema.time import DAY

# Event, when the word came, what it says, who says it.
SAID = [
    (0, 5, False, "analyst"),
    (0, 9, True, "chargeback"),
    (1, 3, True, "customer"),
    (1, 7, True, "chargeback"),
    (2, 4, True, "chargeback"),
    (2, 8, False, "chargeback"),
    (3, 6, True, "customer"),
]


def batch_of(said: list[tuple[int, int, bool, str]], ingest: list[int]) -> EventBatch:
    events = pl.DataFrame(
        {"event_id": range(len(ingest)), "event_time": ingest, "ingest_time": ingest},
        schema=dict.fromkeys(("event_id", "event_time", "ingest_time"), pl.Int64),
    )
    labels = pl.DataFrame(
        said,
        schema={
            "event_id": pl.Int64,
            "known_at": pl.Int64,
            "fraud": pl.Boolean,
            "source": pl.String,
        },
        orient="row",
    )
    return attach(events, labels)


@pytest.mark.parametrize(
    ("as_of", "source", "expected"),
    [
        (20, None, [9, 3, NEVER, NEVER]),  # taken back; arrived later
        (20, "chargeback", [9, 7, NEVER, NEVER]),
        (20, "customer", [NEVER, 3, NEVER, NEVER]),
        (6, None, [NEVER, 3, 4, NEVER]),
        (30, None, [9, 3, NEVER, 6]),
        (2, None, [NEVER] * 4),
    ],
)
def test_the_first_fraud_word_of_what_still_is_fraud(
    as_of: int, source: str | None, expected: list[int]
) -> None:
    batch = batch_of(SAID, [0, 1, 2, 25])
    assert first_fraud(batch, as_of, source=source).tolist() == expected


def long_batch() -> EventBatch:
    rng = np.random.default_rng(5)
    when = np.sort(rng.integers(0, 40 * DAY, 4_000)).tolist()
    said = []
    for event in range(0, 4_000, 4):
        slow = event % 8 == 0
        delay = (12 if slow else 2) * float(np.exp(0.6 * rng.standard_normal()))
        source = "chargeback" if slow else "customer"
        said.append((event, when[event] + int(delay * DAY), True, source))
    batch = batch_of(said, when)
    slow_kind = [["fast", None, "slow", "slow"][n % 4] if n % 8 else "slow" for n in range(4_000)]
    kinds = pl.Series("kind", slow_kind)
    amounts = pl.Series("amount", rng.integers(0, 1_000, 4_000))
    names = pl.Series("name", [f"n{n % 40}" for n in range(4_000)])
    return EventBatch(batch.events.with_columns(kinds, amounts, names), batch.labels)


def test_sources_have_their_own_delays() -> None:
    study = study_maturity(long_batch(), 40 * DAY, by="source")
    assert [group.name for group in study.groups] == ["all", "chargeback", "customer"]
    medians = [group.known.median.age or 0 for group in study.groups]
    assert medians[2] < 3 * DAY < medians[0] < 9 * DAY < medians[1]
    assert sum(group.frauds for group in study.groups[1:]) == study.groups[0].frauds
    assert [group.drift is not None for group in study.groups] == [False, True, True]


@pytest.mark.parametrize("by", ["kind", "amount", "name"])
def test_segments_share_out_all_events(by: str) -> None:
    study = study_maturity(long_batch(), 40 * DAY, by=by, bands=100 if by == "amount" else 0)
    everything, *parts = study.groups
    assert sum(part.events for part in parts) == everything.events
    assert sum(part.frauds for part in parts) == everything.frauds
    names = [part.name for part in parts]
    if by == "name":
        assert len(names) == 13
        assert names[-1] == "(other)"
    elif by == "kind":
        assert sorted(names) == ["(absent)", "fast", "slow"]
    else:
        assert len(names) == 4
        assert names[-1] == "up to 9.99"


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(ConfigError, match="colour"):
        study_maturity(long_batch(), 40 * DAY, by="colour")


def test_tables_and_page_say_the_same() -> None:
    study = study_maturity(long_batch(), 40 * DAY, by="source")
    text = "\n".join(known_table(study).lines() + summary_table(study).lines())
    page = maturity_page(study, "a world").html()
    for cell in known_table(study).rows[1]:
        assert str(cell) in text
        assert str(cell) in page
    assert page.count("<svg") == 6
    assert page == maturity_page(study, "a world").html()


def test_a_history_without_labels_has_no_estimate() -> None:
    study = study_maturity(batch_of([], [1, 2, 3]), 40 * DAY, by="source")
    assert len(study.groups) == 1
    assert not study.groups[0].known.estimable
    assert "no fraud label" in maturity_page(study, "empty").html()
    assert "not estimable" in "\n".join(known_table(study).lines())
