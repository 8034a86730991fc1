"""Frauds that are not known yet, given those that are and the share they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.monitoring.nowcast.dispersion import negative_binomial

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["around", "missing_draws", "missing_mean"]

_NEAR = 7
"""Days on either side that a day borrows its level from."""


def missing_mean(
    known: NDArray[np.float64],
    events: NDArray[np.float64],
    share: NDArray[np.float64],
    resampled: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Expected number of frauds not known yet.

    Parameters
    ----------
    known, events
        Shape (D, strata).
    share
        Shape (1 + B, D, strata), positive.
    resampled
        Weights of days, shape (1 + B, D).

    Returns
    -------
    float64 array, shape (1 + B, D, strata)
    """
    weights = resampled[:, :, None]
    found = around(weights * known)
    due = around(weights * share * events)
    level = found / np.maximum(due, 1e-12) * events
    # A day's own count weighs against one fraud's worth of its neighbours: enough to keep a cell
    # without a label from saying nothing or everything.
    rate = share + 1.0 / np.maximum(level, 1e-9)
    return (known + 1.0) * (1.0 - share) / rate


def around(values: NDArray[np.float64], near: int = _NEAR) -> NDArray[np.float64]:
    """Sum over the days on either side.

    Parameters
    ----------
    values
        Shape (B, D, strata).
    near
        Days on either side that count; fewer at both ends.

    Examples
    --------
    >>> around(np.arange(4.0).reshape(1, 4, 1), 1).ravel()
    array([1., 3., 6., 5.])
    """
    total = np.zeros((values.shape[0], values.shape[1] + 1, values.shape[2]))
    np.cumsum(values, axis=1, out=total[:, 1:])
    days = np.arange(values.shape[1])
    last = np.minimum(days + near + 1, values.shape[1])
    return total[:, last] - total[:, np.maximum(days - near, 0)]


def missing_draws(
    mean: NDArray[np.float64],
    share: NDArray[np.float64],
    dispersion: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Draws of the frauds not known yet, shape (B, D, strata).

    Parameters
    ----------
    mean, share
        Expected number, and share known, shape (B, D, strata).
    dispersion
        Variance of label counts over that of independent labels.
    rng
        Draws them.
    """
    return negative_binomial(mean, dispersion * mean / share, rng)
