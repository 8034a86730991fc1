"""Events of a world in the source columns of the domain ``card``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.simulator.categories import CATEGORY_NAMES
from lagmark.simulator.people import JOBS
from lagmark.simulator.traffic import CHANNELS

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from lagmark.simulator.people import People
    from lagmark.simulator.places import Merchants, Towns
    from lagmark.simulator.traffic import Traffic

__all__ = ["CardColumns"]


class CardColumns:
    """Writes events as rows of card payments.

    Parameters
    ----------
    people, merchants, towns
        Whom the indices of the events mean.
    """

    def __init__(self, people: People, merchants: Merchants, towns: Towns) -> None:
        import polars as pl

        self._people = people
        self._merchants = merchants
        self._inhabitants = towns.inhabitants
        self._merchant_names = merchants.names()
        self._categories = pl.Series(CATEGORY_NAMES)
        self._channels = pl.Series(CHANNELS)
        self._genders = pl.Series(["F", "M"])
        self._jobs = pl.Series(JOBS)

    def ids(self, numbers: NDArray[np.int64]) -> pl.Series:
        """Ids of events by number: text of twelve digits."""
        import polars as pl

        return pl.Series("trans_num", numbers).cast(pl.String).str.zfill(12)

    def frame(self, events: Traffic, ids: pl.Series, day: int) -> pl.DataFrame:  # noqa: ARG002
        """Rows in the order of the events; ``is_fraud`` is there and empty."""
        import polars as pl

        people, user = self._people, events.user
        return pl.DataFrame(
            {
                "trans_date_trans_time": pl.Series(events.time).cast(pl.Datetime("us", "UTC")),
                "cc_num": people.token[user],
                "merchant": self._merchant_names.gather(events.party),
                "category": self._categories.gather(events.category),
                "amt": events.amount / 100,
                "gender": self._genders.gather(people.gender[user]),
                "job": self._jobs.gather(people.job[user]),
                "city_pop": self._inhabitants[people.town[user]],
                "lat": people.lat[user],
                "long": people.lon[user],
                "merch_lat": self._merchants.lat[events.party],
                "merch_long": self._merchants.lon[events.party],
                "trans_num": ids,
                "device": _absent(events.device),
                "ip": _absent(events.ip),
                "channel": self._channels.gather(events.channel),
                "is_fraud": pl.Series([None], dtype=pl.Boolean).new_from_index(0, len(user)),
            }
        )


def _absent(numbers: NDArray[np.int64]) -> pl.Series:
    import polars as pl

    series = pl.Series(numbers)
    return series.set(series < 0, None)
