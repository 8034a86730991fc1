"""The loop: each day only what was known when it began."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.backtest.deciding import Decided, decide
from lagmark.backtest.known import KnownLabels, tell_engine
from lagmark.backtest.learner import Learner
from lagmark.backtest.log import DecisionLog, Retraining
from lagmark.backtest.reference import true_messages
from lagmark.features import OnlineEngine
from lagmark.learning.dataset import amounts_of
from lagmark.schema.events import EventBatch
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl
    from numpy.typing import NDArray

    from lagmark.backtest.feed import Arrivals, Feed
    from lagmark.backtest.learner import Lesson
    from lagmark.backtest.policy import Costs, Policy
    from lagmark.features import FeatureSet
    from lagmark.learning import TrainedModel

__all__ = ["replay_days"]

_BELIEFS = 28
"""Days before a training that the policy's beliefs are about."""


def replay_days(
    feed: Feed,
    policy: Policy,
    costs: Costs,
    feature_set: FeatureSet,
    *,
    seed: int = 0,
    tell: Callable[[int], None] = lambda _day: None,
) -> tuple[DecisionLog, list[Retraining]]:
    """Days of a feed under a policy.

    When a day begins, a model may be trained on what is known by then. The events of the day get
    their features in the order of arrival and are scored by the latest model; refusals are
    immediate, the queue closes at midnight, and analysts work it from then on. What is said of an
    event counts from the midnight after it, both for features and for training. Nothing that
    becomes known later is read, but by a reference: it is taught the truth of the days before,
    and what its features know is what everybody knew.

    Parameters
    ----------
    feed
        Days, not begun.
    policy, costs
        Who decides, and what it costs.
    feature_set
        Features of the events.
    seed
        Seed of the models and of the control group.
    tell
        Called after each day with its number.

    Returns
    -------
    log
        Decisions of all events.
    retrainings
        Trainings in order.
    """
    domain = feed.domain
    engine = OnlineEngine(feature_set, recall=1)
    learner = Learner(policy, domain, feature_set, seed)
    log, known = DecisionLog(feed.start), KnownLabels()
    retrainings: list[Retraining] = []
    model: TrainedModel | None = None
    blocked = np.empty(0, dtype=np.int64)
    for number in range(feed.days):
        if policy.trains_on(number):
            lesson = learner.train(number, log, known)
            model = lesson.model or model
            retrainings.append(_record(number, lesson, policy, log, known))
        arrivals = feed.day(number, blocked)
        first_row = log.cuts[-1]
        vectors = _vectors(engine, arrivals, first_row)
        learner.keep(vectors)
        size = len(arrivals)
        probability = np.full(size, np.nan)
        decided = Decided.nothing(size)
        amount = amounts_of(arrivals.events, domain.amount)
        scored = model is not None and number >= policy.warm_up
        if scored and size:
            assert model is not None
            probability = model.probability(vectors)
            draw = np.random.default_rng([seed, number, 0xC0]).random(size)
            money = amount / domain.field_named(domain.amount).scale
            decided = decide(probability, money, draw, policy, costs)
        messages = feed.messages(
            number, decided.reviewed if number >= policy.warm_up else None, decided.blocked
        )
        known.add(first_row, true_messages(feed, arrivals) if policy.reference else messages)
        tell_engine(engine, first_row, messages)
        log.add(_facts(arrivals.events, amount, probability, domain.subject), decided)
        blocked = np.flatnonzero(decided.blocked)
        tell(number)
    return log, retrainings


def _vectors(engine: OnlineEngine, arrivals: Arrivals, first_row: int) -> NDArray[np.float64]:
    """Features of a day; to the engine an event's id is its number, which labels name it by."""
    import polars as pl

    numbers = pl.Series("event_id", np.arange(first_row, first_row + len(arrivals)))
    none = pl.DataFrame(
        schema={"row": pl.Int64, "known_at": pl.Int64, "fraud": pl.Boolean, "source": pl.String}
    )
    batch = EventBatch(arrivals.events.with_columns(numbers), none)
    return np.ascontiguousarray(engine.process_batch(batch))


def _facts(
    events: pl.DataFrame,
    amount: NDArray[np.int64],
    probability: NDArray[np.float64],
    subject: str | None,
) -> dict[str, Any]:
    return {
        "event_id": events["event_id"],
        "subject": events["event_id"] if subject is None else events[subject],
        "event_time": events["event_time"].to_numpy(),
        "ingest_time": events["ingest_time"].to_numpy(),
        "amount": amount,
        "probability": probability,
    }


def _record(
    day: int, lesson: Lesson, policy: Policy, log: DecisionLog, known: KnownLabels
) -> Retraining:
    as_of = log.start + day * DAY
    first_day = min(max(day - _BELIEFS, policy.warm_up), day)
    first_row, last_row = log.cuts[first_day], log.cuts[day]
    verdict = known.verdicts(first_row, last_row, as_of)
    reviewed = log.array("reviewed", first_day, day).astype(np.bool_)
    probability = log.array("probability", first_day, day)
    model = lesson.model
    return Retraining(
        day=day,
        as_of=as_of,
        reason=lesson.reason,
        examples=0 if model is None else model.train_events,
        frauds=0 if model is None else model.train_frauds,
        share_known=None if model is None else model.share_known,
        first_row=first_row,
        last_row=last_row,
        known_frauds=int((verdict == 1).sum()),
        predicted=float(np.nansum(probability)),
        reviewed=int(reviewed.sum()),
        confirmed=int(((verdict == 1) & reviewed).sum()),
    )
