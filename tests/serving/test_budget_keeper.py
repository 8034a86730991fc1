"""The alert budget is a function of the ledger, whoever follows it, and however often it starts."""

from __future__ import annotations

import asyncio
import math
import tempfile
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lagmark.backends.ledger.sqlite import SqliteLedger
from lagmark.decisions.lists import ListEntry
from lagmark.decisions.policy import Policy
from lagmark.decisions.settings import parse_policy_file
from lagmark.domains.registry import get_domain
from lagmark.errors import LedgerError, UnavailableError
from lagmark.schema.decision import Action, Decision, Fallback, Level
from lagmark.schema.records import (
    DecisionRecord,
    Entry,
    HumanRecord,
    LabelRecord,
    PolicyRecord,
    Record,
    body_of,
    record_of,
)
from lagmark.schema.time import DAY, HOUR
from lagmark.serving import budget_keeper
from lagmark.serving.budget_keeper import BudgetKeeper

if TYPE_CHECKING:
    from lagmark.ports.ledger import Written

START = 19_000 * DAY
FIELDS = get_domain("handbook").fields
NAMES = get_domain("handbook").feature_set("default").names


def policy(choose: str = "budget", /, **budget: int) -> Policy:
    content = {"choose": choose, "thresholds": {"review": 0.5}, "budget": budget}
    file = parse_policy_file(content, where="test")
    return Policy(file, fields=FIELDS, names=NAMES, amount="amount")


class Worker:
    """What surrounds a keeper in a service: a policy in force, and its changes on record."""

    def __init__(self, ledger: SqliteLedger, first: Policy) -> None:
        self.ledger = ledger
        self.policy = first
        self.refuses = False
        self._seen = 0
        self.restart()

    def restart(self) -> None:
        """Begin again with nothing but the ledger; every start puts its policy on record."""
        self.look()
        self.ledger.append([PolicyRecord(self.policy.version, self.policy.content)], at=0)
        self.keeper = BudgetKeeper(
            ledger=self.ledger, policy=lambda: self.policy, change=self.change, tell=print
        )

    async def change(self, new: Policy, *, by: str, what: str, details: dict[str, Any]) -> None:
        if self.refuses:
            raise UnavailableError("not now")
        self.policy = new
        records = [PolicyRecord(new.version, new.content), HumanRecord(by, what, "policy", details)]
        self.keeper.saw(records, self.ledger.append(records, at=0))

    def look(self) -> None:
        """Take up the policy that was put on record last."""
        for entry in self.ledger.entries(after=self._seen):
            self._seen = entry.position
            if b"policy" not in entry.body[:24]:
                continue
            each = entry.record
            if isinstance(each, PolicyRecord) and each.version != self.policy.version:
                self.policy = Policy.from_content(
                    each.content, fields=FIELDS, names=NAMES, amount="amount"
                )

    def follow(self) -> None:
        asyncio.run(self.keeper.follow())
        self.look()


class Writer:
    """Decisions as a service would write them."""

    def __init__(self, ledger: SqliteLedger, seed: int, *, per_day: int, late: float = 0.0) -> None:
        self.ledger = ledger
        self.draw = np.random.default_rng(seed)
        self.reviews: dict[int, int] = {}
        self._ids = count()
        self._per_day = per_day
        self._late = late

    def write(
        self, number: int, *thresholds: float | None, by: str | None = None
    ) -> tuple[list[Record], list[Written]]:
        """Write decisions, in turn by several policies; they, and what became of them."""
        records: list[Record] = []
        for turn in range(number):
            event = next(self._ids)
            time = START + event * DAY // self._per_day
            if self.draw.random() < self._late:
                time -= int(self.draw.integers(3 * DAY))
            chance = float(self.draw.beta(0.3, 6.0))
            made = by or str(self.draw.choice(["model", "rules", "deny"], p=[0.98, 0.01, 0.01]))
            limit = thresholds[turn % len(thresholds)]
            wanted = Action.ALLOW if limit is None or chance < limit else Action.REVIEW
            wanted = {"rules": Action.REVIEW, "deny": Action.BLOCK}.get(made, wanted)
            if wanted is Action.REVIEW:
                day = (time - START) // DAY
                self.reviews[day] = self.reviews.get(day, 0) + 1
            records.append(record(event, time, chance, wanted, made))
        return records, self.ledger.append(records, at=0)


