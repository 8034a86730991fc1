"""A finished backtest of one policy held against the truth, as sums per day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.backtest.control import estimate_rate
from lagmark.labels import NEVER
from lagmark.learning.dataset import subject_codes
from lagmark.learning.metrics import average_precision
from lagmark.learning.metrics.card_precision import SubjectDays
from lagmark.schema.time import DAY, from_micros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from lagmark.backtest.feed import Truth
    from lagmark.backtest.log import DecisionLog, Retraining
    from lagmark.backtest.policy import Costs, Policy
    from lagmark.domains.domain import Domain

__all__ = ["BUDGETS", "daily_hits", "evaluate_unit"]

BUDGETS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
"""Alert budgets of the cost curve, as multiples of the policy's own."""

_AGES = 120
"""Days of the curve of label delays."""


def evaluate_unit(
    log: DecisionLog,
    retrainings: Sequence[Retraining],
    truth: Truth,
    domain: Domain,
    policy: Policy,
    costs: Costs,
    *,
    first_day: int,
    k: int,
) -> dict[str, Any]:
    """Everything about one unit that the comparison needs, as plain values.

    A fraud is caught if it was refused, or if an analyst recognised it before customer or bank
    spoke of it.

    Parameters
    ----------
    log, retrainings, truth
        What was decided, believed, and really was.
    domain, policy, costs
        What the events are, who decided, and what it costs.
    first_day
        First day that counts.
    k
        Subjects per day of card precision.
    """
    first = log.cuts[first_day]
    cuts = np.array(log.cuts[first_day:]) - first
    arrays = {
        name: log.array(name, first_day)
        for name in ("probability", "event_time", "alerted", "reviewed", "control", "blocked")
    }
    fraud = truth.fraud[first:]
    amount = log.array("amount", first_day) / domain.field_named(domain.amount).scale
    told, delay = truth.told_at[first:], truth.analyst_delay[first:]
    day = np.repeat(np.arange(cuts.shape[0] - 1), np.diff(cuts))
    queue_closed = log.start + (first_day + day + 1) * DAY
    recognised = fraud & truth.analyst_fraud[first:] & (queue_closed + delay < told)
    reviewed, blocked = arrays["reviewed"].astype(bool), arrays["blocked"].astype(bool)
    caught = (blocked & fraud) | (reviewed & recognised)
    p = np.nan_to_num(arrays["probability"], nan=0.0)

    def total(values: NDArray[Any]) -> list[float]:
        return np.bincount(day, values, cuts.shape[0] - 1).tolist()

    subject = subject_codes(log.series("subject"))[first:]
    outcome = truth.stays[first:]
    return {
        "first_day": first_day,
        "dates": [
            from_micros(log.start + n * DAY).date().isoformat()
            for n in range(first_day, len(log.cuts) - 1)
        ],
        "days": {
            "events": np.diff(cuts).astype(float).tolist(),
            "value": total(amount),
            "frauds": total(fraud),
            "fraud_value": total(fraud * amount),
            "reviewed": total(reviewed),
            "reviewed_frauds": total(reviewed & fraud),
            "blocked": total(blocked),
            "blocked_frauds": total(blocked & fraud),
            "control": total(arrays["control"].astype(bool)),
            "caught": total(caught),
            "caught_value": total(caught * amount),
            "predicted": total(p),
            "predicted_reviewed": total(p * reviewed),
            "card_hits": daily_hits(fraud, p, arrays["event_time"], subject, k, day),
        },
        "average_precision": average_precision(fraud.astype(np.int8), p),
        "control": estimate_rate(outcome, blocked, log.array("propensity", first_day)).as_dict(),
        "true_fraud_rate": float(fraud.mean()) if fraud.size else None,
        "cost_curve": _cost_curve(p, amount, fraud, recognised, blocked, day, policy, costs),
        "label_delay": _label_delay(truth, log.array("event_time")),
        "reliability": _reliability(p, fraud),
        "retrainings": [_believed(one, truth, log) for one in retrainings],
    }


