"""Revisions of the ledger's tables, run by Alembic when a ledger is opened."""
