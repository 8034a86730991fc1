"""Days of a data set whose labels become known after the delay of its domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.backtest.feed import ANALYST, OTHERS, Arrivals, Messages, Truth
from lagmark.errors import ConfigError
from lagmark.labels import NEVER, labels_known
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.domains.domain import Domain
    from lagmark.schema.events import EventBatch

__all__ = ["DataFeed"]

_DATASET = OTHERS.index("dataset")


class DataFeed:
    """Events of a file, whose label is also what an analyst says a day after the alert.

    Nobody in a file reacts to what is decided, and every label comes, fraud or not, unless the
    payment was refused.

    Parameters
    ----------
    batch
        Events with one label each.
    domain
        What they are.

    Raises
    ------
    ConfigError
        If the domain has no label.
    """

    def __init__(self, batch: EventBatch, domain: Domain) -> None:
        if domain.label is None:
            raise ConfigError(
                f"domain {domain.name!r} has no label",
                where="backtest",
                hint="nothing can be learnt or measured without one",
            )
        self._batch, self._domain = batch, domain
        time = batch.events["ingest_time"].to_numpy()
        self._start = int(time[0]) // DAY * DAY
        self._days = (int(time[-1]) - self._start) // DAY + 1
        self._cuts = np.searchsorted(time, self._start + np.arange(self._days + 1) * DAY)
        latest = int(batch.labels["known_at"].max() or 0)  # type: ignore[arg-type]
        verdict, self._known_at = labels_known(batch, max(latest, int(time[-1])))
        self._fraud, self._spoken = verdict == 1, self._known_at != NEVER
        self._next = 0

    @property
    def domain(self) -> Domain:
        """See :class:`~lagmark.backtest.feed.Feed`."""
        return self._domain

    @property
    def start(self) -> int:
        """See :class:`~lagmark.backtest.feed.Feed`."""
        return self._start

    @property
    def days(self) -> int:
        """See :class:`~lagmark.backtest.feed.Feed`."""
        return self._days

    def day(self, number: int, blocked: NDArray[np.int64]) -> Arrivals:  # noqa: ARG002
        """See :meth:`~lagmark.backtest.feed.Feed.day`."""
        first, last = self._cuts[number], self._cuts[number + 1]
        self._next = number + 1
        return Arrivals(self._batch.events[int(first) : int(last)])

    def messages(
        self, number: int, reviewed: NDArray[np.bool_] | None, blocked: NDArray[np.bool_]
    ) -> Messages:
        """See :meth:`~lagmark.backtest.feed.Feed.messages`."""
        part = slice(int(self._cuts[number]), int(self._cuts[number + 1]))
        end = self._start + (number + 1) * DAY
        fraud, known = self._fraud[part], self._known_at[part]
        spoken = np.flatnonzero(self._spoken[part] & ~blocked)
        parts = [(spoken, np.maximum(known[spoken], end), fraud[spoken], _DATASET)]
        if reviewed is not None:
            asked = np.flatnonzero(reviewed & self._spoken[part])
            parts.append((asked, np.full(asked.shape[0], end + DAY), fraud[asked], ANALYST))
        return Messages.join(parts)

    def truth(self) -> Truth:
        """See :meth:`~lagmark.backtest.feed.Feed.truth`."""
        size = int(self._cuts[self._next])
        fraud = self._fraud[:size]
        return Truth(
            fraud,
            fraud,
            np.full(size, DAY),
            np.where(fraud, self._known_at[:size], NEVER),
            fraud,
        )
