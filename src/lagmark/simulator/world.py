"""A world: the events of one day after the other, their truth, and what becomes known of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lagmark.errors import ConfigError, StateError
from lagmark.simulator.attackers import CODES, WARM_UP, Attackers
from lagmark.simulator.bank import Bank
from lagmark.simulator.bank_columns import BankColumns
from lagmark.simulator.banking import PER_DAY, Banking
from lagmark.simulator.card_columns import CardColumns
from lagmark.simulator.categories import MEDIANS, ONLINE, SIGMAS
from lagmark.simulator.labelling import NEVER, Outcome, messages, outcome
from lagmark.simulator.life import Life
from lagmark.simulator.people import People
from lagmark.simulator.places import Merchants, Towns
from lagmark.simulator.rhythm import Rhythm
from lagmark.simulator.spending import Spending
from lagmark.simulator.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl
    from numpy.typing import NDArray

    from lagmark.simulator.scenario import Scenario

__all__ = ["Day", "World"]

_FORMAT = 1
_PER_DAY = 10**8
"""Events a day may have: the number of an event is its day and its place in it."""
_FEWEST_USERS = 20


class Columns(Protocol):
    """How events become rows of a domain."""

    def ids(self, numbers: NDArray[np.int64]) -> pl.Series:
        """Ids of events by number."""
        ...

    def frame(self, events: Traffic, ids: pl.Series, day: int) -> pl.DataFrame:
        """Rows of a day's events in their order; called once a day, in the order of the days."""
        ...


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a world.

    Parameters
    ----------
    number
        Day number from 0.
    events
        Rows in the source columns of the scenario's domain, ordered by event time.
    truth
        One row per event in the same order: ``event_id``, ``fraud``, ``typology`` and
        ``campaign`` (null if honest); ``reported_at``, ``chargeback_at`` and ``reversed_at``
        (Int64 microseconds UTC, null if never) if the event is allowed and nobody looks at it;
        ``analyst_fraud`` and ``analyst_delay`` (Int64 microseconds after the alert) if an
        analyst does.
    labels
        Messages about these events that arise without any decision system, as the label store
        keeps them, ordered by ``known_at``; most arrive after this day.
    """

    number: int
    events: pl.DataFrame
    truth: pl.DataFrame
    labels: pl.DataFrame


class World:
    """People, merchants and fraudsters of a scenario, lived through day by day.

    Everything follows from the scenario, the seed and the blocked events of earlier days.
    Memory depends on the number of users, not on the number of days.

    Parameters
    ----------
    scenario
        What the world is.
    seed
        Not negative; another seed is another world of the same kind.

    Raises
    ------
    ConfigError
        If the seed is negative.

    Examples
    --------
    >>> from lagmark.simulator import load_scenario
    >>> world = World(load_scenario("card_stable", events=2_000, days=20), seed=1)
    >>> day = world.day(0)
    >>> day.events.height == day.truth.height
    True
    """

    def __init__(self, scenario: Scenario, seed: int = 0) -> None:
        if seed < 0:
            raise ConfigError(f"seed={seed} is negative", where="world", hint="give 0 or more")
        self.scenario = scenario
        self.seed = seed
        self.users = scenario.users or _users(scenario)
        self._next = 0
        self._rhythm = Rhythm(scenario)
        towns = Towns.draw(self.users, seed)
        people = People.draw(scenario, self.users, towns, seed)
        merchants = Merchants(towns, self.users, scenario, seed)
        self._life = Life(scenario, people, towns, seed)
        self._spending = Spending(scenario, people, merchants, self._rhythm, self._life, seed)
        self._honest: list[Callable[[int], Traffic]] = [self._spending.payments]
        self._columns: Columns = CardColumns(people, merchants, towns)
        bank = None
        if scenario.domain == "bank_link":
            bank = Bank(people, self._rhythm, seed)
            banking = Banking(scenario, people, self._rhythm, self._life, bank, seed)
            self._honest.append(banking.acts)
            self._columns = BankColumns(scenario, people, merchants, bank)
        shares = np.diff(people.habits.astype(np.float64), axis=0, prepend=0.0)
        mean = shares.T @ (MEDIANS * np.exp(SIGMAS**2 / 2))
        usual = mean * np.exp(people.scale) * 100
        wanted, odd = self._calibrate(people)
        self._attackers = Attackers(
            scenario, people, self._life, merchants, bank, usual, wanted, odd, seed
        )

    @property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 over scenario, seed and the version of the process."""
        content = {
            "format": _FORMAT,
            "scenario": self.scenario.model_dump(mode="json"),
            "seed": self.seed,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def day(self, number: int, blocked: NDArray[Any] | None = None) -> Day:
        """Live through a day.

        Parameters
        ----------
        number
            Day number: 0, then 1, and so on.
        blocked
            Ids of events of earlier days that were blocked since the last call. Attackers of an
            adaptive scenario react; otherwise it changes nothing.

        Raises
        ------
        StateError
            If the days are not asked for in their order, or all have passed.
        DataError
            If ``blocked`` holds what is no id of this world.
        """
        if number != self._next or number >= self.scenario.days:
            raise StateError(
                f"day {number} was asked for; next is day {self._next} of {self.scenario.days}",
                where="world",
                hint="ask for the days in order, or make a new World with the same seed",
            )
        self._attackers.react(number, _numbers(blocked))
        self._life.begin(number)
        honest = [draw(number) for draw in self._honest]
        events = Traffic.join([*honest, self._attackers.events(number)]).ordered()
        self._next += 1
        numbers = number * _PER_DAY + np.arange(len(events))
        fraud = events.campaign >= 0
        self._attackers.issued(numbers[fraud], events.take(fraud))
        counter = ~fraud & (events.act == 0) & ~ONLINE[events.category]
        self._life.end(number, events, counter)
        ids = self._columns.ids(numbers)
        found = outcome(self.scenario, self.seed, number, events.time, fraud)
        return Day(
            number,
            self._columns.frame(events, ids, number),
            _truth(events, ids, found),
            messages(found, ids, events.time),
        )

    def _calibrate(self, people: People) -> tuple[list[float], list[float]]:
        """Set the level of payments that gives the wanted number of events.

        Returns the expected fraud events and those of lookalikes that begin on each day, warm-up
        included.
        """
        scenario = self.scenario
        odd = scenario.population.lookalikes
        awake = 1.0 - scenario.population.dormant
        opened = np.clip(people.opened, 0, scenario.days)
        days = range(scenario.days)
        rate = np.cumsum(np.bincount(opened, people.rate, scenario.days + 1))[:-1] * awake
        payments = rate * [self._rhythm.level(day) for day in days]
        accounts = np.cumsum(np.bincount(opened, minlength=scenario.days + 1))[:-1] * awake
        others = accounts * (PER_DAY if scenario.domain == "bank_link" else 0.0)
        if scenario.events is not None:
            # By the rate at the start: until something changes, a world is the same as without
            # the change. With very few events other acts alone may be too many, but payments
            # never vanish.
            wanted = scenario.events * (1 - scenario.fraud.rate) * (1 - odd)
            wanted -= float(others.sum())
            self._spending.level = max(wanted / float(payments.sum()), 0.05)
        shares = np.array([scenario.fraud_rate(day) for day in days])
        honest = (self._spending.level * payments + others) / (1 - odd)
        fraud = honest * shares / (1 - shares)
        both = ([float(part[0])] * WARM_UP + part.tolist() for part in (fraud, honest * odd))
        return next(both), next(both)


def _users(scenario: Scenario) -> int:
    events = scenario.events or 0
    grown = 1 + scenario.population.newcomers * scenario.days / 2
    acts = scenario.payments_per_day + (PER_DAY if scenario.domain == "bank_link" else 0)
    per_user = acts * (1 - scenario.population.dormant) * scenario.days * grown
    return max(round(events / per_user), _FEWEST_USERS)


def _numbers(blocked: NDArray[Any] | None) -> NDArray[np.int64]:
    """Event numbers of ids, whether these are text or whole numbers."""
    from lagmark.errors import DataError

    if blocked is None or len(blocked) == 0:
        return np.empty(0, np.int64)
    given = np.asarray(blocked)
    try:
        numbers = given.astype(np.int64) if given.dtype.kind in "iu" else _parsed(given)
    except ValueError as problem:
        raise DataError(
            f"blocked holds what is no event id: {problem}",
            where="World.day",
            hint="give values of the column event_id of earlier truth",
        ) from None
    return np.asarray(numbers)


def _parsed(given: NDArray[Any]) -> NDArray[np.int64]:
    return given.astype(np.str_).astype(np.int64)


def _truth(events: Traffic, ids: pl.Series, found: Outcome) -> pl.DataFrame:
    import polars as pl

    names = pl.Series(list(CODES))
    fraud = events.campaign >= 0
    typology = names.gather(np.maximum(events.typology, 0))

    def instants(values: NDArray[np.int64]) -> pl.Series:
        series = pl.Series(values)
        return series.set(series == NEVER, None)

    campaign = pl.Series(events.campaign)
    return pl.DataFrame(
        {
            "event_id": ids,
            "fraud": fraud,
            "typology": typology.set(pl.Series(~fraud), None),
            "campaign": campaign.set(campaign < 0, None),
            "reported_at": instants(found.reported_at),
            "chargeback_at": instants(found.chargeback_at),
            "reversed_at": instants(found.reversed_at),
            "analyst_fraud": found.analyst_fraud,
            "analyst_delay": found.analyst_delay,
        }
    )
