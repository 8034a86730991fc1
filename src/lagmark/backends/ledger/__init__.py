"""The ledger in tables: SQLite for one process that writes, Postgres for several."""
