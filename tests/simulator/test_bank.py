"""Balances add up: booked by the day, across days, and as a slow ledger books them."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from lagmark.domains.registry import get_domain
from lagmark.simulator import load_scenario
from lagmark.simulator.bank import Bank
from lagmark.simulator.people import People
from lagmark.simulator.places import Towns
from lagmark.simulator.rhythm import Rhythm
from lagmark.simulator.traffic import Act, Traffic

from .worlds import lived

SCENARIO = load_scenario("bank_link_stable", users=20, days=5)
PEOPLE = People.draw(SCENARIO, 20, Towns.draw(20, 0), 0)
EFFECT = {
    "payment": -1, "withdrawal": -1, "transfer": -1, "deposit": 1, "salary": 1,
    "link": 0, "identity_change": 0, "returned": 0,
}  # fmt: skip


def cents(column: str) -> pl.Expr:
    return (pl.col(column) * 100).round().cast(pl.Int64)


def test_each_event_finds_what_the_one_before_left() -> None:
    world = lived("bank_link_attack")
    ledger = world.events.select(
        "account",
        before=cents("balance"),
        after=cents("balance_after"),
        moved=pl.when("returned")
        .then(0)
        .otherwise(cents("amount") * pl.col("kind").replace_strict(EFFECT)),
    )
    assert (ledger["before"] + ledger["moved"]).equals(ledger["after"].rename("before"))
    gaps = ledger.with_columns(left=pl.col("after").shift().over("account")).drop_nulls()
    assert gaps.height > 50_000
    assert gaps["left"].equals(gaps["before"].rename("left"))


def test_what_is_returned_is_told_on_the_next_day() -> None:
    world = lived("bank_link_attack")
    unpaid = world.events.filter(
        pl.col("returned") & pl.col("kind").is_in(["payment", "transfer"])
    ).select("account", "amount", day=pl.col("time").dt.date() + pl.duration(days=1))
    notices = world.events.filter(pl.col("kind") == "returned").select(
        "account", "amount", day=pl.col("time").dt.date()
    )
    last = world.events["time"][-1].date()
    unpaid = unpaid.filter(pl.col("day") <= last)
    assert unpaid.sort(pl.all()).equals(notices.sort(pl.all()))
    assert notices.height > 100


def test_honest_balances_are_those_of_people_with_a_salary() -> None:
    world = lived("bank_link_stable", 100_000, 60, 0, rate=0.0)
    debit = pl.col("kind").is_in(["payment", "withdrawal", "transfer"])
    assert world.events.filter(debit)["returned"].mean() < 0.01
    sums = world.events.filter(~pl.col("returned")).group_by("kind").agg(pl.col("amount").sum())
    moved = dict(sums.iter_rows())
    earned = moved["salary"] + moved["deposit"]
    spent = moved["payment"] + moved["withdrawal"] + moved["transfer"]
    assert 0.7 < spent / earned < 1.2


def test_the_rule_of_the_domain_holds() -> None:
    world = lived("bank_link_attack")
    for check in get_domain("bank_link").checks:
        assert world.events.select(check.holds().alias("holds"))["holds"].all()


ACTS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(list(Act)), st.integers(0, 400_000)), max_size=60
)


@settings(max_examples=150, deadline=None)
@given(
    days=st.lists(ACTS, min_size=1, max_size=3),
    limits=st.lists(st.integers(0, 90_000), min_size=4, max_size=4),
)
def test_a_slow_ledger_books_the_same(
    days: list[list[tuple[int, Act, int]]], limits: list[int]
) -> None:
    bank = Bank(PEOPLE, Rhythm(SCENARIO), 0)
    bank.limit[:4] = limits
    balance = bank.balance.tolist()
    for day, acts in enumerate(days):
        expected = []
        for user, act, amount in acts:
            effect = EFFECT[act.name.lower()] * amount
            back = effect < 0 and balance[user] + effect < -int(bank.limit[user])
            before = balance[user]
            balance[user] += 0 if back else effect
            expected.append((before, balance[user], back))
        events = Traffic.of(
            np.arange(len(acts)) + SCENARIO.start,
            np.array([user for user, _, _ in acts], np.int64),
            act=np.array([act for _, act, _ in acts], np.int8),
            amount=np.array([amount for _, _, amount in acts], np.int64),
        )
        found = bank.settle(events, day)
        columns = (found.before, found.after, found.returned)
        assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected
        assert bank.balance.tolist() == balance
        notices = bank.notices()
        unpaid = [a for a, e in zip(acts, expected, strict=True) if e[2] and a[1] != Act.WITHDRAWAL]
        assert sorted(notices.amount.tolist()) == sorted(amount for _, _, amount in unpaid)
