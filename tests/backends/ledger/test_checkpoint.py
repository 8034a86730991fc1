"""What is committed is copied into the file beside the commits, whatever stands in the way."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from lagmark.backends.ledger import checkpoint
from lagmark.backends.ledger.checkpoint import Checkpoints
from lagmark.backends.ledger.keeping import SqlLedger

from .records import decided

if TYPE_CHECKING:
    import pytest

Open = Callable[..., SqlLedger]


def copied(path: Path) -> int:
    """Entries in the file itself, as one sees it who does not know of the log beside it."""
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as file:
        try:
            (count,) = file.execute("SELECT COUNT(*) FROM entries").fetchone()
        except sqlite3.DatabaseError:
            # The tables themselves are in the log, or half of a copy is there.
            return -1
    return int(count)


def await_copied(path: Path, wanted: int) -> None:
    deadline = time.monotonic() + 60
    while copied(path) != wanted:
        assert time.monotonic() < deadline, f"{copied(path)} of {wanted} were copied"
        time.sleep(0.05)


def test_commits_are_copied_into_the_file_while_the_ledger_is_open(
    open_sqlite: Open, tmp_path: Path
) -> None:
    ledger = open_sqlite()
    path = tmp_path / "ledger.sqlite"
    for first in (0, 300):
        for n in range(first, first + 300, 10):
            ledger.append([decided(each) for each in range(n, n + 10)], at=n)
        await_copied(path, first + 300)
    assert ledger.check_index() is None


def test_what_cannot_be_copied_yet_is_copied_later(open_sqlite: Open, tmp_path: Path) -> None:
    ledger = open_sqlite()
    path = tmp_path / "ledger.sqlite"
    ledger.append([decided(0)], at=0)
    await_copied(path, 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        # It sees the ledger as it is now, and so it must stay in the file.
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM entries").fetchone()
        ledger.append([decided(n) for n in range(1, 100)], at=0)
        time.sleep(1.2)
        assert copied(path) == 1
        assert ledger.head().position == 100
    ledger.append([decided(100)], at=0)
    await_copied(path, 101)


def test_it_ends_at_any_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_PAUSE", 0.002)
    rng = random.Random(0)
    for _ in range(500):
        copies = Checkpoints(lambda: sqlite3.connect(":memory:"))
        copies.written()
        time.sleep(0.006 * rng.random())
        ending = threading.Thread(target=copies.end, daemon=True)
        ending.start()
        ending.join(30)
        assert not ending.is_alive()
