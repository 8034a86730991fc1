"""Events that were taken, for as long as a repeat or a label can speak of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from lagmark.features.kernel import layout as at

__all__ = ["Journal"]


class Journal:
    """Encoded events by sequence number, with what is known of each.

    Numbers go on when events are forgotten: the rows that are left stay in the order of theirs.

    Parameters
    ----------
    width
        Length of an encoded event.
    room
        Events that it has room for at first.
    """

    def __init__(self, width: int, room: int) -> None:
        self.rows = np.empty((room, width), dtype=np.int64)
        self.verdicts = np.zeros(room, dtype=np.int64)
        self.told = np.full(room, at.NULL)
        self.numbers: dict[int | str, int] = {}
        self.taken = 0
        self.kept = 0

    def make_room(self, events: int) -> Any:
        """Rows for the next events, shape (events, width); theirs once :meth:`add` says so."""
        needed = self.kept + events
        size = self.rows.shape[0]
        if needed > size:
            self._resize(max(needed, 2 * size))
        return self.rows[self.kept : needed]

    def add(self, event_ids: list[int | str]) -> None:
        """Give the next rows to events."""
        first = self.taken
        self.numbers.update(zip(event_ids, range(first, first + len(event_ids)), strict=True))
        self.taken += len(event_ids)
        self.kept += len(event_ids)

    def places(self, numbers: Any, more: int = 0) -> Any:
        """Rows of sequence numbers, -1 where forgotten; ``more`` rows are about to be added."""
        kept = self.kept + more
        if self.kept == self.taken:
            return numbers
        places = np.searchsorted(self.rows[:kept, at.X_SEQ], numbers)
        found = places < kept
        found[found] = self.rows[places[found], at.X_SEQ] == numbers[found]
        return np.where(found, places, -1)

    def forget(self, before: int) -> int:
        """Forget events older than an instant, once they are half of all; how many were."""
        kept = self.rows[: self.kept, at.X_TIME] >= before
        left = int(kept.sum())
        if 2 * left > self.kept or not self.kept:
            return 0
        forgotten = self.kept - left
        ids = self.event_ids()
        seqs = self.rows[: self.kept, at.X_SEQ][kept].tolist()
        places = np.flatnonzero(kept).tolist()
        self.numbers = {ids[i]: seq for i, seq in zip(places, seqs, strict=True)}
        for array in (self.rows, self.verdicts, self.told):
            array[:left] = array[: self.kept][kept]
        self.verdicts[left:] = 0
        self.told[left:] = at.NULL
        self.kept = left
        return forgotten

    def event_ids(self) -> list[int | str]:
        """Ids in the order of the rows."""
        return list(self.numbers)

    def restore(
        self, rows: Any, verdicts: Any, told: Any, event_ids: list[int | str], taken: int
    ) -> None:
        """Take over what a snapshot kept."""
        self.kept, self.taken = len(event_ids), taken
        self._resize(max(2 * self.kept, self.rows.shape[0]))
        self.rows[: self.kept] = rows
        self.verdicts[: self.kept] = verdicts
        self.told[: self.kept] = told
        self.numbers = dict(zip(event_ids, rows[:, at.X_SEQ].tolist(), strict=True))

    def _resize(self, size: int) -> None:
        kept = min(self.kept, self.rows.shape[0])
        rows = np.empty((size, self.rows.shape[1]), dtype=np.int64)
        verdicts = np.zeros(size, dtype=np.int64)
        told = np.full(size, at.NULL)
        rows[:kept] = self.rows[:kept]
        verdicts[:kept] = self.verdicts[:kept]
        told[:kept] = self.told[:kept]
        self.rows, self.verdicts, self.told = rows, verdicts, told
