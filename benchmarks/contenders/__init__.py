"""The twelve window features by every contender, one module each."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Protocol

__all__ = ["CONTENDERS", "Contender", "contender"]


class Contender(Protocol):
    """One way to compute the twelve features.

    A module of this package has ``load(table)``, which makes one from the polars table of the
    payments, in the form that suits it.
    """

    TITLE: str

    def run(self) -> Any:
        """The twelve columns in the order of the input rows: what is timed."""

    def columns(self, result: Any) -> Any:
        """Shape (rows, 12), float64: what is compared."""


CONTENDERS = {
    "lagmark": "Lagmark backfill",
    "polars_rolling": "Polars .rolling(group_by)",
    "polars_over": "Polars rolling().over",
    "polars_by": "Polars rolling_*_by().over",
    "duckdb_range": "DuckDB RANGE INTERVAL",
    "numpy_sums": "NumPy sort + searchsorted + cumsum",
    "pandas_rolling": "pandas groupby-rolling",
    "handbook_pandas": "handbook's own pandas",
}
"""Module names in the order of the report, with titles."""


def contender(name: str, folder: Path, *, share: float = 1.0) -> Any:
    """A contender over the table in a folder; only the handbook's takes a share of entities."""
    from benchmarks.data import read_table

    module = importlib.import_module(f"benchmarks.contenders.{name}")
    table = read_table(folder)
    return module.load(table, share) if name == "handbook_pandas" else module.load(table)
