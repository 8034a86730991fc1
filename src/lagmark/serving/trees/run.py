"""Rows of a forest from end to end: what Python calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lagmark.features.kernel._jit import jit
from lagmark.serving.trees.calibrate import calibrated, probability
from lagmark.serving.trees.codes import encode
from lagmark.serving.trees.predict import margins
from lagmark.serving.trees.shap import contribute

if TYPE_CHECKING:
    from lagmark.serving.trees.blocks import Blocks
    from lagmark.serving.trees.calibrate import Curve
    from lagmark.serving.trees.codes import Codes
    from lagmark.serving.trees.predict import Walk
    from lagmark.serving.trees.shap import Work

__all__ = ["ROWS", "explain", "loudest", "score"]

ROWS = 64
"""Rows that are scored together, and whose codes there is room for."""


@jit
def score(codes: Codes, walk: Walk, curve: Curve, x: Any, scratch: Any, out: Any) -> int:
    """Calibrated probabilities of rows; the first row with an infinite value, or -1.

    Parameters
    ----------
    codes, walk, curve
        The forest and its calibration.
    x
        Rows, shape (n, F), float64.
    scratch
        Codes of a row by feature, then of each row by column, shape (1 + ROWS, most of either),
        int64.
    out
        Shape (n,).
    """
    for first in range(0, x.shape[0], ROWS):
        count = min(ROWS, x.shape[0] - first)
        for i in range(count):
            if not encode(codes, x[first + i], scratch[0], scratch[1 + i]):
                return first + i
        part = out[first : first + count]
        margins(walk, scratch[1:], part)
        for i in range(count):
            part[i] = calibrated(curve, probability(part[i], walk.single))
    return -1


@jit
def explain(codes: Codes, blocks: Blocks, work: Work, x: Any, scratch: Any, out: Any) -> int:
    """SHAP values of rows into ``out``, shape (n, F + 1); else as :func:`score`."""
    for i in range(x.shape[0]):
        if not encode(codes, x[i], scratch[0], scratch[1]):
            return i
        contribute(blocks, work, scratch[1], out[i])
    return -1


@jit
def loudest(
    codes: Codes,
    blocks: Blocks,
    work: Work,
    x: Any,
    scratch: Any,
    values: Any,
    columns: Any,
    parts: Any,
) -> int:
    """The greatest positive SHAP values of rows; else as :func:`score`.

    Parameters
    ----------
    values
        Scratch, shape (F + 1,).
    columns, parts
        Their columns and themselves, greatest first, of equal ones the earlier column; -1 and 0
        where there are fewer. Shape (n, k).
    """
    most = columns.shape[1]
    for i in range(x.shape[0]):
        if not encode(codes, x[i], scratch[0], scratch[1]):
            return i
        contribute(blocks, work, scratch[1], values)
        for place in range(most):
            columns[i, place], parts[i, place] = -1, 0.0
        for j in range(values.shape[0] - 1):
            value, place = values[j], most
            while place > 0 and value > parts[i, place - 1]:
                place -= 1
            if place < most:
                for k in range(most - 1, place, -1):
                    columns[i, k], parts[i, k] = columns[i, k - 1], parts[i, k - 1]
                columns[i, place], parts[i, place] = j, value
    return -1
