"""A threshold that keeps reviews within what analysts can work in a day."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from lagmark.schema.decision import Action
from lagmark.schema.time import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lagmark.decisions.settings import Budget, Thresholds

__all__ = ["AlertBudget"]

_BINS = 4096
_REACH = 14.0
_EDGES = (
    0.0,
    *(1.0 / (1.0 + math.exp(_REACH - 2 * _REACH * n / _BINS)) for n in range(1, _BINS)),
)
"""Lower ends of bins, even in log odds: a step is less than 1 % of the odds everywhere."""

_LEAST = 1_000
_SHORTEST = HOUR


class AlertBudget:
    """Counts of recent probabilities, and the threshold under which reviews fit the budget.

    Counts are kept per day of event time and bin of probability, so that memory is bounded. They
    are a function of the decisions and their order. Events of a day that was not opened in its
    turn are not counted. Only probabilities that the threshold decides about are; reviews that
    rules ask for take their part of the budget first.

    Parameters
    ----------
    budget
        What analysts can work, and how often to propose.
    counts
        What :meth:`settle` of another answered, to go on from there; ``None`` for nothing.

    Examples
    --------
    >>> from lagmark.decisions.settings import Budget, Thresholds
    >>> budget = AlertBudget(Budget(cases=10))
    >>> for second in range(86_400):
    ...     budget.observe(
    ...         second * 1_000_000, probability=second / 86_400, intended=Action.ALLOW, by="model"
    ...     )
    >>> f"{budget.propose(Thresholds()).review:.4f}"
    '0.9999'
    """

    def __init__(self, budget: Budget, counts: Mapping[str, Any] | None = None) -> None:
        self._budget = budget
        self._counts: dict[int, list[int]] = {}
        self._ruled: dict[int, int] = {}
        self._first, self._last = 2**63 - 1, -(2**63)
        self._since = 0
        self._settled_on: int | None = None
        if counts is not None:
            self._first, self._last = counts["first"], counts["last"]
            self._settled_on = self._last // DAY
            for day, ruled, bins, numbers in counts["days"]:
                self._ruled[day] = ruled
                self._counts[day] = [0] * _BINS
                for each, number in zip(bins, numbers, strict=True):
                    self._counts[day][each] = number

    def observe(self, event_time: int, *, probability: float, intended: Action, by: str) -> None:
        """Count one decision.

        Parameters
        ----------
        event_time
            Of the event, microseconds since 1970 UTC.
        probability
            What was decided by.
        intended
            What the policy wanted.
        by
            What made that: ``deny``, ``allow``, ``rules`` or ``model``.
        """
        day = event_time // DAY
        counts = self._counts.get(day)
        if counts is None:
            counts = self._open(day)
            if counts is None:
                return
        self._first = min(self._first, event_time)
        self._last = max(self._last, event_time)
        self._since += 1
        if by == "model" and intended is not Action.BLOCK:
            counts[bisect_right(_EDGES, probability) - 1] += 1
        elif by == "rules" and intended is Action.REVIEW:
            self._ruled[day] += 1

    def _open(self, day: int) -> list[int] | None:
        if self._counts and day < max(self._counts):
            return None
        self._counts[day] = [0] * _BINS
        self._ruled[day] = 0
        for old in [each for each in self._counts if each <= day - self._budget.days]:
            del self._counts[old], self._ruled[old]
        return self._counts[day]

    @property
    def due(self) -> bool:
        """Whether to propose: enough decisions since the last time, or a new day of events."""
        return self._since >= self._budget.every or (
            self._settled_on is not None and self._last // DAY > self._settled_on
        )

    def settle(self) -> dict[str, Any]:
        """Have nothing due until enough is counted again; all counts so far, as JSON values."""
        self._since = 0
        self._settled_on = self._last // DAY
        days = []
        for day, counts in self._counts.items():
            bins = [each for each, number in enumerate(counts) if number]
            days.append([day, self._ruled[day], bins, [counts[each] for each in bins]])
        return {"first": self._first, "last": self._last, "days": days}

    def propose(self, thresholds: Thresholds) -> Thresholds | None:
        """Thresholds with that of reviews set anew; ``None`` where it stays or too little is known.

        It is the lowest at which reviews per day would have kept to the budget; where the events
        of the very highest probability alone are too many, it is theirs: the budget is exceeded
        rather than the most likely frauds let go. It never falls below the budget's floor.

        Parameters
        ----------
        thresholds
            Those in force.
        """
        start = max(self._first, min(self._counts, default=0) * DAY)
        span = self._last - start
        total = sum(map(sum, self._counts.values()))
        if total < _LEAST or span < _SHORTEST:
            return None
        allowed = self._budget.alerts * span / DAY - sum(self._ruled.values())
        import numpy as np

        counts = np.sum(list(self._counts.values()), axis=0)
        above = np.cumsum(counts[::-1])[::-1]
        fits = int(np.searchsorted(-above, -max(allowed, 0.0)))
        highest = int(np.flatnonzero(counts)[-1])
        review = (
            max(_EDGES[min(fits, highest)], self._budget.floor) if self._budget.alerts else None
        )
        if review == thresholds.review:
            return None
        return thresholds.model_copy(update={"review": review})
