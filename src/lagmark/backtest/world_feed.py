"""Days of a simulated world that reacts to what is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.backtest.feed import ANALYST, Arrivals, Messages, Truth, first_told
from lagmark.errors import StateError
from lagmark.labels import NEVER
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl
    from numpy.typing import NDArray

    from lagmark.domains.domain import Domain
    from lagmark.simulator import Scenario

__all__ = ["WorldFeed"]

_CUSTOMER, _BANK = 1, 2


class WorldFeed:
    """A world of a scenario, lived through under the decisions of one policy.

    Parameters
    ----------
    scenario, seed
        The world.
    domain
        Domain of its events.
    read
        Maps rows in the domain's source columns to validated events.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        domain: Domain,
        read: Callable[[pl.DataFrame, Domain], pl.DataFrame],
    ) -> None:
        from lagmark.simulator import World

        self._world = World(scenario, seed)
        self._domain, self._read = domain, read
        self._scenario = scenario
        self._ids: NDArray[Any] = np.empty(0, dtype=object)
        self._told: _Told | None = None
        self._truth: list[Truth] = []

    @property
    def domain(self) -> Domain:
        """See :class:`~lagmark.backtest.feed.Feed`."""
        return self._domain

    @property
    def start(self) -> int:
        """See :class:`~lagmark.backtest.feed.Feed`."""
        return self._scenario.start

    @property
    def days(self) -> int:
        """See :class:`~lagmark.backtest.feed.Feed`."""
        return self._scenario.days

    def day(self, number: int, blocked: NDArray[np.int64]) -> Arrivals:
        """See :meth:`~lagmark.backtest.feed.Feed.day`."""
        day = self._world.day(number, blocked=self._ids[blocked])
        events = self._read(day.events, self._domain)
        if not events["event_id"].equals(day.truth["event_id"].rename("event_id")):
            raise StateError(
                f"day {number} was not read as it was simulated",
                where=f"scenario {self._scenario.name}",
                hint="this is a defect of Lagmark: please report it with the scenario",
            )
        self._ids = events["event_id"].to_numpy()
        told = _Told(day.truth, events, day.labels)
        self._told = told
        self._truth.append(told.truth())
        return Arrivals(events)

    def messages(
        self, number: int, reviewed: NDArray[np.bool_] | None, blocked: NDArray[np.bool_]
    ) -> Messages:
        """See :meth:`~lagmark.backtest.feed.Feed.messages`."""
        told = self._told
        if told is None:
            raise StateError("nothing has happened yet", where="backtest", hint="ask for a day")
        return told.messages(self.start + (number + 1) * DAY, reviewed, blocked)

    def truth(self) -> Truth:
        """See :meth:`~lagmark.backtest.feed.Feed.truth`."""
        return Truth.join(self._truth)


class _Told:
    """What would become known of one day's events."""

    def __init__(self, truth: pl.DataFrame, events: pl.DataFrame, labels: pl.DataFrame) -> None:
        def instants(name: str) -> NDArray[np.int64]:
            return truth[name].fill_null(NEVER).to_numpy()

        self.time = events["event_time"].to_numpy()
        self.fraud = truth["fraud"].to_numpy()
        self.reported, self.charged = instants("reported_at"), instants("chargeback_at")
        self.reversed = instants("reversed_at")
        self.analyst_fraud = truth["analyst_fraud"].to_numpy()
        self.analyst_delay = truth["analyst_delay"].to_numpy()
        seen = labels.filter(labels["source"] == "analyst")["event_id"]
        self.seen = truth["event_id"].is_in(seen.implode()).to_numpy()

    def truth(self) -> Truth:
        told = first_told(self.reported, self.charged)
        return Truth(
            self.fraud,
            self.analyst_fraud,
            self.analyst_delay,
            told,
            (told != NEVER) & (self.reversed == NEVER),
        )

    def messages(
        self, end: int, reviewed: NDArray[np.bool_] | None, blocked: NDArray[np.bool_]
    ) -> Messages:
        if reviewed is None:
            looked = np.flatnonzero(self.seen & ~blocked)
            alerted = self.time[looked]
        else:
            looked = np.flatnonzero(reviewed)
            alerted = np.full(looked.shape[0], end)
        answers = alerted + self.analyst_delay[looked]
        parts = [(looked, answers, self.analyst_fraud[looked], ANALYST)]
        latest = np.where(self.charged == NEVER, _CUSTOMER, _BANK)
        both = (self.charged != NEVER) & (self.reported != NEVER)
        latest[both & (self.reported > self.charged)] = _CUSTOMER
        for source, at in ((_CUSTOMER, self.reported), (_BANK, self.charged)):
            rows = np.flatnonzero((at != NEVER) & ~blocked)
            parts.append((rows, at[rows], np.ones(rows.shape[0], dtype=np.bool_), source))
            back = np.flatnonzero((self.reversed != NEVER) & ~blocked & (latest == source))
            parts.append((back, self.reversed[back], np.zeros(back.shape[0], np.bool_), source))
        # What is said of a payment on its own day counts from midnight on: until then the day's
        # decisions, and so what happens to it, are not complete.
        return Messages.join([(row, np.maximum(at, end), f, s) for row, at, f, s in parts])
