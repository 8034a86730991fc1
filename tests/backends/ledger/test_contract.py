"""What every ledger promises; a new backend adds one fixture to ``conftest.BACKENDS``."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from lagmark.backends.ledger.chain import GENESIS, check_chain
from lagmark.backends.ledger.keeping import SqlLedger
from lagmark.errors import LedgerError
from lagmark.ports.ledger import DecisionQuery, Head, Ledger, Page
from lagmark.schema.decision import Action
from lagmark.schema.records import HumanRecord, PolicyRecord

from .records import decided, said

Open = Callable[..., SqlLedger]
OTHERS = [HumanRecord("eve", "promote", "m2", {"why": [1, "x"]}), PolicyRecord("v1", {"a": 0.5})]


def test_it_is_a_ledger(ledger: SqlLedger) -> None:
    port: Ledger = ledger
    names = [name for name in vars(Ledger) if not name.startswith("_")]
    assert [name for name in names if not callable(getattr(port, name, None))] == []


def test_an_empty_ledger_answers_everything(ledger: SqlLedger) -> None:
    assert ledger.head() == Head(0, bytes(32))
    assert list(ledger.entries()) == []
    assert ledger.decision_on(1) is None
    assert ledger.decisions_on([]) == ledger.decisions_on([1, "x"]) == {}
    assert ledger.decision("x") is None
    assert ledger.labels(1) == ()
    assert ledger.query(DecisionQuery(), limit=5) == Page((), None)
    assert ledger.statistics(DecisionQuery()).decisions == 0
    assert ledger.retain(before=2**62, folder="unused") == 0
    assert ledger.append([], at=5) == []
    assert ledger.check_index() is None


def test_every_kind_of_record_comes_back_in_order(open_ledger: Open) -> None:
    records = [decided(1, 5), *OTHERS, said(1, 9, confidence=0.5, by="key"), decided("ü", 6)]
    with_open = open_ledger()
    assert with_open.append(records, at=10) == [1, 2, 3, 4, 5]
    with_open.close()
    ledger = open_ledger()
    entries = list(ledger.entries())
    assert [entry.record for entry in entries] == records
    assert [entry.position for entry in entries] == [1, 2, 3, 4, 5]
    assert ledger.head() == Head(5, entries[-1].digest)
    assert check_chain(entries) is None
    assert [entry.position for entry in ledger.entries(2, 4)] == [3, 4]
    assert list(ledger.entries(7)) == list(ledger.entries(3, 2)) == []


def test_the_instant_of_writing_never_falls(ledger: SqlLedger) -> None:
    for at in (10, 5, 20):
        ledger.append([said(1, at)], at=at)
    assert [entry.at for entry in ledger.entries()] == [10, 10, 20]


def test_the_first_decision_stands(ledger: SqlLedger) -> None:
    first = decided(1, 5)
    ledger.append([first], at=0)
    again, twin = decided(1, 8, score=99), decided(2, 9)
    assert ledger.append([again, twin, decided(2, 10), decided(3)], at=0) == [
        first,
        2,
        twin,
        3,
    ]
    assert ledger.head().position == 3
    assert ledger.decision_on(1) == first
    assert ledger.decisions_on([3, 1, 4]) == {1: first, 3: decided(3)}
    assert ledger.decision("i2") == (2, twin)


def test_integer_and_text_ids_are_different(ledger: SqlLedger) -> None:
    assert ledger.append([decided(7, customer=1), decided("7", customer="1")], at=0) == [1, 2]
    assert ledger.append([said(7, 1), said("7", 1, fraud=False)], at=0) == [3, 4]
    assert set(ledger.decisions_on([7, "7"])) == {7, "7"}
    assert ledger.labels("7") == (said("7", 1, fraud=False),)
    rows = ledger.query(DecisionQuery(subject="1"), limit=9).rows
    assert [(row.event_id, row.subject, row.fraud) for row in rows] == [("7", "1", False)]


def test_awkward_ids_are_ids(ledger: SqlLedger) -> None:
    names = ["", "i7", "t", "a\x00b", "'; DROP TABLE entries; --", "🙂" * 300, -(2**63), 2**63 - 1]
    ledger.append([decided(name, n, decision_id=str(n)) for n, name in enumerate(names)], at=0)
    ledger.append([said(name, 1, source="a\x00b", by="\x00") for name in names], at=0)
    assert set(ledger.decisions_on(names)) == set(names)
    assert [len(ledger.labels(name)) for name in names] == [1] * len(names)
    assert ledger.check_index() is None
    assert ledger.decision_on("\ud800") is None


def test_a_label_message_counts_once(ledger: SqlLedger) -> None:
    one = said(1, 5)
    others = [said(1, 6), said(1, 5, False), said(1, 5, source="x"), said(1, 5, reversal=True)]
    assert ledger.append([one, *others, one], at=0) == [1, 2, 3, 4, 5, None]
    ledger.append([said(1, 5, confidence=0.2, by="other"), said(2, 5)], at=0)
    assert ledger.labels(1) == (one, *others)
    assert ledger.labels(1, as_of=5) == (one, *others[1:])
    assert ledger.head().position == 6


def test_a_record_without_a_stored_form_is_refused_whole(ledger: SqlLedger) -> None:
    for bad in (decided(2**70), decided("\ud800"), decided(3, amount=2**63)):
        with pytest.raises(LedgerError):
            ledger.append([decided(1), bad], at=0)
    assert ledger.head() == GENESIS
    assert ledger.append([decided(1)], at=0) == [1]


def test_the_verdict_is_the_latest_word_known(ledger: SqlLedger) -> None:
    ledger.append([decided(1, 10)], at=0)
    ledger.append([said(1, 20, True), said(1, 12, False, source="bank")], at=0)
    ledger.append([said(1, 20, False, source="chargeback", reversal=True)], at=0)

    def verdict(as_of: int | None) -> list[object]:
        rows = ledger.query(DecisionQuery(as_of=as_of), limit=9).rows
        return [(row.fraud, row.known_at, row.source) for row in rows]

    assert verdict(9) == []
    assert verdict(11) == [(None, None, None)]
    assert verdict(12) == [(False, 12, "bank")]
    assert verdict(20) == verdict(None) == [(False, 20, "chargeback")]


def test_the_four_cases_are_counted(ledger: SqlLedger) -> None:
    cases = [(Action.BLOCK, True), (Action.REVIEW, False), (Action.ALLOW, True)]
    for n, (action, fraud) in enumerate([*cases, (Action.ALLOW, False), (Action.STEP_UP, None)]):
        ledger.append([decided(n, n, action=action, amount=10**n)], at=0)
        if fraud is not None:
            ledger.append([said(n, 50, fraud)], at=0)
    found = ledger.statistics(DecisionQuery())
    assert (found.decisions, found.amount, found.labelled) == (5, 11111, 4)
    assert found.by_action == {"allow": 2, "block": 1, "review": 1, "step_up": 1}
    assert (found.frauds, found.fraud_amount) == (2, 101)
    four = (found.true_positives, found.false_positives)
    assert (*four, found.false_negatives, found.true_negatives) == (1, 1, 1, 1)
    false_alarm = DecisionQuery(flagged=True, fraud=False)
    assert [row.event_id for row in ledger.query(false_alarm, limit=9).rows] == [1]
    early = ledger.statistics(DecisionQuery(as_of=3))
    assert (early.decisions, early.labelled, early.true_negatives) == (4, 0, 0)


def test_pages_are_stable_while_entries_come(ledger: SqlLedger) -> None:
    ledger.append([decided(n) for n in range(10)], at=0)
    seen, cursor = [], None
    for turn in range(10):
        page = ledger.query(DecisionQuery(), limit=4, cursor=cursor)
        seen += [row.event_id for row in page.rows]
        ledger.append([decided(100 + turn)], at=0)
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == list(range(9, -1, -1))
    with pytest.raises(LedgerError):
        ledger.query(DecisionQuery(), limit=0)


def test_entries_are_those_of_the_call(ledger: SqlLedger) -> None:
    ledger.append([decided(n) for n in range(2500)], at=0)
    entries = ledger.entries()
    ledger.append([decided(-1)], at=0)
    assert [entry.position for entry in entries] == list(range(1, 2501))


def test_a_closed_ledger_refuses(ledger: SqlLedger) -> None:
    ledger.close()
    ledger.close()
    for call in (ledger.head, lambda: ledger.append([], at=0), lambda: ledger.decision_on(1)):
        with pytest.raises(LedgerError, match="closed"):
            call()


def test_a_reader_reads_while_it_is_written(open_ledger: Open) -> None:
    writer = open_ledger()
    reader = open_ledger(read_only=True)
    writer.append([decided(1)], at=0)
    assert reader.head() == writer.head()
    with pytest.raises(LedgerError, match="read only"):
        reader.append([decided(2)], at=0)


def test_many_threads_share_a_ledger(ledger: SqlLedger) -> None:
    def work(worker: int) -> int:
        added = 0
        for n in range(40):
            answer = ledger.append([decided(n, worker), said(worker, n)], at=n)
            added += isinstance(answer[0], int)
            first = ledger.decision_on(n)
            assert first is not None
            assert isinstance(answer[0], int) or answer[0] == first
        return added

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(work, range(6))) == 40
    entries = list(ledger.entries())
    assert len(entries) == 40 + 6 * 40
    assert check_chain(entries) is None
    assert ledger.check_index() is None
