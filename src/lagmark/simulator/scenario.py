"""What a simulated world is: people, fraud, labels, drift and changes as one typed record."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator

from lagmark.schema.time import DAY, from_micros, parse_instant, to_micros

__all__ = [
    "Adaptive",
    "Analyst",
    "Change",
    "Drift",
    "Fraud",
    "Labels",
    "Lag",
    "Population",
    "Scenario",
]

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Mix = dict[str, Annotated[float, Field(ge=0.0, allow_inf_nan=False)]]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Population(_Part):
    """People and their habits.

    Parameters
    ----------
    newcomers
        Accounts opened per day, as a share of the accounts at the start.
    dormant
        Share of accounts that are asleep at any time.
    dormant_days
        Mean days an account stays asleep.
    trips
        Trips begun per person and day; a trip lasts ``trip_days`` on average.
    trip_days
        Mean days of a trip.
    night_owls
        Share of people whose day is shifted by five hours.
    explore
        Share of payments at a merchant that is no favourite of the person.
    errands
        Share of payments that follow another one of the same person within minutes.
    lookalikes
        Share of honest events that belong to spells in which a person acts like a fraudster: a
        lost phone replaced at night, a new budgeting app, a house bought, a kitty passed on. They
        are drawn like campaigns of the scenario's first mix.
    """

    newcomers: Share = 0.003
    dormant: Annotated[float, Field(ge=0.0, le=0.5)] = 0.05
    dormant_days: Annotated[float, Field(ge=1.0, le=1000.0)] = 70.0
    trips: Share = 0.006
    trip_days: Annotated[float, Field(ge=1.0, le=60.0)] = 5.0
    night_owls: Share = 0.06
    explore: Share = 0.2
    errands: Share = 0.22
    lookalikes: Annotated[float, Field(ge=0.0, le=0.1)] = 0.0


class Fraud(_Part):
    """How much fraud there is, and of which kinds.

    Parameters
    ----------
    rate
        Share of all events that are fraud, in expectation.
    mix
        Weight of each typology in the fraud events.
    stealth
        Share of campaigns that hide their tell: ordinary amounts, hours and channels.
    """

    rate: Annotated[float, Field(ge=0.0, le=0.3)] = 0.006
    mix: Mix = Field(default_factory=dict)
    stealth: Share = 0.0


class Lag(_Part):
    """Lognormal time from an event to a message about it.

    Parameters
    ----------
    median_days
        Half of the messages have come by then.
    sigma
        Standard deviation of the logarithm of the time.
    """

    median_days: Positive = 12.0
    sigma: Annotated[float, Field(ge=0.0, le=3.0)] = 0.7


class Analyst(_Part):
    """What analysts do and how often they err.

    Parameters
    ----------
    lag
        Time from the alert (without a decision system: from the event) to the verdict.
    misses
        Share of frauds an analyst calls honest.
    false_alarms
        Share of honest events an analyst calls fraud.
    reviews_fraud, reviews_honest
        Shares of frauds and of honest events that the baseline analyst looks at when no decision
        system asks.
    """

    lag: Lag = Lag(median_days=0.4, sigma=0.8)
    misses: Share = 0.08
    false_alarms: Share = 0.02
    reviews_fraud: Share = 0.12
    reviews_honest: Share = 0.0015


class Labels(_Part):
    """How the truth becomes known: channels, delays, silence, errors.

    Parameters
    ----------
    never
        Share of frauds that neither a customer nor a chargeback ever reports.
    customer, chargeback
        Time from the event to the message of that channel.
    customer_share
        Share of the reported frauds that the customer reports; the others surface with a
        chargeback.
    chargeback_after_report
        Share of the customer's reports that a chargeback follows.
    false_claims
        Share of honest events that are disputed all the same, through the same channels.
    reversed_fraud, reversed_honest
        Share of the claims about frauds, and of the false claims, that are taken back.
    reversal
        Time from the claim to its reversal.
    analyst
        The human channel.
    """

    never: Share = 0.1
    customer: Lag = Lag(median_days=12.0, sigma=0.7)
    chargeback: Lag = Lag(median_days=40.0, sigma=0.45)
    customer_share: Share = 0.6
    chargeback_after_report: Share = 0.5
    false_claims: Annotated[float, Field(ge=0.0, le=0.1)] = 0.0002
    reversed_fraud: Share = 0.02
    reversed_honest: Share = 0.6
    reversal: Lag = Lag(median_days=20.0, sigma=0.5)
    analyst: Analyst = Analyst()


class Drift(_Part):
    """Slow change that is no fraud.

    Parameters
    ----------
    season
        Strength of the yearly rhythm: 0.2 lets December have a fifth more payments.
    new_merchants
        Merchants opened during the history, as a share of those at the start.
    habits
        Share of each person's payments that has moved to another mix of categories at the end.
    favourites_days
        Days after which a person's favourite merchants have changed; 0 for never.
    inflation
        Growth of amounts over the history, 0.05 for 5 %.
    """

    season: Annotated[float, Field(ge=0.0, le=0.9)] = 0.05
    new_merchants: Annotated[float, Field(ge=0.0, le=5.0)] = 0.03
    habits: Share = 0.0
    favourites_days: Annotated[int, Field(ge=0)] = 0
    inflation: Annotated[float, Field(gt=-0.9, le=5.0)] = 0.0


class Adaptive(_Part):
    """How attackers answer when their events are blocked.

    Parameters
    ----------
    enabled
        Whether they answer at all.
    reaction
        Probability that a campaign with a blocked event changes its remaining events.
    retry
        Probability that a blocked payment is tried again in a changed way.
    learning
        How much of the recently blocked share new campaigns of the same typology take over as
        caution: they then begin disguised.
    """

    enabled: bool = False
    reaction: Share = 0.9
    retry: Annotated[float, Field(ge=0.0, le=0.9)] = 0.35
    learning: Share = 0.8


class Change(_Part):
    """Something that is different from a day on.

    Parameters
    ----------
    at
        When, as a share of the history's days; ignored if ``day`` is given.
    day
        When, as a day number from 0.
    fraud_rate
        Factor on the fraud rate.
    delay
        Factor on the delays of customers and chargebacks.
    mix
        New weights of the typologies; ``None`` keeps them.
    """

    at: Share = 0.6
    day: Annotated[int, Field(ge=0)] | None = None
    fraud_rate: Positive = 1.0
    delay: Positive = 1.0
    mix: Mix | None = None

    def first_day(self, days: int) -> int:
        """Day from which it holds, in a history of ``days`` days."""
        return self.day if self.day is not None else int(self.at * days)


class Scenario(_Part):
    """A simulated world, apart from its seed.

    Parameters
    ----------
    name, title, description
        Short name, one line, and a paragraph for people.
    domain
        Domain whose source columns the events have.
    currency
        Currency of all amounts.
    start
        First midnight, microseconds UTC; a date or ISO 8601 text is read as well.
    days
        Days of history.
    events
        Expected number of events; the number of users follows from it unless given.
    users
        Accounts at the start; follows from ``events`` when ``None``.
    payments_per_day
        Mean payments of an account that is awake; follows when both others are given.
    population, fraud, labels, drift, adaptive, changes
        See their types.
    """

    name: Annotated[str, Field(pattern=r"^\w+$")]
    title: str
    description: str = ""
    domain: Literal["card", "bank_link"]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    start: int
    days: Annotated[int, Field(ge=1, le=3660)] = 120
    events: Annotated[int, Field(ge=1)] | None = 200_000
    users: Annotated[int, Field(ge=20)] | None = None
    payments_per_day: Positive = 1.6
    population: Population = Population()
    fraud: Fraud = Fraud()
    labels: Labels = Labels()
    drift: Drift = Drift()
    adaptive: Adaptive = Adaptive()
    changes: tuple[Change, ...] = ()

    @field_validator("start", mode="before")
    @classmethod
    def _midnight(cls, value: Any) -> Any:
        if isinstance(value, date):
            value = value.isoformat()
        if isinstance(value, str):
            value = to_micros(parse_instant(value))
        if isinstance(value, int) and value % DAY:
            raise ValueError("must be a midnight, UTC")
        return value

    @field_serializer("start")
    def _as_date(self, value: int) -> str:
        return from_micros(value).date().isoformat()

    @property
    def end(self) -> int:
        """First midnight after the history, microseconds UTC."""
        return self.start + self.days * DAY

    @property
    def change_days(self) -> tuple[int, ...]:
        """Days on which something changes, ascending."""
        return tuple(sorted(change.first_day(self.days) for change in self.changes))

    def fraud_rate(self, day: int) -> float:
        """Share of fraud among the events that begin on a day."""
        rate = self.fraud.rate
        for change in self._changed(day):
            rate *= change.fraud_rate
        return min(rate, 0.5)

    def delay(self, day: int) -> float:
        """Factor on the delays of reports about a day's events."""
        factor = 1.0
        for change in self._changed(day):
            factor *= change.delay
        return factor

    def mix(self, day: int) -> dict[str, float]:
        """Share of each typology in the fraud that begins on a day, adding up to 1."""
        weights = self.fraud.mix
        for change in self._changed(day):
            weights = weights if change.mix is None else change.mix
        total = sum(weights.values())
        return {name: weight / total for name, weight in weights.items()} if total else {}

    def _changed(self, day: int) -> list[Change]:
        # Ordered by day, so that the latest mix counts.
        passed = [c for c in self.changes if c.first_day(self.days) <= day]
        return sorted(passed, key=lambda change: change.first_day(self.days))
