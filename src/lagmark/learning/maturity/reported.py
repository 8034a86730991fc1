"""The fit of policies that know which share of the frauds of an age is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lagmark.learning.calibration import LEAST_FRAUDS, Calibration
from lagmark.learning.maturity.shares import (
    ShareKnown,
    check_share,
    expected_known,
    known_shares,
    reports,
)
from lagmark.learning.training import block_predictions, train

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lagmark.learning.bundle import TrainedModel
    from lagmark.learning.calibration import Method
    from lagmark.learning.dataset import Dataset
    from lagmark.learning.maturity.history import KnownHistory
    from lagmark.learning.maturity.shares import Reports

__all__ = ["ReportedPolicy"]


class ReportedPolicy(ABC):
    """A policy that weighs silence by the share of frauds known at an age.

    Parameters
    ----------
    curve
        Share of the reports of customers and banks that has come by an age in microseconds;
        estimated from those known at the history's ``as_of`` when absent.
    reported
        Share of all frauds that customers and banks report within the reach of the curve, as an
        audit found it; estimated from the frauds that analysts found when absent, see
        :func:`~lagmark.learning.maturity.shares.reports`.
    least_share
        No known fraud counts more than its inverse: what little is known of the youngest events
        would otherwise say most.

    Raises
    ------
    ConfigError
        If a share does not lie above 0 and up to 1.
    """

    name: ClassVar[str]

    def __init__(
        self,
        curve: ShareKnown | None = None,
        *,
        reported: float | None = None,
        least_share: float = 0.1,
    ) -> None:
        check_share(least_share, "least share", self.name)
        check_share(reported, "reported share", self.name)
        self.curve, self.reported, self.least_share = curve, reported, least_share

    def examples(self, history: KnownHistory) -> Dataset:
        """See :meth:`MaturityPolicy.examples`."""
        return self.weighed(history, self._reports(history))

    @abstractmethod
    def weighed(self, history: KnownHistory, found: Reports) -> Dataset:
        """Examples, given how frauds are reported."""

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
        """See :meth:`MaturityPolicy.fit`."""
        found = self._reports(history)
        examples = self.weighed(history, found)
        model = train(
            examples,
            kind,
            params,
            seed=seed,
            calibrate=False,
            n_jobs=n_jobs,
            policy=self.name,
            share_known=expected_known(history, examples.rows, found),
        )
        calibration = Calibration()
        if calibrate:
            index, p = block_predictions(examples, kind, params, seed=seed, n_jobs=n_jobs)
            calibration = self._calibrated(history, found, examples.rows[index], p, method)
        if prior is not None:
            raw = model.model.predict_proba(examples.X)
            calibration = calibration.matched(raw, prior, examples.weights)
        return replace(model, calibration=calibration)

    def _reports(self, history: KnownHistory) -> Reports:
        return reports(history, self.curve, self.reported)

    def chosen(
        self, history: KnownHistory, found: Reports
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """Events that are examples, the share known of frauds like each, and their weights.

        An event of an age at which nothing can be known is none, unless an analyst looked at it.
        Each counts once, and a known fraud by the inverse of its share known.

        Returns
        -------
        index : int64 array
            Positions in the history, rising.
        share, weights : float64 array
            Of each of them.
        """
        share = known_shares(history, found)
        index = np.flatnonzero(history.usable & (share > 0))
        share = share[index]
        fraud = history.verdict[index] == 1
        return index, share, np.where(fraud, 1.0 / np.maximum(share, self.least_share), 1.0)

    def _calibrated(
        self,
        history: KnownHistory,
        found: Reports,
        rows: NDArray[np.int64],
        probability: NDArray[np.float64],
        method: Method,
    ) -> Calibration:
        """Calibration whose mean is the share of frauds that the known ones stand for.

        A fit with weights alone leaves the mean too low: each fraud that is still out stands
        among the genuine, although another one already counts for it. So the fitted map is moved
        until the mean over the events is their known frauds, each over its share known, over
        their number. How much an event counts is for its age alone to say: all the same, less
        only where so little is known that a known fraud would weigh too much. If young events
        counted because an analyst spoke of them, they would stand for others that do not; if
        only old ones counted, whose labels are all in, their features would be those of a
        shorter past.
        """
        rows, first = np.unique(rows, return_index=True)
        place, p = np.searchsorted(history.rows, rows), probability[first]
        counts = np.minimum(found.by(history.age[place]) / self.least_share, 1.0)
        place, p, counts = place[counts > 0], p[counts > 0], counts[counts > 0]
        y = (history.verdict[place] == 1).astype(np.int8)
        weights = counts.copy()
        weights[y == 1] /= known_shares(history, found)[place][y == 1]
        calibration = Calibration.fit(p, y, method, weights)
        if int(y.sum()) < LEAST_FRAUDS:
            return calibration
        rate = float(weights[y == 1].sum() / counts.sum())
        return calibration.matched(p, rate, counts) if rate < 1 else calibration
