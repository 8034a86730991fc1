"""Towns and the merchants in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lagmark.simulator.categories import CATEGORIES, CATEGORY_NAMES, ONLINE, SHARES
from lagmark.simulator.draws import Part, stream

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from lagmark.simulator.scenario import Scenario

__all__ = ["Merchants", "Towns"]


@dataclass(frozen=True, slots=True)
class Towns:
    """Towns with a place and a size.

    Parameters
    ----------
    lat, lon
        Degrees, shape (towns,).
    inhabitants
        People who live there, of whom some have an account here.
    weight
        Share of the accounts, adding up to 1.
    """

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    inhabitants: NDArray[np.int64]
    weight: NDArray[np.float64]

    @classmethod
    def draw(cls, users: int, seed: int) -> Towns:
        """Towns for a number of accounts."""
        rng = stream(seed, Part.PLACES)
        count = int(np.clip(users // 250, 4, 400))
        weight = np.asarray((np.arange(count) + 2.0) ** -0.8, np.float64)
        weight /= weight.sum()
        size = weight * users * 400 * rng.lognormal(0, 0.3, count)
        return cls(
            lat=rng.uniform(36.0, 48.0, count),
            lon=rng.uniform(-6.0, 18.0, count),
            inhabitants=np.maximum(size, 200).astype(np.int64),
            weight=weight,
        )

    def __len__(self) -> int:
        return len(self.lat)


class Merchants:
    """Merchants in groups of one town and category; online categories form one group each.

    Parameters
    ----------
    towns
        Where they are.
    users
        Accounts, which their number follows.
    scenario
        Gives the merchants that open during the history.
    seed
        Seed of the world.
    """

    def __init__(self, towns: Towns, users: int, scenario: Scenario, seed: int) -> None:
        rng = stream(seed, Part.MERCHANTS)
        kinds = len(CATEGORIES)
        here = users * towns.weight[:, None] * SHARES[None, :] / 5.0
        counts = np.maximum(2, np.rint(here)).astype(np.int64)
        counts[:, ONLINE] = 0
        # Online shops hang below town 0 and serve everybody.
        counts[0, ONLINE] = np.maximum(10, np.rint(users * SHARES[ONLINE] / 15.0))
        self._first = counts.ravel()
        self._later = np.rint(self._first * scenario.drift.new_merchants).astype(np.int64)
        sizes = self._first + self._later
        self._start = np.cumsum(sizes) - sizes
        self._days = scenario.days
        group = np.repeat(np.arange(sizes.size), sizes)
        self._regular = int(sizes.sum())
        # Online shops that nobody honest pays: fraudulent ones take their place.
        self._spare = max(2_000, users // 2)
        spare_kind = rng.choice(np.flatnonzero(ONLINE), self._spare)
        self.category = np.concatenate((group % kinds, spare_kind)).astype(np.int8)
        online = ONLINE[self.category]
        town = np.where(
            online, 0, np.concatenate((group // kinds, np.zeros(self._spare, np.int64)))
        )
        # An online shop is registered somewhere.
        town = np.where(online, rng.choice(len(towns), len(online), p=towns.weight), town)
        self.lat = np.round(towns.lat[town] + rng.normal(0, 0.04, len(town)), 6)
        self.lon = np.round(towns.lon[town] + rng.normal(0, 0.05, len(town)), 6)
        self.label = rng.permutation(len(town))
        """Number in each name: tells nothing of where or when a merchant opened."""
        # Prices differ from shop to shop.
        self.price = np.exp(rng.normal(0, 0.25, len(town)))

    def __len__(self) -> int:
        return len(self.category)

    def group(self, town: NDArray[np.int64], category: NDArray[np.int64]) -> NDArray[np.int64]:
        """Group to choose a merchant from, shape (n,)."""
        return np.where(ONLINE[category], 0, town) * len(CATEGORIES) + category

    def favourite(self, group: NDArray[np.int64], choice: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Merchant that a person's fixed ``choice`` names among those that were there first."""
        return self._start[group] + (choice % self._first[group].astype(np.uint64)).astype(np.int64)

    def any(
        self, group: NDArray[np.int64], day: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Merchant at random among those open on a day, the first of a group more often."""
        opened = self._later[group] * min(max(day, 0) / self._days, 1.0)
        there = self._first[group] + opened.astype(np.int64)
        return self._start[group] + (rng.random(len(group)) ** 1.6 * there).astype(np.int64)

    def spare(self, number: NDArray[np.int64]) -> NDArray[np.int64]:
        """Fraudulent shops by number."""
        return self._regular + number % self._spare

    def names(self) -> pl.Series:
        """Name of each merchant, shape (merchants,)."""
        import polars as pl

        return pl.Series(
            [
                f"{CATEGORY_NAMES[kind]}_{label:05d}"
                for kind, label in zip(self.category.tolist(), self.label.tolist(), strict=True)
            ]
        )
