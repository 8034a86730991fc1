"""Polars' `rolling_sum_by(...).over(entity)`; a delayed window is the difference of two."""

from __future__ import annotations

from typing import Any

from benchmarks.sets import WINDOWS


class load:  # noqa: N801
    def __init__(self, table: Any) -> None:
        import polars as pl

        self._frame = table.with_columns(one=pl.lit(1, dtype=pl.Int64))

    def run(self) -> Any:
        import polars as pl

        def over(what: str, key: str, days: int) -> Any:
            return pl.col(what).rolling_sum_by("time", f"{days}d").over(key)

        totals: list[Any] = []
        ratios: list[Any] = []
        for days in WINDOWS:
            totals += [
                over("one", "customer", days).alias(f"cn{days}"),
                over("cents", "customer", days).alias(f"cs{days}"),
            ]
            ratios += [pl.col(f"cn{days}"), pl.col(f"cs{days}") / (pl.col(f"cn{days}") * 100)]
        for days in (0, *WINDOWS):
            totals += [
                over("one", "terminal", days + 7).alias(f"tn{days}"),
                over("fraud", "terminal", days + 7).alias(f"ts{days}"),
            ]
        for days in WINDOWS:
            n, frauds = pl.col(f"tn{days}") - pl.col("tn0"), pl.col(f"ts{days}") - pl.col("ts0")
            ratios += [n, (frauds / n).fill_nan(0.0).alias(f"risk{days}")]
        return self._frame.select(totals).select(ratios)

    def columns(self, result: Any) -> Any:
        import polars as pl

        return result.cast(pl.Float64).to_numpy()
