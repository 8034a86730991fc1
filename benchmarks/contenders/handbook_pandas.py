"""The handbook's own way: a function of pandas per customer and per terminal.

After Le Borgne et al., "Baseline feature transformation": the group function gets all rows of an
entity, rolls over them with the time as index, and the groups are put together again. It takes a
minute on the whole data, so that it may be run on a random share of whole customers and of whole
terminals; the time is then scaled by rows.
"""

from __future__ import annotations

from typing import Any

from benchmarks.sets import WINDOWS


def _spending(payments: Any) -> Any:
    payments = payments.sort_values("TX_DATETIME", kind="stable")
    payments.index = payments.TX_DATETIME
    for days in WINDOWS:
        total = payments["TX_AMOUNT"].rolling(f"{days}D").sum()
        count = payments["TX_AMOUNT"].rolling(f"{days}D").count()
        payments[f"CUSTOMER_NB_{days}"] = list(count)
        payments[f"CUSTOMER_AVG_{days}"] = list(total / count)
    payments.index = payments.TRANSACTION_ID
    return payments


def _risk(payments: Any) -> Any:
    payments = payments.sort_values("TX_DATETIME", kind="stable")
    payments.index = payments.TX_DATETIME
    recent_frauds = payments["TX_FRAUD"].rolling("7D").sum()
    recent = payments["TX_FRAUD"].rolling("7D").count()
    for days in WINDOWS:
        frauds = payments["TX_FRAUD"].rolling(f"{7 + days}D").sum() - recent_frauds
        count = payments["TX_FRAUD"].rolling(f"{7 + days}D").count() - recent
        payments[f"TERMINAL_NB_{days}"] = list(count)
        payments[f"TERMINAL_RISK_{days}"] = list(frauds / count)
    payments.index = payments.TRANSACTION_ID
    return payments.fillna(0)


class load:  # noqa: N801
    def __init__(self, table: Any, share: float = 1.0) -> None:
        import numpy as np
        import pandas as pd  # type: ignore[import-untyped]

        frame = pd.DataFrame(
            {
                "TRANSACTION_ID": table["row"].to_numpy(),
                "TX_DATETIME": table["time"].to_numpy(),
                "CUSTOMER_ID": table["customer"].to_numpy(),
                "TERMINAL_ID": table["terminal"].to_numpy(),
                "TX_AMOUNT": table["cents"].to_numpy() / 100,
                "TX_FRAUD": table["fraud"].to_numpy(),
            }
        )
        rng = np.random.default_rng(0)
        self._parts = []
        for key in ("CUSTOMER_ID", "TERMINAL_ID"):
            entities = np.unique(frame[key])
            chosen = rng.choice(entities, max(1, round(share * entities.size)), replace=False)
            self._parts.append(frame[frame[key].isin(chosen)].copy())
        self._rows = len(frame)
        self.scale = 2 * self._rows / sum(len(part) for part in self._parts) if share < 1 else 1.0

    def run(self) -> Any:
        done = []
        for part, key, function in zip(
            self._parts, ("CUSTOMER_ID", "TERMINAL_ID"), (_spending, _risk), strict=True
        ):
            # The group column is handed over as in the pandas of the handbook's time.
            groups = part.groupby(part[key].to_numpy())[list(part.columns)].apply(function)
            done.append(groups.sort_values("TX_DATETIME", kind="stable").reset_index(drop=True))
        return done

    def columns(self, result: Any) -> Any:
        """Rows outside the share are NaN."""
        import numpy as np

        out = np.full((self._rows, 12), np.nan)
        for half, frame in enumerate(result):
            out[frame["TRANSACTION_ID"].to_numpy(), 6 * half : 6 * half + 6] = frame.iloc[
                :, -6:
            ].to_numpy(dtype=np.float64)
        return out
