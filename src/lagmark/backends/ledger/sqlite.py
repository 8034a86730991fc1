"""The ledger in an SQLite file, for one process that writes and any number that read."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from contextlib import contextmanager, suppress
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from lagmark.backends.ledger.asking import Tables
from lagmark.backends.ledger.checkpoint import Checkpoints
from lagmark.backends.ledger.idle import Idle
from lagmark.backends.ledger.keeping import Repeated, SqlLedger, Writing
from lagmark.backends.ledger.migrate import prepare
from lagmark.errors import LedgerError
from lagmark.locks import claim

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lagmark.backends.ledger.archive import Archive
    from lagmark.backends.ledger.keeping import Batch

__all__ = ["SqliteLedger"]

_WORDS = {
    sqlite3.SQLITE_FULL: (
        "the disk is full",
        "free some room; nothing of this was written, and the ledger goes on as soon as it can",
    ),
    sqlite3.SQLITE_READONLY: (
        "the disk or file can only be read",
        "make it writable; nothing of this was written",
    ),
    sqlite3.SQLITE_IOERR: (
        "the disk refused",
        "look at its health and free room; nothing of this was acknowledged",
    ),
    sqlite3.SQLITE_CANTOPEN: ("the file cannot be opened", "check the folder and its permissions"),
    sqlite3.SQLITE_CORRUPT: ("the file is damaged", "restore it from a copy"),
    sqlite3.SQLITE_NOTADB: ("the file is no SQLite database", "name another one"),
    sqlite3.SQLITE_BUSY: ("another program holds the file", "close that program"),
}
_REPEATED = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)

_LARGEST = 64
"""Rows in one statement."""


class SqliteLedger(SqlLedger):
    """Ledger in an SQLite file, see :class:`lagmark.ports.ledger.Ledger`.

    Parameters
    ----------
    path
        The file, made if need be; ``-wal`` and ``-shm`` beside it belong to it.
    subject
        Field of the event's customer or card, ``None`` where there is none.
    amount
        Field of the event's amount.
    read_only
        Only ask, also while another process writes.

    Raises
    ------
    LedgerError
        If it cannot be opened, another process writes to it, or it is of a newer version.
    """

    def __init__(
        self, path: Path, *, subject: str | None, amount: str, read_only: bool = False
    ) -> None:
        path = path.absolute()
        self._file = _File(path, read_only=read_only)
        super().__init__(
            self._file, where=str(path), home=path.parent, subject=subject, amount=amount
        )

    @contextmanager
    def _writing(self) -> Iterator[Writing]:
        with self._file.writing() as writing:
            yield writing

    def check_index(self) -> int | None:
        """Position of the first entry that the index tables do not say the same of.

        Raises
        ------
        LedgerError
            If the file contradicts itself, so that SQLite may not find what stands there.
        """
        said = self._file.rows("PRAGMA integrity_check(1)")
        if said != [("ok",)]:
            raise LedgerError(
                f"the file is damaged ({said[0][0].splitlines()[0]})",
                where=self._where,
                hint="restore it from a copy",
            )
        return super().check_index()

    def close(self) -> None:
        """Release the file; further calls raise ``LedgerError``."""
        self._file.close()


class _Cursor(Writing):
    """Tables as one connection sees them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        return self._connection.execute(sql, values).fetchall()

    def each(self, sql: str, keys: Sequence[Any]) -> list[Any]:
        found: list[Any] = []
        for first, size in _parts(len(keys)):
            marks = ", ".join("?" * size)
            question = f"{sql.removesuffix('= ?')}IN ({marks})"
            found += self._connection.execute(question, keys[first : first + size]).fetchall()
        return found

    def insert(self, batch: Batch) -> None:
        for table, rows in (
            ("entries", batch.entries),
            ("decisions", batch.decisions),
            ("labels", batch.labels),
        ):
            for first, size in _parts(len(rows)):
                row = f"({', '.join('?' * len(rows[0]))})"
                sql = f"INSERT INTO {table} VALUES {', '.join([row] * size)}"  # noqa: S608  # nosec B608
                values = chain.from_iterable(rows[first : first + size])
                self._connection.execute(sql, tuple(values))

    def move(self, moved: Archive) -> int:
        self._connection.execute("INSERT INTO archives VALUES (?, ?, ?, ?, ?)", moved)
        sql = "DELETE FROM entries WHERE position BETWEEN ? AND ?"
        return self._connection.execute(sql, (moved.first, moved.last)).rowcount


def _parts(count: int) -> Iterator[tuple[int, int]]:
    """Beginnings and sizes of parts that make up a count, each a power of two.

    A statement for many rows asks for the interpreter's lock once; one for each row asks every
    time, and another thread that decides lets it wait. Few sizes keep few statements.
    """
    first = 0
    while first < count:
        size = min(_LARGEST, 1 << ((count - first).bit_length() - 1))
        yield first, size
        first += size


