"""Where label messages are kept: everything that was ever said of an event, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import polars as pl

__all__ = ["LabelStore"]


class LabelStore(Protocol):
    """Append-only log of label messages, see :mod:`lagmark.labels.messages` for their columns.

    Ordering: messages come out in the order they were appended; a message's place in that order
    is its position, which never changes and breaks ties of ``known_at``. Writers at the same time
    stand one after the other, each frame in one piece. Repetition: messages with the same
    ``event_id, known_at, source, fraud, reversal`` are one message, taken the first time, also
    when two writers bring it at once; appending a frame again therefore adds nothing. Absence: a
    store that was never written reads as an empty frame; so does one asked before its first
    message. Messages of events that nobody has seen are kept like any other. Expiry: none,
    nothing is changed or removed. Failure: a frame is stored whole and on disk when ``append``
    returns, or not at all. A part that cannot be read, is missing or has other columns raises
    ``StateError``, it is never skipped.
    """

    def append(self, frame: pl.DataFrame) -> int:
        """Store messages; how many of them are new, the others stood there already.

        Raises
        ------
        DataError
            If the frame is not of messages, or its ids are of another type than the store's.
        StateError
            If the store cannot be read or written.
        """
        ...

    def read(self, as_of: int | None = None) -> pl.DataFrame:
        """Messages with ``known_at <= as_of`` (microseconds UTC), all when ``None``.

        Raises
        ------
        StateError
            If a part cannot be read.
        """
        ...
