"""Delays of two groups of frauds compared under right truncation."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from lagmark.labels.maturity.reverse_hazard import Truncated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Comparison", "compare", "stretch"]

_STEPS = 50
_GRID = 41
_WIDEST = float(np.log(8.0))
"""Beyond a factor of eight either way, a factor no longer describes what happened."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Reverse-time log-rank comparison of two groups.

    Parameters
    ----------
    ratio, low, high
        Reverse-time hazard of the second group over the first and its interval; above 1 its delays
        are longer. NaN where nothing can be compared.
    z, p_value
        Of the log-rank test, two-sided; positive where the second group is slower.
    labels
        Labels of the second group that were compared.
    """

    ratio: float
    low: float
    high: float
    z: float
    p_value: float
    labels: int


def compare(
    delay: NDArray[np.int64],
    limit: NDArray[np.int64],
    second: NDArray[np.bool_],
    strata: NDArray[np.int64],
    *,
    z: float,
    days: NDArray[np.int64] | None = None,
) -> Comparison:
    """Log-rank test on reverse-time hazards, and their ratio.

    At every delay ``u`` that occurs, the labels of the second group among the ``d(u)`` are compared
    with their expectation given the frauds of both groups that inform ``u``, summed over strata;
    conditional on the truncation, so that neither the number of frauds nor their age matters. The
    ratio is the maximum of the partial likelihood (Breslow's for ties).

    Parameters
    ----------
    delay, limit
        Delay seen and age now, microseconds, shape (n,).
    second
        Whether a fraud is of the second group, shape (n,).
    strata
        Codes within which delays are compared, shape (n,).
    z
        Normal quantile of the ratio's interval.
    days
        Code of the day each fraud happened on, shape (n,). Frauds of one day tend to be reported
        together; the test then uses the larger of the two variances, with and without that.
    """
    score = variance = 0.0
    tables: list[tuple[NDArray[np.float64], ...]] = []
    parts = np.zeros(len(delay))
    for rows in _groups(strata):
        late = second[rows]
        everyone = Truncated(delay[rows], limit[rows], None)
        mine = Truncated(delay[rows][late], limit[rows][late], None)
        ages, labels = np.unique(everyone.delay, return_counts=True)
        n, n2 = everyone.at_risk(ages), mine.at_risk(ages)
        d2 = np.zeros(len(ages))
        np.add.at(d2, np.searchsorted(ages, mine.delay), 1.0)
        share = n2 / n
        score += float((d2 - labels * share).sum())
        ties = (n - labels) / np.maximum(n - 1, 1)
        variance += float((labels * share * (1 - share) * ties).sum())
        both = (n2 > 0) & (n2 < n)
        tables.append(tuple(part[both].astype(np.float64) for part in (d2, labels, n2, n)))
        if days is not None:
            parts[rows] = _influence(everyone, late, ages, labels / n, share)
    compared = round(sum(float(table[0].sum()) for table in tables))
    if variance <= 0:
        return Comparison(np.nan, np.nan, np.nan, np.nan, np.nan, compared)
    if days is not None:
        variance = max(variance, float((np.bincount(days, parts) ** 2).sum()))
    statistic = score / float(np.sqrt(variance))
    beta, error = _ratio(*(np.concatenate(column) for column in zip(*tables, strict=True)))
    p_value = 2 * NormalDist().cdf(-abs(statistic))
    low, high = (float(np.exp(beta + sign * z * error)) for sign in (-1, 1))
    return Comparison(float(np.exp(beta)), low, high, statistic, p_value, compared)


def stretch(
    delay: NDArray[np.int64],
    limit: NDArray[np.int64],
    second: NDArray[np.bool_],
    strata: NDArray[np.int64],
    *,
    z: float,
    days: NDArray[np.int64] | None = None,
) -> tuple[float, float, float]:
    """Factor by which delays of the second group are longer, and its interval.

    The factor that, taken out of the delays and ages of the second group, leaves the log-rank test
    without any difference; the interval holds the factors around it that the test does not
    reject. NaN where the test decides nothing between an eighth and eight.

    Parameters as for :func:`compare`.
    """

    def at(log_factor: float) -> float:
        scale = np.where(second, np.exp(-log_factor), 1.0)
        shorter, younger = (np.rint(part * scale).astype(np.int64) for part in (delay, limit))
        return compare(shorter, younger, second, strata, z=z, days=days).z

    grid = np.linspace(-_WIDEST, _WIDEST, _GRID)
    values = np.array([at(float(log_factor)) for log_factor in grid])

    def solve(level: float, steps: NDArray[np.int64]) -> float:
        """Crossing of a level within the first of the grid's steps that has one."""
        for step in steps.tolist():
            low, high = float(grid[step]), float(grid[step + 1])
            if not values[step] > level >= values[step + 1]:
                continue
            for _ in range(12):
                middle = (low + high) / 2
                low, high = (middle, high) if at(middle) > level else (low, middle)
            return float(np.exp((low + high) / 2))
        return np.nan

    # With delays of several kinds the statistic may cross more than once: the nearest factor to
    # 1 counts, and the interval grows from there.
    steps = np.arange(_GRID - 1)
    nearest = steps[np.argsort(np.abs(grid[:-1] + grid[1:]), kind="stable")]
    factor = solve(0.0, nearest)
    if np.isnan(factor):
        return np.nan, np.nan, np.nan
    here = int(np.clip(np.searchsorted(grid, np.log(factor)) - 1, 0, _GRID - 2))
    return factor, solve(z, steps[here::-1]), solve(-z, steps[here:])


def _groups(codes: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Rows of each code."""
    order = np.argsort(codes, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def _influence(
    everyone: Truncated,
    late: NDArray[np.bool_],
    ages: NDArray[np.int64],
    hazard: NDArray[np.float64],
    share: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What each fraud adds to the score beyond what its own risk explains; they sum to it."""
    ours = np.concatenate([[0.0], np.cumsum(hazard)])
    theirs = np.concatenate([[0.0], np.cumsum(hazard * share)])
    first = np.searchsorted(ages, everyone.delay, side="left")
    last = np.searchsorted(ages, everyone.limit, side="right")
    exposure = late * (ours[last] - ours[first]) - (theirs[last] - theirs[first])
    return late - share[first] - exposure


def _ratio(
    d2: NDArray[np.float64], d: NDArray[np.float64], n2: NDArray[np.float64], n: NDArray[np.float64]
) -> tuple[float, float]:
    """Logarithm of the hazard ratio and its standard error, by Newton's steps."""
    beta, weight = 0.0, 0.0
    for _ in range(_STEPS):
        share = n2 * np.exp(beta) / (n2 * np.exp(beta) + n - n2)
        weight = float((d * share * (1 - share)).sum())
        if weight <= 0:
            break
        step = float((d2 - d * share).sum()) / weight
        beta = float(np.clip(beta + np.clip(step, -1.0, 1.0), -10.0, 10.0))
        if abs(step) < 1e-10:
            break
    return beta, float(1 / np.sqrt(weight)) if weight > 0 else np.inf
