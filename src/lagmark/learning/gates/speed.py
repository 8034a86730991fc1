"""How long one decision takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.clock import stopwatch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.learning.bundle import TrainedModel

__all__ = ["one_row_p99"]

_WARM = 10


def one_row_p99(model: TrainedModel, X: NDArray[np.float64], *, calls: int = 300) -> float:
    """99th percentile of the time to score one row, milliseconds.

    Parameters
    ----------
    model
        The model.
    X
        Rows to score in turn, at least one.
    calls
        Calls that are measured; a few before them warm up.
    """
    rows = [X[k % X.shape[0]][None, :] for k in range(_WARM + calls)]
    taken = []
    for row in rows:
        begin = stopwatch()
        model.probability(row)
        taken.append(stopwatch() - begin)
    return float(np.quantile(taken[_WARM:], 0.99) * 1000.0)
