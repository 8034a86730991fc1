"""When people pay: hours of the day, days of the week, seasons of the year."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import from_micros
from lagmark.simulator.categories import CATEGORIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.simulator.scenario import Scenario

__all__ = ["Rhythm"]

_STEPS = 2_048
_WEEK = np.array([0.94, 0.92, 0.95, 0.99, 1.13, 1.17, 0.90])
"""Payments by weekday, Monday first, relative to the mean."""

# Weights of the 24 hours of a working day and of the weekend.
_HOURS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "shops": (
        (0.2, 0.1, 0.1, 0.1, 0.1, 0.3, 1, 2, 4, 6, 8, 9, 9, 8, 8, 8, 9, 11, 11, 8, 5, 2, 1, 0.4),
        (
            0.3,
            0.2,
            0.1,
            0.1,
            0.1,
            0.2,
            0.5,
            1,
            4,
            8,
            11,
            12,
            11,
            11,
            11,
            10,
            9,
            8,
            6,
            4,
            2,
            1.5,
            1,
            0.5,
        ),
    ),
    "meals": (
        (0.8, 0.4, 0.2, 0.1, 0.1, 0.3, 2, 5, 5, 3, 3, 8, 14, 10, 4, 3, 3, 5, 9, 11, 9, 5, 3, 1.5),
        (2, 1.4, 0.8, 0.3, 0.2, 0.2, 0.6, 1.5, 4, 6, 7, 9, 12, 11, 6, 5, 5, 7, 10, 12, 11, 8, 6, 4),
    ),
    "online": (
        (1.8, 0.9, 0.5, 0.4, 0.4, 0.5, 1, 2, 3, 4, 4, 4, 5, 5, 4, 4, 4, 5, 6, 8, 10, 10, 7, 4),
        (2.4, 1.3, 0.7, 0.5, 0.4, 0.4, 0.7, 1.5, 3, 5, 6, 6, 6, 6, 6, 6, 6, 6, 6, 8, 9, 9, 7, 4.5),
    ),
    "roads": (
        (0.5, 0.3, 0.2, 0.3, 0.8, 2, 5, 8, 7, 4, 4, 4, 5, 4, 4, 6, 8, 10, 8, 5, 3, 2, 1.5, 1),
        (0.8, 0.5, 0.4, 0.3, 0.4, 0.8, 1.5, 3, 5, 7, 8, 8, 7, 7, 7, 7, 7, 7, 6, 4, 3, 2, 1.6, 1.2),
    ),
    "leisure": (
        (1, 0.6, 0.3, 0.2, 0.2, 0.2, 0.5, 1, 2, 3, 4, 4, 5, 5, 5, 5, 6, 8, 10, 12, 11, 7, 4, 2),
        (2.5, 1.8, 1, 0.5, 0.3, 0.2, 0.4, 0.8, 2, 4, 6, 7, 7, 8, 9, 9, 9, 9, 10, 11, 10, 8, 6, 4),
    ),
}


class Rhythm:
    """Calendar of a scenario.

    Parameters
    ----------
    scenario
        Gives start, days and the strength of the seasons.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._start = from_micros(scenario.start)
        self._season = scenario.drift.season
        profiles = list(_HOURS)
        self._profile = np.array([profiles.index(c.hours) for c in CATEGORIES], np.int64)
        tables = [_inverse(weights) for pair in _HOURS.values() for weights in pair]
        self._tables = np.concatenate(tables)

    def weekday(self, day: int) -> int:
        """Weekday of a day, Monday 0."""
        return (self._start + timedelta(days=day)).weekday()

    def day_of_month(self, day: int) -> int:
        """Day of the month, from 1."""
        return (self._start + timedelta(days=day)).day

    def level(self, day: int) -> float:
        """Payments of a day relative to the mean day."""
        return float(_WEEK[self.weekday(day)]) * (1.0 + self._season * self._wave(day))

    def seasonal(self, day: int) -> tuple[float, NDArray[np.float64]]:
        """Share of payments that follow the season, and the season's shares of the categories."""
        wave = self._wave(day)
        weights = np.array([c.share * (1 + 0.8 * wave * c.season) for c in CATEGORIES])
        return self._season, weights / weights.sum()

    def seconds(
        self, category: NDArray[np.int64], day: int, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Seconds of the day at which payments of these categories happen, shape (n,)."""
        weekend = int(self.weekday(day) >= 5)
        at = rng.random(len(category)) * (_STEPS - 1)
        step = at.astype(np.int64)
        place = (self._profile[category] * 2 + weekend) * _STEPS + step
        low = self._tables[place]
        return low + (self._tables[place + 1] - low) * (at - step)

    def _wave(self, day: int) -> float:
        """From -1 in June to 1 in December."""
        return float(np.cos(2 * np.pi * ((self._start.timetuple().tm_yday + day) / 365.25 - 0.96)))


def _inverse(weights: tuple[float, ...]) -> NDArray[np.float64]:
    """Second of the day at evenly spaced quantiles."""
    cumulative = np.concatenate(([0.0], np.cumsum(weights)))
    levels = np.linspace(0.0, cumulative[-1], _STEPS)
    return np.interp(levels, cumulative, np.arange(25) * 3_600.0)
