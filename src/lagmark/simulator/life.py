"""What changes from day to day in the lives of the people: sleep, trips, devices, last payments."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from lagmark.simulator.draws import Part, hashed, stream
from lagmark.simulator.people import device
from lagmark.simulator.traffic import Act

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.simulator.people import People
    from lagmark.simulator.places import Towns
    from lagmark.simulator.scenario import Scenario
    from lagmark.simulator.traffic import Traffic

__all__ = ["Life"]

_RECENT_DAYS = 7
_SHARED, _ONCE = 0.08, 0.08
"""Shares of acts on the household's device, and on one that is forgotten at once."""
_NEW_PHONE = 1 / 700
"""Probability that a person replaces the own device on a day."""


class Life:
    """State of the people, moved on one day at a time.

    Parameters
    ----------
    scenario
        Gives dormancy and trips.
    people, towns
        Who and where.
    seed
        Seed of the world.
    """

    def __init__(self, scenario: Scenario, people: People, towns: Towns, seed: int) -> None:
        self._habits = scenario.population
        self._people = people
        self._towns = len(towns)
        self._seed = seed
        rng = stream(seed, Part.LIFE, -1)
        count = people.count
        self.asleep = rng.random(count) < self._habits.dormant
        self.asleep &= people.opened < -_RECENT_DAYS
        self.closed = np.zeros(count, np.bool_)
        self.generation = np.zeros(count, np.int64)
        self._away_until = np.full(count, -1)
        self._away_town = people.town.copy()
        self.last_day = np.full(count, -1)
        """Day of the last act within the history, -1 before the first."""
        self.paid = np.zeros(count, np.int64)
        """Payments within the history."""
        self.spent = np.zeros(count, np.int64)
        """Sum of those payments, minor units."""
        self.recent: deque[tuple[NDArray[np.int64], NDArray[np.int64]]] = deque(maxlen=_RECENT_DAYS)
        """Person and merchant of the payments at a counter, of the last seven days."""
        self.victim_until = np.full(count, -1)
        """Last day on which a person belongs to a running campaign."""

    def begin(self, day: int) -> None:
        """Move on to a day: who falls asleep, wakes, leaves on a trip, buys a phone."""
        habits = self._habits
        rng = stream(self._seed, Part.LIFE, day)
        count = self._people.count
        wake = 1.0 / habits.dormant_days
        sleep = wake * habits.dormant / max(1.0 - habits.dormant, 0.5)
        draw = rng.random(count)
        settled = self._people.opened < day - _RECENT_DAYS
        self.asleep = np.where(self.asleep, draw >= wake, settled & (draw < sleep))
        self.generation += rng.random(count) < _NEW_PHONE
        leaves = (rng.random(count) < habits.trips) & (self._away_until < day)
        lasts = rng.geometric(1.0 / habits.trip_days, count)
        where = rng.integers(0, self._towns, count)
        self._away_until = np.where(leaves, day + lasts - 1, self._away_until)
        self._away_town = np.where(leaves, where, self._away_town)

    def open(self, day: int) -> NDArray[np.bool_]:
        """Accounts that exist on a day and are not closed, shape (people,)."""
        return (self._people.opened <= day) & ~self.closed

    def awake(self, day: int) -> NDArray[np.bool_]:
        """Accounts that are used on a day, shape (people,)."""
        return self.open(day) & ~self.asleep

    def away(self, day: int) -> NDArray[np.bool_]:
        """People on a trip, shape (people,)."""
        return self._away_until >= day

    def town(self, day: int) -> NDArray[np.int64]:
        """Town in which each person is on a day, shape (people,)."""
        return np.where(self.away(day), self._away_town, self._people.town)

    def device(self, user: NDArray[np.int64], draw: NDArray[np.float64]) -> NDArray[np.int64]:
        """Device used: mostly the own one, else that of the household, or one never seen again.

        Parameters
        ----------
        user
            Who, shape (n,).
        draw
            Uniform draws that decide, shape (n,).
        """
        own = self._people.own_device(user, self.generation[user])
        once = device(hashed(user, (draw * 2.0**53).astype(np.int64), 19))
        shared = self._people.shared_device(user)
        return np.where(draw < _SHARED, shared, np.where(draw > 1 - _ONCE, once, own))

    def end(self, day: int, seen: Traffic, counter: NDArray[np.bool_]) -> None:
        """Note what happened on a day; ``counter`` marks the payments at a counter."""
        np.maximum.at(self.last_day, seen.user, day)
        pays = seen.act == Act.PAYMENT
        size = self._people.count
        self.paid += np.bincount(seen.user[pays], minlength=size)
        spent = np.bincount(seen.user[pays], seen.amount[pays], minlength=size)
        self.spent += spent.astype(np.int64)
        self.recent.append((seen.user[counter], seen.party[counter]))
