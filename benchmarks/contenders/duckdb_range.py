"""DuckDB: `RANGE BETWEEN INTERVAL` windows over its own table in memory.

Its frames include both ends, so a window (t - w, t] starts a microsecond after t - w.
"""

from __future__ import annotations

from typing import Any

from benchmarks.sets import WINDOWS


def _sql() -> str:
    values, windows = [], []
    for days in WINDOWS:
        values += [
            f"count(*) over c{days}",
            f"sum(cents) over c{days} / (100 * count(*) over c{days})",
        ]
        windows.append(
            f"c{days} as (partition by customer order by time range between "
            f"interval '{days * 86_400_000_000 - 1} microseconds' preceding and current row)"
        )
    for days in WINDOWS:
        values += [
            f"count(*) over t{days}",
            f"coalesce(sum(fraud) over t{days} / count(*) over t{days}, 0)",
        ]
        windows.append(
            f"t{days} as (partition by terminal order by time range between "
            f"interval '{(days + 7) * 86_400_000_000 - 1} microseconds' preceding "
            "and interval '7 days' preceding)"
        )
    named = ", ".join(f"{value} as f{i}" for i, value in enumerate(values))
    return f"select {named} from payments window {', '.join(windows)} order by row"


class load:  # noqa: N801
    def __init__(self, table: Any) -> None:
        import duckdb

        self._connection = duckdb.connect(":memory:")
        self._connection.execute("set threads = 1")
        self._connection.register("given", table.to_arrow())
        self._connection.execute("create table payments as select * from given")
        self._sql = _sql()

    def run(self) -> Any:
        return self._connection.execute(self._sql).fetchnumpy()

    def columns(self, result: Any) -> Any:
        import numpy as np

        return np.column_stack([np.asarray(column, dtype=np.float64) for column in result.values()])