class _File(Tables):
    """Connections to one file: one that writes, behind a lock, and idle ones that read."""

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self._path = path
        self._closed = False
        self._idle = Idle(lambda: self._connect(self._read_mode()))
        self._turn = threading.Lock()
        self._claim: IO[bytes] | None = None
        self._writer: sqlite3.Connection | None = None
        self._checkpoints: Checkpoints | None = None
        try:
            with self._explained():
                if not read_only:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    self._claim = _claim(path)
                    self._writer = self._open_writer()
                self._check_revision(read_only=read_only)
                if not read_only:
                    self._checkpoints = Checkpoints(lambda: self._connect("rw"))
        except BaseException:
            self.close()
            raise

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._reading() as cursor:
            return cursor.rows(sql, values)

    def each(self, sql: str, keys: Sequence[Any]) -> list[Any]:
        with self._reading() as cursor:
            return cursor.each(sql, keys)

    @contextmanager
    def _reading(self) -> Iterator[_Cursor]:
        with self._explained():
            self._check_open()
            with self._idle.borrowed() as connection:
                yield _Cursor(connection)

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Transaction of the writing connection, on disk when the block ends."""
        with self._turn, self._explained():
            self._check_open()
            if self._checkpoints is None:
                raise LedgerError("the ledger was opened to be read only", where=str(self._path))
            connection = self._writer = self._writer or self._open_writer()
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield _Cursor(connection)
                connection.execute("COMMIT")
                self._checkpoints.written()
            except BaseException as problem:
                with suppress(sqlite3.Error):
                    connection.rollback()
                if isinstance(problem, sqlite3.Error) and problem.sqlite_errorcode in _REPEATED:
                    raise Repeated from None
                # After a refusal by the disk nothing of this connection is relied upon.
                connection.close()
                self._writer = None
                raise

    def close(self) -> None:
        with self._turn:
            self._closed = True
            if self._checkpoints is not None:
                self._checkpoints.end()
            self._idle.close()
            if self._writer is not None:
                with suppress(sqlite3.Error):
                    self._writer.close()
                self._writer = None
            if self._claim is not None:
                self._claim.close()
                self._claim = None

    def _read_mode(self) -> str:
        # A reader keeps its place in a file beside the database, which only a disk that can be
        # written allows; on another nothing changes, and it may do without.
        if sys.platform != "win32" and os.statvfs(self._path.parent).f_flag & os.ST_RDONLY:
            return "ro&immutable=1"
        return "ro"

    def _connect(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self._path.as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=10,
        )

    def _open_writer(self) -> sqlite3.Connection:
        connection = self._connect("rwc")
        # FULL: the log is on disk before a commit returns. A commit copies it into the file only
        # where the thread that does so cannot keep up, and it has grown to 64 MB.
        try:
            for pragma in (
                "synchronous = FULL",
                "wal_autocheckpoint = 16000",
                "cache_size = -65536",
            ):
                connection.execute(f"PRAGMA {pragma}")
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.Error:
            connection.close()
            raise
        if mode != ("wal",):
            connection.close()
            raise LedgerError(
                "the file system cannot share memory between processes",
                where=str(self._path),
                hint="keep the ledger on a local disk",
            )
        return connection

    def _check_revision(self, *, read_only: bool) -> None:
        """Have the tables of this version, made or changed if need be."""
        sql = "SELECT name FROM sqlite_master WHERE name = 'alembic_version'"
        found = self.rows(sql) and self.rows("SELECT version_num FROM alembic_version")
        prepare(
            found[0][0] if found else None,
            read_only=read_only,
            connect=lambda: self._connect("rwc"),
            dialect="sqlite",
            begin="BEGIN IMMEDIATE",
            where=str(self._path),
        )

    def _check_open(self) -> None:
        if self._closed:
            raise LedgerError("the ledger is closed", where=str(self._path))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors of the database and the disk in words."""
        try:
            yield
        except sqlite3.Error as problem:
            code = getattr(problem, "sqlite_errorcode", 0) & 0xFF
            what, hint = _WORDS.get(code, ("SQLite refused", "nothing of this was written"))
            raise LedgerError(f"{what} ({problem})", where=str(self._path), hint=hint) from problem
        except OSError as problem:
            what = (problem.strerror or str(problem)).lower()
            raise LedgerError(
                f"the folder refused: {what}",
                where=str(self._path),
                hint="check the folder, its permissions and its disk",
            ) from problem


def _claim(path: Path) -> IO[bytes]:
    """The right to write to a ledger, kept until the file is closed or its process dies."""
    mine = claim(path.with_name(f"{path.name}.lock"))
    if mine is None:
        raise LedgerError(
            "another process writes to it",
            where=str(path),
            hint="stop that one, or open the ledger to be read only",
        )
    return mine
