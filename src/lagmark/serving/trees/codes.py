"""Values of a row as whole numbers that every split compares with its own.

A split asks whether a value is at most its threshold. Against the sorted thresholds of all splits
of its feature a value is a code, the number of thresholds below it, and the threshold a rank; the
answer is ``code <= rank``, exactly. What is absent has the code 0, which goes left everywhere, or
the number of thresholds, which goes right; splits of a feature that send it to different sides
read different columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lagmark.features.kernel._jit import jit
from lagmark.serving.trees.forest import NONE, ZERO

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.serving.trees.forest import Forest

__all__ = ["Codes", "codes_of", "encode"]


class Codes(NamedTuple):
    """What turns rows into codes.

    Parameters
    ----------
    features
        Features that splits read with their thresholds: feature, first threshold, end, code of 0;
        shape (used, 4), int64.
    thresholds
        Sorted thresholds of one feature after the other.
    columns
        Columns: position in ``features``, what is absent, whether it goes left; shape (K, 3).
    single
        Whether values are rounded to float32 first.
    tiny
        Values no further from 0 than this count as 0.
    """

    features: NDArray[np.int64]
    thresholds: NDArray[np.float64]
    columns: NDArray[np.int64]
    single: bool
    tiny: float


def codes_of(forest: Forest) -> tuple[Codes, NDArray[np.int64], NDArray[np.int64]]:
    """Codes of a forest, and the column and the rank of each node's split, 0 at leaves."""
    split = np.flatnonzero(forest.split)
    used, place = np.unique(forest.feature[split], return_inverse=True)
    thresholds, features = [], []
    rank = np.zeros(forest.feature.shape[0], dtype=np.int64)
    start = 0
    for k, feature in enumerate(used):
        here = split[place == k]
        known, rank[here] = np.unique(forest.threshold[here], return_inverse=True)
        end = start + known.shape[0]
        features.append((feature, start, end, np.searchsorted(known, 0.0)))
        thresholds.append(known)
        start = end
    rows = np.stack([place, forest.absent[split], forest.absent_left[split]], axis=1)
    columns, of = np.unique(rows.astype(np.int64), axis=0, return_inverse=True)
    column = np.zeros(forest.feature.shape[0], dtype=np.int64)
    column[split] = of.ravel()
    codes = Codes(
        np.array(features, dtype=np.int64).reshape(-1, 4),
        np.concatenate(thresholds) if thresholds else np.empty(0),
        columns,
        forest.single,
        forest.tiny,
    )
    return codes, column, rank


@jit
def encode(codes: Codes, x: Any, found: Any, out: Any) -> bool:
    """Codes of one row; false if a value is infinite.

    Parameters
    ----------
    codes
        From :func:`codes_of`.
    x
        The row, shape (F,).
    found
        Scratch, shape (used,), int64.
    out
        Code of each column, shape (K,), int64.
    """
    for i in range(x.shape[0]):
        if np.isinf(x[i]):
            return False
    features, thresholds = codes.features, codes.thresholds
    for k in range(features.shape[0]):
        value = x[features[k, 0]]
        if codes.single:
            value = np.float64(np.float32(value))
        first, count = features[k, 1], features[k, 2] - features[k, 1]
        low = first
        # Thresholds before `low` are below the value; halves without a branch to mispredict.
        while count > 1:
            half = count >> 1
            low = low + half if thresholds[low + half - 1] < value else low
            count -= half
        if count == 1 and thresholds[low] < value:
            low += 1
        found[k] = low - first
    for c in range(codes.columns.shape[0]):
        k, absent, left = codes.columns[c, 0], codes.columns[c, 1], codes.columns[c, 2]
        value = x[features[k, 0]]
        code = found[k]
        missing = np.isnan(value)
        near = abs(value) <= codes.tiny
        if (missing and absent == NONE) or (near and absent != ZERO):
            code = features[k, 3]
        elif missing or (near and absent == ZERO):
            code = 0 if left else features[k, 2] - features[k, 1]
        out[c] = code
    return True
