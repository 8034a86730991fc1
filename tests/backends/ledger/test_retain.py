"""Entries move out to files and lose nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from lagmark.backends.ledger.chain import check_chain
from lagmark.backends.ledger.keeping import SqlLedger
from lagmark.errors import LedgerError
from lagmark.ports.ledger import DecisionQuery
from lagmark.schema.records import HumanRecord
from lagmark.schema.time import DAY, HOUR

from .records import decided, said

Open = Callable[..., SqlLedger]


@pytest.fixture
def full(ledger: SqlLedger) -> SqlLedger:
    """Four days of entries, eight a day."""
    for n in range(16):
        ledger.append([decided(n, n), said(n, n + 1)], at=n * 6 * HOUR)
    return ledger


def test_what_was_moved_still_answers(full: SqlLedger, tmp_path: Path) -> None:
    before = list(full.entries())
    head = full.head()
    query = full.query(DecisionQuery(), limit=99)
    assert full.retain(before=2 * DAY + HOUR, folder=str(tmp_path / "out")) == 18
    assert full.retain(before=2 * DAY + HOUR, folder=str(tmp_path / "out")) == 0
    assert list(full.entries()) == before
    assert list(full.entries(5, 20)) == before[5:20]
    assert full.head() == head
    assert full.query(DecisionQuery(), limit=99) == query
    assert full.decision_on(2) == decided(2, 2)
    assert full.decision("i2") == (5, decided(2, 2))
    assert full.append([decided(2, 9), said(2, 3)], at=0) == [decided(2, 2), None]
    assert full.append([decided(99)], at=0) == [head.position + 1]
    assert check_chain(full.entries()) is None
    assert full.check_index() is None


def test_a_ledger_that_moved_everything_goes_on(full: SqlLedger, tmp_path: Path) -> None:
    head = full.head()
    assert full.retain(before=2**60, folder=str(tmp_path)) == 32
    assert full.head() == head
    full.append([HumanRecord("a", "b", "c")], at=0)
    entries = list(full.entries())
    assert (entries[-1].position, entries[-1].at) == (33, 90 * HOUR)
    assert check_chain(entries) is None


def test_files_are_by_day_and_readable_by_anyone(full: SqlLedger, tmp_path: Path) -> None:
    full.retain(before=2 * DAY + HOUR, folder=str(tmp_path))
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.parquet"))
    assert files == [
        "day=1970-01-01/entries-000000000001.parquet",
        "day=1970-01-02/entries-000000000009.parquet",
        "day=1970-01-03/entries-000000000017.parquet",
    ]
    frame = pl.read_parquet(tmp_path / files[1], hive_partitioning=False)
    assert frame.columns == ["position", "at", "kind", "body", "digest"]
    assert frame["position"].to_list() == list(range(9, 17))
    assert frame["kind"].to_list() == ["decision", "label"] * 4
    assert frame["at"].dt.epoch("us").to_list() == [n * 6 * HOUR for n in (4, 4, 5, 5, 6, 6, 7, 7)]


def test_a_missing_file_is_named(full: SqlLedger, tmp_path: Path) -> None:
    full.retain(before=DAY, folder=str(tmp_path / "out"))
    (moved,) = (tmp_path / "out").rglob("*.parquet")
    moved.rename(tmp_path / "elsewhere")
    assert next(full.entries(8)).position == 9
    with pytest.raises(LedgerError, match="entries-000000000001"):
        list(full.entries())
    with pytest.raises(LedgerError, match="entries-000000000001"):
        full.decision_on(0)


def test_a_changed_file_is_found(full: SqlLedger, tmp_path: Path) -> None:
    full.retain(before=DAY, folder=str(tmp_path))
    (path,) = tmp_path.rglob("*.parquet")
    frame = pl.read_parquet(path, hive_partitioning=False)
    changed = frame.with_columns(
        body=pl.when(pl.col("position") == 3).then(pl.lit(b"\x80")).otherwise(pl.col("body"))
    )
    changed.write_parquet(path)
    assert check_chain(full.entries()) == 3


def test_a_folder_that_refuses_leaves_everything(full: SqlLedger, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file, not a folder")
    with pytest.raises(LedgerError, match="cannot be moved out"):
        full.retain(before=DAY, folder=str(tmp_path / "out"))
    assert full._archives() == []
    assert len(list(full.entries())) == 32


def test_a_ledger_moves_with_its_files(open_sqlite: Open, tmp_path: Path) -> None:
    from lagmark.backends.ledger.sqlite import SqliteLedger

    old, new = tmp_path / "old", tmp_path / "new"
    ledger = SqliteLedger(old / "l.sqlite", subject=None, amount="amount")
    ledger.append([decided(1)], at=0)
    ledger.retain(before=1, folder=str(old / "moved"))
    ledger.close()
    old.rename(new)
    ledger = SqliteLedger(new / "l.sqlite", subject=None, amount="amount")
    assert ledger.decision_on(1) == decided(1)
    ledger.close()
