"""A small world of late fraud labels whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lagmark.learning import KnownHistory
from lagmark.learning.models.files import sigmoid
from lagmark.schema.time import DAY

NAMES = ("a", "b", "c", "d", "e")


@dataclass(frozen=True)
class World:
    """Events, what they are, and every label that will ever come."""

    X: np.ndarray
    event_time: np.ndarray
    fraud: np.ndarray
    alerted: np.ndarray
    label_row: np.ndarray
    label_known_at: np.ndarray
    label_fraud: np.ndarray
    label_feedback: np.ndarray

    def history(self, as_of: int, *, start: int = 0, **changes: Any) -> KnownHistory:
        parts = {
            name: changes.pop(name, getattr(self, name))
            for name in ("X", "event_time", "alerted", "label_row", "label_known_at",
                         "label_fraud", "label_feedback")
        }  # fmt: skip
        ingest_time = changes.pop("ingest_time", parts["event_time"])
        return KnownHistory.from_arrays(
            names=NAMES, ingest_time=ingest_time, as_of=as_of, start=start, end=as_of,
            contract_hash="c", **parts, **changes,
        )  # fmt: skip


def world(
    seed: int = 0, *, days: int = 120, per_day: int = 500, median: float = 12.0, alerts: int = 20
) -> World:
    """About one fraud in fifty; silent ones are labelled with a lognormal delay in days.

    Each day the ``alerts`` events that an imperfect rule likes best are looked at by analysts,
    who say within a day or so what they are.
    """
    rng = np.random.default_rng(seed)
    n = days * per_day
    time = np.sort(rng.integers(0, days * DAY, n))
    X = rng.normal(size=(n, len(NAMES)))
    p = sigmoid(-5.4 + 1.3 * X[:, 0] + 1.0 * X[:, 1] + 0.8 * X[:, 2] * (X[:, 3] > 0))
    fraud = rng.random(n) < p
    alerted = np.zeros(n, dtype=bool)
    rule = X[:, 0] + rng.normal(size=n)
    for day in range(days if alerts else 0):
        here = np.flatnonzero(time // DAY == day)
        alerted[here[np.argsort(-rule[here])[:alerts]]] = True
    delay = rng.lognormal(np.log(median), 0.8, n) * DAY
    quick = rng.lognormal(np.log(0.5), 0.5, n) * DAY
    known = time + np.where(alerted, quick, delay).astype(np.int64)
    row = np.flatnonzero(fraud | alerted)
    return World(X, time, fraud, alerted, row, known[row], fraud[row], alerted[row])
