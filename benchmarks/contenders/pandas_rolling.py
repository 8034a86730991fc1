"""pandas: `groupby(entity).rolling(days, on=time)`."""

from __future__ import annotations

from typing import Any

from benchmarks.sets import WINDOWS


class load:  # noqa: N801
    def __init__(self, table: Any) -> None:
        import pandas as pd  # type: ignore[import-untyped]

        self._frame = pd.DataFrame(
            {name: table[name].to_numpy() for name in ("time", "customer", "terminal", "fraud")}
        )
        self._frame["amount"] = table["cents"].to_numpy() / 100

    def run(self) -> Any:
        import numpy as np

        frame = self._frame
        columns: dict[str, Any] = {}
        n = len(frame)

        def rolled(key: str, what: str, days: int, order: Any) -> tuple[Any, Any]:
            window = frame.groupby(key)[[what, "time"]].rolling(f"{days}D", on="time")[what]
            placed = np.empty((2, n))
            placed[0, order] = window.count().to_numpy()
            placed[1, order] = window.sum().to_numpy()
            return placed[0], placed[1]

        order = np.argsort(frame["customer"].to_numpy(), kind="stable")
        for days in WINDOWS:
            count, total = rolled("customer", "amount", days, order)
            columns[f"cn{days}"], columns[f"cm{days}"] = count, total / count
        order = np.argsort(frame["terminal"].to_numpy(), kind="stable")
        recent, recent_frauds = rolled("terminal", "fraud", 7, order)
        for days in WINDOWS:
            count, total = rolled("terminal", "fraud", days + 7, order)
            count, total = count - recent, total - recent_frauds
            columns[f"tn{days}"], columns[f"tr{days}"] = count, total / np.maximum(count, 1)
        return frame.assign(**columns)

    def columns(self, result: Any) -> Any:
        import numpy as np

        return result.iloc[:, -12:].to_numpy(dtype=np.float64)
