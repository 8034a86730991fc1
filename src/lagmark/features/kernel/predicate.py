"""Evaluation of compiled predicates on one event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import (
    AT_LEAST,
    AT_MOST,
    EQUAL,
    FEATURE_ABOVE,
    L_FIELD,
    L_GROUP,
    L_TEST,
    L_VALUE,
    NULL,
)

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["as_float", "holds"]


@jit
def as_float(cells: Ints, i: int) -> float:
    """Float64 whose bits are an int64 cell."""
    return cells[i : i + 1].view(np.float64)[0]


@jit
def holds(clauses: Ints, start: int, end: int, x: Ints, out: Floats) -> bool:
    """Whether an event satisfies clauses[start:end]: all groups, of each group any clause.

    An absent value satisfies nothing.
    """
    i = start
    while i < end:
        group = clauses[i, L_GROUP]
        satisfied = False
        while i < end and clauses[i, L_GROUP] == group:
            test = clauses[i, L_TEST]
            if test == FEATURE_ABOVE:
                if out[clauses[i, L_FIELD]] > as_float(clauses[i], L_VALUE):
                    satisfied = True
            else:
                value = x[clauses[i, L_FIELD]]
                bound = clauses[i, L_VALUE]
                if value != NULL and (
                    (test == EQUAL and value == bound)
                    or (test == AT_LEAST and value >= bound)
                    or (test == AT_MOST and value <= bound)
                ):
                    satisfied = True
            i += 1
        if not satisfied:
            return False
    return True
