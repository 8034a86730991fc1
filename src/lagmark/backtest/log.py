"""What was decided on every event of a backtest, and its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.atomic import replacing
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray

    from lagmark.backtest.deciding import Decided

__all__ = ["DecisionLog", "Retraining"]


@dataclass(frozen=True, slots=True)
class Retraining:
    """One training of a backtest, and what the policy believed of the four weeks before it.

    Parameters
    ----------
    day, as_of
        Day number, and the instant whose knowledge was used, microseconds since 1970 UTC.
    reason
        Why no new model came of it; empty if one did.
    examples, frauds
        Training rows and the frauds among them.
    share_known
        Share of the final fraud labels of those rows that was to be expected known; ``None``
        where that could not be estimated.
    first_row, last_row
        Half-open range of the events that the beliefs are about: those decided by a model.
    known_frauds
        Those whose latest word was fraud then.
    predicted
        Sum of their probabilities when decided.
    reviewed, confirmed
        Those that analysts were to look at, and those of them known as fraud then.
    """

    day: int
    as_of: int
    reason: str
    examples: int
    frauds: int
    share_known: float | None
    first_row: int
    last_row: int
    known_frauds: int
    predicted: float
    reviewed: int
    confirmed: int


@dataclass(slots=True)
class DecisionLog:
    """Decisions of all days in order; arrays of shape (n,) from the properties.

    Parameters
    ----------
    start
        First midnight, microseconds since 1970 UTC.
    """

    start: int
    _parts: dict[str, list[Any]] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=lambda: [0])
    """Number of the first event of each day, and of all events."""

    def add(self, day: dict[str, Any], decided: Decided) -> None:
        """One more day: its ids, times, amounts, subjects and probabilities, and the decisions."""
        parts = {
            **day,
            **{
                name: getattr(decided, name)
                for name in ("alerted", "reviewed", "control", "blocked", "propensity")
            },
        }
        for name, value in parts.items():
            self._parts.setdefault(name, []).append(value)
        self.cuts.append(self.cuts[-1] + len(decided.alerted))

    def array(self, name: str, first: int = 0, last: int | None = None) -> NDArray[Any]:
        """Values of the days ``first`` up to and without ``last``; all when absent."""
        parts = self._parts.get(name, [])[first:last]
        return np.concatenate(parts) if parts else np.empty(0)

    def series(self, name: str) -> pl.Series:
        """Values that are kept as Polars series: ``event_id`` and ``subject``."""
        import polars as pl

        return pl.concat(self._parts[name])

    def frame(self) -> pl.DataFrame:
        """The log as a table.

        Columns ``event_id``, ``event_time`` and ``decided_at`` (Int64 microseconds UTC: the event
        itself where it was refused, else the midnight at which the day's queue is closed),
        ``probability`` (NaN before the first model), ``alerted``, ``reviewed``, ``control``,
        ``propensity`` and ``blocked``.
        """
        import polars as pl

        blocked, time = self.array("blocked"), self.array("event_time")
        ends = self.start + (np.arange(1, len(self.cuts))) * DAY
        closed = np.repeat(ends, np.diff(self.cuts))
        return pl.DataFrame(
            {
                "event_id": self.series("event_id"),
                "event_time": time,
                "decided_at": np.where(blocked, time, closed),
                "probability": self.array("probability"),
                "alerted": self.array("alerted"),
                "reviewed": self.array("reviewed"),
                "control": self.array("control"),
                "propensity": self.array("propensity"),
                "blocked": blocked,
            }
        )

    def write(self, path: Path) -> None:
        """Write the table as Parquet, atomically."""
        with replacing(path) as draft:
            self.frame().write_parquet(draft, compression="zstd")
