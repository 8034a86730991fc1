"""Features without a key, computed once all others of the event are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.features.kernel._jit import inlined, jit
from lagmark.features.kernel.layout import NULL, X_HOUR, X_TIME, X_WEEKDAY
from lagmark.features.kernel.predicate import holds

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = [
    "COPY",
    "DIFFERENCE",
    "F_SIZE",
    "IS",
    "QUOTIENT",
    "VALUE",
    "calendar",
    "finish",
    "hour_of",
    "weekday_of",
]

VALUE = 0
IS = 1
QUOTIENT = 2
DIFFERENCE = 3
COPY = 4

# Layout of plain[i]
F_OP = 0
F_OUT = 1
F_A = 2  # field, first clause or first feature
F_B = 3  # end of clauses or second feature
F_SIZE = 4

_HOUR = 3_600_000_000
_DAY = 24 * _HOUR


@inlined
def hour_of(time: int) -> int:
    """Hour of the day, 0 to 23, in UTC."""
    return (time // _HOUR) % 24


@inlined
def weekday_of(time: int) -> int:
    """Day of the week in UTC, 0 for Monday."""
    # 1970-01-01 was a Thursday.
    return (time // _DAY + 3) % 7


@jit
def calendar(x: Ints) -> None:
    """Fill in the virtual fields of an event."""
    x[X_HOUR] = hour_of(x[X_TIME])
    x[X_WEEKDAY] = weekday_of(x[X_TIME])


@jit
def finish(plain: Ints, scales: Floats, clauses: Ints, x: Ints, out: Floats) -> None:
    """Write the features that need no log."""
    for i in range(plain.shape[0]):
        op = plain[i, F_OP]
        a = plain[i, F_A]
        b = plain[i, F_B]
        if op == VALUE:
            value = np.nan if x[a] == NULL else float(x[a]) / scales[i]
        elif op == IS:
            value = 1.0 if holds(clauses, a, b, x, out) else 0.0
        elif op == QUOTIENT:
            value = np.nan if out[b] == 0.0 else out[a] / out[b]
        elif op == DIFFERENCE:
            value = out[a] - out[b]
        else:
            value = out[a]
        out[plain[i, F_OUT]] = value
