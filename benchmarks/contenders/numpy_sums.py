"""NumPy by hand: sort by entity, search the ends of windows, subtract running totals."""

from __future__ import annotations

from typing import Any

from benchmarks.sets import WINDOWS

DAY = 86_400
SPAN = 1 << 32
"""More seconds than the data and its windows have: entities do not overlap on the joint axis."""


class load:  # noqa: N801
    def __init__(self, table: Any) -> None:
        import numpy as np

        self._seconds = table["time"].dt.epoch("s").to_numpy().astype(np.int64)
        self._customer, self._terminal, self._cents, self._fraud = (
            table[name].to_numpy() for name in ("customer", "terminal", "cents", "fraud")
        )

    def run(self) -> Any:
        import numpy as np

        out = np.empty((12, self._seconds.size))
        start = self._seconds.min()
        column = 0
        for key, what, delay, scale in (
            (self._customer, self._cents, 0, 100.0),
            (self._terminal, self._fraud, 7, 1.0),
        ):
            order = np.argsort(key, kind="stable")
            axis = key[order] * SPAN + (self._seconds[order] - start)
            running = np.concatenate(([0], np.cumsum(what[order])))
            if delay:
                end = np.searchsorted(axis, axis - delay * DAY, side="right")
            else:
                end = np.arange(1, axis.size + 1)
            for days in WINDOWS:
                low = np.searchsorted(axis, axis - (delay + days) * DAY, side="right")
                n = end - low
                out[column, order] = n
                out[column + 1, order] = (running[end] - running[low]) / np.maximum(n * scale, 1)
                column += 2
        return out

    def columns(self, result: Any) -> Any:
        return result.T
