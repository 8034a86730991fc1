"""Area under the precision-recall curve, as average precision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.learning.metrics.ranking import Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["average_precision", "ranked_average_precision"]


def average_precision(
    y: NDArray[np.int8] | NDArray[np.float64],
    score: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> float | None:
    """Precision averaged over the recall gained at each score (PR-AUC).

    The step-wise sum ``sum((R_i - R_{i-1}) * P_i)`` over distinct scores, without interpolation,
    as in scikit-learn's ``average_precision_score``.

    Parameters
    ----------
    y, score
        Labels (0/1) and scores, shape (n,).
    weights
        Weight of each example, shape (n,); 1 when absent.

    Returns
    -------
    float or None
        ``None`` if a score is NaN or one of the classes is missing.

    Examples
    --------
    >>> average_precision(np.array([1, 0, 1], dtype=np.int8), np.array([0.9, 0.5, 0.1]))
    0.8333333333333333
    """
    ranking = Ranking.of(y, score)
    return None if ranking is None else ranked_average_precision(ranking, weights)


def ranked_average_precision(
    ranking: Ranking, weights: NDArray[np.float64] | None = None
) -> float | None:
    """:func:`average_precision` of examples that are already ranked."""
    caught, alerted = ranking.cumulative(weights)
    if caught[-1] <= 0 or alerted[-1] <= caught[-1]:
        return None
    # Runs of weight 0 at the top have no precision, and no recall to weigh it with.
    precision = np.divide(caught, alerted, out=np.zeros_like(caught), where=alerted > 0)
    return float((np.diff(caught, prepend=0.0) * precision).sum() / caught[-1])
