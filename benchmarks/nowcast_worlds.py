"""Simulated worlds with a live model, asked as of one instant after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.apps.jobs.history import History
from lagmark.apps.jobs.nowcast_decisions import Decisions, live_model
from lagmark.apps.jobs.nowcast_job import observe
from lagmark.domains.registry import load_domain
from lagmark.features import backfill
from lagmark.labels import attach
from lagmark.labels.maturity import first_fraud
from lagmark.ports.source import SourceTable
from lagmark.schema.events import EventBatch
from lagmark.schema.time import DAY
from lagmark.simulator import World, load_scenario
from lagmark.sources.events import read_events

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from lagmark.domains.domain import Domain
    from lagmark.monitoring.nowcast import Observed

__all__ = ["AFTER", "SHIFT", "Lived", "block", "live", "review"]

SHIFT = 130
"""Day on which the shifted worlds change."""
LIVE_BEFORE = 40
"""Days before the shift on which the model goes live."""
AFTER = 46
"""Days that are lived after it."""


@dataclass(frozen=True, slots=True, eq=False)
class Lived:
    """A world with its live model's decisions, and its truth.

    ``fraud`` is what was done, ``final`` what the labels will say in the end, shape (n,).
    """

    batch: EventBatch
    domain: Domain
    start: int
    decisions: Decisions
    fraud: NDArray[np.bool_]
    final: NDArray[np.bool_]
    truth: pl.DataFrame

    def at(self, days: float) -> Observed:
        """What was seen so many days after the shift."""
        as_of = self.start + int((SHIFT + days) * DAY)
        events = self.batch.events
        size = int((events["ingest_time"] <= as_of).sum())
        labels = self.batch.labels
        batch = EventBatch(
            events.head(size),
            labels.filter((labels["known_at"] <= as_of) & (labels["row"] < size)),
        )
        cut = {
            name: getattr(self.decisions, name)[:size]
            for name in ("probability", "alerted", "control", "blocked", "propensity")
        }
        decisions = Decisions(facts=self.decisions.facts, **cut)
        return observe(History(Path(), self.domain, as_of, batch, pending=0), decisions)

    def rows(self, as_of: int, from_age: int, to_age: int) -> NDArray[np.bool_]:
        """Events of the cohort days of some ages, by the nowcast's own rule."""
        day = self.batch.events["event_time"].to_numpy() // DAY
        age = as_of / DAY - day - 0.5
        return (age >= from_age) & (age < to_age)

    def told(self, as_of: int, from_age: int, to_age: int) -> tuple[float, float]:
        """Final frauds and recall of some ages by one who knows how fast labels come.

        Known frauds, alerted and others, over the share of all final frauds since the shift whose
        label took no longer. The rest of the error is the luck of which labels are in, and no
        estimator from these labels can be free of it.
        """
        time = self.batch.events["event_time"].to_numpy()
        known_at = first_fraud(self.batch, int(np.iinfo(np.int64).max // 2))
        rows = self.rows(as_of, from_age, to_age)
        later = (time >= self.start + SHIFT * DAY) & self.final
        counts = []
        for group in (self.decisions.alerted, ~self.decisions.alerted):
            delay = np.sort((known_at - time)[later & group])
            age = as_of - time[rows & group]
            share = np.searchsorted(delay, age, side="right").mean() / max(delay.size, 1)
            known = (rows & group & self.final & (known_at <= as_of)).sum()
            counts.append(float(known / max(share, 1e-6)))
        return sum(counts), counts[0] / max(sum(counts), 1e-9)


def live(scenario: str, seed: int, per_day: int) -> Lived:
    """Simulate a world with a model that goes live before the shift, and is only watched.

    Parameters
    ----------
    scenario, seed
        Which world.
    per_day
        Payments a day.
    """
    import polars as pl

    days = SHIFT + AFTER
    world = World(
        load_scenario(scenario, events=per_day * days, days=days, change_day=SHIFT), seed=seed
    )
    lived = [world.day(number) for number in range(days)]
    events = pl.concat([day.events for day in lived])
    truth = pl.concat([day.truth for day in lived])
    said = pl.concat([day.labels for day in lived])
    domain = load_domain(world.scenario.domain)
    read = read_events(_Memory(events), domain, require_labels=False)
    batch = attach(read.batch.events, said)
    fraud = (
        batch.events.select("event_id")
        .join(truth.select("event_id", "fraud"), on="event_id", how="left", maintain_order="left")[
            "fraud"
        ]
        .to_numpy()
    )
    vectors = backfill(domain.feature_set("default"), batch)
    start = world.scenario.start
    live_at = start + (SHIFT - LIVE_BEFORE) * DAY
    model = replace(live_model(batch, vectors, domain, trained_at=live_at), since=live_at)
    decisions = model.decide(batch, vectors)
    return Lived(batch, domain, start, decisions, fraud, _final(batch), truth)


def review(lived: Lived) -> Lived:
    """The same world where analysts look at every alert, instead of at what they happen upon."""
    batch = _reviewed(lived.batch, lived.truth, lived.decisions.alerted)
    return replace(lived, batch=batch, final=_final(batch))


def _reviewed(batch: EventBatch, truth: pl.DataFrame, alerted: NDArray[np.bool_]) -> EventBatch:
    """Labels with a verdict on every alert."""
    import polars as pl

    asked = batch.events.with_row_index("row").filter(pl.Series(alerted))
    verdicts = asked.join(truth, on="event_id", how="left", maintain_order="left").select(
        pl.col("row").cast(pl.Int64),
        (pl.col("event_time") + pl.col("analyst_delay")).alias("known_at"),
        pl.col("analyst_fraud").alias("fraud"),
        pl.lit("analyst").alias("source"),
    )
    found = alerted[batch.labels["row"].to_numpy()]
    by_chance = pl.Series(found) & (batch.labels["source"] == "analyst")
    said = pl.concat([batch.labels.filter(~by_chance), verdicts.select(batch.labels.columns)])
    return EventBatch(batch.events, said.sort("known_at", maintain_order=True))


def block(lived: Lived, share: float, seed: int) -> Lived:
    """The same world where alerts are blocked but for a control group; the blocked stay silent."""
    decisions = _blocking(lived.decisions, share, np.random.default_rng([seed, 1]))
    rows = lived.batch.labels["row"].to_numpy()
    batch = EventBatch(lived.batch.events, lived.batch.labels.filter(~decisions.blocked[rows]))
    return replace(lived, batch=batch, decisions=decisions)


def _blocking(decisions: Decisions, share: float, rng: np.random.Generator) -> Decisions:
    alerted = decisions.alerted
    through = alerted & (rng.random(alerted.size) < share)
    return replace(
        decisions,
        control=through,
        blocked=alerted & ~through,
        propensity=np.where(alerted, share, 1.0),
    )


def _final(batch: EventBatch) -> NDArray[np.bool_]:
    from lagmark.labels import labels_known

    known_at = batch.labels["known_at"].to_numpy()
    end = int(known_at.max(initial=0)) + int(batch.events["ingest_time"].to_numpy().max(initial=0))
    return labels_known(batch, end)[0] == 1


class _Memory:
    """Simulated rows as a source."""

    name = "simulated"

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def read(self) -> SourceTable:
        """All rows."""
        return SourceTable(self.name, self._frame)
