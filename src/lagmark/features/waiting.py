"""Labels whose time has not come."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np

__all__ = ["WaitingLabels"]

_NONE = np.empty((0, 4), dtype=np.int64)

_NOTHING: tuple[Any, Any, Any] = (_NONE[:, 0], _NONE[:, 0], _NONE[:, 0])

KNOWN = 0
ORDER = 1

MOST_ARRAYS = 256
"""Arrays beyond which they are made one."""


class WaitingLabels:
    """Labels in the order in which events come to see them: by known_at, then by arrival.

    Those that arrive together wait in a sorted array of their own, single ones in a heap: to sort
    all that wait for each arrival would cost more than the events that they are for.
    """

    def __init__(self) -> None:
        # Rows of (known_at, order of arrival, event number, fraud), each array by known_at.
        self._arrays: list[Any] = []
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
        rows = np.stack([known_at, order, targets, frauds], axis=1)
        self._arrays.append(rows[np.argsort(known_at, kind="stable")])
        if len(self._arrays) > MOST_ARRAYS:
            self._arrays = [_in_order(self._arrays)]

    def due(self, instant: int) -> tuple[Any, Any, Any]:
        """Labels known by an instant as (known_at, targets, frauds); they go on waiting."""
        single = [label for label in self._heap if label[KNOWN] <= instant]
        return _columns([rows[: _known(rows, instant)] for rows in self._arrays], single)

    def take(self, instant: int) -> tuple[Any, Any, Any]:
        """Labels known by an instant, which wait no longer."""
        if self._none_by(instant):
            return _NOTHING
        single = []
        while self._heap and self._heap[0][KNOWN] <= instant:
            single.append(heapq.heappop(self._heap))
        taken, left = [], []
        for rows in self._arrays:
            n = _known(rows, instant) if rows[0, KNOWN] <= instant else 0
            if n:
                taken.append(rows[:n])
            if n < len(rows):
                left.append(rows[n:])
        self._arrays = left
        return _columns(taken, single)

    def _none_by(self, instant: int) -> bool:
        if self._heap and self._heap[0][KNOWN] <= instant:
            return False
        return all(rows[0, KNOWN] > instant for rows in self._arrays)

    def rows(self) -> Any:
        """All labels as rows of (known_at, event number, fraud), for a snapshot."""
        return np.stack(_columns(self._arrays, self._heap), axis=1)


def _known(rows: Any, instant: int) -> int:
    return int(np.searchsorted(rows[:, KNOWN], instant, side="right"))


def _in_order(arrays: list[Any]) -> Any:
    rows = np.concatenate(arrays) if arrays else _NONE
    return rows[np.lexsort((rows[:, ORDER], rows[:, KNOWN]))]


def _columns(arrays: list[Any], single: list[tuple[int, int, int, int]]) -> tuple[Any, Any, Any]:
    if single:
        arrays = [*arrays, np.array(single, dtype=np.int64)]
    rows = _in_order(arrays)
    # The kernel is compiled for contiguous arrays.
    return rows[:, 0].copy(), rows[:, 2].copy(), rows[:, 3].copy()
