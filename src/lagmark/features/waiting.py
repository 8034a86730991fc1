"""Labels whose time has not come."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np

__all__ = ["WaitingLabels"]

_NONE = np.empty((0, 4), dtype=np.int64)

KNOWN = 0
ORDER = 1


class WaitingLabels:
    """Labels in the order in which events come to see them: by known_at, then by arrival.

    Those that arrive together wait in a sorted array, single ones in a heap: sorting an array for
    each would cost more than the event that it is for.
    """

    def __init__(self) -> None:
        # Rows of (known_at, order of arrival, event number, fraud).
        self._sorted = _NONE
        self._heap: list[tuple[int, int, int, int]] = []
        self._arrived = 0

    def add(self, known_at: int, target: int, fraud: bool) -> None:
        """Add one label of event number ``target``."""
        heapq.heappush(self._heap, (known_at, self._arrived, target, int(fraud)))
        self._arrived += 1

    def add_all(self, known_at: Any, targets: Any, frauds: Any) -> None:
        """Add labels that arrive together, int64 arrays of one length."""
        if not known_at.size:
            return
        order = np.arange(self._arrived, self._arrived + known_at.size)
        self._arrived += known_at.size
        rows = np.concatenate([self._sorted, np.stack([known_at, order, targets, frauds], axis=1)])
        self._sorted = rows[np.argsort(rows[:, KNOWN], kind="stable")]

    def due(self, instant: int) -> tuple[Any, Any, Any]:
        """Labels known by an instant as (known_at, targets, frauds); they go on waiting."""
        single = sorted(label for label in self._heap if label[KNOWN] <= instant)
        n = int(np.searchsorted(self._sorted[:, KNOWN], instant, side="right"))
        return _columns(self._sorted[:n], single)

    def take(self, instant: int) -> tuple[Any, Any, Any]:
        """Labels known by an instant, which wait no longer."""
        single = []
        while self._heap and self._heap[0][KNOWN] <= instant:
            single.append(heapq.heappop(self._heap))
        taken = _NONE
        if self._sorted.shape[0] and self._sorted[0, KNOWN] <= instant:
            n = int(np.searchsorted(self._sorted[:, KNOWN], instant, side="right"))
            taken, self._sorted = self._sorted[:n], self._sorted[n:]
        return _columns(taken, single)

    def rows(self) -> Any:
        """All labels as rows of (known_at, event number, fraud), for a snapshot."""
        return np.stack(_columns(self._sorted, sorted(self._heap)), axis=1)


def _columns(rows: Any, single: list[tuple[int, int, int, int]]) -> tuple[Any, Any, Any]:
    if single:
        rows = np.concatenate([rows, np.array(single, dtype=np.int64)])
        rows = rows[np.lexsort((rows[:, ORDER], rows[:, KNOWN]))]
    # The kernel is compiled for contiguous arrays.
    return rows[:, 0].copy(), rows[:, 2].copy(), rows[:, 3].copy()
