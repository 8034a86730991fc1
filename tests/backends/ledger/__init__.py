"""Suites of the ledger, over every backend."""