def daily_hits(
    fraud: NDArray[np.bool_],
    score: NDArray[np.float64],
    event_time: NDArray[np.int64],
    subject: NDArray[np.int64],
    k: int,
    day: NDArray[np.int64],
) -> list[float]:
    """Compromised subjects among the ``k`` of highest score, day by day.

    The sum over ``k`` times the number of days is
    :func:`lagmark.learning.metrics.card_precision_at_k`: subjects that were found are left out
    on later days.

    Parameters
    ----------
    fraud, score, event_time, subject
        Truth, probability, instant and subject of each event, shape (n,).
    k
        Subjects per day.
    day
        Number of each event's day from 0, rising, shape (n,).
    """
    hits = [0.0] * (int(day[-1]) + 1 if day.size else 0)
    ranked = SubjectDays.of(fraud.astype(np.int8), score, event_time, subject)
    if ranked is None:
        return hits
    found = np.zeros(ranked.subjects, dtype=np.bool_)
    for a, b in zip(ranked.first, ranked.last, strict=True):
        left = np.flatnonzero(~found[ranked.subject[a:b]])[:k] + a
        hit = left[ranked.compromised[left] > 0]
        found[ranked.subject[hit]] = True
        hits[int(day[ranked.member[a]])] += float(hit.shape[0])
    return hits


def _cost_curve(
    p: NDArray[np.float64],
    amount: NDArray[np.float64],
    fraud: NDArray[np.bool_],
    recognised: NDArray[np.bool_],
    blocked: NDArray[np.bool_],
    day: NDArray[np.int64],
    policy: Policy,
    costs: Costs,
) -> list[dict[str, float]]:
    """Net cost had another number of alerts been worked, with the same scores."""
    worth = np.where(blocked, -np.inf, p if policy.threshold == "budget" else p * amount)
    order = np.lexsort((-worth, day))
    rank = np.empty(order.shape[0], dtype=np.int64)
    starts = np.searchsorted(day[order], np.arange(int(day[-1]) + 1 if day.size else 0))
    rank[order] = np.arange(order.shape[0]) - starts[day[order]]
    lost = float((fraud * amount).sum()) - float((fraud & blocked) @ amount)
    refused = costs.friction * int((blocked & ~fraud).sum())
    rows = []
    for times in BUDGETS:
        alerts = max(round(policy.budget.alerts * times), 1)
        looked = (rank < alerts) & ~blocked
        saved = float((looked & recognised) @ amount)
        spent = costs.review * int(looked.sum())
        rows.append({"alerts": alerts, "cost": costs.loss * (lost - saved) + spent + refused})
    return rows


def _label_delay(truth: Truth, event_time: NDArray[np.int64]) -> dict[str, Any]:
    """Share of all frauds of which customer or bank have spoken, by age in days."""
    fraud = truth.fraud
    told = truth.told_at[fraud]
    age = np.where(told == NEVER, np.inf, (told - event_time[fraud]) / DAY)
    size = max(int(fraud.sum()), 1)
    counts = [float((age <= days).sum()) / size for days in range(_AGES + 1)]
    return {
        "frauds": int(fraud.sum()),
        "known": counts,
        "ever": float(np.isfinite(age).sum()) / size,
    }


def _reliability(p: NDArray[np.float64], fraud: NDArray[np.bool_]) -> list[dict[str, float]]:
    """Counts, predictions and frauds in bins of probability that widen by a factor of three."""
    edges = np.array([0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.6, 1.0])
    place = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, edges.shape[0] - 2)
    return [
        {
            "count": float((place == i).sum()),
            "predicted": float(p[place == i].sum()),
            "frauds": float(fraud[place == i].sum()),
        }
        for i in range(edges.shape[0] - 1)
    ]


def _believed(one: Retraining, truth: Truth, log: DecisionLog) -> Mapping[str, Any]:
    """A training with what the policy believed then, beside what was true."""
    rows = slice(one.first_row, one.last_row)
    reviewed = log.array("reviewed").astype(bool)[rows]
    fraud = truth.fraud[rows]
    events = one.last_row - one.first_row
    frauds, hits = int(fraud.sum()), int((fraud & reviewed).sum())
    return {
        "day": one.day,
        "as_of": from_micros(one.as_of).isoformat(),
        "trained": not one.reason,
        "reason": one.reason,
        "examples": one.examples,
        "frauds": one.frauds,
        "share_known": one.share_known,
        "believed": {
            "fraud_rate": _share(one.known_frauds, events),
            "alert_precision": _share(one.confirmed, one.reviewed),
            "calibration": _share(one.predicted, one.known_frauds),
        },
        "true": {
            "fraud_rate": _share(frauds, events),
            "alert_precision": _share(hits, one.reviewed),
            "calibration": _share(one.predicted, frauds),
        },
    }


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
