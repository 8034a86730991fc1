"""Damage is found, wherever it is."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lagmark.backends.ledger.chain import check_chain
from lagmark.backends.ledger.keeping import SqlLedger
from lagmark.backends.ledger.sqlite import SqliteLedger
from lagmark.errors import LedgerError
from lagmark.schema.records import HumanRecord

from .records import decided, said

Open = Callable[..., SqlLedger]
RECORDS = [
    r for n in range(20) for r in (decided(n, n), said(n, n + 1), HumanRecord("a", "b", "c"))
]


def fill(open_ledger: Open) -> None:
    ledger = open_ledger()
    for n in range(0, len(RECORDS), 7):
        ledger.append(RECORDS[n : n + 7], at=n)
    ledger.close()


def finds(open_ledger: Open) -> bool:
    """Whether a check of the whole ledger finds something."""
    try:
        ledger = open_ledger(read_only=True)
        entries = list(ledger.entries())
        return check_chain(entries) is not None or ledger.check_index() is not None
    except LedgerError:
        return True


def flipped(value: Any, draw: random.Random) -> Any:
    """A value with one bit changed."""
    if isinstance(value, bytes):
        place, bit = draw.randrange(len(value)), 1 << draw.randrange(8)
        return value[:place] + bytes([value[place] ^ bit]) + value[place + 1 :]
    assert isinstance(value, int)
    return value ^ (1 << draw.randrange(62))


def change(path: Path, sql: str, values: tuple[Any, ...] = ()) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        assert database.execute(sql, values).rowcount >= 1


def test_a_sound_ledger_has_nothing_to_find(open_sqlite: Open) -> None:
    fill(open_sqlite)
    assert not finds(open_sqlite)


@pytest.mark.parametrize("column", ["position", "at", "body", "digest"])
def test_one_flipped_bit_of_an_entry_is_found(
    open_sqlite: Open, tmp_path: Path, column: str
) -> None:
    fill(open_sqlite)
    path = tmp_path / "ledger.sqlite"
    draw = random.Random(4)
    for _ in range(25):
        position = draw.randint(1, len(RECORDS))
        with closing(sqlite3.connect(path)) as database:
            ((old,),) = database.execute(
                f"SELECT {column} FROM entries WHERE position = ?", (position,)
            )
        new = flipped(old, draw)
        if column == "position" and 1 <= new <= len(RECORDS):
            continue  # the table refuses a position that is taken
        change(path, f"UPDATE entries SET {column} = ? WHERE position = ?", (new, position))
        assert finds(open_sqlite), (position, old, new)
        back = new if column == "position" else position
        change(path, f"UPDATE entries SET {column} = ? WHERE position = ?", (old, back))
    assert not finds(open_sqlite)


def test_the_first_bad_entry_is_named(open_sqlite: Open, tmp_path: Path) -> None:
    fill(open_sqlite)
    change(tmp_path / "ledger.sqlite", "UPDATE entries SET body = x'00' WHERE position = 7")
    ledger = open_sqlite()
    assert check_chain(ledger.entries()) == 7
    assert check_chain(ledger.entries(3), next(ledger.entries(2, 3))) == 7
    assert ledger.check_index() == 7
    with pytest.raises(LedgerError, match="entry 7 is damaged"):
        ledger.decision_on(2)
    with pytest.raises(LedgerError, match="entry 7 is damaged"):
        ledger.retain(before=2**60, folder=str(tmp_path / "moved"))
    assert not (tmp_path / "moved").exists()


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM entries WHERE position = 5",
        "DELETE FROM entries WHERE position >= 59",
        "DELETE FROM decisions WHERE position = 4",
        "DELETE FROM labels WHERE position = 59",
        "UPDATE decisions SET action = 'block' WHERE position = 4",
        "UPDATE decisions SET subject = NULL WHERE position = 4",
        "UPDATE decisions SET probability = 0.2500001 WHERE position = 1",
        "UPDATE decisions SET position = 3 WHERE position = 1",
        "UPDATE labels SET fraud = 0 WHERE position = 2",
        "UPDATE labels SET by = x'31' WHERE position = 2",
        "INSERT INTO labels VALUES (3, x'6931', 0, 1, x'61', 0, 1.0, x'')",
        "INSERT INTO labels VALUES (61, x'6931', 0, 1, x'61', 0, 1.0, x'')",
    ],
)
def test_tables_that_do_not_agree_are_found(open_sqlite: Open, tmp_path: Path, sql: str) -> None:
    fill(open_sqlite)
    change(tmp_path / "ledger.sqlite", sql)
    assert finds(open_sqlite)


def test_rubbish_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database " * 1000)
    with pytest.raises(LedgerError, match="no SQLite database"):
        SqliteLedger(path, subject=None, amount="amount")
    with pytest.raises(LedgerError, match="cannot be opened"):
        SqliteLedger(tmp_path / "absent.sqlite", subject=None, amount="amount", read_only=True)


def test_a_newer_ledger_is_refused(open_ledger: Open, request: pytest.FixtureRequest) -> None:
    ledger = open_ledger()
    with ledger._writing() as writing:
        writing._connection.execute("UPDATE alembic_version SET version_num = '9999'")
    ledger.close()
    with pytest.raises(LedgerError, match="this version does not know"):
        open_ledger()
    with pytest.raises(LedgerError, match="revision 9999"):
        open_ledger(read_only=True)
