"""The loop knows nothing of tomorrow, keeps to its budget, and leaves what is refused silent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from lagmark.apps.jobs.backtest_data import DataSource, WorldSource
from lagmark.backtest import Arrivals, Costs, Feed, Messages, Truth, replay_days
from lagmark.backtest.feed import ANALYST
from lagmark.backtest.known import tell_engine
from lagmark.backtest.loop import _vectors
from lagmark.features import OnlineEngine, backfill
from lagmark.schema.time import DAY
from lagmark.simulator import simulate_handbook
from lagmark.sources.events import read_events

from .worlds import DAYS, WARM_UP, lived, policy, replay, scenario

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.domains.domain import Domain


class Listening:
    """A feed that writes down what passes, and may change what comes after an instant."""

    def __init__(self, inner: Feed, after: int | None = None) -> None:
        self.inner, self.after = inner, after
        self.said: list[tuple[int, Messages, NDArray[np.bool_] | None, NDArray[np.bool_]]] = []
        self.blocked: list[NDArray[np.int64]] = []

    @property
    def domain(self) -> Domain:
        return self.inner.domain

    @property
    def start(self) -> int:
        return self.inner.start

    @property
    def days(self) -> int:
        return self.inner.days

    def day(self, number: int, blocked: NDArray[np.int64]) -> Arrivals:
        self.blocked.append(blocked)
        found = self.inner.day(number, blocked)
        if self.after is not None and self.start + number * DAY >= self.after:
            money = found.events["amount"] * 7 + 1
            return Arrivals(found.events.with_columns(money.alias("amount")))
        return found

    def messages(
        self, number: int, reviewed: NDArray[np.bool_] | None, blocked: NDArray[np.bool_]
    ) -> Messages:
        found = self.inner.messages(number, reviewed, blocked)
        self.said.append((number, found, reviewed, blocked))
        if self.after is None:
            return found
        late = found.known_at > self.after
        rng = np.random.default_rng(number)
        moved = found.known_at + late * rng.integers(0, 9 * DAY, late.shape[0])
        fraud = np.where(late, rng.random(late.shape[0]) < 0.5, found.fraud)
        row = np.where(late, rng.permutation(found.row), found.row)
        return Messages(row, moved, fraud, found.source)

    def truth(self) -> Truth:
        return self.inner.truth()


KINDS: list[dict[str, Any]] = [
    {"maturity": {"policy": "fixed_delay", "params": {"delay": "5d", "pool": True}}},
    {"maturity": "maturity_weighted"},
    {"maturity": {"policy": "feedback_delayed", "params": {"delay": "5d"}}},
    {"maturity": "positive_unlabelled", "action": "block", "block_above": 0.3, "control": 0.2},
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind["maturity"])[:40])
def test_what_becomes_known_later_changes_no_decision(kind: dict[str, Any]) -> None:
    source, chosen = WorldSource(scenario()), policy(**kind)
    day = WARM_UP + 8
    instant = source.scenario.start + day * DAY
    plain = replay(source.feed(0), source, chosen).log
    other = replay(Listening(source.feed(0), after=instant), source, chosen).log
    rows = plain.cuts[day]
    for name in ("probability", "alerted", "reviewed", "control", "blocked", "propensity"):
        before, after = plain.array(name), other.array(name)
        np.testing.assert_array_equal(before[:rows], after[:rows], err_msg=name)
    # The scrambling reached the loop at all.
    assert not np.array_equal(
        plain.array("probability")[rows:], other.array("probability")[rows:], equal_nan=True
    )


def test_the_same_inputs_decide_the_same_and_another_seed_does_not() -> None:
    source = WorldSource(scenario())
    again = replay(source.feed(0), source, policy("alert")).log
    first = lived("alert").log
    assert first.frame().equals(again.frame(), null_equal=True)
    other = replay(source.feed(1), source, policy("alert"), seed=1).log
    assert other.cuts != first.cuts


@pytest.mark.parametrize("kind", ["alert", "block", "adaptive"])
def test_the_budget_is_never_exceeded_and_is_used(kind: str) -> None:
    log = lived(kind).log
    reviewed, day = log.array("reviewed"), np.repeat(np.arange(DAYS), np.diff(log.cuts))
    counts = np.bincount(day, reviewed, DAYS)
    assert counts[:WARM_UP].sum() == 0
    assert counts.max() == 8
    if kind == "alert":
        assert (counts[WARM_UP:] == 8).all()


def test_the_queue_takes_the_most_probable() -> None:
    log = lived("alert").log
    probability, reviewed = log.array("probability"), log.array("reviewed")
    for number in range(WARM_UP, DAYS):
        part = slice(log.cuts[number], log.cuts[number + 1])
        front = np.sort(probability[part][reviewed[part]])
        rest = probability[part][~reviewed[part]]
        assert front[0] >= rest.max()


def test_nothing_is_ever_said_of_a_refused_payment_and_analysts_say_only_what_they_saw() -> None:
    source = WorldSource(scenario())
    feed = Listening(source.feed(0))
    chosen = policy("block", action="block", block_above=0.3, control=0.2)
    replay(feed, source, chosen)
    refused = 0
    for number, said, reviewed, blocked in feed.said:
        refused += int(blocked.sum())
        assert not blocked[said.row].any()
        asked = np.unique(said.row[said.source == ANALYST])
        if reviewed is None:
            assert number < WARM_UP
        else:
            np.testing.assert_array_equal(asked, np.flatnonzero(reviewed))
        assert (said.known_at >= feed.start + (number + 1) * DAY).all()
    assert refused > 20


def test_refusals_reach_the_world_the_next_day_and_attackers_answer() -> None:
    log = lived("adaptive").log
    source = WorldSource(scenario("card_adaptive"))
    feed = Listening(source.feed(0))
    chosen = policy("adaptive", action="block", block_above=0.3, control=0.2)
    replay(feed, source, chosen)
    blocked = log.array("blocked")
    for number in range(1, DAYS):
        part = blocked[log.cuts[number - 1] : log.cuts[number]]
        np.testing.assert_array_equal(feed.blocked[number], np.flatnonzero(part))
    alone = replay(source.feed(0), source, policy("adaptive")).log
    first = int(np.flatnonzero([day.size > 0 for day in feed.blocked])[0])
    # The same world until the first refusal is heard of, another one after it.
    assert alone.cuts[: first + 1] == log.cuts[: first + 1]
    assert not alone.series("event_id").equals(log.series("event_id")) or not np.array_equal(
        alone.array("amount"), log.array("amount")
    )


def test_a_policy_that_cannot_learn_its_way_says_so_and_a_naive_model_stands_in() -> None:
    source = WorldSource(scenario("card_long_delay", fraud={"rate": 0.02}))
    found = replay(source.feed(0), source, policy(maturity="maturity_weighted"))
    first = found.retrainings[0]
    assert "fraud labels known" in first.reason or "cannot be estimated" in first.reason
    day = found.log.cuts[WARM_UP]
    assert not np.isnan(found.log.array("probability")[day:]).any()


def test_a_data_set_is_lived_through_with_its_published_delay(tmp_path: Path) -> None:
    path = tmp_path / "payments.parquet"
    simulate_handbook(customers=60, terminals=90, days=26, seed=3).write_parquet(path)
    source = DataSource(path, "handbook", "published")
    feed = Listening(source.feed(0))
    log, _ = replay_days(feed, policy(), Costs(), source.feature_set())
    assert log.cuts[-1] == pl.read_parquet(path).height
    for number, said, reviewed, _ in feed.said:
        midnight = feed.start + (number + 1) * DAY
        first = log.cuts[number]
        asked = said.source == ANALYST
        np.testing.assert_array_equal(said.known_at[asked], midnight + DAY)
        time = log.array("event_time")[first + said.row[~asked]]
        np.testing.assert_array_equal(said.known_at[~asked], time + 7 * DAY)
        if reviewed is not None:
            assert set(said.row[asked]) == set(np.flatnonzero(reviewed))
    # What the features know of labels is what backfilling the whole file says.
    wanted = read_events(path, source.feed(0).domain).batch
    vectors = backfill(source.feature_set(), wanted).matrix
    seen: list[NDArray[np.float64]] = []
    again = source.feed(0)
    engine = OnlineEngine(source.feature_set(), recall=1)
    for number in range(again.days):
        first = sum(len(part) for part in seen)
        arrivals = again.day(number, np.empty(0, dtype=np.int64))
        seen.append(_vectors(engine, arrivals, first))
        none = np.zeros(len(arrivals), dtype=np.bool_)
        tell_engine(engine, first, again.messages(number, None, none))
    np.testing.assert_array_equal(np.concatenate(seen), vectors)
