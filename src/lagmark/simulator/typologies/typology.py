"""What a kind of fraud is made of: how its campaigns are planned, and the query that finds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import DAY, HOUR
from lagmark.simulator.categories import ONLINE
from lagmark.simulator.draws import hashed
from lagmark.simulator.people import address, device

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from lagmark.simulator.bank import Bank
    from lagmark.simulator.life import Life
    from lagmark.simulator.people import People
    from lagmark.simulator.places import Merchants
    from lagmark.simulator.traffic import Traffic

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

__all__ = ["Scene", "Typology"]

_SETTLED = 10
"""Days an account must exist before somebody steals it."""
_KNOWN = 6
"""Payments that somebody who is robbed has made before."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fraudster sees of the world on one day.

    Parameters
    ----------
    day, midnight
        Day number, and its first instant in microseconds UTC.
    people, life, merchants
        The world.
    usual
        Mean amount of each person's payments, minor units, shape (people,).
    bank
        Balances, in domains that have them.
    first_campaign
        Number of the first campaign planned now: makes devices and shops of campaigns differ.
    """

    day: int
    midnight: int
    people: People
    life: Life
    merchants: Merchants
    usual: NDArray[np.float64]
    bank: Bank | None
    first_campaign: int

    def victims(self, count: int, rng: np.random.Generator, among: Flags | None = None) -> Ints:
        """Different people who are not yet victims, at most ``count``; settled ones by default."""
        free = self.life.victim_until < self.day
        if among is None:
            among = self.life.awake(self.day) & (self.people.opened < self.day - _SETTLED)
            # Whoever is robbed has a history to stand out from, once there is one.
            among = among & ((self.life.paid >= _KNOWN) | (self.day < _SETTLED))
        there = np.flatnonzero(among & free)
        return rng.choice(there, min(count, len(there)), replace=False)

    def mean(self, user: Ints) -> NDArray[np.float64]:
        """Mean payment so far, or the expected one where that is higher; minor units."""
        paid = np.maximum(self.life.paid[user], 1)
        return np.maximum(self.life.spent[user] / paid, self.usual[user])

    def hold(self, people: Ints, days: int) -> None:
        """Keep people out of other campaigns for some days."""
        self.life.victim_until[people] = self.day + days

    def fresh_device(self, campaign: Ints, number: Ints | int = 0) -> Ints:
        """Devices seen nowhere else, one per campaign and number."""
        return device(hashed(campaign + self.first_campaign, number, 29))

    def fresh_address(self, campaign: Ints, number: Ints | int = 0) -> Ints:
        """Network addresses seen nowhere else, one per campaign and number."""
        return address(hashed(campaign + self.first_campaign, number, 31))

    def at_hours(self, low: float, high: float, size: int, rng: np.random.Generator) -> Ints:
        """Instants of this day between two hours, which may lie beyond midnight."""
        return self.midnight + (rng.uniform(low, high, size) * HOUR).astype(np.int64)

    def shops(
        self, user: Ints, categories: tuple[int, ...], rng: np.random.Generator
    ) -> tuple[Ints, Ints]:
        """Category and merchant of fraudulent payments, where the victim lives if not online."""
        category = rng.choice(np.array(categories), len(user))
        group = self.merchants.group(self.people.town[user], category)
        return category, self.merchants.any(group, self.day, rng)

    def own_access(self, user: Ints, category: Ints) -> tuple[Ints, Ints]:
        """Device and address of the person, absent at a counter."""
        far = ONLINE[category]
        own = self.people.own_device(user, self.life.generation[user])
        return np.where(far, own, -1), np.where(far, self.people.address(user), -1)

    def by_day(self, time: Ints, low: float, high: float, rng: np.random.Generator) -> Ints:
        """The same days at hours between ``low`` and ``high``."""
        hours = rng.uniform(low, high, len(time)) * HOUR
        return time - time % DAY + hours.astype(np.int64)


@dataclass(frozen=True, slots=True)
class Typology:
    """One kind of fraud.

    Parameters
    ----------
    name, title
        Name in mixes and truth; one line for people.
    domains
        Domains it occurs in, with the mean fraud events of a campaign there: they scale the
        number of campaigns to the scenario's rate.
    text
        The tell in words.
    plan
        ``plan(scene, stealth, rng)`` gives the events of ``len(stealth)`` campaigns or fewer,
        with campaign numbers 0, 1, ...; where ``stealth`` holds, the tell is hidden.
    tell
        ``tell(view)`` gives the ids of the events that the tell points at, from a view of
        :func:`lagmark.simulator.tells.view`, which holds no truth.
    """

    name: str
    title: str
    domains: Mapping[str, float]
    text: str
    plan: Callable[[Scene, Flags, np.random.Generator], Traffic]
    tell: Callable[[pl.DataFrame], pl.Series]
