"""One thread that makes records durable in groups, so that many answers share one disk write."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from lagmark.clock import stopwatch
from lagmark.errors import LagmarkError, LedgerError, StateError
from lagmark.schema.time import to_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lagmark.clock import Clock
    from lagmark.ports.feature_state import FeatureState
    from lagmark.ports.ledger import Ledger, Written
    from lagmark.schema.records import Record

    Done = Callable[[list[Written] | Exception], object]

__all__ = ["Committer"]

_MOST = 1024
"""Records in one write; more would keep the first of them waiting."""
_PATIENCE = 10.0
"""Seconds that another process may take to write; the state gives one up that is silent before."""
_SHORTEST, _LONGEST = 0.0005, 0.01
"""Seconds between two looks at what others have written."""


class _Part(NamedTuple):
    records: Sequence[Record]
    done: Done
    place: int


class Committer:
    """Writes to a ledger in the order of submission, everything that waits at once.

    What was decided in view of another process's events waits until these are written. After a
    write failed, all that waits fails with it until :meth:`resume`: what was decided after a
    lost event may have seen it.

    Parameters
    ----------
    ledger
        Where to write.
    state
        Feature state whose places submissions name.
    clock
        Instant that entries are stamped with.
    """

    def __init__(self, ledger: Ledger, *, state: FeatureState, clock: Clock) -> None:
        self._ledger = ledger
        self._state = state
        self._clock = clock
        self._waiting: deque[_Part] = deque()
        self._changed = threading.Condition()
        self._failed: Exception | None = None
        self._closing = False
        self._busy = False
        self._thread = threading.Thread(target=self._work, name="committer", daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Submissions that wait."""
        return len(self._waiting)

    def submit(self, records: Sequence[Record], done: Done, *, place: int = 0) -> None:
        """Write records; ``done`` is called in the committer's thread with what came of it.

        Parameters
        ----------
        records
            Written together with whatever else waits.
        done
            Takes ``append``'s answer, or the error.
        place
            Of the feature state when it had taken them; 0 where it has no part in them.
        """
        with self._changed:
            self._waiting.append(_Part(records, done, place))
            self._changed.notify_all()

    def resume(self) -> None:
        """Write again after a failure, once all that waited has failed with it."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._busy)
            self._failed = None

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                self._busy = True
                failed = self._failed
            group: list[_Part] = []
            written: list[Written] = []
            if failed is None:
                try:
                    group = self._take(self._await_turn(self._waiting[0].place))
                    written = self._write(group)
                except Exception as problem:  # noqa: BLE001 - the thread must outlive whatever a backend raises
                    failed = (
                        problem
                        if isinstance(problem, LagmarkError)
                        else LedgerError(f"{type(problem).__name__}: {problem}", where="ledger")
                    )
            if failed is not None:
                with self._changed:
                    self._failed = failed
                for part in group or [self._waiting.popleft()]:
                    part.done(failed)
            else:
                first = 0
                for part in group:
                    part.done(written[first : first + len(part.records)])
                    first += len(part.records)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _await_turn(self, place: int) -> int:
        """How far may be written, once that is as far as a place."""
        if not place:
            return 0
        deadline, pause = stopwatch() + _PATIENCE, _SHORTEST
        while (found := self._state.writable()) < place:
            if stopwatch() > deadline:
                raise StateError("another process does not write what it took", where="ledger")
            time.sleep(pause)
            pause = min(_LONGEST, 2 * pause)
        return found

    def _take(self, writable: int) -> list[_Part]:
        group = [self._waiting.popleft()]
        size = len(group[0].records)
        while self._waiting:
            part = self._waiting[0]
            if part.place > writable or size + len(part.records) > _MOST:
                break
            group.append(self._waiting.popleft())
            size += len(part.records)
        return group

    def _write(self, group: list[_Part]) -> list[Written]:
        records = [record for part in group for record in part.records]
        written = self._ledger.append(records, at=to_micros(self._clock()))
        # Before the answers: who has one may send to another process what follows on it.
        place = max(part.place for part in group)
        if place:
            self._state.confirm(place)
        return written