def record(event: int, time: int, probability: float, wanted: Action, by: str) -> DecisionRecord:
    decision = Decision(
        decision_id=f"{event}",
        event_id=event,
        decided_at=time,
        score=1,
        probability=probability,
        level=Level.LOW,
        action=wanted,
        intended=wanted,
        propensity=1.0,
        reasons=(),
        rules=(),
        fallback=Fallback.NONE,
        model_version="1",
        contract="",
        policy="",
        by=by,
    )
    return DecisionRecord(event, time, time, {"customer": 1, "amount": 5}, b"", decision, 1)


@contextmanager
def opened() -> Iterator[SqliteLedger]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        ledger = SqliteLedger(path, subject="customer", amount="amount")
        try:
            yield ledger
        finally:
            ledger.close()


@pytest.fixture
def ledger() -> Iterator[SqliteLedger]:
    with opened() as found:
        yield found


def proposed(ledger: SqliteLedger) -> list[tuple[int, float | None]]:
    """Positions that proposals were made for, with the threshold put on record, in order."""
    found, review = [], None
    for entry in ledger.entries():
        each = entry.record
        if isinstance(each, PolicyRecord):
            review = each.content["thresholds"]["review"]
        elif isinstance(each, HumanRecord) and each.what == "budget":
            found.append((each.details["counted"]["position"], review))
    return found


