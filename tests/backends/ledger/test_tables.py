"""Tables are made once, quickly found again, and asked through their indexes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lagmark.backends.ledger import migrate, questions
from lagmark.backends.ledger.keeping import SqlLedger
from lagmark.ports.ledger import DecisionQuery

Open = Callable[..., SqlLedger]

AGAIN = """
import sys
from pathlib import Path
from lagmark.backends.ledger.sqlite import SqliteLedger
SqliteLedger(Path(sys.argv[1]), subject="customer", amount="amount").close()
heavy = {"alembic", "sqlalchemy", "pyarrow", "psycopg", "polars", "numpy"}
print(",".join(sorted(heavy & set(sys.modules))))
"""


def test_the_newest_revision_is_the_one_that_is_looked_for() -> None:
    found = sorted(Path(migrate.__file__).with_name("migrations").glob("ledger_*.py"))
    assert found[-1].stem == f"ledger_{migrate.REVISION}"


def test_a_ledger_is_opened_again_without_heavy_imports(open_sqlite: Open, tmp_path: Path) -> None:
    open_sqlite().close()
    command = [sys.executable, "-c", AGAIN, str(tmp_path / "ledger.sqlite")]
    assert subprocess.check_output(command, text=True, timeout=60).strip() == ""


def test_a_reader_makes_no_tables(open_postgres: Open) -> None:
    from lagmark.errors import LedgerError

    with pytest.raises(LedgerError, match="revision none"):
        open_postgres(read_only=True)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (DecisionQuery(subject=7, flagged=True), "decisions_subject (ANY(<expr>) AND subject=?)"),
        (DecisionQuery(fraud=True), "decisions_event (event_id=?)"),
    ],
)
def test_rare_decisions_are_found_through_an_index(
    open_sqlite: Open, query: DecisionQuery, index: str
) -> None:
    ledger = open_sqlite()
    sql, values = questions.page(query, limit=50, cursor=None)
    assert any(index in row[-1] for row in ledger._tables.rows(f"EXPLAIN QUERY PLAN {sql}", values))


def test_a_decision_is_found_through_an_index(open_sqlite: Open) -> None:
    ledger = open_sqlite()
    sql = "EXPLAIN QUERY PLAN SELECT position FROM decisions WHERE decision_id = ?"
    ((*_, plan),) = ledger._tables.rows(sql, ("x",))
    assert "decisions_decision (ANY(<expr>) AND decision_id=?)" in plan
