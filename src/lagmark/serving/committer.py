"""One thread that makes records durable in groups, so that many answers share one disk write."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from lagmark.errors import LedgerError
from lagmark.schema.time import to_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lagmark.clock import Clock
    from lagmark.ports.ledger import Ledger, Written
    from lagmark.schema.records import Record

    Done = Callable[[list[Written] | Exception], object]

__all__ = ["Committer"]

_MOST = 1024
"""Records in one write; more would keep the first of them waiting."""


class Committer:
    """Writes to a ledger in the order of submission, everything that waits at once.

    After a write failed, all that waits fails with it until :meth:`resume`: what was decided
    after a lost event may have seen it.

    Parameters
    ----------
    ledger
        Where to write.
    clock
        Instant that entries are stamped with.
    """

    def __init__(self, ledger: Ledger, *, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._waiting: deque[tuple[Sequence[Record], Done]] = deque()
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

    def submit(self, records: Sequence[Record], done: Done) -> None:
        """Write records; ``done`` is called in the committer's thread with what came of it.

        Parameters
        ----------
        records
            Written together with whatever else waits.
        done
            Takes ``append``'s answer, or the error.
        """
        with self._changed:
            self._waiting.append((records, done))
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
                while not self._waiting and not self._closing:
                    self._changed.wait()
                if not self._waiting:
                    return
                group = self._take()
                self._busy = True
                failed = self._failed
            if failed is None:
                failed = self._write(group)
            if failed is not None:
                for _, done in group:
                    done(failed)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _take(self) -> list[tuple[Sequence[Record], Done]]:
        group = [self._waiting.popleft()]
        size = len(group[0][0])
        while self._waiting and size + len(self._waiting[0][0]) <= _MOST:
            group.append(self._waiting.popleft())
            size += len(group[-1][0])
        return group

    def _write(self, group: list[tuple[Sequence[Record], Done]]) -> Exception | None:
        records = [record for part, _ in group for record in part]
        try:
            answers = self._ledger.append(records, at=to_micros(self._clock()))
        except Exception as problem:  # noqa: BLE001 - the thread must outlive whatever a backend raises
            failure = (
                problem
                if isinstance(problem, LedgerError)
                else LedgerError(f"{type(problem).__name__}: {problem}", where="ledger")
            )
            with self._changed:
                self._failed = failure
            return failure
        first = 0
        for part, done in group:
            done(answers[first : first + len(part)])
            first += len(part)
        return None
