"""How the truth becomes known: reports, chargebacks, reversals, analysts, and silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.schema.time import DAY, HOUR, MINUTE
from lagmark.simulator.draws import Part, stream

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from lagmark.simulator.scenario import Lag, Scenario

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

__all__ = ["NEVER", "Outcome", "messages", "outcome"]

NEVER = np.iinfo(np.int64).max
"""Instant of what does not happen."""

_SUDDEN = MINUTE
"""No message comes sooner after what it speaks of."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What would become known of a day's events if they are allowed, arrays of shape (n,).

    Parameters
    ----------
    reported_at, chargeback_at, reversed_at
        Microseconds UTC at which the customer's report, the chargeback, and the reversal of the
        latest of the two reach us; ``NEVER`` if they do not.
    analyst_fraud, analyst_delay
        What an analyst would say, and microseconds after the alert.
    reviewed
        Whether the baseline analyst looks at it.
    said
        Microseconds between a message's own date and its arrival: customer, chargeback.
    """

    reported_at: Ints
    chargeback_at: Ints
    reversed_at: Ints
    analyst_fraud: Flags
    analyst_delay: Ints
    reviewed: Flags
    said: tuple[Ints, Ints]


def outcome(scenario: Scenario, seed: int, day: int, time: Ints, fraud: Flags) -> Outcome:
    """Outcome of the events of one day.

    Parameters
    ----------
    scenario
        Gives shares, delays and errors.
    seed, day
        Stream of the draws.
    time, fraud
        Event times in microseconds UTC, and the truth, shape (n,).
    """
    labels = scenario.labels
    rng = stream(seed, Part.LABELS, day)
    size = len(time)
    reported = np.full(size, NEVER)
    charged = np.full(size, NEVER)
    taken_back = np.full(size, NEVER)
    analyst_fraud = _verdicts(scenario, fraud, rng)
    delay = _lags(labels.analyst.lag, size, 1.0, rng)
    # Honest events are many and claims about them few: draw only those.
    honest = np.flatnonzero(~fraud)
    false = rng.choice(
        honest, int(rng.binomial(len(honest), labels.false_claims)), replace=False, shuffle=False
    )
    looked = rng.choice(
        honest,
        int(rng.binomial(len(honest), labels.analyst.reviews_honest)),
        replace=False,
        shuffle=False,
    )
    reviewed = np.zeros(size, np.bool_)
    reviewed[looked] = True

    rows = np.concatenate((np.sort(false), np.flatnonzero(fraud)))
    true = fraud[rows]
    count = len(rows)
    reviewed[rows] |= true & (rng.random(count) < labels.analyst.reviews_fraud)
    silent = true & (rng.random(count) < labels.never)
    by_customer = ~silent & (rng.random(count) < labels.customer_share)
    follows = rng.random(count) < labels.chargeback_after_report
    by_bank = ~silent & (~by_customer | follows)
    factor = scenario.delay(day)
    first = time[rows] + _lags(labels.customer, count, factor, rng)
    second = time[rows] + _lags(labels.chargeback, count, factor, rng)
    reported[rows] = np.where(by_customer, first, NEVER)
    charged[rows] = np.where(by_bank, second, NEVER)
    share = np.where(true, labels.reversed_fraud, labels.reversed_honest)
    back = (by_customer | by_bank) & (rng.random(count) < share)
    claim = np.where(by_bank, second, first)
    claim = np.where(by_customer & by_bank, np.maximum(first, second), claim)
    taken_back[rows] = np.where(back, claim + _lags(labels.reversal, count, 1.0, rng), NEVER)
    post = (rng.uniform(0, 1, size) * HOUR).astype(np.int64)
    bank = (rng.uniform(0.5, 3, size) * DAY).astype(np.int64)
    return Outcome(reported, charged, taken_back, analyst_fraud, delay, reviewed, (post, bank))


def messages(found: Outcome, ids: pl.Series, time: Ints) -> pl.DataFrame:
    """Label messages of a day's events as the label store keeps them, ordered by ``known_at``.

    Parameters
    ----------
    found
        Outcome of the events.
    ids, time
        Ids and times of the events, shape (n,).
    """
    import polars as pl

    parts: list[dict[str, Any]] = []

    def add(
        rows: Ints,
        known: Ints,
        before: Ints,
        fraud: Any,
        source: Any,
        sure: float,
        back: bool = False,
    ) -> None:
        parts.append(
            {
                "row": rows,
                "known_at": known,
                "said_at": np.maximum(known - before, time[rows]),
                "fraud": np.broadcast_to(fraud, len(rows)),
                "source": np.broadcast_to(source, len(rows)),
                "confidence": np.full(len(rows), sure),
                "reversal": np.full(len(rows), back),
            }
        )

    seen = np.flatnonzero(found.reviewed)
    none = np.zeros(len(seen), np.int64)
    add(seen, time[seen] + found.analyst_delay[seen], none, found.analyst_fraud[seen], 0, 0.9)
    for code, at, before, sure in (
        (1, found.reported_at, found.said[0], 0.8),
        (2, found.chargeback_at, found.said[1], 0.97),
    ):
        rows = np.flatnonzero(at != NEVER)
        add(rows, at[rows], before[rows], True, code, sure)
    rows = np.flatnonzero(found.reversed_at != NEVER)
    bank = (found.chargeback_at[rows] != NEVER) & (
        (found.reported_at[rows] == NEVER) | (found.reported_at[rows] < found.chargeback_at[rows])
    )
    source = np.where(bank, 2, 1)
    add(rows, found.reversed_at[rows], found.said[1][rows], False, source, 0.95, back=True)

    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(columns["known_at"], kind="stable")
    names = pl.Series(["analyst", "customer", "chargeback"])
    return pl.DataFrame(
        {
            "event_id": ids.gather(columns["row"][order]),
            "known_at": columns["known_at"][order],
            "said_at": columns["said_at"][order],
            "fraud": columns["fraud"][order].astype(np.bool_),
            "source": names.gather(columns["source"][order]),
            "confidence": columns["confidence"][order],
            "reversal": columns["reversal"][order],
        }
    )


def _verdicts(scenario: Scenario, fraud: Flags, rng: np.random.Generator) -> Flags:
    analyst = scenario.labels.analyst
    wrong = rng.random(len(fraud)) < np.where(fraud, analyst.misses, analyst.false_alarms)
    return fraud ^ wrong


def _lags(lag: Lag, size: int, factor: float, rng: np.random.Generator) -> Ints:
    draw = lag.median_days * factor * DAY * np.exp(lag.sigma * rng.standard_normal(size))
    return np.maximum(draw.astype(np.int64), _SUDDEN)
