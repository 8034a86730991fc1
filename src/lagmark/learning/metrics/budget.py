"""Precision and recall when only so many alerts can be worked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Alerts", "daily_alerts", "share_alerts"]


@dataclass(frozen=True, slots=True, eq=False)
class Alerts:
    """Queues of examples by falling score, of which the front of each is alerted.

    Parameters
    ----------
    order
        Positions, queue after queue, int64, shape (n,).
    first, last
        Half-open range of ``order`` that each queue takes, int64, shape (queues,).
    budget
        Number of alerts per queue, float64, shape (queues,).
    share
        Share of a queue's weight that is alerted instead; ``None`` with a fixed number.
    """

    order: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    budget: NDArray[np.float64]
    share: float | None = None

    def front(
        self, weights: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Alerted examples and how much of the weight of each is alerted.

        An example of weight ``w`` stands for ``w`` equal ones side by side in its queue.

        Returns
        -------
        position : int64 array
            Positions of examples, each at most once.
        taken : float64 array
            Weight alerted of each.
        """
        budget = self.budget
        if self.share is not None:
            total = self.order.shape[0] if weights is None else float(weights.sum())
            budget = np.array([np.ceil(self.share * total)])
        places, amounts = [], []
        for a, b, most in zip(self.first, self.last, budget, strict=True):
            # The budget is a small part of a long queue: look no further than it may reach.
            for stop in (min(int(b), int(a + 4 * most + 64)), int(b)):
                place = self.order[a:stop]
                weight = np.ones(stop - a) if weights is None else weights[place]
                cumulative = np.cumsum(weight)
                if stop == b or cumulative[-1] >= most:
                    break
            places.append(place)
            amounts.append(np.clip(most - (cumulative - weight), 0.0, weight))
        return np.concatenate(places), np.concatenate(amounts)

    def precision_recall(
        self, y: NDArray[np.int8] | NDArray[np.float64], weights: NDArray[np.float64] | None = None
    ) -> tuple[float | None, float | None]:
        """Frauds among the alerts over all alerts, and over all frauds.

        Parameters
        ----------
        y
            Labels (0/1), shape (n,).
        weights
            Weight of each example, shape (n,); 1 when absent.

        Returns
        -------
        precision, recall : float or None
            ``None`` without an alert, and without a fraud.
        """
        position, taken = self.front(weights)
        caught, alerts = float((taken * y[position]).sum()), float(taken.sum())
        frauds = float(y.sum() if weights is None else (weights * y).sum())
        return caught / alerts if alerts > 0 else None, caught / frauds if frauds > 0 else None


def daily_alerts(
    score: NDArray[np.float64], event_time: NDArray[np.int64], per_day: int
) -> Alerts | None:
    """Alerts on the ``per_day`` highest scores of each UTC day.

    Parameters
    ----------
    score
        Scores, shape (n,); of equal ones the earlier event is alerted first.
    event_time
        Microseconds since 1970 UTC, shape (n,).
    per_day
        Alerts a day.

    Returns
    -------
    Alerts or None
        ``None`` if a score is NaN or there is no event.
    """
    if score.shape[0] == 0 or bool(np.isnan(score).any()):
        return None
    day = event_time // DAY
    order = np.lexsort((event_time, -score, day))
    _, first = np.unique(day[order], return_index=True)
    last = np.append(first[1:], score.shape[0])
    return Alerts(order, first, last, np.full(first.shape[0], float(per_day)))


def share_alerts(
    score: NDArray[np.float64], event_time: NDArray[np.int64], share: float
) -> Alerts | None:
    """Alerts on the highest-scored ``share`` of all events, rounded up.

    Parameters and result are those of :func:`daily_alerts`, over the whole range at once.
    """
    if score.shape[0] == 0 or bool(np.isnan(score).any()):
        return None
    n = score.shape[0]
    order = np.lexsort((event_time, -score))
    return Alerts(order, np.array([0]), np.array([n]), np.zeros(1), share)
