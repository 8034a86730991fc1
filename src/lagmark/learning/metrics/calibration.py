"""Whether a probability of fraud means what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ReliabilityBin", "brier_score", "calibration_ratio", "reliability"]


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Examples of neighbouring probabilities: what was predicted, what happened.

    Parameters
    ----------
    count
        Number of examples.
    predicted
        Their mean probability.
    actual
        Their share of frauds.
    """

    count: int
    predicted: float
    actual: float


def calibration_ratio(
    y: NDArray[np.int8] | NDArray[np.float64],
    probability: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> float | None:
    """Predicted over actual number of frauds; 1 is calibrated in the large.

    ``None`` if there is no fraud or a probability is NaN.

    Examples
    --------
    >>> calibration_ratio(np.array([1, 0], dtype=np.int8), np.array([0.7, 0.1]))
    0.7999999999999999
    """
    if bool(np.isnan(probability).any()):
        return None
    frauds = float(y.sum() if weights is None else (weights * y).sum())
    predicted = float(probability.sum() if weights is None else (weights * probability).sum())
    return predicted / frauds if frauds > 0 else None


def brier_score(
    y: NDArray[np.int8] | NDArray[np.float64],
    probability: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> float | None:
    """Mean squared difference of probability and label; 0 is perfect.

    ``None`` without an example or if a probability is NaN.

    Examples
    --------
    >>> brier_score(np.array([1, 0], dtype=np.int8), np.array([0.5, 0.5]))
    0.25
    """
    if y.shape[0] == 0 or bool(np.isnan(probability).any()):
        return None
    squared = (probability - y) ** 2
    if weights is None:
        return float(squared.mean())
    total = float(weights.sum())
    return float((weights * squared).sum()) / total if total > 0 else None


def reliability(
    y: NDArray[np.int8] | NDArray[np.float64], probability: NDArray[np.float64], bins: int = 10
) -> tuple[ReliabilityBin, ...]:
    """Bins of equal width over the probabilities 0..1, those with examples only.

    Where fraud is rare, bins of equal size would all but one lie next to zero.

    Parameters
    ----------
    y, probability
        Labels (0/1) and probabilities, shape (n,).
    bins
        Number of bins.

    Returns
    -------
    tuple of ReliabilityBin
        Empty without an example or if a probability is NaN.
    """
    if y.shape[0] == 0 or bool(np.isnan(probability).any()):
        return ()
    place = np.clip((probability * bins).astype(np.int64), 0, bins - 1)
    chosen = [place == i for i in np.unique(place)]
    return tuple(
        ReliabilityBin(int(part.sum()), float(probability[part].mean()), float(y[part].mean()))
        for part in chosen
    )
