"""The ledger in Postgres, for several processes that write and read."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.backends.ledger.asking import Tables
from lagmark.backends.ledger.idle import Idle
from lagmark.backends.ledger.keeping import Repeated, SqlLedger, Writing
from lagmark.backends.ledger.migrate import prepare
from lagmark.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

    from lagmark.backends.ledger.archive import Archive
    from lagmark.backends.ledger.keeping import Batch

__all__ = ["PostgresLedger"]

# Writers take turns: the lock is that of the ledger's own table, and goes with the transaction.
# Read committed, so that what is read behind the lock is what the writer before left.
_TURN = """
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT pg_advisory_xact_lock('entries'::regclass::oid::bigint)
"""
_PATIENCE = {
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""A server that is gone is noticed within seconds, unless the address says otherwise."""
_SESSION = """
SET lock_timeout = '10s';
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') = 'off'
"""
_TYPES = {
    "entries": "int8 int8 bytea bytea",
    "decisions": "int8 bytea text int8 int8 bytea int8 int8 float8 text text",
    "labels": "int8 bytea int8 int8 bytea int8 float8 bytea",
}


class PostgresLedger(SqlLedger):
    """Ledger in Postgres, see :class:`lagmark.ports.ledger.Ledger`.

    Parameters
    ----------
    url
        Address, ``postgresql://user:password@host/database``.
    subject
        Field of the event's customer or card, ``None`` where there is none.
    amount
        Field of the event's amount.
    read_only
        Only ask.

    Raises
    ------
    LedgerError
        If it cannot be reached, or is of a newer version.
    """

    def __init__(
        self, url: str, *, subject: str | None, amount: str, read_only: bool = False
    ) -> None:
        self._server = _Server(url, read_only=read_only)
        super().__init__(
            self._server, where=self._server.where, home=Path(), subject=subject, amount=amount
        )

    @contextmanager
    def _writing(self) -> Iterator[Writing]:
        with self._server.writing() as writing:
            yield writing

    def close(self) -> None:
        """Release the connections; further calls raise ``LedgerError``."""
        self._server.close()


class _Cursor(Writing):
    """Tables as one connection sees them."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self.written: tuple[int, bytes] | None = None

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        marked = sql.replace("?", "%s")
        return self._connection.execute(marked, values, binary=True).fetchall()

    def each(self, sql: str, keys: Sequence[Any]) -> list[Any]:
        if not keys:
            return []
        return self.rows(sql.removesuffix("= ?") + "= ANY(?)", (list(keys),))

    def insert(self, batch: Batch) -> None:
        for table, rows in (
            ("entries", batch.entries),
            ("decisions", batch.decisions),
            ("labels", batch.labels),
        ):
            if rows:
                statement = f"COPY {table} FROM STDIN (FORMAT BINARY)"
                with self._connection.cursor().copy(statement) as copy:
                    copy.set_types(_TYPES[table].split())
                    for row in rows:
                        copy.write_row(row)
        if batch.entries:
            self.written = batch.entries[-1][0], batch.entries[-1][3]

    def move(self, moved: Archive) -> int:
        self._connection.execute("INSERT INTO archives VALUES (%s, %s, %s, %s, %s)", moved)
        sql = "DELETE FROM entries WHERE position BETWEEN %s AND %s"
        return self._connection.execute(sql, (moved.first, moved.last)).rowcount


class _Server(Tables):
    """Connections to one database: one that writes, behind a lock, and idle ones that read."""

    def __init__(self, url: str, *, read_only: bool) -> None:
        try:
            import psycopg
            from psycopg.conninfo import conninfo_to_dict, make_conninfo
        except ImportError as problem:
            raise LedgerError(
                f"Postgres needs its driver ({problem})",
                where="postgresql",
                hint="install it: pip install 'lagmark[cluster]'",
            ) from None
        self._psycopg = psycopg
        self._read_only = read_only
        self._closed = False
        self._idle = Idle(self._connect)
        self._turn = threading.Lock()
        self._writer: psycopg.Connection[Any] | None = None
        self.where = "postgresql"
        try:
            with self._explained():
                given = conninfo_to_dict(url)
                self._address = make_conninfo("", **{**_PATIENCE, **given})
                # Without the password: errors are shown and logged.
                self.where = f"postgresql://{given.get('host', '')}/{given.get('dbname', '')}"
                self._check_revision()
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
            if self._read_only:
                raise LedgerError("the ledger was opened to be read only", where=self.where)
            connection = self._begin()
            cursor = _Cursor(connection)
            try:
                yield cursor
                connection.execute("COMMIT")
            except self._psycopg.errors.UniqueViolation:
                connection.execute("ROLLBACK")
                raise Repeated from None
            except BaseException as problem:
                connection.close()
                self._writer = None
                lost = isinstance(problem, self._psycopg.OperationalError)
                if not (lost and cursor.written and self._stands(*cursor.written)):
                    raise

    def _stands(self, position: int, digest: bytes) -> bool:
        """Whether an entry was committed, although the connection was lost before we were told.

        The server may still be about to commit; it does so, or not, before it gives up its turn.
        """
        connection = self._begin()
        sql = "SELECT 1 FROM entries WHERE position = ? AND digest = ?"
        found = _Cursor(connection).rows(sql, (position, digest))
        connection.execute("COMMIT")
        return bool(found)

    def close(self) -> None:
        with self._turn:
            self._closed = True
            self._idle.close()
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _connect(self) -> psycopg.Connection[Any]:
        return self._psycopg.connect(self._address, autocommit=True)

    def _begin(self) -> psycopg.Connection[Any]:
        """The writing connection, with a transaction whose turn it is."""
        if self._writer is not None:
            try:
                self._writer.execute(_TURN)
            except self._psycopg.OperationalError:
                # One that was lost while idle is opened again: nothing was sent yet.
                idle, self._writer = self._writer, None
                lost = idle.broken
                idle.close()
                if not lost:
                    raise
            else:
                return self._writer
        connection = self._connect()
        try:
            connection.execute(_SESSION)
            connection.execute(_TURN)
        except BaseException:
            connection.close()
            raise
        self._writer = connection
        return connection

    def _check_revision(self) -> None:
        """Have the tables of this version, made or changed if need be."""
        known = self.rows("SELECT to_regclass('alembic_version') IS NOT NULL")[0][0]
        found = known and self.rows("SELECT version_num FROM alembic_version")
        prepare(
            found[0][0] if found else None,
            read_only=self._read_only,
            connect=lambda: self._psycopg.connect(self._address),
            dialect="postgresql+psycopg",
            begin="SELECT pg_advisory_xact_lock(hashtext(current_schema()))",
            where=self.where,
        )

    def _check_open(self) -> None:
        if self._closed:
            raise LedgerError("the ledger is closed", where=self.where)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors of the server in words."""
        errors = self._psycopg.errors
        try:
            yield
        except errors.DiskFull as problem:
            what, hint, cause = "the server's disk is full", "free some room there", problem
        except errors.LockNotAvailable as problem:
            what, hint, cause = "another writer does not end", "find out what holds it", problem
        except errors.ReadOnlySqlTransaction as problem:
            what, hint, cause = "the server can only be read", "name the primary server", problem
        except self._psycopg.OperationalError as problem:
            what, hint = "the server cannot be reached", "append again: nothing is added twice"
            cause = problem
        except self._psycopg.Error as problem:
            what, hint, cause = "the server refused", "nothing of this was written", problem
        else:
            return
        said = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
        raise LedgerError(f"{what} ({said})", where=self.where, hint=hint) from cause
