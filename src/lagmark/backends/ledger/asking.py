"""What is asked of a ledger in tables, alike in both databases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from lagmark.backends.ledger import archive, questions
from lagmark.backends.ledger.archive import Archive
from lagmark.backends.ledger.chain import GENESIS
from lagmark.backends.ledger.index import LABELS, key_of, label_of, row_of, value_of
from lagmark.errors import LedgerError
from lagmark.ports.ledger import Head, Page
from lagmark.schema.records import DecisionRecord, Entry, record_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lagmark.ports.ledger import DecisionQuery, Statistics
    from lagmark.schema.records import LabelRecord

__all__ = ["Asking", "Tables", "tip"]

_PART = 1000
"""Entries read at once: no reader holds a view of the database for long."""

_ENTRIES = (
    "SELECT position, at, body, digest FROM entries "
    "WHERE position > ? AND position <= ? ORDER BY position LIMIT ?"
)
_DECISION = (
    "SELECT d.event_id, d.position, e.body FROM decisions d "
    "LEFT JOIN entries e ON e.position = d.position"
)


class Tables(ABC):
    """The tables, as they stand when asked."""

    @abstractmethod
    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Rows of a question with ``?`` for values."""

    @abstractmethod
    def each(self, sql: str, keys: Sequence[Any]) -> list[Any]:
        """Rows of a question that ends in ``= ?``, for each of the values."""


def tip(tables: Tables) -> tuple[Head, int]:
    """Last entry, and when it was written (the smallest integer where there is none)."""
    for sql in (
        "SELECT position, digest, at FROM entries ORDER BY position DESC LIMIT 1",
        "SELECT last, digest, at FROM archives ORDER BY last DESC LIMIT 1",
    ):
        for position, digest, at in tables.rows(sql):
            return Head(position, digest), at
    return GENESIS, -(2**63)


class Asking:
    """The methods of a ledger that change nothing, see :class:`lagmark.ports.ledger.Ledger`.

    Parameters
    ----------
    tables
        Where to look.
    where
        What the ledger is called in errors.
    home
        Folder that the places of files moved out are relative to.
    """

    def __init__(self, tables: Tables, *, where: str, home: Path) -> None:
        self._tables = tables
        self._where = where
        self._home = home

    def head(self) -> Head:
        """Last entry."""
        return tip(self._tables)[0]

    def entries(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        """Entries with ``after < position <= until``, ascending, as they stood at the call.

        Those that were moved out are read from their files.

        Raises
        ------
        LedgerError
            If one of them is missing, or cannot be read.
        """
        last = self.head().position
        return self._entries(max(after, 0), last if until is None else min(until, last))

    def decision_on(self, event_id: int | str) -> DecisionRecord | None:
        """Decision on an event."""
        return self.decisions_on((event_id,)).get(event_id)

    def decisions_on(self, event_ids: Sequence[int | str]) -> dict[int | str, DecisionRecord]:
        """Decisions on those of the events that have one."""
        keys = [key_of(event_id) for event_id in event_ids]
        found = self._tables.each(f"{_DECISION} WHERE d.event_id = ?", keys)
        return {value_of(key): self._decision_of(position, body) for key, position, body in found}

    def decision(self, decision_id: str) -> tuple[int, DecisionRecord] | None:
        """Position and record of a decision by its own id."""
        sql = f"{_DECISION} WHERE d.decision_id = ? ORDER BY d.position LIMIT 1"
        for _, position, body in self._tables.rows(sql, (decision_id,)):
            return position, self._decision_of(position, body)
        return None

    def labels(self, event_id: int | str, *, as_of: int | None = None) -> tuple[LabelRecord, ...]:
        """Messages on an event with ``known_at <= as_of``, in the order they came."""
        sql = f"SELECT {LABELS} FROM labels WHERE event_id = ? ORDER BY position"  # noqa: S608  # nosec B608
        said = [label_of(row) for row in self._tables.rows(sql, (key_of(event_id),))]
        return tuple(each for each in said if as_of is None or each.known_at <= as_of)

    def query(self, query: DecisionQuery, *, limit: int, cursor: int | None = None) -> Page:
        """Decisions, latest entry first.

        Raises
        ------
        LedgerError
            If the limit is less than one.
        """
        if limit < 1:
            raise LedgerError(f"a page of {limit} rows", where=self._where, hint="ask for one row")
        found = self._tables.rows(*questions.page(query, limit=limit + 1, cursor=cursor))
        rows = tuple(row_of(row) for row in found[:limit])
        return Page(rows, rows[-1].position if len(found) > limit else None)

    def statistics(self, query: DecisionQuery) -> Statistics:
        """Counts and sums."""
        return questions.statistics_of(self._tables.rows(*questions.statistics(query)))

    def _entries(self, after: int, until: int) -> Iterator[Entry]:
        while after < until:
            begin = after
            for entry in self._part(after, until):
                if entry.position != after + 1:
                    raise self._gone(after + 1)
                after += 1
                yield entry
            if after == begin:
                raise self._gone(after + 1)

    def _part(self, after: int, until: int) -> Iterable[Entry]:
        """Some entries after a position, from the table or the file they were moved to."""
        rows = self._tables.rows(_ENTRIES, (after, until, _PART))
        if rows and rows[0][0] == after + 1:
            return (Entry(*row) for row in rows)
        return archive.read(self._file_with(after + 1), after, until)

    def _decision_of(self, position: int, body: bytes | None) -> DecisionRecord:
        """Record of a decision's entry, whose body is ``None`` if it was moved out."""
        if body is None:
            file = self._file_with(position)
            entry = next(iter(archive.read(file, position - 1, position)), None)
            if entry is None:
                raise self._gone(position)
            body = entry.body
        try:
            record = record_of(body)
        except msgspec.MsgspecError:
            record = None
        if not isinstance(record, DecisionRecord):
            raise LedgerError(
                f"entry {position} is damaged: it holds no decision",
                where=self._where,
                hint="`lagmark verify` checks the whole chain",
            )
        return record

    def _archives(self) -> list[Archive]:
        sql = "SELECT first, last, at, digest, path FROM archives ORDER BY first"
        return [Archive(*row) for row in self._tables.rows(sql)]

    def _file_with(self, position: int) -> Path:
        for moved in self._archives():
            if moved.first <= position <= moved.last:
                return self._home / moved.path
        raise self._gone(position)

    def _gone(self, position: int) -> LedgerError:
        return LedgerError(
            f"entry {position} is missing",
            where=self._where,
            hint="restore the ledger from a copy; `lagmark verify` checks the whole chain",
        )
