"""Rate of fraud in older cohorts, and how much its weeks scatter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lagmark.monitoring.nowcast.level import relative_variance, weeks
from lagmark.monitoring.nowcast.missing import missing_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.monitoring.nowcast.cells import Cells
    from lagmark.monitoring.nowcast.level import Level

__all__ = ["Usual", "usual_rate", "week_scatter"]

_AGES = (28, 112)
"""Ages in days of the cohorts whose fraud rate counts as usual, half-open."""

_MATURE = 0.25
"""Share known from which on a cohort may count."""


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """What the rate of older cohorts would have.

    Parameters
    ----------
    due
        Frauds that would be known by now at that rate, shape (1 + B, D).
    scatter
        Variance of a week's rate over its square, beyond the Poisson part.
    weeks
        Number of weeks it was found on.
    """

    due: NDArray[np.float64]
    scatter: float
    weeks: int


def usual_rate(cells: Cells) -> Usual | None:
    """Rate of the cohorts 28 to 112 days old.

    Parameters
    ----------
    cells
        What was seen.

    Returns
    -------
    Usual or None
        ``None`` with fewer than four weeks of such cohorts.
    """
    known, events = cells.visible.known, cells.visible.events
    old = (cells.age >= _AGES[0]) & (cells.age < _AGES[1])
    rows = np.flatnonzero(old & (cells.maturity >= _MATURE))
    if rows.size < 28:
        return None
    share = np.maximum(cells.share, 1e-6)
    missing = missing_mean(known, events, share, cells.resampled).sum(axis=2)
    total = known.sum(axis=1) + missing
    maturity = known.sum(axis=1) / np.maximum(total, 1e-9)
    daily, weights = events.sum(axis=1), cells.resampled[:, rows]
    rate = (weights * total[:, rows]).sum(axis=1) / (weights * daily[rows]).sum(axis=1)
    due = rate[:, None] * daily * maturity
    return Usual(
        due,
        relative_variance(weeks(known[rows].sum(axis=1)), weeks(due[0, rows])),
        rows.size // 7,
    )


def week_scatter(level: Level, usual: Usual | None) -> NDArray[np.float64]:
    """Relative variance of a week's frauds around the scores, by stratum, shape (strata,).

    The few weeks on which the level of the scores is checked tell it badly, and often tell none at
    all. The rate of all older weeks scatters by the same campaigns, so the two count by their
    weeks.

    Parameters
    ----------
    level, usual
        What was seen.
    """
    own, others = level.days // 7 - 1, usual.weeks - 1 if usual is not None else 0
    if usual is None or own < 1:
        return level.weekly_variance
    return (own * level.weekly_variance + others * usual.scatter) / (own + others)
