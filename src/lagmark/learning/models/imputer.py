"""Medians in the place of absent values, for models that cannot take NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["impute", "medians"]


def medians(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of the present values of each column, 0 for a column without any, shape (F,)."""
    present = ~np.isnan(X)
    filled = np.zeros(X.shape[1])
    for column in np.flatnonzero(present.any(axis=0)):
        filled[column] = np.median(X[present[:, column], column])
    return filled


def impute(X: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Copy of the matrix with NaN replaced by the column's value."""
    return np.where(np.isnan(X), values, X)
