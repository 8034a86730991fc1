"""Intervals by resampling clusters of examples that belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

__all__ = ["Estimate", "intervals", "resamples"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its bootstrap percentile interval; all ``None`` where it has no meaning.

    Parameters
    ----------
    value
        The figure on the data itself.
    low, high
        Ends of the interval.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None


def resamples(
    clusters: NDArray[np.int64] | None, n: int, count: int, rng: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """Weights of the examples in resamples of whole clusters, drawn with replacement.

    Parameters
    ----------
    clusters
        Cluster number of each example, -1 for one that stands alone, shape (n,); ``None`` if all
        stand alone.
    n
        Number of examples.
    count
        Number of resamples.
    rng
        Source of the draws.

    Yields
    ------
    float64 array, shape (n,)
        How often each example occurs, equal within a cluster.
    """
    if clusters is None:
        member = np.arange(n)
        number = n
    else:
        alone = clusters < 0
        member = clusters.copy()
        member[alone] = int(clusters.max(initial=-1)) + 1 + np.arange(int(alone.sum()))
        # Numbers that occur nowhere here must not be drawn.
        names, member = np.unique(member, return_inverse=True)
        number = names.shape[0]
    for _ in range(count if n else 0):
        drawn = np.bincount(rng.integers(number, size=number), minlength=number)
        yield drawn.astype(np.float64)[member]


def intervals(
    statistics: Mapping[str, Callable[[NDArray[np.float64] | None], float | None]],
    weights: Iterator[NDArray[np.float64]],
    level: float = 0.95,
) -> dict[str, Estimate]:
    """Several figures with their intervals, all from the same resamples.

    Parameters
    ----------
    statistics
        Functions of the examples' weights (``None``: all 1) by name.
    weights
        Weights of each resample.
    level
        Coverage aimed at. Resamples in which a figure has no meaning are left out of its
        interval.

    Returns
    -------
    dict of str to Estimate
        In the order of ``statistics``.
    """
    values = {name: statistic(None) for name, statistic in statistics.items()}
    drawn: dict[str, list[float]] = {n: [] for n, value in values.items() if value is not None}
    for weight in weights:
        for name, kept in drawn.items():
            value = statistics[name](weight)
            if value is not None:
                kept.append(value)
    result = {}
    for name, value in values.items():
        if drawn.get(name):
            low, high = np.quantile(drawn[name], [(1 - level) / 2, (1 + level) / 2])
            result[name] = Estimate(value, float(low), float(high))
        else:
            result[name] = Estimate(value)
    return result
