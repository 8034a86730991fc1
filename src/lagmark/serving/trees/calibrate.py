"""Log-odds as calibrated probabilities, one row at a time.

NumPy works on many numbers with other instructions than on few, so that a row's last bits depend
on its company. Here every row takes the same path.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lagmark.features.kernel._jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["IDENTITY", "ISOTONIC", "LOGISTIC", "Curve", "calibrated", "probability"]

IDENTITY, LOGISTIC, ISOTONIC = 0, 1, 2
"""Shapes of a calibration."""


class Curve(NamedTuple):
    """A rising map from a model's probability to a calibrated one.

    Parameters
    ----------
    shape
        :data:`IDENTITY`, :data:`LOGISTIC` or :data:`ISOTONIC`.
    slope, intercept
        Of the logistic map, on log-odds.
    knots, levels
        Log-odds before and after, rising, of the isotonic map, shape (n,).
    floor
        Probabilities are first clipped this far from 0 and 1.
    shift
        Added to the log-odds afterwards.
    """

    shape: int
    slope: float
    intercept: float
    knots: NDArray[np.float64]
    levels: NDArray[np.float64]
    floor: float
    shift: float


@jit
def probability(margin: float, single: bool) -> float:
    """Probability of log-odds, as XGBoost (``single``) or LightGBM computes it."""
    if single:
        # XGBoost keeps its exponential finite.
        z = np.float32(min(-margin, 88.7))
        one = np.float32(1.0)
        return np.float64(one / (np.float32(np.exp(z)) + one + np.float32(1e-16)))
    return 1.0 / (1.0 + math.exp(-margin))


@jit
def calibrated(curve: Curve, p: float) -> float:
    """Calibrated probability."""
    if curve.shape == IDENTITY and curve.shift == 0.0:
        return p
    p = min(max(p, curve.floor), 1.0 - curve.floor)
    p = min(max(p, 1e-9), 1.0 - 1e-9)
    z = math.log(p) - math.log1p(-p)
    if curve.shape == LOGISTIC:
        z = curve.slope * z + curve.intercept
    elif curve.shape == ISOTONIC:
        z = _between(curve.knots, curve.levels, z)
    z += curve.shift
    e = math.exp(-abs(z))
    return (1.0 if z >= 0 else e) / (1.0 + e)


@jit
def _between(knots: NDArray[np.float64], levels: NDArray[np.float64], z: float) -> float:
    last = knots.shape[0] - 1
    if z <= knots[0]:
        return levels[0]
    if z >= knots[last]:
        return levels[last]
    k = np.searchsorted(knots, z, side="right") - 1
    slope = (levels[k + 1] - levels[k]) / (knots[k + 1] - knots[k])
    return slope * (z - knots[k]) + levels[k]
