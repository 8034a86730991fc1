"""The people of a world: where they live, with whom, what they earn and how they spend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lagmark.simulator.categories import CATEGORIES, MEDIANS, SHARES, SIGMAS
from lagmark.simulator.draws import Part, hashed, stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.simulator.places import Towns
    from lagmark.simulator.scenario import Scenario

__all__ = ["JOBS", "People"]

JOBS = (
    "accountant", "architect", "baker", "builder", "carer", "carpenter", "cashier", "chef",
    "chemist", "cleaner", "clerk", "designer", "developer", "doctor", "driver", "electrician",
    "engineer", "farmer", "gardener", "journalist", "lawyer", "librarian", "lecturer", "manager",
    "mechanic", "musician", "nurse", "painter", "pharmacist", "plumber", "police", "postman",
    "researcher", "retired", "sales", "scientist", "student", "surveyor", "teacher", "technician",
    "translator", "unemployed", "vet", "waiter", "writer",
)  # fmt: skip

_HISTORY = 60
"""Days before the first on which accounts opened at the same pace as afterwards."""
_HOUSEHOLDS = (0.34, 0.36, 0.16, 0.14)
"""Shares of households of one to four accounts."""


@dataclass(frozen=True, slots=True)
class People:
    """Accounts and the people behind them, one row each; nothing here ever changes.

    Parameters
    ----------
    count, initial
        Accounts in all, and those open on the first day.
    opened
        Day the account was opened, negative before the first.
    household
        Index of the household; its accounts share town, address and a device.
    town, lat, lon
        Where they live; degrees.
    gender, job
        Codes: 0 or 1, and an index into ``JOBS``.
    rate
        Payments on a mean day.
    scale
        Logarithm of the factor on the usual amounts.
    habits, later_habits
        Cumulated shares of the categories, shape (categories, people), at the start and at the
        end of the history.
    shift
        Hours by which the person's day is shifted.
    income
        Salary a month, minor units.
    payday
        Day of the month of the salary.
    buffer
        Savings on the first day, in monthly salaries.
    token
        Number that stands for the account in the events.
    """

    count: int
    initial: int
    opened: NDArray[np.int64]
    household: NDArray[np.int64]
    town: NDArray[np.int64]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    gender: NDArray[np.int8]
    job: NDArray[np.int64]
    rate: NDArray[np.float64]
    scale: NDArray[np.float64]
    habits: NDArray[np.float32]
    later_habits: NDArray[np.float32]
    shift: NDArray[np.float64]
    income: NDArray[np.int64]
    payday: NDArray[np.int64]
    buffer: NDArray[np.float64]
    token: NDArray[np.int64]

    @classmethod
    def draw(cls, scenario: Scenario, users: int, towns: Towns, seed: int) -> People:
        """People of a scenario.

        Parameters
        ----------
        scenario
            Gives habits and the pace of new accounts.
        users
            Accounts on the first day.
        towns
            Where they may live.
        seed
            Seed of the world.
        """
        rng = stream(seed, Part.PEOPLE)
        pace = scenario.population.newcomers * users
        recent = min(int(pace * _HISTORY), users - 1)
        count = users + int(pace * scenario.days)
        opened = np.full(count, -1_000) - rng.exponential(700, count).astype(np.int64)
        fresh = rng.permutation(count)[: recent + count - users]
        opened[fresh[:recent]] = -1 - rng.integers(0, _HISTORY, recent)
        opened[fresh[recent:]] = rng.integers(0, scenario.days, count - users)

        sizes = rng.choice(4, count, p=_HOUSEHOLDS) + 1
        household = np.repeat(np.arange(count), sizes)[:count]
        home = rng.choice(len(towns), count, p=towns.weight)
        away = rng.normal(0, 0.05, (2, count))
        town = home[household]
        age = np.log(rng.gamma(1.1, 1.0, count) + 0.05)
        income = np.exp(rng.normal(np.log(2_600), 0.45, count))
        owls = np.where(rng.random(count) < scenario.population.night_owls, 5.0, 0.0)
        rate = rng.gamma(2.2, 1 / 2.2, count) + 0.08
        rate *= scenario.payments_per_day / rate.mean()
        habits = _habits(rng, count)
        scale = rng.normal(0, 0.35, count) + 0.5 * np.log(income / 2_600)
        if scenario.domain == "bank_link":
            # The account is the only one: what comes in goes out, but for what is put aside.
            usual = MEDIANS * np.exp(SIGMAS**2 / 2)
            spent = rate * 30 * (np.diff(habits, axis=0, prepend=0).T @ usual)
            scale = np.log(income * rng.beta(18, 7, count) * 0.88 / spent)
        return cls(
            count=count,
            initial=users,
            opened=opened,
            household=household,
            town=town,
            lat=np.round(towns.lat[town] + away[0][household], 6),
            lon=np.round(towns.lon[town] + away[1][household], 6),
            gender=rng.integers(0, 2, count).astype(np.int8),
            job=rng.integers(0, len(JOBS), count),
            rate=rate,
            scale=scale,
            habits=habits,
            later_habits=_habits(rng, count),
            shift=rng.normal(0, 1.0, count) + owls,
            income=np.rint(income * 100).astype(np.int64),
            payday=rng.choice([1, 1, 15, 25, 27, 28], count),
            buffer=np.exp(age) * 1.6,
            token=1_000_000 + rng.permutation(count),
        )

    def address(self, user: NDArray[np.int64]) -> NDArray[np.int64]:
        """Network address of the household, shape (n,)."""
        return address(hashed(self.household[user], 11))

    def shared_device(self, user: NDArray[np.int64]) -> NDArray[np.int64]:
        """Device that the household shares, shape (n,)."""
        return device(hashed(self.household[user], 13))

    def own_device(
        self, user: NDArray[np.int64], generation: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The person's own device; each replacement is a new ``generation``."""
        return device(hashed(user, generation, 17))


def address(number: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Network address from a well-mixed number."""
    return (number >> np.uint64(32)).astype(np.int64)


def device(number: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Device number from a well-mixed number."""
    return (number >> np.uint64(12)).astype(np.int64)


def _habits(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Cumulated shares of the categories, drawn around the usual ones."""
    weights = rng.gamma(1.5, 1.0, (len(CATEGORIES), count)) * SHARES[:, None]
    cumulated = np.cumsum(weights, axis=0)
    return np.asarray(cumulated / cumulated[-1], np.float32)
