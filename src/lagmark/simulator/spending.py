"""Honest payments of one day, all people at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import DAY, SECOND
from lagmark.simulator.categories import CATEGORIES, MEDIANS, ONLINE, SIGMAS
from lagmark.simulator.draws import Part, hashed, stream
from lagmark.simulator.people import address
from lagmark.simulator.traffic import NOBODY, Channel, Traffic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.simulator.life import Life
    from lagmark.simulator.people import People
    from lagmark.simulator.places import Merchants
    from lagmark.simulator.rhythm import Rhythm
    from lagmark.simulator.scenario import Scenario

__all__ = ["Spending", "price_like"]


class Spending:
    """Draws the honest payments of a day.

    Parameters
    ----------
    scenario, people, merchants, rhythm, life
        The world.
    seed
        Seed of the world.
    level
        Factor on everybody's rate that gives the wanted number of events.
    """

    def __init__(
        self,
        scenario: Scenario,
        people: People,
        merchants: Merchants,
        rhythm: Rhythm,
        life: Life,
        seed: int,
    ) -> None:
        self._scenario = scenario
        self._people = people
        self._merchants = merchants
        self._rhythm = rhythm
        self._life = life
        self._seed = seed
        self.level = 1.0

    def payments(self, day: int) -> Traffic:
        """Payments of a day, by person."""
        rng = stream(self._seed, Part.PAYMENTS, day)
        people, life = self._people, self._life
        rate = people.rate * (self.level * self._rhythm.level(day)) * life.awake(day)
        counts = rng.poisson(rate)
        user = np.repeat(np.arange(people.count), counts)
        category = self._category(user, day, rng)
        second = self._seconds(user, category, day, rng)
        party = self._merchant(user, category, day, rng)
        amount = self._amount(user, category, party, day, rng)
        channel = _channel(category, rng)
        device, ip = self._access(user, category, day, rng)
        start = self._scenario.start + day * DAY
        time = start + (second * SECOND).astype(np.int64)
        return Traffic.of(
            np.minimum(time, start + DAY - 1),
            user,
            category=category.astype(np.int8),
            party=party,
            amount=amount,
            channel=channel,
            device=device,
            ip=ip,
        )

    def _category(
        self, user: NDArray[np.int64], day: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        drift = self._scenario.drift
        draw = rng.random(len(user), np.float32)
        chosen = np.zeros(len(user), np.int64)
        for column in self._people.habits[:-1]:
            chosen += column[user] < draw
        if drift.habits > 0:
            moved = rng.random(len(user)) < drift.habits * max(day, 0) / self._scenario.days
            there = np.zeros(len(user), np.int64)
            for column in self._people.later_habits[:-1]:
                there += column[user] < draw
            chosen = np.where(moved, there, chosen)
        share, weights = self._rhythm.seasonal(day)
        if share > 0:
            follows = rng.random(len(user)) < share
            season = np.searchsorted(np.cumsum(weights), draw.astype(np.float64))
            chosen = np.where(follows, np.minimum(season, len(CATEGORIES) - 1), chosen)
        return chosen

    def _seconds(
        self,
        user: NDArray[np.int64],
        category: NDArray[np.int64],
        day: int,
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        second = self._rhythm.seconds(category, day, rng)
        second = (second + self._people.shift[user] * 3_600) % 86_400
        # Errands: a few minutes after another payment of the same person.
        follows = rng.random(len(user)) < self._scenario.population.errands
        follows[1:] &= user[1:] == user[:-1]
        follows[:1] = False
        later = second[np.maximum(np.arange(len(user)) - 1, 0)] + rng.exponential(700, len(user))
        return np.where(follows & (later < 86_400), later, second)

    def _merchant(
        self,
        user: NDArray[np.int64],
        category: NDArray[np.int64],
        day: int,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        period = self._scenario.drift.favourites_days
        town = self._life.town(day)
        group = self._merchants.group(town[user], category)
        rank = np.minimum(rng.exponential(1.1, len(user)), 5).astype(np.int64)
        # The favourites of a person change one by one, not all on one day.
        age = (day + user % period + rank * 7) // period if period else 0
        choice = hashed(user, category * 8 + rank, age)
        known = self._merchants.favourite(group, choice)
        other = self._merchants.any(group, day, rng)
        return np.where(rng.random(len(user)) < self._scenario.population.explore, other, known)

    def _amount(
        self,
        user: NDArray[np.int64],
        category: NDArray[np.int64],
        party: NDArray[np.int64],
        day: int,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        grown = (1 + self._scenario.drift.inflation) ** (max(day, 0) / self._scenario.days)
        level = np.log(MEDIANS[category] * 100 * grown) + self._people.scale[user]
        amount = np.exp(level + SIGMAS[category] * rng.standard_normal(len(user)))
        return price_like(amount * self._merchants.price[party], rng)

    def _access(
        self,
        user: NDArray[np.int64],
        category: NDArray[np.int64],
        day: int,
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        draw = rng.random(len(user))
        device = self._life.device(user, rng.random(len(user)))
        mobile = address(hashed(rng.integers(0, 4_096, len(user)), 23))
        at_home = (draw < 0.7) & ~self._life.away(day)[user]
        ip = np.where(at_home, self._people.address(user), mobile)
        far = ONLINE[category]
        return np.where(far, device, NOBODY), np.where(far, ip, NOBODY)


def price_like(amount: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Amounts in minor units as shops ask them: at least 0.50, a third of them ending in .99."""
    cents = np.maximum(np.rint(amount), 50).astype(np.int64)
    return np.where(rng.random(len(cents)) < 0.3, cents // 100 * 100 + 99, cents)


def _channel(category: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int8]:
    draw = rng.random(len(category))
    counter = np.where(
        draw < 0.55, Channel.CONTACTLESS, np.where(draw < 0.95, Channel.CHIP, Channel.SWIPE)
    )
    return np.where(
        ONLINE[category], np.where(draw < 0.6, Channel.APP, Channel.WEB), counter
    ).astype(np.int8)
