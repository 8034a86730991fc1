"""Labels come when, how often and as wrong as the scenario says."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lagmark.schema.time import DAY
from lagmark.simulator import load_scenario
from lagmark.simulator.labelling import NEVER, Outcome, outcome

SIZE = 200_000
SCENARIO = load_scenario("card_stable")
LABELS = SCENARIO.labels
TIME = SCENARIO.start + np.arange(SIZE, dtype=np.int64)


def near(share: float, wanted: float, size: int) -> bool:
    return abs(share - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / size)


@pytest.fixture(scope="module")
def frauds() -> Outcome:
    return outcome(SCENARIO, 0, 0, TIME, np.ones(SIZE, np.bool_))


@pytest.fixture(scope="module")
def honest() -> Outcome:
    return outcome(SCENARIO, 1, 0, TIME, np.zeros(SIZE, np.bool_))


def test_some_frauds_are_never_reported(frauds: Outcome) -> None:
    never = (frauds.reported_at == NEVER) & (frauds.chargeback_at == NEVER)
    assert near(never.mean(), LABELS.never, SIZE)
    reported = frauds.reported_at != NEVER
    assert near(reported.mean(), (1 - LABELS.never) * LABELS.customer_share, SIZE)
    both = reported & (frauds.chargeback_at != NEVER)
    assert near(both.sum() / reported.sum(), LABELS.chargeback_after_report, reported.sum())


@pytest.mark.parametrize("factor", [1.0, 1.8])
def test_delays_are_lognormal_with_the_scenarios_median(factor: float) -> None:
    slow = load_scenario("card_slow_labels", change_day=5)
    found = outcome(slow, 3, 4 if factor == 1.0 else 5, TIME, np.ones(SIZE, np.bool_))
    for lag, at in ((LABELS.customer, found.reported_at), (LABELS.chargeback, found.chargeback_at)):
        age = ((at - TIME)[at != NEVER]) / DAY
        logs = np.log(age)
        error = 4 * lag.sigma * 1.26 / np.sqrt(len(age))
        assert abs(np.median(logs) - np.log(factor * lag.median_days)) < error
        assert logs.std() == pytest.approx(lag.sigma, rel=0.02)


def test_honest_events_are_disputed_now_and_then(honest: Outcome) -> None:
    claimed = (honest.reported_at != NEVER) | (honest.chargeback_at != NEVER)
    assert near(claimed.mean(), LABELS.false_claims, SIZE)
    back = honest.reversed_at != NEVER
    assert (back <= claimed).all()
    assert near(back.sum() / claimed.sum(), LABELS.reversed_honest, claimed.sum())


def test_reversals_follow_the_last_claim(frauds: Outcome) -> None:
    back = frauds.reversed_at != NEVER
    first = np.where(frauds.reported_at == NEVER, 0, frauds.reported_at)
    second = np.where(frauds.chargeback_at == NEVER, 0, frauds.chargeback_at)
    assert (frauds.reversed_at > np.maximum(first, second))[back].all()
    claimed = (first > 0) | (second > 0)
    assert near(back.sum() / claimed.sum(), LABELS.reversed_fraud, claimed.sum())


def test_analysts_err_at_the_scenarios_rates(frauds: Outcome, honest: Outcome) -> None:
    assert near(1 - frauds.analyst_fraud.mean(), LABELS.analyst.misses, SIZE)
    assert near(honest.analyst_fraud.mean(), LABELS.analyst.false_alarms, SIZE)
    median = np.median(frauds.analyst_delay) / DAY
    assert median == pytest.approx(LABELS.analyst.lag.median_days, rel=0.03)
    assert near(frauds.reviewed.mean(), LABELS.analyst.reviews_fraud, SIZE)
    assert near(honest.reviewed.mean(), LABELS.analyst.reviews_honest, SIZE)


def test_messages_say_what_the_truth_would_let_them_say() -> None:
    from .worlds import lived

    world = lived("card_stable")
    both = world.labels.join(
        world.truth.with_columns(time=world.time), on="event_id", how="left", validate="m:1"
    )
    assert both["time"].null_count() == 0
    assert (both["known_at"] > both["time"]).all()
    assert (both["said_at"] <= both["known_at"]).all()
    assert (both["said_at"] >= both["time"]).all()
    assert both["confidence"].is_between(0, 1).all()
    for source, column in (("customer", "reported_at"), ("chargeback", "chargeback_at")):
        said = both.filter((pl.col("source") == source) & ~pl.col("reversal"))
        assert said["fraud"].all()
        assert said["known_at"].equals(said[column].rename("known_at"))
        assert said.height == world.truth[column].count()
    back = both.filter("reversal")
    assert not back["fraud"].any()
    assert back["known_at"].equals(back["reversed_at"].rename("known_at"))
    assert back.height == world.truth["reversed_at"].count() > 0
    seen = both.filter(pl.col("source") == "analyst")
    assert seen["fraud"].equals(seen["analyst_fraud"].rename("fraud"))
    assert (seen["known_at"] - seen["time"]).equals(seen["analyst_delay"].rename("known_at"))


def test_messages_are_those_of_the_label_store() -> None:
    from .worlds import lived

    for name, ids in (("card_stable", pl.String), ("bank_link_attack", pl.Int64)):
        assert lived(name).labels.schema == {
            "event_id": ids,
            "known_at": pl.Int64,
            "said_at": pl.Int64,
            "fraud": pl.Boolean,
            "source": pl.String,
            "confidence": pl.Float64,
            "reversal": pl.Boolean,
        }