def oracle(
    ledger: SqliteLedger, *, cases: int, days: int, every: int, floor: float = 0.02
) -> dict[int, float | None]:
    """Threshold by position at which a proposal is due; ``None`` where too little is known."""
    edges = [1 / (1 + math.exp(14 - 28 * n / 4096)) for n in range(1, 4096)]
    kept: dict[int, list[tuple[float, Action, str]]] = {}
    first, last, since, on = math.inf, -math.inf, 0, None
    found: dict[int, float | None] = {}
    for entry in ledger.entries():
        each = entry.record
        if not isinstance(each, DecisionRecord):
            continue
        day = each.event_time // DAY
        if kept and day < max(kept) and day not in kept:
            continue
        made = each.decision
        kept.setdefault(day, []).append((made.probability, made.intended, made.by))
        kept = {other: rows for other, rows in kept.items() if other > max(kept) - days}
        first, last, since = min(first, each.event_time), max(last, each.event_time), since + 1
        if since < every and (on is None or last // DAY <= on):
            continue
        since, on = 0, last // DAY
        rows = [row for rows in kept.values() for row in rows]
        open_to_it = sorted(p for p, wanted, by in rows if by == "model" and wanted != "block")
        span = last - max(first, min(kept) * DAY)
        found[entry.position] = None
        if len(open_to_it) >= 1_000 and span >= HOUR:
            ruled = sum(by == "rules" and wanted == "review" for _, wanted, by in rows)
            allowed = max(0.0, cases * span / DAY - ruled)
            top = max(edge for edge in (0.0, *edges) if edge <= open_to_it[-1])
            fits = next(
                edge
                for edge in (0.0, *edges, math.inf)
                if len(open_to_it) - bisect_left(open_to_it, edge) <= allowed
            )
            found[entry.position] = max(floor, min(fits, top))
    return found


def check_proposals(
    ledger: SqliteLedger, **budget: int
) -> tuple[dict[int, float | None], list[tuple[int, float | None]]]:
    """What was to be proposed, and was: at positions and with thresholds of the oracle."""
    wanted, found = oracle(ledger, **budget), proposed(ledger)
    review: float | None = 0.5
    for position, put in found:
        review = wanted[position] or review
        assert put == review
    return wanted, found


@given(
    seed=st.integers(0, 2**32 - 1),
    every=st.sampled_from([150, 400, 1_000]),
    days=st.integers(1, 3),
    per_day=st.sampled_from([400, 1_500, 6_000]),
)
@settings(max_examples=15)
def test_followed_in_any_parts_it_proposes_as_in_one_pass(
    seed: int, every: int, days: int, per_day: int
) -> None:
    draw = np.random.default_rng(seed)
    budget = {"cases": 40, "days": days, "every": every}
    with opened() as ledger:
        workers = [Worker(ledger, policy(**budget)) for _ in range(2)]
        writer = Writer(ledger, seed, per_day=per_day, late=0.05)
        for _ in range(12):
            wrote = writer.write(int(draw.integers(1, 500)), 0.5)
            workers[int(draw.integers(2))].keeper.saw(*wrote)
            for worker in workers:
                if draw.random() < 0.4:
                    worker.follow()
                if draw.random() < 0.2:
                    worker.restart()
        for worker in workers:
            worker.follow()
        wanted, found = check_proposals(ledger, **budget)
        assert len(dict(found)) == len(found), "two workers wrote the same"
        assert [position for position, _ in found] == sorted(dict(found))
        assert not wanted or max(wanted) == found[-1][0]


class Slow:
    """A ledger that is written to while it is read."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger
        self.head = ledger.head
        self.read = 0
        self.meanwhile: Callable[[], None] = lambda: None

    def entries(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        found = list(self._ledger.entries(after, until))
        self.read += len(found)
        self.meanwhile()
        yield from found


@pytest.mark.parametrize("meanwhile", [False, True])
def test_what_it_is_told_of_is_counted_and_not_read(ledger: SqliteLedger, meanwhile: bool) -> None:
    worker = Worker(ledger, policy(cases=40, every=500))
    slow = worker.keeper._ledger = Slow(ledger)
    writer = Writer(ledger, 9, per_day=1_000)
    keeper = worker.keeper

    async def live() -> None:
        loop = asyncio.get_running_loop()

        def write() -> None:
            heard = threading.Event()
            told = writer.write(100, worker.policy.thresholds.review)
            loop.call_soon_threadsafe(lambda: (keeper.saw(*told), heard.set()))
            assert heard.wait(60)

        writer.write(400, 0.5)
        for turn in range(40):
            slow.meanwhile = write if meanwhile and turn else lambda: None
            if turn and not meanwhile:
                await asyncio.to_thread(write)
            task = loop.create_task(keeper.follow())
            await asyncio.sleep(0)
            await asyncio.wait([task], timeout=0.05)
            slow.meanwhile = lambda: None
            await task

    asyncio.run(live())
    # What was there before, once to look for a note and once to count.
    assert slow.read == 2 * 401
    assert len(proposed(ledger)) > 4
    check_proposals(ledger, cases=40, days=3, every=500)


def test_nothing_is_kept_for_a_read_that_failed(ledger: SqliteLedger) -> None:
    worker = Worker(ledger, policy(cases=40, every=500))
    slow = worker.keeper._ledger = Slow(ledger)

    def away() -> None:
        raise LedgerError("away")

    slow.meanwhile = away
    with pytest.raises(LedgerError):
        worker.follow()
    slow.meanwhile = lambda: None
    # No read follows one under a policy without a budget.
    worker.policy = policy("fixed", cases=40, every=500)
    worker.follow()
    worker.keeper.saw(*Writer(ledger, 10, per_day=1_000).write(400, 0.5))
    assert worker.keeper._unheard is None


def test_a_start_goes_on_from_the_counts_of_the_last_proposal(ledger: SqliteLedger) -> None:
    worker = Worker(ledger, policy(cases=40, every=500))
    writer = Writer(ledger, 1, per_day=1_000)
    for _ in range(4):
        writer.write(550, worker.policy.thresholds.review)
        worker.follow()
    review = worker.policy.thresholds.review
    assert review != 0.5
    ended = ledger.head().position
    worker.restart()
    assert worker.policy.thresholds.review == review
    # Alone, what follows is less than is needed to propose anything.
    for _ in range(4):
        writer.write(150, worker.policy.thresholds.review)
        worker.follow()
    found = [each for each in proposed(ledger) if each[0] > ended]
    assert found
    assert found[-1][1] not in (review, None)
    assert dict(found).items() <= oracle(ledger, cases=40, days=3, every=500).items()


def test_workers_stay_within_the_budget_together(ledger: SqliteLedger) -> None:
    budget = policy(cases=100, every=1_000)
    workers = [Worker(ledger, budget) for _ in range(4)]
    writer = Writer(ledger, 2, per_day=8_000)
    for turn in range(80):
        writer.write(400, *(worker.policy.thresholds.review for worker in workers))
        for worker in workers[turn % 4 :] + workers[: turn % 4]:
            worker.follow()
    assert len({worker.policy.version for worker in workers}) == 1
    assert all(85 <= writer.reviews[day] <= 115 for day in (1, 2, 3)), writer.reviews


def test_a_proposal_does_not_undo_what_somebody_else_changed(ledger: SqliteLedger) -> None:
    one, other = (Worker(ledger, policy(cases=40, every=500)) for _ in range(2))
    writer = Writer(ledger, 3, per_day=1_000)
    writer.write(1_600, 0.5)
    stolen = ListEntry("deny", "customer", 7, "stolen", "eve", 0)
    revised = one.policy.revised(lists=one.policy.lists.add(stolen))
    asyncio.run(one.change(revised, by="eve", what="list.add", details={}))
    # It has not heard of the list yet.
    asyncio.run(other.keeper.follow())
    assert proposed(ledger) == []
    other.look()
    other.follow()
    assert len(proposed(ledger)) == 1
    assert other.policy.lists.entries == (stolen,)
    assert other.policy.thresholds.review != 0.5


def test_what_could_not_be_put_on_record_is_proposed_again(ledger: SqliteLedger) -> None:
    worker = Worker(ledger, policy(cases=40, every=500))
    Writer(ledger, 4, per_day=1_000).write(1_600, 0.5)
    worker.refuses = True
    with pytest.raises(UnavailableError):
        worker.follow()
    worker.refuses = False
    worker.follow()
    found = proposed(ledger)
    worker.follow()
    assert proposed(ledger) == found
    assert len(found) == 1


@pytest.mark.parametrize("labels", [350, 370])
def test_those_who_counted_differently_go_on_from_the_first_note(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch, labels: int
) -> None:
    monkeypatch.setattr(budget_keeper, "_FAR", 0)
    one = Worker(ledger, policy(cases=40, every=400))
    writer = Writer(ledger, 5, per_day=2_000)
    writer.write(450, 0.5)
    one.follow()
    writer.write(50, 0.5)
    one.follow()
    ledger.append([LabelRecord(n, n, True, "bank") for n in range(labels)], at=0)
    # It finds no note among the last 400 entries, and begins in the middle: it comes to another
    # position, or to the same with other counts.
    other = Worker(ledger, policy(cases=40, every=400))
    other.follow()
    writer.write(390, 0.5)
    other.follow()
    (*_, (theirs, _)) = proposed(ledger)
    writer.write(1_000, 0.5)
    one.follow()
    (*_, (after, _)) = proposed(ledger)
    assert after > theirs
    head = ledger.head()
    other.follow()
    assert ledger.head() == head, "they did not agree"
    assert len(proposed(ledger)) == 3


def test_only_a_policy_that_follows_a_budget_is_revised(ledger: SqliteLedger) -> None:
    worker = Worker(ledger, policy("fixed", cases=40, every=500))
    Writer(ledger, 6, per_day=1_000).write(1_600, 0.5)
    head = ledger.head()
    worker.follow()
    assert ledger.head() == head


def test_decisions_of_older_ledgers_can_be_read_and_are_not_counted(ledger: SqliteLedger) -> None:
    content = msgspec.msgpack.decode(body_of(record(-1, START, 0.9, Action.REVIEW, "model")))
    del content["decision"]["by"]
    old = record_of(msgspec.msgpack.encode(content))
    worker = Worker(ledger, policy(cases=40, every=500))
    writer = Writer(ledger, 7, per_day=1_000)
    for _ in range(4):
        ledger.append([old], at=0)
        writer.write(124, 0.5, by="model")
    worker.follow()
    assert proposed(ledger) == []
    writer.write(4, 0.5, by="model")
    worker.follow()
    (note,) = (each for entry in ledger.entries() if isinstance(each := entry.record, HumanRecord))
    assert [sum(numbers) for *_, numbers in note.details["counted"]["days"]] == [500]


def test_a_ledger_whose_old_files_are_gone_is_counted_from_what_is_left(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    worker = Worker(ledger, policy(cases=40, every=500))
    writer = Writer(ledger, 8, per_day=1_000)
    writer.write(300, 0.5)
    worker.look()
    ledger.retain(before=1, folder=str(tmp_path / "old"))
    for file in (tmp_path / "old").rglob("*.parquet"):
        file.unlink()
    worker.restart()
    writer.write(1_600, 0.5)
    with pytest.raises(LedgerError):
        next(ledger.entries())
    worker.follow()
    assert len(proposed_after(ledger, 301)) == 1


def proposed_after(ledger: SqliteLedger, position: int) -> list[int]:
    return [
        each.details["counted"]["position"]
        for each in (entry.record for entry in ledger.entries(after=position))
        if isinstance(each, HumanRecord)
    ]
