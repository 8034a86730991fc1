"""All figures of one model on one dataset, with the instant they were computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.errors import DataError
from lagmark.learning.metrics.average_precision import ranked_average_precision
from lagmark.learning.metrics.bootstrap import Estimate, intervals, resamples
from lagmark.learning.metrics.budget import Alerts, daily_alerts, share_alerts
from lagmark.learning.metrics.calibration import (
    ReliabilityBin,
    brier_score,
    calibration_ratio,
    reliability,
)
from lagmark.learning.metrics.card_precision import SubjectDays
from lagmark.learning.metrics.expected_cost import expected_cost
from lagmark.learning.metrics.ranking import Ranking
from lagmark.learning.metrics.roc_auc import ranked_roc_auc
from lagmark.schema.time import from_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from lagmark.learning.dataset import Dataset

    Statistic = Callable[[NDArray[np.float64] | None], float | None]

__all__ = ["Budget", "Metrics", "evaluate", "statistics"]


@dataclass(frozen=True, slots=True)
class Budget:
    """What the people who work the alerts can do, and what it costs.

    Parameters
    ----------
    per_day
        Alerts a day, and subjects a day for card precision.
    share
        Share of all events that may be alerted.
    review_cost
        Cost of one alert, units of the currency.
    """

    per_day: int = 100
    share: float = 0.005
    review_cost: float = 5.0


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures of one evaluation.

    Parameters
    ----------
    as_of
        Labels known at this instant were used, microseconds since 1970 UTC.
    events, frauds
        Size of the dataset.
    budget
        The alert budget the figures hold for.
    estimates
        ``roc_auc``, ``pr_auc``, ``card_precision_at_k``, ``precision_at_k``, ``recall_at_k`` (k
        alerts a day), ``precision_at_share``, ``recall_at_share``, ``expected_cost`` (of the
        daily alerts), ``calibration_ratio`` and ``brier``, each with its interval.
    reliability
        Bins by rising probability.
    """

    as_of: int
    events: int
    frauds: int
    budget: Budget
    estimates: Mapping[str, Estimate]
    reliability: tuple[ReliabilityBin, ...]

    def __getitem__(self, name: str) -> float | None:
        """Figure by name, ``None`` where it has no meaning."""
        return self.estimates[name].value

    def as_dict(self) -> dict[str, Any]:
        """Plain flat record for JSON: each figure under its name, ends as ``_low``, ``_high``."""
        record: dict[str, Any] = {
            "as_of": from_micros(self.as_of).isoformat(),
            "events": self.events,
            "frauds": self.frauds,
            "alerts_per_day": self.budget.per_day,
            "alert_share": self.budget.share,
            "review_cost": self.budget.review_cost,
        }
        for name, estimate in self.estimates.items():
            record[name] = estimate.value
            record[f"{name}_low"] = estimate.low
            record[f"{name}_high"] = estimate.high
        record["reliability"] = [
            {"count": b.count, "predicted": b.predicted, "actual": b.actual}
            for b in self.reliability
        ]
        return record


def evaluate(
    dataset: Dataset,
    probability: NDArray[np.float64],
    *,
    rng: np.random.Generator,
    budget: Budget | None = None,
    resample: int = 200,
    level: float = 0.95,
) -> Metrics:
    """Every figure of a scored dataset with bootstrap intervals, clustered by subject.

    Parameters
    ----------
    dataset
        Test examples; its ``as_of`` becomes that of the figures.
    probability
        Probability of fraud of each example, shape (n,). Ranking figures need only its order.
    rng
        Source of the resamples.
    budget
        Alert budget; the default of :class:`Budget` when absent.
    resample
        Number of resamples; 0 gives figures without intervals.
    level
        Coverage of the intervals.

    Raises
    ------
    DataError
        If there is not one probability per example.
    """
    if probability.shape != (len(dataset),):
        raise DataError(
            f"{probability.shape} probabilities for {len(dataset)} examples", where="evaluate"
        )
    budget = Budget() if budget is None else budget
    weights = resamples(dataset.subject, len(dataset), resample, rng)
    return Metrics(
        as_of=dataset.as_of,
        events=len(dataset),
        frauds=dataset.frauds,
        budget=budget,
        estimates=intervals(statistics(dataset, probability, budget), weights, level),
        reliability=reliability(dataset.y, probability),
    )


def statistics(
    dataset: Dataset, probability: NDArray[np.float64], budget: Budget
) -> dict[str, Statistic]:
    """Figures of :func:`evaluate` by name, as functions of the weights of the examples.

    Parameters
    ----------
    dataset, probability, budget
        As for :func:`evaluate`.

    Returns
    -------
    dict of str to function
        Each takes weights of shape (n,), or ``None`` for all 1, and gives the figure or ``None``.
    """
    time = dataset.event_time
    # Floats from here on: products with the weights then need no conversion per resample.
    y = dataset.y.astype(np.float64)
    ranking = Ranking.of(y, probability)
    daily = daily_alerts(probability, time, budget.per_day)
    share = share_alerts(probability, time, budget.share)
    days = (
        None if dataset.subject is None else SubjectDays.of(y, probability, time, dataset.subject)
    )
    loss = y * dataset.amount / dataset.amount_scale

    def of(alerts: Alerts | None, part: int) -> Statistic:
        return lambda w: None if alerts is None else alerts.precision_recall(y, w)[part]

    def cost(w: NDArray[np.float64] | None) -> float | None:
        return None if daily is None else expected_cost(loss, daily, budget.review_cost, w)

    return {
        "roc_auc": lambda w: None if ranking is None else ranked_roc_auc(ranking, w),
        "pr_auc": lambda w: None if ranking is None else ranked_average_precision(ranking, w),
        "card_precision_at_k": lambda w: (
            None if days is None else days.precision(budget.per_day, w)
        ),
        "precision_at_k": of(daily, 0),
        "recall_at_k": of(daily, 1),
        "precision_at_share": of(share, 0),
        "recall_at_share": of(share, 1),
        "expected_cost": cost,
        "calibration_ratio": lambda w: calibration_ratio(y, probability, w),
        "brier": lambda w: brier_score(y, probability, w),
    }
