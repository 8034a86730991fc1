"""One kind of feature with windows of every length, on a year that is full."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any


class Worker:
    def __init__(self, folder: Path, *, timed: int) -> None:
        from benchmarks.data import batch_of, read_table

        table = read_table(folder)
        self._all = batch_of(table)
        self._before = batch_of(table.head(table.height - timed))
        self._timed = [batch_of(part) for part in table.tail(timed).iter_slices(1_000)]
        self._small = batch_of(table.head(2_000))
        self.ready: dict[str, Any] = {"events": len(self._all), "timed": timed}

    def backfill(self, *, window: str, only: str | None) -> dict[str, Any]:
        """CPU nanoseconds per event over all events."""
        from benchmarks.sets import flat
        from lagmark.features import backfill

        chosen = flat(window, only=only)
        backfill(chosen, self._small)
        start = time.process_time()
        vectors = backfill(chosen, self._all)
        seconds = time.process_time() - start
        del vectors
        return {"ns": seconds / len(self._all) * 1e9}

    def online(self, *, window: str, only: str | None) -> dict[str, Any]:
        """CPU nanoseconds per event over the last events, the year before them taken in first."""
        from benchmarks.sets import flat
        from lagmark.features import OnlineEngine

        engine = OnlineEngine(flat(window, only=only))
        engine.process_batch(self._before)
        start = time.process_time()
        for batch in self._timed:
            engine.process_batch(batch)
        seconds = time.process_time() - start
        return {"ns": seconds / sum(len(batch) for batch in self._timed) * 1e9}
