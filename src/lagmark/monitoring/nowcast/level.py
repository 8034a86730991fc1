"""Level of the scores, checked on cohorts whose labels are mostly in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lagmark.monitoring.nowcast.observed import STRATA

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.monitoring.nowcast.cells import Cells
    from lagmark.monitoring.nowcast.settings import NowcastSettings

__all__ = ["Level", "fit_level", "relative_variance", "weeks"]

_BANDS = ((0, 1), (2,))
"""Strata that share a ratio: alerts, and the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """Frauds found per fraud expected from the scores, in older cohorts.

    Parameters
    ----------
    ratio
        Shape (1 + B, strata): the estimate, then the replicates.
    relative_variance
        Variance of a day's true ratio over its square beyond the Poisson part, by stratum.
    weekly_variance
        The same of a week's, by stratum: campaigns make neighbouring days alike.
    days
        Number of cohort days it was found on; 0 if there were none.
    first, last
        Positions of those days among the cells.
    """

    ratio: NDArray[np.float64]
    relative_variance: NDArray[np.float64]
    weekly_variance: NDArray[np.float64]
    days: int
    first: int
    last: int


def fit_level(cells: Cells, settings: NowcastSettings) -> Level:
    """Ratio of known to expected-and-known frauds over the latest cohorts that are old enough.

    Known frauds of cohort ``d`` have the mean ``ratio * share_d * expected_d``; the sums over the
    reference cohorts give the maximum-likelihood ratio for Poisson counts. Only visible events
    enter, so blocks do not pull it down.

    Parameters
    ----------
    cells, settings
        What to read, and which cohorts are old enough.
    """
    seen, expected, share = cells.visible, cells.visible.expected, cells.share
    scored = cells.all.scored.sum(axis=1) >= 0.5 * np.maximum(cells.all.events.sum(axis=1), 1)
    old = scored & (cells.age >= settings.reference_age) & (share[0].max(axis=1) > 0)
    rows = np.flatnonzero(old)[-settings.reference_days :]
    replicates, strata = share.shape[0], len(STRATA)
    ratio, spread = np.ones((replicates, strata)), np.zeros(strata)
    weekly = np.zeros(strata)
    if rows.size < 7:
        return Level(ratio, spread, weekly, 0, 0, 0)
    weights = cells.resampled[:, rows]
    for band in _BANDS:
        columns = list(band)
        known = seen.known[rows][:, columns].sum(axis=1)
        due = (share[:, rows][:, :, columns] * expected[rows][:, columns]).sum(axis=2)
        found = (weights * known).sum(axis=1) + 0.5
        hoped = (weights * due).sum(axis=1) + 0.5
        for column in columns:
            ratio[:, column] = found / hoped
            mean = ratio[0, column] * due[0]
            spread[column] = relative_variance(known, mean)
            weekly[column] = relative_variance(weeks(known), weeks(mean))
    return Level(ratio, spread, weekly, int(rows.size), int(rows[0]), int(rows[-1]))


def relative_variance(known: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    """Variance of the means over their square, by moments: Var(known) = mean + v * mean^2.

    Parameters
    ----------
    known, mean
        Counts and their fitted means, shape (n,).
    """
    square = float((mean**2).sum())
    if square <= 0:
        return 0.0
    # One ratio was fitted to these very counts; its degree of freedom goes back in.
    correction = known.size / max(known.size - 1, 1)
    return max(0.0, (float(((known - mean) ** 2).sum()) * correction - float(mean.sum())) / square)


def weeks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over sevens of days, counted from the last; a broken week at the start is left out."""
    whole = values.size // 7 * 7
    return values[values.size - whole :].reshape(-1, 7).sum(axis=1)
