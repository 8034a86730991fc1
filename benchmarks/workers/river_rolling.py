"""River's rolling statistics, nine per payment, kept per entity in dictionaries."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.sets import WINDOWS

__all__ = ["Rolling", "Worker"]


class Rolling:
    """Count and mean amount of a customer, count of a terminal, over three windows each.

    River has no count that can be taken back; a rolling mean knows its own.
    """

    def __init__(self) -> None:
        from river import stats, utils

        self._rolling, self._mean, self._sum = utils.TimeRolling, stats.Mean, stats.Sum
        self._periods = [timedelta(days=days) for days in WINDOWS]
        self._customers: dict[int, Any] = {}
        self._terminals: dict[int, Any] = {}

    def take(self, row: tuple[Any, ...]) -> list[float]:
        """Update with one payment (row, time, customer, terminal, cents, fraud) and read."""
        _, when, customer, terminal, cents, _ = row
        means = self._customers.get(customer)
        if means is None:
            means = self._customers[customer] = [
                self._rolling(self._mean, period=period) for period in self._periods
            ]
        sums = self._terminals.get(terminal)
        if sums is None:
            sums = self._terminals[terminal] = [
                self._rolling(self._sum, period=period) for period in self._periods
            ]
        out = []
        for mean, total in zip(means, sums, strict=True):
            mean.update(cents / 100, t=when)
            total.update(1, t=when)
            out += [mean.obj.n, mean.get(), total.get()]
        return out


class Worker:
    def __init__(self, folder: Path, *, prefill: int) -> None:
        from benchmarks.data import read_table

        self._rows: Iterator[tuple[Any, ...]] = read_table(folder).iter_rows()
        self._rolling = Rolling()
        self._advance(prefill)
        self.ready: dict[str, Any] = {"features": 9}

    def _advance(self, n: int) -> tuple[float, int]:
        rows = [row for _, row in zip(range(n), self._rows, strict=False)]
        take = self._rolling.take
        start = time.process_time()
        for row in rows:
            take(row)
        return time.process_time() - start, len(rows)

    def batches(self, *, events: int) -> dict[str, Any]:
        """CPU seconds of the next events."""
        seconds, taken = self._advance(events)
        return {"seconds": seconds, "events": taken}
