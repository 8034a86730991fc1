"""Current value against the mean before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lagmark.features.columns import Column, Columns
from lagmark.features.definition import FieldAggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import NULL, P_DEFAULT, R_A, R_FIELD, R_N
from lagmark.features.kernel.totals import selected, total

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["Ratio", "read"]


@dataclass(frozen=True)
class Ratio(FieldAggregation):
    """Current value over the mean of the earlier ones in a window."""

    OP: ClassVar[int] = 9
    current: ClassVar[bool | None] = False
    additive: ClassVar[bool] = True

    def columns(self) -> Columns:
        """Running sum, and how many it has."""
        return Columns(a=Column.sum(self.field, self.where), n=self.counter())


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
    s = total(mem, start, width, lo, hi, r[j, R_A])
    return np.nan if s == 0 else float(value) * float(n) / float(s)
