"""One byte changed anywhere in the ledger's tables: `verify` finds it."""

from __future__ import annotations

import random
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lagmark.apps.jobs.verify_ledger import verify_ledger
from lagmark.errors import LagmarkError
from lagmark.settings import ServeSettings

from .models import promote
from .running import Service, verify
from .traffic import Traffic

Serve = Callable[..., Service]
TABLES = ("entries", "decisions", "labels")


class Silent:
    """Reporter that says nothing."""

    def progress(self, _title: str, _unit: str) -> Silent:
        return self

    def __enter__(self) -> Callable[[int, int], None]:
        return lambda _done, _total: None

    def __exit__(self, *_: object) -> None:
        pass


@dataclass(frozen=True)
class Cell:
    table: str
    column: str
    row: int
    value: Any


@pytest.fixture
def ledger(serve: Serve, tmp_path: Path, bundles: Path) -> Path:
    """Data directory of a service that has ended."""
    promote(tmp_path / "data", bundles, champion=1)
    service = serve().ready()
    traffic = Traffic(2, arrival=True)
    traffic.load(service, count=90)
    traffic.load(service, count=90)
    assert service.stop() == 0
    found = verify(service.data)
    assert found["ok"]
    assert min(found["decisions"], found["labels"]) > 0
    return service.data


def cells(database: sqlite3.Connection, draw: random.Random) -> Iterator[Cell]:
    """Cells of all tables, each column as often as any other."""
    columns = [
        (table, column)
        for table in TABLES
        for _, column, *_ in database.execute(f"PRAGMA table_info({table})")
    ]
    while True:
        for table, column in columns:
            rows = database.execute(
                f"SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL"
            ).fetchall()
            yield Cell(table, column, *draw.choice(rows))


def flipped(value: Any, draw: random.Random) -> Any:
    """A value one byte of which is another."""
    if isinstance(value, int):
        return value ^ (draw.randint(1, 255) << (8 * draw.randrange(7)))
    if isinstance(value, float):
        content = bytearray(struct.pack("<d", value))
    else:
        content = bytearray(value if isinstance(value, bytes) else value.encode())
    content[draw.randrange(len(content))] ^= draw.randint(1, 255)
    if isinstance(value, float):
        return struct.unpack("<d", content)[0]
    return bytes(content) if isinstance(value, bytes) else content.decode("latin-1")


def found(data: Path) -> bool:
    """Whether a check finds something wrong."""
    try:
        check = verify_ledger(ServeSettings(data=data), first=1, last=None, reporter=Silent())
    except LagmarkError:
        return True
    return not check.ok


def damage(data: Path, count: int, seed: int) -> None:
    """Change a byte, see that it is found, put it back; again and again."""
    path = data / "ledger.sqlite"
    draw = random.Random(seed)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        chosen = cells(database, draw)
        done = 0
        while done < count:
            cell = next(chosen)
            new = flipped(cell.value, draw)
            sql = f"UPDATE {cell.table} SET {cell.column} = ? WHERE rowid = ?"
            try:
                database.execute(sql, (new, cell.row))
            except sqlite3.IntegrityError:
                continue  # the table refuses a value that another row has
            assert found(data), cell
            row = new if cell.column == "position" else cell.row
            database.execute(sql, (cell.value, row))
            done += 1
    assert not found(data)


def test_a_changed_byte_is_found(ledger: Path) -> None:
    damage(ledger, 44, 1)
    # The command says so too, with its own exit status.
    with closing(sqlite3.connect(ledger / "ledger.sqlite", isolation_level=None)) as database:
        database.execute("UPDATE decisions SET score = score + 1 WHERE position = 7")
    assert not verify(ledger)["ok"]


@pytest.mark.slow
def test_changed_bytes_are_found_everywhere(ledger: Path) -> None:
    damage(ledger, 400, 2)


@pytest.mark.slow
def test_changed_bytes_of_the_file_are_found_or_mean_nothing(ledger: Path) -> None:
    """Of the file itself: whatever the check does not find has changed nothing that is read."""
    path, copy = ledger / "ledger.sqlite", ledger.parent / "copy"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        whole = [database.execute(f"SELECT * FROM {t} ORDER BY 1").fetchall() for t in TABLES]
    draw = random.Random(3)
    content = path.read_bytes()
    missed = 0
    for _ in range(200):
        shutil.copytree(ledger, copy)
        place = draw.randrange(len(content))
        changed = bytearray(content)
        changed[place] ^= draw.randint(1, 255)
        (copy / "ledger.sqlite").write_bytes(changed)
        if not found(copy):
            missed += 1
            with closing(sqlite3.connect(copy / "ledger.sqlite")) as database:
                read = [
                    database.execute(f"SELECT * FROM {t} ORDER BY 1").fetchall() for t in TABLES
                ]
                assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)], place
            assert read == whole, place
        shutil.rmtree(copy)
    assert missed < 100
