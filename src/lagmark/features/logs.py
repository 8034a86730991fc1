"""The logs of all key values: the kernel's memory with the tables that say what lies in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.errors import StateError
from lagmark.features.kernel import layout as at
from lagmark.features.kernel import online_driver as driver
from lagmark.features.kernel.compact import compact_logs
from lagmark.features.kernel.index import grow_index, new_index
from lagmark.features.kernel.memory import new_memory

if TYPE_CHECKING:
    from lagmark.features.backfill import Progress
    from lagmark.features.journal import Journal
    from lagmark.features.plan import Plan

__all__ = ["Logs"]

CHUNK = 50_000
"""Events between two reports of progress."""


class Logs:
    """Memory that grows as the kernel asks for it.

    Parameters
    ----------
    plan
        Compiled feature set.
    room
        Events that memory is laid out for at first.
    """

    def __init__(self, plan: Plan, room: int) -> None:
        self._plan = plan
        # Only cells that are used cost memory.
        self._mem = new_memory(max(1 << 16, 16 * room * int(plan.tables[:, at.T_WIDTH].sum())))
        self._index = new_index(room)
        self._heads = np.zeros((driver.AHEAD, plan.tables.shape[0]), dtype=np.int64)
        self._work = np.empty(at.MAX_ROWS, dtype=np.int64)
        self._swept = 0
        self._tables = (
            plan.tables,
            plan.columns,
            plan.windows,
            plan.reads,
            plan.params,
            plan.clauses,
            plan.plain,
            plan.scales,
        )

    @property
    def used(self) -> int:
        """Bytes in use."""
        return int(self._mem[at.BUMP]) * 8 + self._index.nbytes

    @property
    def entries(self) -> int:
        """Entries that the index has room for."""
        return int(self._index.shape[0])

    def run(
        self,
        x: Any,
        labels: tuple[Any, Any, Any],
        journal: Journal,
        out: Any,
        progress: Progress | None = None,
    ) -> None:
        """Take encoded events in and write their features into ``out``.

        Raises
        ------
        StateError
            If a key value has more events than a log can hold.
        """
        i, op, n = 0, 0, x.shape[0]
        while i < n:
            i, op, status = driver.run(
                self._mem,
                self._index,
                *self._tables,
                x,
                i,
                min(n, i + CHUNK),
                *labels,
                op,
                journal.verdicts,
                journal.rows,
                out,
                self._heads,
                self._work,
            )
            if status == driver.FULL_MEMORY:
                self._grow()
            elif status == driver.FULL_INDEX:
                larger = new_index(self._index.shape[0])
                grow_index(self._mem, self._index, larger)
                self._index = larger
            elif status == driver.FULL_LOG:
                raise StateError(
                    f"one key value has {at.MAX_ROWS:,} events in its log",
                    hint="compact the state, or choose a shorter window or a narrower key",
                )
            if progress is not None:
                progress(i, n)

    def look(self, x: Any, out: Any) -> None:
        """Write the features that an encoded event would get now; nothing changes."""
        while driver.look(self._mem, self._index, *self._tables, x, out, self._work) != driver.OK:
            self._grow()

    def tell(self, x: Any, change: int) -> None:
        """Change the verdict on an encoded event in the logs that it is in."""
        driver.label_event(self._mem, self._index, self._plan.tables, x, change)

    def compact(self, before: int, entries: int | None) -> tuple[int, bool]:
        """Drop rows that no event at or after an instant reads: how many, and whether at the end.

        ``entries`` of the index are looked at from where the last call ended, all when ``None``.
        """
        size = self._index.shape[0]
        start = 0 if entries is None else self._swept % size
        end = size if entries is None else min(size, start + entries)
        self._swept = end
        part = self._index[start:end]
        dropped = compact_logs(self._mem, part, self._plan.tables, self._plan.reads, before)
        return int(dropped), end == size

    def arrays(self) -> tuple[Any, Any]:
        """Memory in use and its index, for a snapshot."""
        return self._mem[: int(self._mem[at.BUMP])], self._index

    def restore(self, mem: Any, index: Any) -> None:
        """Take over what a snapshot kept."""
        if 2 * mem.size > self._mem.size:
            self._mem = new_memory(2 * mem.size)
        self._mem[: mem.size] = mem
        self._index = index

    def _grow(self) -> None:
        larger = new_memory(2 * self._mem.size)
        larger[: self._mem.size] = self._mem
        self._mem = larger
