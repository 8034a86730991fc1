"""Polars' `expression.rolling(...).over(entity)`."""

from __future__ import annotations

from typing import Any

from benchmarks.sets import WINDOWS


class load:  # noqa: N801
    def __init__(self, table: Any) -> None:
        self._frame = table

    def run(self) -> Any:
        import polars as pl

        totals: list[Any] = []
        ratios: list[Any] = []
        for key, what, scale in (("customer", "cents", 100), ("terminal", "fraud", 1)):
            for days in WINDOWS:
                offset = None if key == "customer" else f"-{days + 7}d"
                window: dict[str, Any] = {
                    "index_column": "time",
                    "period": f"{days}d",
                    "offset": offset,
                }
                n, total = f"{key}_n_{days}", f"{key}_total_{days}"
                totals += [
                    pl.len().rolling(**window).over(key).alias(n),
                    pl.col(what).sum().rolling(**window).over(key).alias(total),
                ]
                ratios += [
                    pl.col(n),
                    (pl.col(total) / (pl.col(n) * scale)).fill_nan(0.0).alias(f"{key}_mean_{days}"),
                ]
        return self._frame.select(totals).select(ratios)

    def columns(self, result: Any) -> Any:
        import polars as pl

        return result.cast(pl.Float64).to_numpy()
