"""Backfill of the sixty features: speed, and all the memory of a process that does only this."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any


class Worker:
    def __init__(self, folder: Path) -> None:
        from benchmarks.data import batch_of, read_table
        from benchmarks.sets import sixty

        self._set = sixty()
        table = read_table(folder)
        self._batch = batch_of(table)
        self._small = batch_of(table.head(5_000))
        self.ready: dict[str, Any] = {"features": len(self._set.names), "events": len(self._batch)}

    def warm(self) -> dict[str, Any]:
        """Load the compiled kernel."""
        from lagmark.features import backfill

        backfill(self._set, self._small)
        return {}

    def run(self) -> dict[str, Any]:
        """Wall and CPU seconds of one run, and the peak of resident memory so far, in bytes."""
        import resource

        from lagmark.features import backfill

        wall, cpu = time.perf_counter(), time.process_time()
        vectors = backfill(self._set, self._batch)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        del vectors
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {"wall": wall, "cpu": cpu, "peak": peak}
