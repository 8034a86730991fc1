"""Current value in standard deviations from the mean before it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lagmark.features.columns import Column, Columns
from lagmark.features.definition import FieldAggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import NULL, P_DEFAULT, R_A, R_B, R_FIELD, R_N, R_SECOND
from lagmark.features.kernel.totals import selected, spread, total

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["ZScore", "read"]


@dataclass(frozen=True)
class ZScore(FieldAggregation):
    """Distance of the current value from the mean of the earlier ones, in their deviations."""

    OP: ClassVar[int] = 10
    current: ClassVar[bool | None] = False
    additive: ClassVar[bool] = True

    def columns(self) -> Columns:
        """Running sum and sum of squares, and how many they have."""
        return Columns(
            a=Column.sum(self.field, self.where),
            b=Column.squares(self.field, self.where),
            n=self.counter(),
        )


@jit
def read(
    mem: Ints,
    head: int,
    start: int,
    width: int,
    lo: int,
    hi: int,
    t: int,
    x: Ints,
    r: Ints,
    p: Floats,
    j: int,
    work: Ints,
) -> float:
    n = selected(mem, start, width, lo, hi, r[j, R_N])
    value = x[r[j, R_FIELD]]
    if n == 0 or value == NULL:
        return p[j, P_DEFAULT]
    square = spread(mem, start, width, lo, hi, n, r[j, R_A], r[j, R_B], r[j, R_SECOND])
    root = math.sqrt(square)
    if root == 0.0:
        return np.nan
    s = total(mem, start, width, lo, hi, r[j, R_A])
    return (float(value) * float(n) - float(s)) / root
