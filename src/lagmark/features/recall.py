"""Vectors of the latest events, to answer those that come again."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Recall"]


class Recall:
    """Ring of the latest vectors by sequence number.

    Parameters
    ----------
    size
        Vectors that are kept.
    width
        Length of a vector.
    """

    def __init__(self, size: int, width: int) -> None:
        self.size = size
        # Pages of memory cost nothing until they are touched.
        self._ring = np.empty((max(size, 1), width))
        self._first = 0
        self._end = 0

    def add(self, matrix: Any) -> None:
        """Keep the vectors of the next events, shape (events, width)."""
        size = self._ring.shape[0]
        self._end += len(matrix)
        matrix = matrix[-size:]
        place = (self._end - len(matrix)) % size
        before_end = size - place
        self._ring[place : place + len(matrix)] = matrix[:before_end]
        if len(matrix) > before_end:
            self._ring[: len(matrix) - before_end] = matrix[before_end:]

    def get(self, seq: int) -> Any:
        """Vector of an event, ``None`` if it is no longer there."""
        if seq < max(self._first, self._end - self.size):
            return None
        return self._ring[seq % self._ring.shape[0]].copy()

    def rows(self) -> Any:
        """All vectors that are there, in order, for a snapshot."""
        first = max(self._first, self._end - self.size)
        return self._ring[np.arange(first, self._end) % self._ring.shape[0]]

    def restore(self, rows: Any, end: int) -> None:
        """Take over the vectors that a snapshot kept of the events before number ``end``."""
        kept = min(len(rows), self.size)
        # A larger ring than the saved one must not take blank rows for vectors.
        self._first = self._end = end - kept
        self.add(rows[len(rows) - kept :])
