"""How much more counts vary than independent events would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["negative_binomial", "thinning_dispersion"]

_STEP = 7
"""Days of age in one column of the triangle."""


def thinning_dispersion(
    column: NDArray[np.int64],
    delay: NDArray[np.int64],
    usable: NDArray[np.bool_],
    window: int,
    days: int,
) -> float:
    """Pearson dispersion of the chain ladder's weekly increments, at least 1.

    Parameters
    ----------
    column
        Number of the cohort day of every event, shape (n,).
    delay
        Microseconds to the label of every event, NEVER without one.
    usable
        Events whose labels count.
    window
        Days of arriving labels that are looked at.
    days
        Number of cohort days.
    """
    steps = max(days // _STEP, 1)
    found = usable & (delay < days * DAY)
    age = np.minimum(delay[found] // (_STEP * DAY), steps - 1)
    counts = np.bincount(column[found] * steps + age, minlength=days * steps).reshape(days, steps)
    reached = counts.cumsum(axis=1)
    # Only increments whose whole span has passed, and lies in the window.
    end = np.arange(days)[:, None] + (np.arange(steps)[None, :] + 1) * _STEP
    seen = (end <= days - 1) & (end > days - 1 - window) & (reached > 0)
    seen[:, 0] = False
    increments, total = np.where(seen, counts, 0), np.where(seen, reached, 0)
    factor = increments.sum(axis=0) / np.maximum(total.sum(axis=0), 1)
    mean = total * factor[None, :]
    variance = mean * (1.0 - factor[None, :])
    used = seen & (variance > 0)
    freedom = int(used.sum()) - int((used.any(axis=0)).sum())
    if freedom < 10:
        return 1.0
    pearson = float((((increments - mean) ** 2)[used] / variance[used]).sum()) / freedom
    return max(1.0, pearson)


def negative_binomial(
    mean: NDArray[np.float64], variance: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Counts with a given mean and variance; Poisson where the variance is no larger.

    Parameters
    ----------
    mean, variance
        Same shape, not negative.
    rng
        Draws them.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> drawn = negative_binomial(np.full(50_000, 4.0), np.full(50_000, 12.0), rng)
    >>> round(float(drawn.mean())), round(float(drawn.var()))
    (4, 12)
    """
    mean = np.clip(mean, 0.0, 1e12)
    extra = np.maximum(variance - mean, 0.0)
    shape = np.where(extra > 0, mean**2 / np.maximum(extra, 1e-12), np.inf)
    loose = (extra > 1e-9) & (mean > 0)
    shape = np.where(loose, shape, 1.0)
    rate = np.where(loose, mean / shape * rng.standard_gamma(shape), mean)
    return rng.poisson(np.minimum(rate, 1e15)).astype(np.float64)
