"""Balances of accounts: what each event finds, what it leaves, and what is returned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import DAY, HOUR
from lagmark.simulator.draws import Part, hashed, stream
from lagmark.simulator.traffic import Act, Channel, Traffic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.simulator.people import People
    from lagmark.simulator.rhythm import Rhythm

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

__all__ = ["Bank", "Settlement"]

_SIGN = np.zeros(len(Act), np.int64)
_SIGN[[Act.PAYMENT, Act.WITHDRAWAL, Act.TRANSFER]] = -1
_SIGN[[Act.DEPOSIT, Act.SALARY]] = 1

_MEMORY = 0.05
"""Weight of a day in the running mean and variance of a balance."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a day's events did to balances, arrays of shape (n,) in the order of the events.

    Parameters
    ----------
    before, after
        Balance that the event finds and leaves, minor units.
    returned
        Whether the balance and the overdraft did not cover it; it then moves nothing.
    """

    before: Ints
    after: Ints
    returned: Flags


class Bank:
    """Balances of all accounts.

    Parameters
    ----------
    people
        Gives incomes, paydays and savings.
    rhythm
        Gives the day of the month on which the history begins.
    seed
        Seed of the world.
    """

    def __init__(self, people: People, rhythm: Rhythm, seed: int) -> None:
        rng = stream(seed, Part.BANKING, -1)
        self._people = people
        self._seed = seed
        left = (people.payday - rhythm.day_of_month(0)) % 30 / 30
        balance = people.income * (people.buffer + 0.85 * left)
        self.balance = np.rint(balance).astype(np.int64)
        """Balance of each account now, minor units."""
        none = rng.random(people.count) < 0.55
        self.limit = np.where(none, 0, np.rint(people.income * 0.4).astype(np.int64))
        """How far each account may be overdrawn, minor units."""
        self._mean = balance.astype(np.float64)
        self._variance = (0.3 * people.income) ** 2.0
        self._notices = Traffic.empty()

    def steady(self) -> Flags:
        """Accounts whose balance stays far above its own fluctuation."""
        return (self._mean > 4.0 * np.sqrt(self._variance)) & (self.balance > 0.6 * self._mean)

    def stranger(self, number: Ints) -> Ints:
        """Accounts at other banks, as counterparties."""
        return -2 - (self._people.count + number)

    def someone(self, *parts: Ints | int) -> Ints:
        """Fixed account at another bank for a combination of numbers."""
        return self.stranger((hashed(*parts) % np.uint64(10**9)).astype(np.int64))

    def notices(self) -> Traffic:
        """Notices of the payments returned on the day before."""
        found, self._notices = self._notices, Traffic.empty()
        return found

    def settle(self, events: Traffic, day: int) -> Settlement:
        """Book the events of a day, which are ordered by time.

        An event that the balance and the overdraft do not cover moves nothing; what follows it
        finds the balance as it was. A notice follows early on the next day, unless cash was asked
        for.
        """
        order = np.argsort(events.user, kind="stable")
        user = events.user[order]
        effect = _SIGN[events.act[order]] * events.amount[order]
        debit = effect < 0
        first = np.flatnonzero(np.r_[True, user[1:] != user[:-1]]) if len(user) else order
        group = np.cumsum(np.r_[True, user[1:] != user[:-1]]) - 1 if len(user) else order
        returned = np.zeros(len(user), np.bool_)
        while True:
            moved = np.where(returned, 0, effect)
            total = np.cumsum(moved)
            base = (total - moved)[first]
            after = self.balance[user] + total - base[group]
            short = np.flatnonzero(debit & ~returned & (after < -self.limit[user]))
            if not len(short):
                break
            # What comes after the first uncovered event may be covered once that one is returned.
            returned[short[np.unique(user[short], return_index=True)[1]]] = True
        if len(user):
            last = np.r_[first[1:], len(user)] - 1
            self.balance[user[last]] = after[last]
        self._remember()
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        result = Settlement((after - moved)[back], after[back], returned[back])
        self._notify(events.take(result.returned & (events.act != Act.WITHDRAWAL)), day)
        return result

    def _remember(self) -> None:
        gap = self.balance - self._mean
        self._mean += _MEMORY * gap
        self._variance = (1 - _MEMORY) * (self._variance + _MEMORY * gap**2)

    def _notify(self, unpaid: Traffic, day: int) -> None:
        rng = stream(self._seed, Part.NOTICES, day)
        midnight = unpaid.time - unpaid.time % DAY + DAY
        self._notices = Traffic.of(
            midnight + (rng.uniform(2, 5, len(unpaid)) * HOUR).astype(np.int64),
            unpaid.user,
            act=int(Act.RETURNED),
            party=unpaid.party,
            amount=unpaid.amount,
            channel=int(Channel.BATCH),
        )
