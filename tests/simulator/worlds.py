"""Worlds for the tests, each lived through once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from lagmark.simulator import Scenario, World, load_scenario


@dataclass(frozen=True)
class Lived:
    scenario: Scenario
    events: pl.DataFrame
    truth: pl.DataFrame
    labels: pl.DataFrame

    @property
    def time(self) -> pl.Series:
        """Event times, microseconds UTC, in the order of the truth."""
        name = "trans_date_trans_time" if self.scenario.domain == "card" else "time"
        return self.events[name].cast(pl.Int64)


def live(scenario: Scenario, seed: int = 0) -> Lived:
    world = World(scenario, seed=seed)
    days = [world.day(number) for number in range(scenario.days)]
    return Lived(
        scenario,
        pl.concat([day.events for day in days]),
        pl.concat([day.truth for day in days]),
        pl.concat([day.labels for day in days]),
    )


@cache
def lived(
    name: str, events: int = 100_000, days: int = 60, seed: int = 0, rate: float | None = None
) -> Lived:
    over: dict[str, Any] = {} if rate is None else {"fraud": {"rate": rate}}
    return live(load_scenario(name, events=events, days=days, **over), seed)
