"""Lagmark's online engine, driven in batches or by single events."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

BATCH = 1_000


class Worker:
    def __init__(self, folder: Path, *, features: str, prefill: int) -> None:
        from benchmarks import sets
        from benchmarks.data import batch_of, read_table
        from lagmark.features import OnlineEngine

        self._table = read_table(folder)
        self._set = getattr(sets, features)()
        self._engine = OnlineEngine(self._set)
        self._at = 0
        self._batch_of = batch_of
        self._engine.process_batch(self._next(prefill))
        self.ready: dict[str, Any] = {"features": len(self._set.names)}

    def _next(self, n: int) -> Any:
        part = self._table.slice(self._at, n)
        self._at += part.height
        return self._batch_of(part)

    def left(self) -> int:
        """Events not yet taken in."""
        return int(self._table.height - self._at)

    def batches(self, *, events: int) -> dict[str, Any]:
        """CPU seconds of the next events in batches of 1,000, each made beforehand."""
        parts = [self._next(min(BATCH, events - i)) for i in range(0, events, BATCH)]
        taken = sum(len(part) for part in parts)
        start = time.process_time()
        for part in parts:
            self._engine.process_batch(part)
        return {"seconds": time.process_time() - start, "events": taken}

    def singles(self, *, warm: int, events: int) -> dict[str, Any]:
        """Microseconds of ``process`` at quantiles; labels come with their events, 7 days late."""
        import gc

        import numpy as np

        from lagmark.schema.events import Event, Label

        batch = self._next(warm + events)
        names = ("customer", "terminal", "amount")
        made = [
            Event(row[0], row[1], row[2], dict(zip(names, row[3:], strict=True)))
            for row in batch.events.iter_rows()
        ]
        labels = [
            Label(event.event_id, known, fraud)
            for event, known, fraud in zip(
                made, batch.labels["known_at"], batch.labels["fraud"], strict=True
            )
        ]
        process, label, clock = self._engine.process, self._engine.label, time.perf_counter_ns
        spent = np.empty(len(made))
        gc.collect()
        gc.freeze()  # the benchmark's own lists are no part of a server's heap
        for i, event in enumerate(made):
            start = clock()
            process(event)
            spent[i] = clock() - start
            label(labels[i])
        p50, p99, p999 = np.percentile(spent[warm:] / 1e3, [50, 99, 99.9])
        return {
            "p50": float(p50),
            "p99": float(p99),
            "p999": float(p999),
            "max": float(spent[warm:].max() / 1e3),
            "mean": float(spent[warm:].mean() / 1e3),
            "events": len(made) - warm,
        }
