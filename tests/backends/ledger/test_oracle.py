"""Every backend against a plain list, under histories that hypothesis invents."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from lagmark.backends.ledger.chain import check_chain
from lagmark.backends.ledger.sqlite import SqliteLedger
from lagmark.ports.ledger import DecisionQuery, Head
from lagmark.schema.decision import Action
from lagmark.schema.records import HumanRecord

from .oracle import Oracle
from .records import decided, said

TIMES = st.integers(-3, 12)
IDS = st.one_of(st.integers(0, 5), st.sampled_from(["0", "1", "x"]))
DECISIONS = st.builds(
    decided,
    IDS,
    TIMES,
    late=st.integers(0, 3),
    customer=st.sampled_from([None, 1, "1", 2]),
    amount=st.sampled_from([None, 0, 5, -7, 2**40]),
    score=st.integers(1, 4),
    action=st.sampled_from(Action),
    model_version=st.sampled_from(["m1", "m2"]),
)
LABELS = st.builds(
    said, IDS, TIMES, st.booleans(), source=st.sampled_from("ab"), reversal=st.booleans()
)
HUMANS = st.builds(HumanRecord, st.just("eve"), st.just("promote"), st.sampled_from("xy"))
GROUPS = st.lists(st.one_of(DECISIONS, LABELS, HUMANS), max_size=6)
QUERIES = st.builds(
    DecisionQuery,
    as_of=st.none() | TIMES,
    since=st.none() | TIMES,
    until=st.none() | TIMES,
    actions=st.none() | st.lists(st.sampled_from(Action), max_size=2).map(tuple),
    model_version=st.sampled_from([None, "m1"]),
    minimum_score=st.none() | st.integers(1, 5),
    subject=st.sampled_from([None, 1, "1"]),
    labelled=st.sampled_from([None, None, True, False]),
    fraud=st.sampled_from([None, None, True, False]),
    flagged=st.sampled_from([None, None, True, False]),
)
STEP = st.one_of(
    st.tuples(st.just("append"), GROUPS, TIMES),
    st.tuples(st.just("append"), GROUPS, TIMES),
    st.tuples(st.just("query"), QUERIES, st.integers(1, 3)),
    st.tuples(st.just("retain"), TIMES, st.none()),
    st.tuples(st.just("reopen"), st.none(), st.none()),
)
STEPS = st.lists(STEP, min_size=1, max_size=12)
SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


class Pair:
    """A ledger and the list that it must be equal to."""

    def __init__(self, opening: Any, folder: str) -> None:
        self.opening, self.folder = opening, folder
        self.ledger, self.oracle = opening(), Oracle()

    def append(self, records: list[Any], at: int) -> None:
        assert self.ledger.append(records, at=at) == self.oracle.append(records, at)

    def query(self, query: DecisionQuery, size: int) -> None:
        rows: list[Any] = []
        cursor = None
        while True:
            page = self.ledger.query(query, limit=size, cursor=cursor)
            assert len(page.rows) <= size
            rows += page.rows
            cursor = page.cursor
            if cursor is None:
                break
        expected = self.oracle.query(query)
        assert [row.position for row in rows] == [position for position, _, _ in expected]
        for row, (_, record, verdict) in zip(rows, expected, strict=True):
            assert (row.event_id, row.decision_id) == (record.event_id, record.decision.decision_id)
            assert (row.event_time, row.ingest_time) == (record.event_time, record.ingest_time)
            assert row.subject == record.values["customer"]
            assert row.amount == (record.values["amount"] or 0)
            assert (row.score, row.action) == (record.decision.score, record.decision.action)
            told = (None, None, None)
            if verdict is not None:
                told = (verdict.fraud, verdict.known_at, verdict.source)
            assert (row.fraud, row.known_at, row.source) == told
        found = self.ledger.statistics(query)
        marks = [
            (record.decision.action != "allow", verdict.fraud)
            for _, record, verdict in expected
            if verdict is not None
        ]
        assert found.decisions == len(expected)
        assert found.amount == sum(record.values["amount"] or 0 for _, record, _ in expected)
        assert found.labelled == len(marks)
        assert found.true_positives == marks.count((True, True))
        assert found.false_positives == marks.count((True, False))
        assert found.false_negatives == marks.count((False, True))
        assert found.true_negatives == marks.count((False, False))

    def retain(self, before: int, _: None) -> None:
        self.ledger.retain(before=before, folder=self.folder)

    def reopen(self, *_: None) -> None:
        self.ledger.close()
        self.ledger = self.opening()

    def agree(self) -> None:
        entries = list(self.ledger.entries())
        assert [(entry.at, entry.record) for entry in entries] == self.oracle.log
        digest = self.oracle.digest([entry.body for entry in entries])
        assert self.ledger.head() == Head(len(entries), digest)
        assert check_chain(entries) is None
        assert self.ledger.check_index() is None
        for event_id in (0, "0", 1, "1", 5, "x"):
            assert self.ledger.decision_on(event_id) == self.oracle.decision_on(event_id)
            for as_of in (None, 5):
                told = self.ledger.labels(event_id, as_of=as_of)
                assert told == self.oracle.labels_on(event_id, as_of)


def run(pair: Pair, steps: list[tuple[str, Any, Any]]) -> None:
    try:
        for name, one, two in steps:
            getattr(pair, name)(one, two)
            pair.agree()
    finally:
        pair.ledger.close()


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_sqlite_is_the_list(steps: list[tuple[str, Any, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        opening = lambda: SqliteLedger(  # noqa: E731
            Path(folder) / "l.sqlite", subject="customer", amount="amount"
        )
        run(Pair(opening, f"{folder}/moved"), steps)


@settings(max_examples=25, deadline=None, suppress_health_check=SHARED)
@given(steps=STEPS)
def test_postgres_is_the_list(
    steps: list[tuple[str, Any, Any]], postgres: Any, schema: str
) -> None:
    import psycopg

    from lagmark.backends.ledger.postgres import PostgresLedger

    with psycopg.connect(schema, autocommit=True) as connection:
        name = connection.execute("SELECT current_schema()").fetchone()
        assert name is not None
        # One schema for all examples, emptied between them: tables cost more than the test.
        if connection.execute("SELECT to_regclass('entries')").fetchone() != (None,):
            connection.execute("TRUNCATE entries, decisions, labels, archives")
    with tempfile.TemporaryDirectory() as folder:
        opening = lambda: PostgresLedger(  # noqa: E731
            schema, subject="customer", amount="amount"
        )
        run(Pair(opening, f"{folder}/moved"), steps)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(steps=st.lists(STEP, min_size=10, max_size=60))
def test_sqlite_is_the_list_for_long(steps: list[tuple[str, Any, Any]]) -> None:
    test_sqlite_is_the_list.hypothesis.inner_test(steps)  # type: ignore[attr-defined]
