"""Entries, the two indexes to ask them by, and where entries went that were moved out."""

from __future__ import annotations

from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0001"
down_revision = None

_TABLES = """
CREATE TABLE entries (
    position {integer} PRIMARY KEY,
    at {integer} NOT NULL,
    body {bytes} NOT NULL,
    digest {bytes} NOT NULL
) {options};
CREATE TABLE decisions (
    position {integer} PRIMARY KEY,
    event_id {bytes} NOT NULL,
    decision_id TEXT NOT NULL,
    event_time {integer} NOT NULL,
    ingest_time {integer} NOT NULL,
    subject {bytes},
    amount {integer} NOT NULL,
    score {integer} NOT NULL,
    probability {real} NOT NULL,
    action TEXT NOT NULL,
    model_version TEXT NOT NULL
) {options};
CREATE UNIQUE INDEX decisions_event ON decisions (event_id);
CREATE INDEX decisions_decision ON decisions ({run} decision_id);
CREATE INDEX decisions_subject ON decisions ({run} subject);
CREATE TABLE labels (
    position {integer} PRIMARY KEY,
    event_id {bytes} NOT NULL,
    known_at {integer} NOT NULL,
    fraud {integer} NOT NULL,
    source {bytes} NOT NULL,
    reversal {integer} NOT NULL,
    confidence {real} NOT NULL,
    by {bytes} NOT NULL
) {options};
CREATE UNIQUE INDEX labels_message ON labels (event_id, known_at, source, fraud, reversal);
CREATE TABLE archives (
    first {integer} PRIMARY KEY,
    last {integer} NOT NULL,
    at {integer} NOT NULL,
    digest {bytes} NOT NULL,
    path TEXT NOT NULL
) {options};
"""

_SQLITE = {
    "integer": "INTEGER",
    "bytes": "BLOB",
    "real": "REAL",
    "options": "STRICT",
    # Each random key dirties a page, and every dirty page is written in full. Grouped by runs of
    # 1,024 positions, the keys of one commit share a few pages; a look-up skips from run to run.
    "run": "position >> 10,",
}
_POSTGRES = {
    "integer": "BIGINT",
    "bytes": "BYTEA",
    "real": "DOUBLE PRECISION",
    "options": "",
    "run": "",
}

_SKIPS = """
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('decisions', 'decisions_event', '1048576 1'),
    ('decisions', 'decisions_decision', '1048576 1024 1'),
    ('decisions', 'decisions_subject', '1048576 1024 2');
"""


def upgrade() -> None:
    """Make the tables."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    script = _TABLES.format_map(_SQLITE if sqlite else _POSTGRES)
    if sqlite:
        # SQLite skips from run to run only where its statistics say that runs are long.
        script += _SKIPS
    for statement in script.split(";"):
        if statement.strip():
            op.execute(statement)
