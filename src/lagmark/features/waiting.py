"""Labels whose time has not come."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["WaitingLabels"]

_EMPTY = np.empty(0, dtype=np.int64)


class WaitingLabels:
    """Labels in the order in which events come to see them: by known_at, then by arrival."""

    def __init__(self) -> None:
        self._known = _EMPTY
        self._targets = _EMPTY
        self._frauds = _EMPTY
        self._single: list[tuple[int, int, int]] = []

    def add(self, known_at: int, target: int, fraud: bool) -> None:
        """Add one label of event number ``target``."""
        # Merging for each would sort all that wait again; they are merged when next looked at.
        self._single.append((known_at, target, int(fraud)))

    def add_all(self, known_at: Any, targets: Any, frauds: Any) -> None:
        """Add labels that arrive together, int64 arrays of one length."""
        self._merge()
        known = np.concatenate([self._known, known_at])
        order = np.argsort(known, kind="stable")
        self._known = known[order]
        self._targets = np.concatenate([self._targets, targets])[order]
        self._frauds = np.concatenate([self._frauds, frauds])[order]

    def due(self, instant: int) -> tuple[Any, Any, Any]:
        """Labels known by an instant as (known_at, targets, frauds); they go on waiting."""
        self._merge()
        n = int(np.searchsorted(self._known, instant, side="right"))
        return self._known[:n], self._targets[:n], self._frauds[:n]

    def take(self, instant: int) -> tuple[Any, Any, Any]:
        """Labels known by an instant, which wait no longer."""
        if not self._single and (not self._known.size or self._known[0] > instant):
            return _EMPTY, _EMPTY, _EMPTY
        taken = self.due(instant)
        n = taken[0].size
        self._known, self._targets, self._frauds = (
            self._known[n:],
            self._targets[n:],
            self._frauds[n:],
        )
        return taken

    def rows(self) -> Any:
        """All labels as an array of shape (labels, 3), for a snapshot."""
        self._merge()
        return np.stack([self._known, self._targets, self._frauds], axis=1)

    def _merge(self) -> None:
        if self._single:
            arrived = np.array(self._single, dtype=np.int64)
            self._single = []
            self.add_all(arrived[:, 0], arrived[:, 1], arrived[:, 2])
