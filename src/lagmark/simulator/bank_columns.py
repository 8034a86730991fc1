"""Events of a world in the source columns of the domain ``bank_link``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import DAY
from lagmark.simulator.categories import CATEGORY_NAMES
from lagmark.simulator.traffic import CHANNELS, Act

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from lagmark.simulator.bank import Bank
    from lagmark.simulator.people import People
    from lagmark.simulator.places import Merchants
    from lagmark.simulator.scenario import Scenario
    from lagmark.simulator.traffic import Traffic

__all__ = ["BankColumns"]

_MERCHANTS = 4_000_000_000
_STRANGERS = 7_000_000_000
"""Counterparties are numbered from here on, own accounts by their own numbers."""


class BankColumns:
    """Writes events as rows of account acts.

    Parameters
    ----------
    scenario
        Gives the start, which ages of accounts are counted to.
    people, merchants
        Whom the indices of the events mean.
    bank
        Where the events are booked.
    """

    def __init__(
        self, scenario: Scenario, people: People, merchants: Merchants, bank: Bank
    ) -> None:
        import polars as pl

        self._bank = bank
        self._start = scenario.start
        self._people = people
        self._label = merchants.label
        self._kinds = pl.Series([act.name.lower() for act in Act])
        self._categories = pl.Series([*CATEGORY_NAMES, None])
        self._channels = pl.Series(CHANNELS)

    def ids(self, numbers: NDArray[np.int64]) -> pl.Series:
        """Ids of events by number: the number itself."""
        import polars as pl

        return pl.Series("event_id", numbers)

    def frame(self, events: Traffic, ids: pl.Series, day: int) -> pl.DataFrame:
        """Rows in the order of the events, which are booked; ``is_fraud`` is there and empty."""
        import polars as pl

        settlement = self._bank.settle(events, day)

        people, user = self._people, events.user
        pays = events.act == Act.PAYMENT
        category = np.where(pays, events.category, len(CATEGORY_NAMES))
        age = (events.time - self._start) // DAY - people.opened[user]
        return pl.DataFrame(
            {
                "event_id": ids,
                "time": pl.Series(events.time).cast(pl.Datetime("us", "UTC")),
                "account": people.token[user],
                "kind": self._kinds.gather(events.act),
                "amount": events.amount / 100,
                "category": self._categories.gather(category),
                "counterparty": self._counterparty(events.party),
                "channel": self._channels.gather(events.channel),
                "device": _absent(events.device),
                "ip": _absent(events.ip),
                "account_age": age,
                "balance": settlement.before / 100,
                "balance_after": settlement.after / 100,
                "returned": settlement.returned,
                "is_fraud": pl.Series([None], dtype=pl.Boolean).new_from_index(0, len(user)),
            }
        )

    def _counterparty(self, party: NDArray[np.int64]) -> pl.Series:
        account = -2 - party
        own = (account >= 0) & (account < self._people.count)
        number = np.where(
            party >= 0, _MERCHANTS + self._label[np.maximum(party, 0)], _STRANGERS + account
        )
        number = np.where(own, self._people.token[np.where(own, account, 0)], number)
        return _absent(np.where(party == -1, -1, number))


def _absent(numbers: NDArray[np.int64]) -> pl.Series:
    import polars as pl

    series = pl.Series(numbers)
    return series.set(series < 0, None)
