"""Honest acts on an account beside payments: salaries, rent, cash, transfers, links, changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import DAY, HOUR
from lagmark.simulator.categories import CATEGORY_NAMES
from lagmark.simulator.draws import Part, stream
from lagmark.simulator.spending import price_like
from lagmark.simulator.traffic import Act, Channel, Traffic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.simulator.bank import Bank
    from lagmark.simulator.life import Life
    from lagmark.simulator.people import People
    from lagmark.simulator.rhythm import Rhythm
    from lagmark.simulator.scenario import Scenario

__all__ = ["PER_DAY", "Banking"]

_CASH, _SENT, _GOT, _LINKS, _CHANGES = 0.06, 0.08, 0.06, 0.006, 0.003
"""Acts per account and day."""
_SETTLING_DAYS = 10
"""Days in which a new account is linked to others more often."""
_SETTLING_LINKS = 0.1
_FRIENDS = 4
_INSTITUTIONS = 40
_RENT_DAY = 2

PER_DAY = _CASH + _SENT + _GOT + _LINKS * 1.3 + _CHANGES + 2 / 30.4
"""Expected acts of an account that is awake on a day, payments aside."""


class Banking:
    """Draws the honest acts of a day.

    Parameters
    ----------
    scenario, people, rhythm, life, bank
        The world.
    seed
        Seed of the world.
    """

    def __init__(
        self,
        scenario: Scenario,
        people: People,
        rhythm: Rhythm,
        life: Life,
        bank: Bank,
        seed: int,
    ) -> None:
        self._scenario = scenario
        self._people = people
        self._rhythm = rhythm
        self._life = life
        self._bank = bank
        self._seed = seed

    def acts(self, day: int) -> Traffic:
        """Acts of a day, by kind."""
        rng = stream(self._seed, Part.BANKING, day)
        awake = np.flatnonzero(self._life.awake(day))
        return Traffic.join(
            [
                self._salaries(day, awake, rng),
                self._rents(day, awake, rng),
                self._cash(day, awake, rng),
                self._transfers(day, awake, rng),
                self._links(day, awake, rng),
                self._changes(day, awake, rng),
                self._bank.notices(),
            ]
        )

    def _at(
        self, day: int, low: float, high: float, size: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        start = self._scenario.start + day * DAY
        return start + (rng.uniform(low, high, size) * HOUR).astype(np.int64)

    def _some(
        self, awake: NDArray[np.int64], rate: float, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        return np.repeat(awake, rng.poisson(rate, len(awake)))

    def _salaries(self, day: int, awake: NDArray[np.int64], rng: np.random.Generator) -> Traffic:
        user = awake[self._people.payday[awake] == self._rhythm.day_of_month(day)]
        amount = self._people.income[user] * rng.normal(1.0, 0.01, len(user))
        return Traffic.of(
            self._at(day, 4.0, 6.0, len(user), rng),
            user,
            act=int(Act.SALARY),
            party=self._bank.someone(user, 43),
            amount=np.rint(amount).astype(np.int64),
            channel=int(Channel.BATCH),
        )

    def _rents(self, day: int, awake: NDArray[np.int64], rng: np.random.Generator) -> Traffic:
        if self._rhythm.day_of_month(day) != _RENT_DAY:
            return Traffic.empty()
        return Traffic.of(
            self._at(day, 6.0, 8.0, len(awake), rng),
            awake,
            act=int(Act.PAYMENT),
            category=CATEGORY_NAMES.index("home"),
            party=self._bank.someone(self._people.household[awake], 47),
            amount=self._people.income[awake] * 28 // 10_000 * 100,
            channel=int(Channel.BATCH),
        )

    def _cash(self, day: int, awake: NDArray[np.int64], rng: np.random.Generator) -> Traffic:
        user = self._some(awake, _CASH, rng)
        amount = rng.choice([2, 3, 4, 5, 6, 8, 10, 15, 20], len(user)) * 1_000
        return Traffic.of(
            self._at(day, 7.0, 23.0, len(user), rng),
            user,
            act=int(Act.WITHDRAWAL),
            amount=amount,
            channel=int(Channel.ATM),
        )

    def _transfers(self, day: int, awake: NDArray[np.int64], rng: np.random.Generator) -> Traffic:
        sends, gets = self._some(awake, _SENT, rng), self._some(awake, _GOT, rng)
        user = np.concatenate((sends, gets))
        friend = self._bank.someone(user, rng.integers(0, _FRIENDS, len(user)), 53)
        amount = np.exp(np.log(5_000) + self._people.scale[user] + rng.normal(0, 0.9, len(user)))
        out = np.arange(len(user)) < len(sends)
        device, ip = self._access(user, rng)
        return Traffic.of(
            self._at(day, 7.0, 23.5, len(user), rng),
            user,
            act=np.where(out, int(Act.TRANSFER), int(Act.DEPOSIT)).astype(np.int8),
            party=friend,
            amount=price_like(amount, rng),
            channel=np.where(out, int(Channel.APP), int(Channel.BATCH)).astype(np.int8),
            device=np.where(out, device, -1),
            ip=np.where(out, ip, -1),
        )

    def _links(self, day: int, awake: NDArray[np.int64], rng: np.random.Generator) -> Traffic:
        age = day - self._people.opened[awake]
        rate = np.where(age < _SETTLING_DAYS, _SETTLING_LINKS, _LINKS)
        times = rng.poisson(rate)
        # Who links one account often links another right away.
        times += (times > 0) & (rng.random(len(awake)) < 0.3)
        user = np.repeat(awake, times)
        device, ip = self._access(user, rng)
        institution = rng.integers(0, _INSTITUTIONS, len(user))
        return Traffic.of(
            self._at(day, 7.0, 23.0, len(user), rng),
            user,
            act=int(Act.LINK),
            party=self._bank.stranger(institution),
            channel=int(Channel.APP),
            device=device,
            ip=ip,
        )

    def _changes(self, day: int, awake: NDArray[np.int64], rng: np.random.Generator) -> Traffic:
        user = self._some(awake, _CHANGES, rng)
        device, ip = self._access(user, rng)
        return Traffic.of(
            self._at(day, 7.0, 23.0, len(user), rng),
            user,
            act=int(Act.IDENTITY_CHANGE),
            channel=int(Channel.WEB),
            device=device,
            ip=ip,
        )

    def _access(
        self, user: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        device = self._life.device(user, rng.random(len(user)))
        return device, self._people.address(user)
