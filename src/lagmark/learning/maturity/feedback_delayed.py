"""Two classifiers, one of what analysts said, one of what the months brought."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lagmark.errors import ConfigError, DataError
from lagmark.labels import UNKNOWN
from lagmark.learning.bundle import TrainedModel
from lagmark.learning.calibration import Calibration
from lagmark.learning.maturity.fixed_delay import as_duration
from lagmark.learning.maturity.shares import expected_known, usual_reports
from lagmark.learning.models import create_model
from lagmark.learning.models.ensemble import Ensemble
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lagmark.learning.calibration import Method
    from lagmark.learning.dataset import Dataset
    from lagmark.learning.maturity.history import KnownHistory
    from lagmark.learning.models import Model

__all__ = ["FeedbackDelayed"]


class FeedbackDelayed:
    """One classifier on analysts' feedback, one on delayed labels of the rest, combined.

    Feedback is recent but chosen by the model that raised the alerts; delayed labels are fair but
    old. Pooled, the few feedback examples drown; apart, each keeps its say (Dal Pozzolo,
    Boracchi, Caelen, Alippi and Bontempi 2018). Their combination averages posteriors; here
    log-odds are averaged, so that the reasons of the pair are exact (see
    :class:`~lagmark.learning.models.ensemble.Ensemble`), and the result is calibrated.

    Parameters
    ----------
    delay
        Age in microseconds, or text such as ``"30d"``, at which silence means honest.
    feedback_weight
        Share of the feedback classifier in the combination, 0 to 1.
    feedback_window
        Age that feedback may have, microseconds or text; any when ``None``.
    least_frauds
        Frauds among the feedback below which the delayed classifier stands alone.

    Raises
    ------
    ConfigError
        If the weight is no share.
    """

    name: ClassVar[str] = "feedback_delayed"

    def __init__(
        self,
        delay: int | str = 30 * DAY,
        *,
        feedback_weight: float = 0.5,
        feedback_window: int | str | None = None,
        least_frauds: int = 10,
    ) -> None:
        if not 0 < feedback_weight < 1:
            raise ConfigError(
                f"a feedback weight of {feedback_weight}",
                where=self.name,
                hint="give one between 0 and 1",
            )
        self.delay = as_duration(delay)
        self.feedback_weight = feedback_weight
        self.feedback_window = None if feedback_window is None else as_duration(feedback_window)
        self.least_frauds = least_frauds

    def examples(self, history: KnownHistory) -> Dataset:
        """See :meth:`MaturityPolicy.examples`; the examples of both classifiers together."""
        feedback, delayed = self._index(history)
        return _labelled(history, np.union1d(feedback, delayed), self.delay)

    def parts(self, history: KnownHistory) -> tuple[Dataset, Dataset]:
        """Examples of the feedback classifier and of the delayed one."""
        feedback, delayed = self._index(history)
        return (
            _labelled(history, feedback, 0),
            _labelled(history, delayed, self.delay),
        )

    def fit(
        self,
        history: KnownHistory,
        kind: str,
        params: Mapping[str, Any] | None = None,
        *,
        seed: int = 0,
        n_jobs: int = 1,
        calibrate: bool = True,
        method: Method = "logistic",
        prior: float | None = None,
    ) -> TrainedModel:
        """See :meth:`MaturityPolicy.fit`.

        The pair is calibrated on the events that are old enough, alerted or not: each third of
        that range is predicted by a pair that did not see it.
        """
        feedback, delayed = self.parts(history)
        model = self._pair(feedback, delayed, kind, params, seed, n_jobs)
        calibration = Calibration()
        both = self.examples(history)
        if calibrate:
            index, p = self._unseen(both, feedback, delayed, kind, params, seed, n_jobs)
            calibration = Calibration.fit(p, both.y[index], method)
        if prior is not None:
            calibration = calibration.matched(model.predict_proba(both.X), prior)
        return TrainedModel(
            model=model,
            calibration=calibration,
            contract_hash=both.contract_hash,
            as_of=both.as_of,
            fingerprint=both.fingerprint,
            seed=seed,
            train_start=both.start,
            train_end=both.end,
            train_events=len(both),
            train_frauds=both.frauds,
            policy=self.name,
            share_known=expected_known(history, both.rows, usual_reports(history)),
        )

    def _index(self, history: KnownHistory) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        spoken = history.alerted & history.feedback & (history.verdict != UNKNOWN)
        recent = spoken.copy()
        if self.feedback_window is not None:
            recent &= history.age <= self.feedback_window
        rest = ~spoken & history.usable & (history.age >= self.delay)
        return np.flatnonzero(recent), np.flatnonzero(rest)

    def _pair(
        self,
        feedback: Dataset,
        delayed: Dataset,
        kind: str,
        params: Mapping[str, Any] | None,
        seed: int,
        n_jobs: int,
    ) -> Model:
        sides: list[tuple[Dataset, float]] = [(delayed, 1.0)]
        enough = min(feedback.frauds, len(feedback) - feedback.frauds) >= self.least_frauds
        if enough and 0 < delayed.frauds < len(delayed):
            sides = [(feedback, self.feedback_weight), (delayed, 1 - self.feedback_weight)]
        elif enough:
            sides = [(feedback, 1.0)]
        fitted = [
            (
                create_model(kind, params).fit(
                    side.X, side.y, names=side.names, seed=seed, n_jobs=n_jobs
                ),
                weight,
            )
            for side, weight in sides
        ]
        return Ensemble.of(fitted)

    def _unseen(
        self,
        both: Dataset,
        feedback: Dataset,
        delayed: Dataset,
        kind: str,
        params: Mapping[str, Any] | None,
        seed: int,
        n_jobs: int,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Predictions for each third of the old enough events by a pair fitted without it."""
        fair = np.flatnonzero(both.event_time <= both.as_of - self.delay)
        time = np.sort(both.event_time[fair])
        index, probability = [np.empty(0, dtype=np.int64)], [np.empty(0)]
        cuts = [int(time[k * time.shape[0] // 3]) for k in (1, 2)] if time.shape[0] else []
        for begin, end in pairwise([both.start, *cuts, both.as_of - self.delay + 1]):
            part = fair[(both.event_time[fair] >= begin) & (both.event_time[fair] < end)]
            sides = [
                side.take((side.event_time < begin) | (side.event_time >= end))
                for side in (feedback, delayed)
            ]
            try:
                pair = self._pair(sides[0], sides[1], kind, params, seed, n_jobs)
            except DataError:
                # A part without a fraud teaches nothing; others may.
                continue
            index.append(part)
            probability.append(pair.predict_proba(both.X[part]))
        return np.concatenate(index), np.concatenate(probability)


def _labelled(history: KnownHistory, index: NDArray[np.int64], delay: int) -> Dataset:
    return history.dataset(index, (history.verdict[index] == 1).astype(np.int8), delay=delay)
