"""Area under the ROC curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.learning.metrics.ranking import Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ranked_roc_auc", "roc_auc"]


def roc_auc(
    y: NDArray[np.int8] | NDArray[np.float64],
    score: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> float | None:
    """Chance that a random fraud scores above a random genuine event, ties counting half.

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
    >>> roc_auc(np.array([1, 0, 1, 0], dtype=np.int8), np.array([0.9, 0.5, 0.5, 0.1]))
    0.875
    """
    ranking = Ranking.of(y, score)
    return None if ranking is None else ranked_roc_auc(ranking, weights)


def ranked_roc_auc(ranking: Ranking, weights: NDArray[np.float64] | None = None) -> float | None:
    """:func:`roc_auc` of examples that are already ranked."""
    caught, alerted = ranking.cumulative(weights)
    frauds, genuine = caught[-1], alerted[-1] - caught[-1]
    if frauds <= 0 or genuine <= 0:
        return None
    return float(np.trapezoid(np.append(0.0, caught), np.append(0.0, alerted - caught))) / float(
        frauds * genuine
    )
