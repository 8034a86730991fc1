"""A compact world of payments whose truth is known, in plain numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lagmark.labels import NEVER
from lagmark.monitoring.nowcast import Observed
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

START = 19_000 * DAY


@dataclass(frozen=True, eq=False)
class World:
    event_time: NDArray[np.int64]
    amount: NDArray[np.float64]
    known_at: NDArray[np.int64]
    fraud: NDArray[np.bool_]
    probability: NDArray[np.float64]
    alerted: NDArray[np.bool_]
    propensity: NDArray[np.float64]
    control: NDArray[np.bool_]
    blocked: NDArray[np.bool_]

    def at(self, as_of: int) -> Observed:
        seen = self.event_time <= as_of
        known = self.known_at[seen] <= as_of
        return Observed(
            event_time=self.event_time[seen],
            amount=self.amount[seen],
            known_at=np.where(known, self.known_at[seen], NEVER),
            fraud_known=known,
            probability=self.probability[seen],
            alerted=self.alerted[seen],
            propensity=self.propensity[seen],
            control=self.control[seen],
            blocked=self.blocked[seen],
            channel=np.zeros(int(seen.sum()), dtype=np.int64),
            as_of=as_of,
        )

    def truth(self, as_of: int, start: int, end: int) -> tuple[int, int, int]:
        """Events, frauds and alerted frauds of the cohort days of some ages."""
        day = self.event_time // DAY
        age = (as_of - day * DAY) / DAY - 0.5
        rows = (age >= start) & (age < end) & (self.event_time <= as_of)
        return (
            int(rows.sum()),
            int(self.fraud[rows].sum()),
            int((self.fraud & self.alerted)[rows].sum()),
        )


def make_world(
    seed: int,
    *,
    days: int = 160,
    per_day: int = 4_000,
    rate: float = 0.01,
    shift: int = 120,
    rate_factor: float = 1.0,
    new_share: float = 0.0,
    delay_factor: float = 1.0,
    block: float = 0.0,
) -> World:
    """Frauds of a known pattern score high; those of a new one like honest payments.

    Alerts (2.5 a thousand) are looked at within a day. Other frauds are reported after a lognormal
    delay of median 12 days (half of them) or 40 days. ``block`` is the control share among
    alerts: the others are blocked and never reported.
    """
    rng = np.random.default_rng(seed)
    counts = rng.poisson(per_day * (1 + 0.15 * np.sin(np.arange(days) * 2 * np.pi / 7)))
    day = np.repeat(np.arange(days), counts)
    n = day.size
    second = np.sort(rng.random(n))
    order = np.lexsort((second, day))
    event_time = START + day * DAY + (second[order] * DAY).astype(np.int64)
    late = day >= shift
    fraud = rng.random(n) < np.where(late, rate * rate_factor, rate)
    new = late & (rng.random(n) < new_share) & fraud
    signal = rng.standard_normal(n) + np.where(fraud & ~new, 2.6, 0.0)
    odds = rate / (1 - rate) * np.exp(2.6 * signal - 2.6**2 / 2)
    probability = odds / (1 + odds)
    alerted = probability > 0.3
    slow = rng.random(n) < 0.5
    delay = np.exp(np.log(np.where(slow, 40.0, 12.0)) + 0.7 * rng.standard_normal(n))
    delay = np.where(late, delay * delay_factor, delay)
    control = np.zeros(n, dtype=bool)
    blocked = np.zeros(n, dtype=bool)
    propensity = np.ones(n)
    if block:
        control = alerted & (rng.random(n) < block)
        blocked = alerted & ~control
        propensity = np.where(alerted, block, 1.0)
    else:
        delay = np.where(alerted, rng.random(n), delay)
    known_at = event_time + (delay * DAY).astype(np.int64)
    known_at = np.where(fraud & ~blocked, known_at, NEVER)
    return World(
        event_time,
        np.exp(4 + rng.standard_normal(n)),
        known_at,
        fraud,
        probability,
        alerted,
        propensity,
        control,
        blocked,
    )
