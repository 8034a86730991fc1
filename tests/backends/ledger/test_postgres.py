"""What only a server can do: several writers, and connections that are lost."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lagmark.backends.ledger.chain import check_chain
from lagmark.backends.ledger.keeping import SqlLedger
from lagmark.errors import LedgerError
from lagmark.schema.records import HumanRecord

from .records import decided, said
from .test_crash import start

Open = Callable[..., SqlLedger]
EVENTS = 150


def test_processes_write_one_chain(schema: str, open_postgres: Open) -> None:
    """They also make the tables at the same time."""
    workers = [start(schema, f"decide:{n}:{EVENTS}") for n in range(3)]
    told = [worker.communicate(timeout=120)[0].split() for worker in workers]
    assert sum(int(won) for won, _ in told) == EVENTS
    assert [equal for _, equal in told] == ["True"] * 3
    ledger = open_postgres()
    entries = list(ledger.entries())
    assert [entry.position for entry in entries] == list(range(1, EVENTS + 3 * EVENTS // 5 + 1))
    assert check_chain(entries) is None
    assert ledger.check_index() is None


def lose_connections(url: str) -> None:
    """Have the server end every other connection."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


def test_a_lost_connection_is_opened_again(open_postgres: Open, schema: str) -> None:
    ledger = open_postgres()
    ledger.append([decided(1)], at=0)
    lose_connections(schema)
    # A writer that was idle had sent nothing, so it just goes on; a reader says so once.
    assert ledger.append([decided(2)], at=0) == [2]
    with pytest.raises(LedgerError, match="cannot be reached"):
        ledger.head()
    assert ledger.head().position == 2


class Relay:
    """A way to the server that is cut when a commit passes, before or behind it."""

    def __init__(self, server: str, folder: Path) -> None:
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen()
        self.cut: str | None = None
        self.refuses = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                if self.refuses:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                for task in (self._up, self._down):
                    threading.Thread(target=task, args=(client, server), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with client, server, suppress(OSError):
            while data := client.recv(65536):
                cut = self.cut if b"COMMIT\0" in data else None
                if cut != "before":
                    server.sendall(data)
                if cut:
                    self.cut = None
                    client.shutdown(socket.SHUT_RDWR)
            server.shutdown(socket.SHUT_RDWR)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def relay(postgres: Any, tmp_path: Path) -> Iterator[Relay]:
    folder = postgres.get_postmaster_info().socket_dir
    made = Relay(f"{folder}/.s.PGSQL.5432", tmp_path)
    yield made
    made.close()


@pytest.fixture
def far(schema: str, relay: Relay, tmp_path: Path) -> Iterator[SqlLedger]:
    """Ledger behind the relay."""
    from lagmark.backends.ledger.postgres import PostgresLedger

    made = PostgresLedger(
        re.sub(r"host=[^&]*", f"host={tmp_path}", schema), subject="customer", amount="amount"
    )
    yield made
    made.close()


GROUP = [decided(1), said(1, 2), HumanRecord("eve", "promote", "m2"), decided(2)]


def test_a_commit_whose_answer_was_lost_is_found(far: SqlLedger, relay: Relay) -> None:
    for n in range(5):
        relay.cut = "behind"
        found = far.append([decided(n), HumanRecord("eve", "promote", str(n))], at=n)
        assert found == [2 * n + 1, 2 * n + 2]
        assert relay.cut is None
    assert far.head().position == 10
    assert check_chain(far.entries()) is None


def test_a_commit_that_never_arrived_is_an_error(far: SqlLedger, relay: Relay) -> None:
    relay.cut = "before"
    with pytest.raises(LedgerError, match="cannot be reached"):
        far.append(GROUP, at=0)
    assert relay.cut is None
    assert far.head().position == 0
    assert far.append(GROUP, at=0) == [1, 2, 3, 4]
    assert far.head().position == 4


def test_an_unknown_commit_is_not_added_twice(far: SqlLedger, relay: Relay) -> None:
    group = [decided(1), said(1, 2), decided(2)]
    far.append([decided(0)], at=0)
    relay.cut = "behind"
    relay.refuses = True
    with pytest.raises(LedgerError, match="cannot be reached"):
        far.append(group, at=0)
    with pytest.raises(LedgerError, match="cannot be reached"):
        far.append(group, at=0)
    relay.refuses = False
    assert far.append(group, at=0) == [decided(1), None, decided(2)]
    assert far.head().position == 4


def test_a_server_that_is_killed_and_restarted_keeps_what_it_acknowledged(
    postgres: Any, open_postgres: Open
) -> None:
    ledger = open_postgres()
    acknowledged = 0
    for turn in range(3):
        pid = postgres.get_pid()
        killer = threading.Timer(0.05 + 0.1 * turn, os.kill, (pid, signal.SIGKILL))
        killer.start()
        deadline = time.monotonic() + 60
        while True:
            try:
                ledger.append([decided(acknowledged + n) for n in range(10)], at=turn)
            except LedgerError as problem:
                assert "cannot be reached" in str(problem)  # noqa: PT017 - after many that went well
                break
            acknowledged += 10
            assert time.monotonic() < deadline
        killer.join()
        restart(postgres, pid)
        # The group in question stands whole or not at all; again it is added once.
        answers = ledger.append([decided(acknowledged + n) for n in range(10)], at=turn)
        assert len(set(map(type, answers))) == 1
        acknowledged += 10
        entries = [entry.record for entry in retried(ledger)]
        assert entries == [decided(n) for n in range(acknowledged)]
        assert check_chain(ledger.entries()) is None
        assert ledger.check_index() is None


def retried(ledger: SqlLedger) -> list[Any]:
    """Entries; the first question after a loss may find a dead connection."""
    try:
        return list(ledger.entries())
    except LedgerError:
        return list(ledger.entries())


def restart(postgres: Any, dead: int) -> None:
    """Start a killed server again, once its processes have let go of its memory."""
    deadline = time.monotonic() + 60
    while True:
        # What starts it asserts that it stays up, and is wrong while the dead one's pid lingers.
        with suppress(subprocess.SubprocessError, AssertionError):
            postgres.ensure_postgres_running()
            if postgres.get_pid() != dead:
                return
        assert time.monotonic() < deadline


def test_a_bad_address_is_an_error_without_its_password() -> None:
    from lagmark.backends.ledger.postgres import PostgresLedger

    for url in ("postgresql://eve:hunter2@127.0.0.1:1/x", "postgresql://eve:hunter2@/x?nonsense=1"):
        with pytest.raises(LedgerError) as caught:
            PostgresLedger(url, subject=None, amount="amount")
        assert "hunter2" not in str(caught.value)
