"""How a ledger in tables grows, and how its oldest entries leave it, alike in both databases."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from lagmark.backends.ledger import archive
from lagmark.backends.ledger.archive import Archive
from lagmark.backends.ledger.asking import Asking, Tables, tip
from lagmark.backends.ledger.chain import GENESIS, check_chain, link
from lagmark.backends.ledger.index import DECISIONS, LABELS, decision_row, key_of, label_row
from lagmark.errors import LedgerError
from lagmark.ports.ledger import Head
from lagmark.schema.records import DecisionRecord, LabelRecord, body_of
from lagmark.schema.time import DAY, from_micros

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from lagmark.ports.ledger import Written
    from lagmark.schema.records import Entry, Record

__all__ = ["Batch", "Repeated", "SqlLedger", "Writing"]

_PART = 1000
"""Index rows read at once."""

_DECIDED = "SELECT event_id FROM decisions WHERE event_id = ?"
_SAID = "SELECT event_id, known_at, fraud, source, reversal FROM labels WHERE event_id = ?"

_ALONE = (
    "SELECT MIN(i.position) FROM {table} i WHERE i.position > ? "
    "AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.position = i.position)"
)


class Repeated(Exception):  # noqa: N818 -- a signal between the modules of this package
    """Some record of a batch stands in the ledger already."""


class Batch(msgspec.Struct):
    """Rows to insert into the tables of the same names."""

    entries: list[tuple[Any, ...]]
    decisions: list[tuple[Any, ...]]
    labels: list[tuple[Any, ...]]


class Writing(Tables):
    """The tables within a transaction, while there is no other writer."""

    @abstractmethod
    def insert(self, batch: Batch) -> None:
        """Insert rows; raises :class:`Repeated`, here or when the transaction ends."""

    @abstractmethod
    def move(self, moved: Archive) -> int:
        """Note a file and remove its entries; how many there were."""


class SqlLedger(Asking, ABC):
    """Ledger in tables, see :class:`lagmark.ports.ledger.Ledger`.

    Parameters
    ----------
    tables
        Where to look.
    where
        What it is called in errors.
    home
        Folder that the places of files moved out are kept relative to.
    subject, amount
        Fields of the event's subject, ``None`` where there is none, and amount.
    """

    def __init__(
        self, tables: Tables, *, where: str, home: Path, subject: str | None, amount: str
    ) -> None:
        super().__init__(tables, where=where, home=home)
        self._subject = subject
        self._amount = amount
        self._retaining = threading.Lock()

    @abstractmethod
    def _writing(self) -> AbstractContextManager[Writing]:
        """Transaction that is on disk when the block ends, or gone when it raises."""

    def append(self, records: Sequence[Record], *, at: int) -> list[Written]:
        """Make records durable, in order; for each its position, or what stood first.

        Raises
        ------
        LedgerError
            If they could not be written.
        """
        try:
            bodies = [body_of(record) for record in records]
            try:
                # Repeats are rare: they are looked for once an index has refused one.
                with self._writing() as writing:
                    batch = self._batch(records, bodies, writing, at)
                    writing.insert(batch)
            except Repeated:
                return self._append_new(records, bodies, at)
        except Repeated:
            raise LedgerError(
                "an index has rows of entries that are not there",
                where=self._where,
                hint="restore the ledger from a copy; `lagmark verify` checks the whole chain",
            ) from None
        except (TypeError, ValueError, OverflowError) as problem:
            raise LedgerError(
                f"a record has no stored form: {problem}",
                where=self._where,
                hint="nothing of this was written",
            ) from None
        return [row[0] for row in batch.entries]

    def _append_new(
        self, records: Sequence[Record], bodies: Sequence[bytes], at: int
    ) -> list[Written]:
        """Append what repeats nothing; the decisions that stand instead of the others."""
        with self._writing() as writing:
            repeats = _repeats(writing, records)
            new = [number for number in range(len(records)) if number not in repeats]
            fresh = [records[number] for number in new], [bodies[number] for number in new]
            batch = self._batch(*fresh, writing, at)
            writing.insert(batch)
        positions = {number: row[0] for number, row in zip(new, batch.entries, strict=True)}
        asked = [records[number] for number in repeats]
        first = self.decisions_on(
            [each.event_id for each in asked if isinstance(each, DecisionRecord)]
        )
        return [
            positions[number]
            if number in positions
            else first[record.event_id]
            if isinstance(record, DecisionRecord)
            else None
            for number, record in enumerate(records)
        ]

    def _batch(
        self, records: Sequence[Record], bodies: Sequence[bytes], tables: Tables, at: int
    ) -> Batch:
        """Rows of records that follow the last entry."""
        batch = Batch([], [], [])
        head, latest = tip(tables)
        at = max(at, latest)
        position, digest = head.position, head.digest
        for record, body in zip(records, bodies, strict=True):
            position += 1
            digest = link(digest, position, at, body)
            batch.entries.append((position, at, body, digest))
            if isinstance(record, DecisionRecord):
                batch.decisions.append(decision_row(position, record, self._subject, self._amount))
            elif isinstance(record, LabelRecord):
                batch.labels.append(label_row(position, record))
        return batch

    def retain(self, *, before: int, folder: str) -> int:
        """Move entries written before an instant to Parquet files by day, and say how many.

        Raises
        ------
        LedgerError
            If an entry is damaged or a file cannot be written; what was not moved by then stays.
        """
        with self._retaining:
            archives = self._archives()
            start = Head(archives[-1].last, archives[-1].digest) if archives else GENESIS
            first, last = start.position, self._last_before(before, start.position)
            self._refuse_damage(check_chain(self._entries(first, last), start))
            days = groupby(self._entries(first, last), key=lambda entry: entry.at // DAY)
            for day, entries in days:
                name = f"day={from_micros(day * DAY).date().isoformat()}"
                start = self._move(entries, start, Path(folder).absolute() / name)
            return last - first

    def _move(self, entries: Iterator[Entry], start: Head, folder: Path) -> Head:
        """Move the entries of one day out; the last of them."""
        # A move that was cut short leaves its file, which the next one writes over.
        path = folder / f"entries-{start.position + 1:012d}.parquet"
        last = archive.export(entries, path)
        self._refuse_damage(check_chain(archive.read(path, start.position, last.position), start))
        stored = path.relative_to(self._home) if path.is_relative_to(self._home) else path
        moved = Archive(start.position + 1, last.position, last.at, last.digest, str(stored))
        with self._writing() as writing:
            if writing.move(moved) != last.position - start.position:
                raise LedgerError("another process moved entries out", where=self._where)
        return Head(last.position, last.digest)

    def _refuse_damage(self, bad: int | None) -> None:
        if bad is not None:
            raise LedgerError(
                f"entry {bad} is damaged and was not moved out",
                where=self._where,
                hint="restore the ledger from a copy; `lagmark verify` checks the whole chain",
            )

    def _last_before(self, before: int, low: int) -> int:
        """Position of the last entry written before an instant; they are in order of time."""
        high = self.head().position
        while low < high:
            middle = (low + high + 1) // 2
            rows = self._tables.rows("SELECT at FROM entries WHERE position = ?", (middle,))
            if not rows:
                raise self._gone(middle)
            low, high = (middle, high) if rows[0][0] < before else (low, middle - 1)
        return low

    def check_index(self) -> int | None:
        """Position of the first entry that the index tables do not say the same of."""
        until = self.head().position
        decisions = self._index("decisions", DECISIONS, until)
        labels = self._index("labels", LABELS, until)
        decision, label = next(decisions, None), next(labels, None)
        for entry in self._entries(0, until):
            try:
                record = entry.record
            except msgspec.MsgspecError:
                return entry.position
            if isinstance(record, DecisionRecord):
                if decision != decision_row(entry.position, record, self._subject, self._amount):
                    return entry.position
                decision = next(decisions, None)
            elif isinstance(record, LabelRecord):
                if label != label_row(entry.position, record):
                    return entry.position
                label = next(labels, None)
        # A row that is left belongs to no such entry, one after the head to none at all.
        left = [row[0] for row in (decision, label) if row is not None]
        for table in ("decisions", "labels"):
            rows = self._tables.rows(_ALONE.format(table=table), (until,))
            left += [row[0] for row in rows if row[0] is not None]
        return min(left, default=None)

    def _index(self, table: str, columns: str, until: int) -> Iterator[tuple[Any, ...]]:
        """Rows of an index table up to a position."""
        sql = (
            f"SELECT {columns} FROM {table} WHERE position > ? AND position <= ? "  # noqa: S608  # nosec B608
            "ORDER BY position LIMIT ?"
        )
        after = -(2**63)
        while rows := self._tables.rows(sql, (after, until, _PART)):
            yield from (tuple(row) for row in rows)
            after = rows[-1][0]


def _repeats(tables: Tables, records: Sequence[Record]) -> set[int]:
    """Numbers of the records that say what stands in the ledger, or earlier among them."""
    events = [key_of(each.event_id) for each in records if isinstance(each, DecisionRecord)]
    spoken = [key_of(each.event_id) for each in records if isinstance(each, LabelRecord)]
    decided = {tuple(row) for row in tables.each(_DECIDED, events)}
    said = {tuple(row) for row in tables.each(_SAID, spoken)}
    repeats = set()
    for number, record in enumerate(records):
        if isinstance(record, DecisionRecord):
            seen, mark = decided, (key_of(record.event_id),)
        elif isinstance(record, LabelRecord):
            seen, mark = said, label_row(0, record)[1:6]
        else:
            continue
        if mark in seen:
            repeats.add(number)
        seen.add(mark)
    return repeats
