"""Standard deviation of a number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Column, Columns
from lagmark.features.definition import FieldAggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import P_DEFAULT, P_SCALE, R_A, R_B, R_N, R_SECOND
from lagmark.features.kernel.totals import selected, spread

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["Std", "read"]


@dataclass(frozen=True)
class Std(FieldAggregation):
    """Population standard deviation over a window, in the source's units."""

    OP: ClassVar[int] = 3
    tileable: ClassVar[bool] = True
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
    if n == 0:
        return p[j, P_DEFAULT]
    square = spread(mem, start, width, lo, hi, n, r[j, R_A], r[j, R_B], r[j, R_SECOND])
    root = math.sqrt(square)
    return root / (float(n) * p[j, P_SCALE])
