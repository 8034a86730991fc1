"""Job: one model trained and measured on one fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.clock import stopwatch
from lagmark.learning import train
from lagmark.learning.metrics.card_precision import card_precision_at_k
from lagmark.learning.metrics.evaluate import Metrics, evaluate
from lagmark.learning.segments import Segment, segments
from lagmark.schema.time import from_micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lagmark.apps.jobs.plan import Trial
    from lagmark.learning import Dataset, TrainedModel
    from lagmark.learning.metrics.evaluate import Budget

__all__ = ["INTERVALS", "TrialResult", "run_trial"]

INTERVALS = (
    "roc_auc", "pr_auc", "card_precision_at_k", "precision_at_k", "recall_at_k",
    "precision_at_share", "recall_at_share", "expected_cost", "calibration_ratio", "brier",
)  # fmt: skip
"""Figures of a result that come with the ends of their interval."""


@dataclass(frozen=True, slots=True, eq=False)
class TrialResult:
    """A trained model with its figures.

    Parameters
    ----------
    trial
        What was asked.
    model
        The trained model.
    metrics
        Figures on the test.
    card_precision_at_100
        Card precision at 100 whatever the budget is; ``None`` without a subject.
    y, probability
        Test labels and probabilities, shape (n,).
    guess, amount_alone
        PR-AUC of guessing (the fraud share) and of ranking by amount alone, for comparison.
    train_seconds
        Time to train.
    run_id
        Its run in the registry, empty if it was not recorded.
    segments
        Figures by part of the test.
    """

    trial: Trial
    model: TrainedModel
    metrics: Metrics
    card_precision_at_100: float | None
    y: NDArray[np.int8]
    probability: NDArray[np.float64]
    guess: float | None
    amount_alone: float | None
    train_seconds: float
    run_id: str = ""
    segments: tuple[Segment, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Record of the result for JSON; ``as_of`` is the instant the model was trained at."""
        fold, figures = self.trial.fold, self.metrics.estimates
        record: dict[str, Any] = {
            "model": self.trial.model.label,
            "feature_set": self.trial.feature_set,
            "fold": fold.name,
            "train_events": self.model.train_events,
            "train_frauds": self.model.train_frauds,
            "test_events": self.metrics.events,
            "test_frauds": self.metrics.frauds,
            "roc_auc": self.metrics["roc_auc"],
            "pr_auc": self.metrics["pr_auc"],
            "card_precision_at_100": self.card_precision_at_100,
            "as_of": _iso(fold.as_of),
            "judged_at": _iso(self.metrics.as_of),
            "train_start": _iso(fold.train_start),
            "train_end": _iso(fold.train_end),
            "test_start": _iso(fold.test_start),
            "test_end": _iso(fold.test_end),
            "delay_days": fold.delay / 86_400_000_000,
            "features": len(self.model.names),
            "contract_hash": self.model.contract_hash,
            "run_id": self.run_id or None,
            "train_seconds": round(self.train_seconds, 2),
            "pr_auc_guessing": self.guess,
            "pr_auc_amount_alone": self.amount_alone,
        }
        for name in INTERVALS:
            record[name] = figures[name].value
            record[f"{name}_low"] = figures[name].low
            record[f"{name}_high"] = figures[name].high
        return record


def run_trial(
    trial: Trial,
    training: Dataset,
    test: Dataset,
    *,
    budget: Budget,
    seed: int,
    threads: int,
    resamples: int,
    categories: Sequence[str | None] | None = None,
) -> TrialResult:
    """Model of a trial trained on one dataset and measured on the other.

    Parameters
    ----------
    trial
        Model and fold.
    training, test
        Examples.
    budget
        The alert budget.
    seed, threads
        Seed of the fit and of the resamples; threads to fit with.
    resamples
        Bootstrap resamples of the intervals.
    categories
        Category of each test example, to tell figures by.

    Raises
    ------
    DataError
        If the training examples lack a class.
    """
    begin = stopwatch()
    model = train(
        training,
        trial.model.kind,
        trial.model.params,
        seed=seed,
        calibrate=not trial.as_published,
        n_jobs=threads,
    )
    took = stopwatch() - begin
    probability = model.probability(test.X)
    metrics = evaluate(
        test,
        probability,
        rng=np.random.default_rng(seed),
        budget=budget,
        resample=resamples,
    )
    amount = evaluate(
        test, test.amount.astype(np.float64), rng=np.random.default_rng(seed), resample=0
    )
    hundred = metrics["card_precision_at_k"]
    if budget.per_day != 100 and test.subject is not None:
        hundred = card_precision_at_k(test.y, probability, test.event_time, test.subject, k=100)
    return TrialResult(
        trial=trial,
        model=model,
        metrics=metrics,
        card_precision_at_100=hundred,
        y=test.y,
        probability=probability,
        guess=test.frauds / len(test) if len(test) else None,
        amount_alone=amount["pr_auc"],
        train_seconds=took,
        segments=segments(test, probability, categories),
    )


def _iso(micros: int) -> str:
    return from_micros(micros).isoformat().replace("+00:00", "Z")
