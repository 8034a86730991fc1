"""What the estimators of delays share: normal quantiles, log-log intervals, input checks."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from lagmark.errors import ConfigError, DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["AT_LEAST", "instants", "loglog", "two_sided"]

AT_LEAST = 30
"""Cases that must inform an age: with fewer, one label would move the whole curve."""


def two_sided(confidence: float) -> float:
    """Normal quantile of a two-sided interval.

    Raises
    ------
    ConfigError
        If the confidence is not between 0 and 1.

    Examples
    --------
    >>> round(two_sided(0.9), 3)
    1.645
    """
    if not 0.0 < confidence < 1.0:
        raise ConfigError(
            f"{confidence} is no confidence", where="confidence", hint="give a share such as 0.9"
        )
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def loglog(
    hazard: NDArray[np.float64], variance: NDArray[np.float64], z: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval of a cumulative hazard that stays positive: ``hazard * exp(-+ z se / hazard)``.

    Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data, section 1.4: the
    interval is symmetric for the logarithm of the cumulative hazard.

    Parameters
    ----------
    hazard, variance
        Cumulative hazard and its variance, shape (k,); an interval of a zero hazard is (0, 0), of
        an infinite one (NaN, NaN).
    z
        Normal quantile.
    """
    sound = (hazard > 0) & np.isfinite(hazard) & np.isfinite(variance)
    width = np.zeros_like(hazard)
    # A factor beyond 1e300 says nothing more than "anything".
    np.divide(z * np.sqrt(np.where(sound, variance, 0.0)), hazard, out=width, where=sound)
    factor = np.exp(np.minimum(width, 690.0))
    base = np.where(np.isfinite(hazard), hazard, np.nan)
    return base / factor, base * factor


def instants(values: ArrayLike, name: str, size: int | None = None) -> NDArray[np.int64]:
    """Whole microseconds as an array of one dimension.

    Raises
    ------
    DataError
        If they are no integers, of another dimension, or not ``size`` many.
    """
    array = np.asarray(values)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DataError(
            f"{array.ndim} dimensions of {array.dtype}",
            where=name,
            hint="give whole microseconds, one per case",
        )
    if size is not None and len(array) != size:
        raise DataError(f"{len(array)} values for {size} cases", where=name)
    return array.astype(np.int64, copy=False)
